// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import io.mmubridge.EventPhase;
import io.mmubridge.EventType;
import io.mmubridge.InvalidationEvent;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Map;

/** Counts events as they are written. */
final class Tally {
    /** A thread under the name that it had. */
    record Task(int pid, int tid, String comm) {}

    private final Map<EventType, Long> byType = new EnumMap<>(EventType.class);
    private final Map<Task, Long> byTask = new LinkedHashMap<>();
    private long events;
    private long lost;

    void add(InvalidationEvent event) {
        if (event.phase() == EventPhase.LOST) {
            lost += event.lostTo() - event.lostFrom() + 1;
        }
        if (isCounted(event)) {
            events++;
            byType.merge(event.type(), 1L, Long::sum);
            byTask.merge(new Task(event.pid(), event.tid(), event.comm()), 1L, Long::sum);
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
        return events;
    }

    long lost() {
        return lost;
    }

    /** In the order of the types. */
    Map<EventType, Long> byType() {
        return byType;
    }

    /** In the order in which they were first seen. */
    Map<Task, Long> byTask() {
        return byTask;
    }
}
