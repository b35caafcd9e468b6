// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import io.mmubridge.Cause;
import io.mmubridge.EventPhase;
import io.mmubridge.EventType;
import io.mmubridge.InvalidationEvent;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Counts events as they are written. */
final class Tally {
    private static final long PAGE = 4096;

    /** A thread under the name that it had. */
    record Task(int pid, int tid, String comm) {}

    /** How many events, and how many pages their ranges had; the whole address space has none. */
    static final class Count {
        private long events;
        private long pages;

        private void add(InvalidationEvent event) {
            events++;
            pages += (event.size() + PAGE - 1) / PAGE;
        }

        long events() {
            return events;
        }

        long pages() {
            return pages;
        }
    }

    private final Map<EventType, Count> byType = new EnumMap<>(EventType.class);
    private final Map<Cause, Count> byCause = new EnumMap<>(Cause.class);
    private final Map<Task, Count> byTask = new LinkedHashMap<>();
    private final Count all = new Count();
    private long lost;

    void add(InvalidationEvent event) {
        if (event.phase() == EventPhase.LOST) {
            lost += event.lostTo() - event.lostFrom() + 1;
        }
        if (isCounted(event)) {
            all.add(event);
            byType.computeIfAbsent(event.type(), type -> new Count()).add(event);
            byTask.computeIfAbsent(new Task(event.pid(), event.tid(), event.comm()), task -> new Count())
                    .add(event);
            Cause cause = event.cause();
            if (cause != null) {
                byCause.computeIfAbsent(cause, key -> new Count()).add(event);
            }
        }
    }

    /** Whether it is one of the kernel's callbacks, which {@code n} numbers, and not a mark of the stream. */
    private static boolean isCounted(InvalidationEvent event) {
        return switch (event.phase()) {
            case START, RELEASE -> true;
            case EXEC, LOST, DETACHED -> false;
        };
    }

    long events() {
        return all.events();
    }

    long pages() {
        return all.pages();
    }

    long lost() {
        return lost;
    }

    /** In the order of the types. */
    Map<EventType, Count> byType() {
        return byType;
    }

    /** The most frequent first; none where causes are not recorded. */
    List<Map.Entry<Cause, Count>> byCause() {
        return sorted(byCause);
    }

    /** The most frequent first, those alike in the order in which they were first seen. */
    List<Map.Entry<Task, Count>> byTask() {
        return sorted(byTask);
    }

    private static <K> List<Map.Entry<K, Count>> sorted(Map<K, Count> counts) {
        return counts.entrySet().stream()
                .sorted(Comparator.comparingLong(entry -> -entry.getValue().events()))
                .toList();
    }
}
