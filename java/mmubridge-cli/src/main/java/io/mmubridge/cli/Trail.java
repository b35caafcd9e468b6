// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import io.mmubridge.EventPhase;
import io.mmubridge.InvalidationEvent;
import io.mmubridge.LaunchEvent;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import org.jspecify.annotations.Nullable;

/**
 * The events of one process, in one stream through all its address spaces.
 *
 * <p>A thread of its own reads one after the other. It is interrupted when it has something else to look at.
 */
final class Trail {
    /** An address space, and the exec that made it unless it is the first. */
    private record Leg(Source source, LaunchEvent.@Nullable Exec exec) {}

    private final Watch watch;
    private final int space;
    private final long pid;
    private final boolean followed;
    private final Numbering numbering = new Numbering();
    private final Tally tally = new Tally();

    /** What comes next; empty: nothing. */
    private final BlockingQueue<Optional<Leg>> legs = new LinkedBlockingQueue<>();

    private final Thread thread;
    private volatile long spaceId;

    /**
     * A trail that has not begun.
     *
     * @param watch that it belongs to
     * @param space its number there
     * @param pid the process
     * @param followed whether the first address space may not be the last
     */
    Trail(Watch watch, int space, long pid, boolean followed) {
        this.watch = watch;
        this.space = space;
        this.pid = pid;
        this.followed = followed;
        this.thread = Thread.ofVirtual().name("mmubridge-trail-" + space).unstarted(this::run);
    }

    int space() {
        return space;
    }

    long pid() {
        return pid;
    }

    /** What was written of this process. */
    Tally tally() {
        return tally;
    }

    /** The last address space that it was given; 0 before. */
    long spaceId() {
        return spaceId;
    }

    void start() {
        thread.start();
    }

    /** The address space that the process starts with, or was found with. */
    void begin(Source source) {
        go(new Leg(source, null));
    }

    /** The next one. */
    void exec(LaunchEvent.Exec exec, Source source) {
        go(new Leg(source, exec));
    }

    private void go(Leg leg) {
        spaceId = leg.source().spaceId();
        legs.add(Optional.of(leg));
        thread.interrupt();
    }

    /** There is no next one: the process has ended, or the watch is over. */
    void finish() {
        legs.add(Optional.empty());
        thread.interrupt();
    }

    /** Waits until everything is written. */
    void join() {
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private void run() {
        try {
            Leg leg = next();
            while (leg != null) {
                leg = read(leg);
            }
            watch.ended();
        } catch (Throwable e) {
            watch.failed(e);
        }
    }

    /** Reads one address space and gives the next. */
    private @Nullable Leg read(Leg leg) {
        try (Source source = leg.source()) {
            if (leg.exec() != null) {
                watch.write(this, numbering.exec(leg.exec()));
            }
            readOn(source);
            boolean released = source.isEnded();
            Leg next = followed || !released ? next() : null;
            source.detach();
            // Of one that others keep, the mark of the detach is the end; else it is that of the whole.
            boolean mark = next == null || !released;
            watch.drain(this, source, event -> mark || event.phase() != EventPhase.DETACHED);
            return next;
        }
    }

    /** Reads until the end, or until there is something else to do and all is read that had come before that. */
    private void readOn(Source source) {
        boolean last = false;
        while (!last) {
            last = watch.isOver() || !legs.isEmpty();
            watch.drain(this, source, event -> true);
            if (source.isEnded()) {
                return;
            }
            try {
                if (!last) {
                    source.await();
                }
            } catch (InterruptedException e) {
                // There may be something now.
            }
        }
    }

    private @Nullable Leg next() {
        while (true) {
            try {
                return legs.take().orElse(null);
            } catch (InterruptedException e) {
                // There may be something now.
            }
        }
    }

    /** An event as it is written. */
    InvalidationEvent numbered(InvalidationEvent event) {
        return numbering.event(event);
    }
}
