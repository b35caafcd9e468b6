// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.fake;

import io.mmubridge.Cause;
import io.mmubridge.EventEntry;
import io.mmubridge.EventPhase;
import io.mmubridge.EventType;
import io.mmubridge.InvalidationEvent;
import org.jspecify.annotations.Nullable;

/** Events that no kernel has told of. */
public final class Events {
    private Events() {}

    /** A CLEAR of one page. */
    public static InvalidationEvent.Snapshot start(long n, @Nullable Cause cause) {
        return start(n, EventType.CLEAR, cause, n << 12, (n + 1) << 12);
    }

    /** An invalidation by a system call. */
    public static InvalidationEvent.Snapshot start(
            long n, EventType type, @Nullable Cause cause, long start, long end) {
        return event(n, EventPhase.START, type, cause, start, end, 0, 0);
    }

    /** The mark of a loss. */
    public static InvalidationEvent.Snapshot lost(long from, long to) {
        return event(to, EventPhase.LOST, EventType.OTHER, null, 0, 0, from, to);
    }

    /** The release of the address space. */
    public static InvalidationEvent.Snapshot release(long n) {
        return event(n, EventPhase.RELEASE, EventType.RELEASE, Cause.EXIT, 0, -1, 0, 0);
    }

    /** The mark of the detach. */
    public static InvalidationEvent.Snapshot detached(long n) {
        return event(n, EventPhase.DETACHED, EventType.OTHER, null, 0, 0, 0, 0);
    }

    private static InvalidationEvent.Snapshot event(
            long n,
            EventPhase phase,
            EventType type,
            @Nullable Cause cause,
            long start,
            long end,
            long lostFrom,
            long lostTo) {
        return new InvalidationEvent.Snapshot(
                2 * n,
                n,
                System.nanoTime(),
                phase,
                type,
                start,
                end,
                true,
                false,
                42,
                43,
                "fake",
                EventEntry.SYSCALL,
                "madvise",
                28,
                cause,
                0,
                0,
                lostFrom,
                lostTo);
    }
}
