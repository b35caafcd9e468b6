// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import io.mmubridge.AddressRange;
import io.mmubridge.Cause;
import io.mmubridge.EventPhase;
import io.mmubridge.InvalidationEvent;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Counts the events that overlap what was looked at, since the last look and since the first. */
final class ShadowEvents {
    private static final long PAGE = 4096;

    /**
     * Events that have something in common.
     *
     * @param events how many
     * @param pages in their ranges: what may have changed
     * @param dropped pages of which there was an entry
     * @param lastNanos when the last one was, CLOCK_MONOTONIC
     */
    record Count(long events, long pages, long dropped, long lastNanos) {
        private static final Count NONE = new Count(0, 0, 0, 0);

        private Count plus(InvalidationEvent event) {
            return new Count(
                    events + 1,
                    pages + (event.size() + PAGE - 1) / PAGE,
                    dropped + event.shadowed(),
                    event.timeNanos());
        }
    }

    /**
     * Counts that stay as they are.
     *
     * @param all of all events
     * @param lost events that found the ring full
     * @param byCause what dropped most first
     * @param byTask likewise
     */
    record Snapshot(Count all, long lost, Map<Cause, Count> byCause, Map<Tally.Task, Count> byTask) {
        static final Snapshot EMPTY = new Snapshot(Count.NONE, 0, Map.of(), Map.of());
    }

    /** Counts that grow. */
    private static final class Counts {
        private final Map<Cause, Count> byCause = new EnumMap<>(Cause.class);
        private final Map<Tally.Task, Count> byTask = new LinkedHashMap<>();
        private Count all = Count.NONE;
        private long lost;

        private void add(InvalidationEvent event) {
            all = all.plus(event);
            byTask.merge(
                    new Tally.Task(event.pid(), event.tid(), event.comm()),
                    Count.NONE.plus(event),
                    (before, one) -> before.plus(event));
            Cause cause = event.cause();
            if (cause != null) {
                byCause.merge(cause, Count.NONE.plus(event), (before, one) -> before.plus(event));
            }
        }

        private Snapshot snapshot() {
            return new Snapshot(all, lost, sorted(byCause), sorted(byTask));
        }

        private static <K> Map<K, Count> sorted(Map<K, Count> counts) {
            Map<K, Count> sorted = new LinkedHashMap<>();
            counts.entrySet().stream()
                    .sorted(Map.Entry.comparingByValue(Comparator.comparingLong(Count::dropped)
                            .thenComparingLong(Count::events)
                            .reversed()))
                    .forEach(entry -> sorted.put(entry.getKey(), entry.getValue()));
            return sorted;
        }
    }

    private record AreaCauses(AddressRange range, Map<Cause, Long> causes) {}

    private final Counts total = new Counts();
    private Counts recent = new Counts();
    private List<AreaCauses> areas = List.of();

    /** Takes in an event. */
    void add(InvalidationEvent event) {
        if (event.phase() == EventPhase.LOST) {
            long lost = event.lostTo() - event.lostFrom() + 1;
            recent.lost += lost;
            total.lost += lost;
        } else if (event.phase() == EventPhase.START) {
            boolean overlaps = false;
            int index = firstThatEndsAfter(event.start());
            for (; index < areas.size() && areas.get(index).range().overlaps(event.start(), event.end()); index++) {
                overlaps = true;
                Cause cause = event.cause();
                if (cause != null) {
                    areas.get(index).causes().merge(cause, 1L, Long::sum);
                }
            }
            if (overlaps) {
                recent.add(event);
                total.add(event);
            }
        }
    }

    private int firstThatEndsAfter(long address) {
        int low = 0;
        int high = areas.size();
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (Long.compareUnsigned(areas.get(middle).range().end(), address) <= 0) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    /** Of what overlaps a range, since the last look; the most frequent first. */
    Map<Cause, Long> causes(AddressRange range) {
        Map<Cause, Long> causes = new EnumMap<>(Cause.class);
        int index = firstThatEndsAfter(range.start());
        for (; index < areas.size() && areas.get(index).range().overlaps(range.start(), range.end()); index++) {
            areas.get(index).causes().forEach((cause, count) -> causes.merge(cause, count, Long::sum));
        }
        Map<Cause, Long> sorted = new LinkedHashMap<>();
        causes.entrySet().stream()
                .sorted(Map.Entry.comparingByValue(Comparator.reverseOrder()))
                .forEach(entry -> sorted.put(entry.getKey(), entry.getValue()));
        return sorted;
    }

    /** A look is over: what has come since the last, and from now on what overlaps these ranges, in their order. */
    Snapshot next(Collection<AddressRange> ranges) {
        Snapshot snapshot = recent.snapshot();
        recent = new Counts();
        List<AreaCauses> fresh = new ArrayList<>();
        ranges.forEach(range -> fresh.add(new AreaCauses(range, new EnumMap<>(Cause.class))));
        areas = fresh;
        return snapshot;
    }

    /** Since the first look. */
    Snapshot total() {
        return total.snapshot();
    }
}
