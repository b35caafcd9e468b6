// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import io.mmubridge.EventStream;
import io.mmubridge.InvalidationEvent;
import io.mmubridge.Subscription;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** Writes the events of one subscription until there is a reason to stop. */
final class Watch {
    private static final Duration FOREVER = Duration.ofNanos(Long.MAX_VALUE);

    private final Subscription subscription;
    private final EventWriter writer;
    private final long count;
    private final Duration duration;
    private final Tally tally = new Tally();
    private final long startNanos = System.nanoTime();

    Watch(Subscription subscription, EventWriter writer, @Nullable Long count, @Nullable Duration duration) {
        this.subscription = subscription;
        this.writer = writer;
        this.count = count == null ? Long.MAX_VALUE : count;
        this.duration = duration == null ? FOREVER : duration;
    }

    /** Writes until there is a reason to stop; then detaches, and writes what had come before that. */
    Summary.End run() throws IOException {
        Summary.End end = follow();
        subscription.detach();
        if (end != Summary.End.COUNT && end != Summary.End.OUTPUT) {
            drain(Integer.MAX_VALUE);
        }
        return end;
    }

    private Summary.End follow() throws IOException {
        EventStream events = subscription.events();
        while (true) {
            drain((int) Math.min(Integer.MAX_VALUE, count - tally.events()));
            if (writer.isBroken()) {
                return Summary.End.OUTPUT;
            }
            if (tally.events() == count) {
                return Summary.End.COUNT;
            }
            if (events.isEnded()) {
                return Summary.End.RELEASE;
            }
            Duration left = duration.minusNanos(System.nanoTime() - startNanos);
            if (left.isNegative()) {
                return Summary.End.DURATION;
            }
            try {
                boolean more = events.await(left);
                if (!more) {
                    return Summary.End.DURATION;
                }
            } catch (InterruptedException e) {
                return Summary.End.SIGNAL;
            }
        }
    }

    private void drain(int limit) throws IOException {
        try {
            subscription.events().drain(this::write, limit);
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
        writer.flush();
    }

    private void write(InvalidationEvent event) {
        tally.add(event);
        try {
            writer.event(event);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** What is to be said at the end. */
    Summary summary(long pid, Summary.End end, @Nullable Integer status) {
        return new Summary(pid, subscription.subsystem().name(), end, System.nanoTime() - startNanos, tally, status);
    }
}
