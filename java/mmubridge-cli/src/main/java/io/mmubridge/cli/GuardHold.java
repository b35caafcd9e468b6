// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import io.mmubridge.AddressRange;
import io.mmubridge.EventType;
import io.mmubridge.Filter;
import io.mmubridge.Guard;
import io.mmubridge.InvalidationEvent;
import io.mmubridge.Subscription;
import java.io.IOException;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Holds a guard and writes each change of its range, until there is a reason to stop.
 *
 * <p>The ring of the subscription only wakes it: what there is to say, the guard says. Invalidations that come while one is in
 * flight, or before the last change is written, are one change.
 */
final class GuardHold {
    private static final Duration FOREVER = Duration.ofNanos(Long.MAX_VALUE);

    private final Subscription subscription;
    private final EventWriter writer;
    private final long count;
    private final long deadline;
    private final Tally tally = new Tally();

    /** The sequence number of the last change; that of an event is at least 1. */
    private long written;

    /** Of the present generation; volatile for {@link #isValid}, which any thread may ask. */
    private volatile Guard guard;

    /**
     * Takes the guard.
     *
     * @param subscription with a ring, and {@link #filter}
     * @param range what to guard
     * @param ignored types of invalidations that are no change
     * @param writer where changes go
     * @param count stop after so many, or null
     * @param duration stop after this time, or null
     */
    GuardHold(
            Subscription subscription,
            AddressRange range,
            Set<EventType> ignored,
            EventWriter writer,
            @Nullable Long count,
            @Nullable Duration duration) {
        this.subscription = subscription;
        this.writer = writer;
        this.count = count == null ? Long.MAX_VALUE : count;
        deadline = System.nanoTime() + (duration == null ? FOREVER : duration).toNanos();
        guard = subscription.guard(range, ignored);
    }

    /** What wakes a guard's holder, and nothing else. */
    static Filter filter(AddressRange range, Set<EventType> ignored) {
        return new Filter(EnumSet.complementOf(copy(ignored)), List.of(range));
    }

    private static EnumSet<EventType> copy(Set<EventType> types) {
        EnumSet<EventType> copy = EnumSet.noneOf(EventType.class);
        copy.addAll(types);
        return copy;
    }

    Tally tally() {
        return tally;
    }

    /** Whether it is valid now. */
    boolean isValid() {
        return guard.isValid();
    }

    /** Writes changes until the end. */
    Summary.End run() throws IOException {
        Summary.End end = null;
        try {
            guard.awaitValid(left());
            while (end == null) {
                boolean woken = subscription.events().await(left());
                // Before the look at the guard: what comes after it, the next wait sees.
                subscription.events().drain(event -> {});
                end = look(false);
                if (end == null && !woken) {
                    end = Summary.End.DURATION;
                }
            }
        } catch (InterruptedException e) {
            end = look(true);
            if (end == null) {
                end = Summary.End.SIGNAL;
            }
        }
        return end;
    }

    private Duration left() {
        return Duration.ofNanos(Math.max(0, deadline - System.nanoTime()));
    }

    /** Writes a change if there is one, once it is over unless this is the last look; null if it goes on. */
    private Summary.@Nullable End look(boolean last) throws IOException {
        // In this order: the event of what has ended is that of the end.
        boolean ended = guard.isEnded();
        InvalidationEvent event = guard.invalidation();
        if (event != null && event.seq() != written) {
            written = event.seq();
            // Before this change is written: whoever has read of it makes the next.
            guard = guard.renew();
            if (!last) {
                awaitValid();
            }
            tally.add(event);
            writer.event(1, Numbering.numbered(event, tally.events()));
            writer.flush();
        }
        if (writer.isBroken()) {
            return Summary.End.OUTPUT;
        }
        if (ended) {
            return Summary.End.RELEASE;
        }
        return tally.events() == count ? Summary.End.COUNT : null;
    }

    /** An interrupt is for the next wait. */
    private void awaitValid() {
        try {
            guard.awaitValid(left());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
