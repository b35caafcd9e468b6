// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import io.mmubridge.EventEntry;
import io.mmubridge.EventPhase;
import io.mmubridge.EventType;
import io.mmubridge.InvalidationEvent;
import io.mmubridge.LaunchEvent;

/**
 * Makes one stream of those of a process's address spaces: each starts to count where the one before it ended. Not safe
 * for use by several threads.
 */
final class Numbering {
    private long seqBase;
    private long nBase;
    private long seq;
    private long n;

    /** An event of the present address space, by the numbers of the whole. */
    InvalidationEvent event(InvalidationEvent event) {
        seq = seqBase + event.seq();
        n = nBase + event.n();
        if (seqBase == 0 && nBase == 0) {
            return event;
        }
        boolean lost = event.phase() == EventPhase.LOST;
        return numbered(event, seq, n, lost ? nBase + event.lostFrom() : 0, lost ? nBase + event.lostTo() : 0);
    }

    /** An event with a number of its own. */
    static InvalidationEvent numbered(InvalidationEvent event, long n) {
        return numbered(event, event.seq(), n, event.lostFrom(), event.lostTo());
    }

    private static InvalidationEvent numbered(InvalidationEvent event, long seq, long n, long lostFrom, long lostTo) {
        return new InvalidationEvent.Snapshot(
                seq,
                n,
                event.timeNanos(),
                event.phase(),
                event.type(),
                event.start(),
                event.end(),
                event.isBlockable(),
                event.isForeign(),
                event.pid(),
                event.tid(),
                event.comm(),
                event.entry(),
                event.syscall(),
                event.syscallNumber(),
                event.cause(),
                event.stackId(),
                event.shadowed(),
                lostFrom,
                lostTo);
    }

    /** The mark that the events of a new address space follow; it repeats the last numbers. */
    InvalidationEvent exec(LaunchEvent.Exec exec) {
        seqBase = seq;
        nBase = n;
        int pid = Math.toIntExact(exec.pid());
        return new InvalidationEvent.Snapshot(
                seq,
                n,
                exec.timeNanos(),
                EventPhase.EXEC,
                EventType.OTHER,
                0,
                0,
                true,
                false,
                pid,
                pid,
                exec.comm(),
                EventEntry.SYSCALL,
                null,
                -1,
                null,
                0,
                0,
                0,
                0);
    }
}
