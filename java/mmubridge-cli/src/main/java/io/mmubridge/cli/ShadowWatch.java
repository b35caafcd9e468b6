// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import io.mmubridge.EventStream;
import io.mmubridge.InvalidationEvent;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Looks again and again, until there is a reason to stop.
 *
 * <p>One thread looks; another may ask for what there is to say so far, and does not wait for a look that goes on.
 */
final class ShadowWatch {
    private final ShadowLooker looker;
    private final @Nullable EventStream stream;
    private final long pid;
    private final String subsystem;
    private final ShadowWriter writer;
    private final Duration interval;
    private final long count;
    private final ShadowEvents events = new ShadowEvents();
    private final long startNanos = System.nanoTime();

    // Under the monitor, and so is what is written, and what is added to the events.
    private @Nullable ShadowLook last;

    /**
     * A watch that has not begun.
     *
     * @param pid the process
     * @param subsystem under which name
     * @param looker what looks
     * @param stream the events of what is looked at; null: there are none, and there is one look
     * @param writer where looks go
     * @param interval from one look to the next
     * @param count stop after so many
     */
    ShadowWatch(
            long pid,
            String subsystem,
            ShadowLooker looker,
            @Nullable EventStream stream,
            ShadowWriter writer,
            Duration interval,
            long count) {
        this.pid = pid;
        this.subsystem = subsystem;
        this.looker = looker;
        this.stream = stream;
        this.writer = writer;
        this.interval = interval;
        this.count = count;
    }

    /**
     * What is to be said at the end, or so far: by the last look that was whole, and all events since the first.
     *
     * @param end why it is over, or null
     */
    synchronized ShadowSummary summary(Summary.@Nullable End end) {
        return new ShadowSummary(pid, subsystem, end, System.nanoTime() - startNanos, last, events.total());
    }

    /** Writes what there is to say so far; while {@link #run} does. */
    synchronized void interim() {
        try {
            writer.interim(summary(null));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Looks until the end. */
    Summary.End run() throws IOException {
        long next = System.nanoTime();
        try {
            while (true) {
                ShadowLook look = looker.look(events);
                if (look == null) {
                    return Summary.End.RELEASE;
                }
                if (!write(look)) {
                    return Summary.End.OUTPUT;
                }
                if (look.number() == count || stream == null) {
                    return Summary.End.COUNT;
                }
                next = Math.max(next + interval.toNanos(), System.nanoTime());
                if (!collect(stream, next)) {
                    return Summary.End.RELEASE;
                }
            }
        } catch (InterruptedException e) {
            return Summary.End.SIGNAL;
        }
    }

    /** False if nobody reads any more. */
    private synchronized boolean write(ShadowLook look) throws IOException {
        last = look;
        writer.look(look);
        return !writer.isBroken();
    }

    private synchronized void add(InvalidationEvent event) {
        events.add(event);
    }

    /** Takes in what comes until then; false if nothing comes any more. */
    private boolean collect(EventStream from, long until) throws InterruptedException {
        while (true) {
            long left = until - System.nanoTime();
            if (from.poll(this::add, Duration.ofNanos(Math.max(0, left))) < 0) {
                return false;
            }
            if (left <= 0) {
                return true;
            }
        }
    }
}
