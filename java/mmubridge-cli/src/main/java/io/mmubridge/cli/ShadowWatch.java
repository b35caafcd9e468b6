// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import io.mmubridge.EventStream;
import java.io.IOException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** Looks again and again, until there is a reason to stop. */
final class ShadowWatch {
    private final ShadowLooker looker;
    private final @Nullable EventStream stream;
    private final ShadowWriter writer;
    private final Duration interval;
    private final long count;
    private final ShadowEvents events = new ShadowEvents();
    private @Nullable ShadowLook last;

    /**
     * A watch that has not begun.
     *
     * @param looker what looks
     * @param stream the events of what is looked at; null: there are none, and there is one look
     * @param writer where looks go
     * @param interval from one look to the next
     * @param count stop after so many
     */
    ShadowWatch(ShadowLooker looker, @Nullable EventStream stream, ShadowWriter writer, Duration interval, long count) {
        this.looker = looker;
        this.stream = stream;
        this.writer = writer;
        this.interval = interval;
        this.count = count;
    }

    /** The last look that was whole, or null if there was none. */
    @Nullable
    ShadowLook last() {
        return last;
    }

    /** Of all events since the first look. */
    ShadowEvents.Snapshot events() {
        return events.total();
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
                last = look;
                writer.look(look);
                if (writer.isBroken()) {
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

    /** Takes in what comes until then; false if nothing comes any more. */
    private boolean collect(EventStream from, long until) throws InterruptedException {
        while (true) {
            long left = until - System.nanoTime();
            if (from.poll(events::add, Duration.ofNanos(Math.max(0, left))) < 0) {
                return false;
            }
            if (left <= 0) {
                return true;
            }
        }
    }
}
