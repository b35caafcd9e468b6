// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import io.mmubridge.AddressSpace;
import io.mmubridge.Cause;
import io.mmubridge.EventEntry;
import io.mmubridge.EventPhase;
import io.mmubridge.EventType;
import io.mmubridge.InvalidationEvent;
import io.mmubridge.LaunchEvent;

/** Events as the kernel would have them. */
final class Events {
    private Events() {}

    static InvalidationEvent munmap(long n, String comm) {
        return new InvalidationEvent.Snapshot(
                n + 5,
                n,
                1_000_000_000L + n,
                EventPhase.START,
                EventType.UNMAP,
                0x7f0000001000L,
                0x7f0000003000L,
                true,
                false,
                100,
                101,
                comm,
                EventEntry.SYSCALL,
                "munmap",
                11,
                Cause.MUNMAP,
                7,
                3,
                0,
                0);
    }

    static InvalidationEvent oomReaper(long n) {
        return new InvalidationEvent.Snapshot(
                n,
                n,
                1,
                EventPhase.START,
                EventType.UNMAP,
                0x8000000000000000L,
                0xfffffffffffff000L,
                false,
                true,
                0,
                0,
                "",
                EventEntry.KTHREAD,
                null,
                -1,
                Cause.OOM_REAPER,
                8,
                0,
                0,
                0);
    }

    static InvalidationEvent release(long n) {
        return new InvalidationEvent.Snapshot(
                n,
                n,
                2_000_000_000L,
                EventPhase.RELEASE,
                EventType.RELEASE,
                0,
                -1L,
                true,
                false,
                100,
                100,
                "true",
                EventEntry.EXIT,
                null,
                -1,
                Cause.EXIT,
                9,
                0,
                0,
                0);
    }

    static LaunchEvent.Exec exec(long pid, String comm) {
        return new LaunchEvent.Exec(pid, comm, 2_500_000_000L, new AddressSpace.Self());
    }

    static InvalidationEvent lost(long from, long to) {
        return mark(EventPhase.LOST, to, from, to);
    }

    static InvalidationEvent detached(long n) {
        return mark(EventPhase.DETACHED, n, 0, 0);
    }

    private static InvalidationEvent mark(EventPhase phase, long n, long lostFrom, long lostTo) {
        return new InvalidationEvent.Snapshot(
                n,
                n,
                3_000_000_000L,
                phase,
                EventType.OTHER,
                0,
                0,
                false,
                false,
                0,
                0,
                "",
                EventEntry.UNKNOWN,
                null,
                -1,
                null,
                0,
                0,
                lostFrom,
                lostTo);
    }
}
