// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.kernel;

import static io.mmubridge.ffi.mmubridge_h.*;

import io.mmubridge.Cause;
import io.mmubridge.MmuException;
import io.mmubridge.RingOptions;
import io.mmubridge.backend.Lifetime;
import io.mmubridge.ffi.mmub_ring;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A ring that libmmubridge has mapped.
 *
 * <p>Nothing but the {@link Lifetime} of the subscription, and {@link RecordView}, keeps accesses out once it is unmapped: the
 * segments have no arena that could. A shared one would make each close stop every thread of the JVM for a moment, and each
 * access dearer.
 */
final class RingMapping {
    private final MemorySegment ring;
    private final RingReader reader;

    private RingMapping(MemorySegment ring, @Nullable CauseCache causes) {
        this.ring = ring;
        MemorySegment header = mmub_ring.header(ring).reinterpret(mmub_ring.ring_size(ring));
        MemorySegment consumer = mmub_ring.consumer(ring).reinterpret(mmub_ring.consumer_size(ring));
        reader = new RingReader(header, consumer, new RecordView(RingMapping::syscall, causes));
    }

    /** Sets a ring up and maps it. */
    static RingMapping open(int descriptor, RingOptions options) {
        MemorySegment ring = mmub_ring.allocate(Arena.ofAuto());
        boolean causes = options.causes();
        int result = open(descriptor, options, causes, ring);
        if (causes && result == -EOPNOTSUPP()) {
            causes = false;
            result = open(descriptor, options, false, ring);
        }
        if (result < 0) {
            throw failure(options, -result);
        }
        try {
            return new RingMapping(ring, causes ? new CauseCache(id -> cause(descriptor, id)) : null);
        } catch (Throwable e) {
            mmub_ring_close(ring);
            throw e;
        }
    }

    private static int open(int descriptor, RingOptions options, boolean causes, MemorySegment ring) {
        int flags = causes ? MMUB_RING_CAUSE() : 0;
        return mmub_ring_open(descriptor, options.records(), options.wakeupEvents(), flags, ring);
    }

    /** What a stack stands for; asked for while the descriptor is open. */
    static Cause cause(int descriptor, int stackId) {
        int cause = mmub_cause(descriptor, stackId);
        KernelBackend.check("MMUB_IOC_STACK", cause);
        return Codes.cause(cause);
    }

    RingReader reader() {
        return reader;
    }

    /** Unmaps the ring; nobody may be reading. */
    void close() {
        KernelBackend.check("munmap", mmub_ring_close(ring));
    }

    private static MmuException failure(RingOptions options, int error) {
        String subject = "A ring of " + options.records() + " records cannot be had: ";
        if (error == EINVAL()) {
            return new MmuException(subject + "the module's limits, among its capabilities, do not allow that size.");
        }
        if (error == ENOBUFS()) {
            return new MmuException(subject + "this user's RLIMIT_MEMLOCK is spent. "
                    + "Take a smaller ring, close others, or raise the limit (ulimit -l).");
        }
        return new MmuException(subject + Errno.name(error) + ".");
    }

    static @Nullable String syscall(long architecture, long number) {
        MemorySegment name = mmub_syscall_name((int) architecture, (int) number);
        return name.equals(MemorySegment.NULL) ? null : name.getString(0);
    }
}
