// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.kernel;

import static io.mmubridge.ffi.mmubridge_h.*;

import io.mmubridge.AddressRange;
import io.mmubridge.MmuException;
import io.mmubridge.ShadowChanges;
import io.mmubridge.ShadowMode;
import io.mmubridge.ShadowStatistics;
import io.mmubridge.backend.ShadowRefusals;
import io.mmubridge.ffi.mmub_shadow;
import io.mmubridge.ffi.mmub_shadow_add;
import io.mmubridge.ffi.mmub_shadow_header;
import io.mmubridge.ffi.mmub_shadow_refresh;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * A shadow of the module, which libmmubridge has mapped.
 *
 * <p>It is read as long as somebody has it, also once it is closed, and without any check of whether it is. So what is mapped
 * here stays mapped while this can be reached: at the close, pages of zeroes take the place of its own
 * ({@code mmub_shadow_retire()}), and a cleaner unmaps those. The subscription's file is released at its close.
 */
final class KernelShadow extends MappedShadow {
    private static final Cleaner CLEANER = Cleaner.create();
    private static final VarHandle HALF = ValueLayout.JAVA_INT.varHandle();

    /** Signals interrupt the making of one, and a JVM has many: how long the library tries again. */
    private static final long ADD_NANOS = 30_000_000_000L;

    private final KernelSubscription subscription;
    private final int descriptor;
    private final int id;
    private final AddressRange range;
    private final ShadowMode mode;
    private final MemorySegment mapped;

    /** Where the kernel writes. */
    private final long header;

    /** Set once {@link #last} is, and before zeroes take the place of what is mapped. */
    private volatile boolean retired;

    /** Under the monitor: the counters at the end. */
    private @Nullable ShadowStatistics last;

    private KernelShadow(
            KernelSubscription subscription,
            int descriptor,
            int id,
            AddressRange range,
            ShadowMode mode,
            MemorySegment mapped) {
        super(
                mmub_shadow.chunks(mapped).address(),
                mmub_shadow.states(mapped).address(),
                mmub_shadow.pfns(mapped).address());
        this.subscription = subscription;
        this.descriptor = descriptor;
        this.id = id;
        this.range = range;
        this.mode = mode;
        this.mapped = mapped;
        header = mmub_shadow.header(mapped).address();
        CLEANER.register(this, () -> KernelBackend.check("munmap", mmub_shadow_unmap(mapped)));
    }

    /** Makes and maps one; the caller keeps the descriptor open. */
    static KernelShadow open(KernelSubscription subscription, int descriptor, AddressRange range, ShadowMode mode) {
        MemorySegment mapped = mmub_shadow.allocate(Arena.ofAuto());
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment added = mmub_shadow_add.allocate(arena);
            int id = mmub_shadow_add(descriptor, Codes.code(mode), range.start(), range.end(), ADD_NANOS, added);
            if (id < 0) {
                throw refusal(subscription, range, -id);
            }
            int result = mmub_shadow_map(descriptor, added, MMUB_SHADOW_MAP_PFNS(), mapped);
            if (result == -EPERM()) {
                result = mmub_shadow_map(descriptor, added, 0, mapped);
            }
            if (result < 0) {
                mmub_shadow_remove(descriptor, id);
                if (result == -ENXIO()) {
                    // The detach has come between.
                    throw new IllegalStateException(KernelSubscription.DETACHED);
                }
                KernelBackend.check("mmap of the shadow of " + range, result);
            }
            return new KernelShadow(subscription, descriptor, id, range, mode, mapped);
        }
    }

    private static RuntimeException refusal(KernelSubscription subscription, AddressRange range, int error) {
        if (error == ESHUTDOWN()) {
            return new IllegalStateException(KernelSubscription.DETACHED);
        }
        if (error == EINVAL()) {
            return ShadowRefusals.beyond(range);
        }
        if (error == EEXIST()) {
            return ShadowRefusals.overlap(range, subscription.overlapping(range));
        }
        if (error == ENOSPC()) {
            return ShadowRefusals.limit(
                    range,
                    subscription.shadowPages(),
                    " (the module's parameters shadows_per_subscription and shadow_pages_per_subscription)");
        }
        if (error == EMLINK()) {
            return ShadowRefusals.spaceLimit(range, " (the module's parameter shadow_pages_per_space)");
        }
        if (error == ESRCH()) {
            return ShadowRefusals.released(range);
        }
        if (error == EACCES()) {
            return ShadowRefusals.other(
                    range,
                    "the memory of the process was not open for writing when it was attached to, so that the mode cannot be "
                            + ShadowMode.WRITE + ".");
        }
        if (error == ENOBUFS()) {
            return ShadowRefusals.other(
                    range,
                    "a shadow takes 17 bytes of locked memory for each page, and this user's RLIMIT_MEMLOCK is spent. "
                            + "Close other subscriptions, or raise the limit (ulimit -l).");
        }
        if (error == EOPNOTSUPP()) {
            return ShadowRefusals.other(range, "this kernel is built without hmm_range_fault() (CONFIG_HMM_MIRROR).");
        }
        return ShadowRefusals.other(range, "MMUB_IOC_SHADOW_ADD failed: " + Errno.name(error) + ".");
    }

    AddressRange range() {
        return range;
    }

    // ----------------------------------------------------------------------------------------------------- the words

    @Override
    public boolean isEnded() {
        try {
            // In this order: in place of the header are zeroes once it is retired.
            int ended = (int) HALF.getAcquire(Memory.ALL, header + mmub_shadow_header.end_state$offset());
            return ended != 0 || retired;
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    @Override
    public synchronized ShadowStatistics statistics() {
        return last == null ? readStatistics() : last;
    }

    private ShadowStatistics readStatistics() {
        return new ShadowStatistics(
                word(header + mmub_shadow_header.present$offset()),
                word(header + mmub_shadow_header.event_seq$offset()),
                word(header + mmub_shadow_header.dropped$offset()),
                word(header + mmub_shadow_header.same$offset()),
                word(header + mmub_shadow_header.moved$offset()),
                word(header + mmub_shadow_header.reprotected$offset()),
                word(header + mmub_shadow_header.gone$offset()),
                word(header + mmub_shadow_header.upgraded$offset()),
                word(header + mmub_shadow_header.mismatched$offset()));
    }

    // -------------------------------------------------------------------------------------------------- system calls

    @Override
    public ShadowChanges refresh(long start, long end, boolean wait) {
        subscription.enterAttached();
        try (Arena arena = Arena.ofConfined()) {
            checkOpen();
            MemorySegment found = mmub_shadow_refresh.allocate(arena);
            int result = mmub_shadow_refresh(descriptor, id, start, end, wait ? 0 : MMUB_SHADOW_NOWAIT(), found);
            // Closed meanwhile: then the number may be another's, and so may be what was found.
            checkOpen();
            if (result < 0) {
                throw failure("MMUB_IOC_SHADOW_REFRESH", start, -result);
            }
            return new ShadowChanges(
                    mmub_shadow_refresh.present(found),
                    mmub_shadow_refresh.writable(found),
                    mmub_shadow_refresh.huge(found),
                    mmub_shadow_refresh.added(found),
                    mmub_shadow_refresh.same(found),
                    mmub_shadow_refresh.moved(found),
                    mmub_shadow_refresh.reprotected(found),
                    mmub_shadow_refresh.gone(found),
                    mmub_shadow_refresh.upgraded(found),
                    mmub_shadow_refresh.mismatched(found),
                    mmub_shadow_refresh.busy(found));
        } finally {
            subscription.exit();
        }
    }

    @Override
    public int read(long address, ByteBuffer into) {
        subscription.enterAttached();
        try {
            checkOpen();
            MemorySegment target = MemorySegment.ofBuffer(into);
            if (target.isNative()) {
                return done("MMUB_IOC_READ", address, mmub_shadow_read(descriptor, address, target, target.byteSize()));
            }
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment copy = arena.allocate(target.byteSize());
                int done = done("MMUB_IOC_READ", address, mmub_shadow_read(descriptor, address, copy, copy.byteSize()));
                MemorySegment.copy(copy, 0, target, 0, done);
                return done;
            }
        } finally {
            subscription.exit();
        }
    }

    @Override
    public int write(long address, ByteBuffer from) {
        subscription.enterAttached();
        try (Arena arena = Arena.ofConfined()) {
            checkOpen();
            MemorySegment source = MemorySegment.ofBuffer(from);
            if (!source.isNative()) {
                source = arena.allocate(source.byteSize()).copyFrom(source);
            }
            return done("MMUB_IOC_WRITE", address, mmub_shadow_write(descriptor, address, source, source.byteSize()));
        } finally {
            subscription.exit();
        }
    }

    private int done(String call, long address, long result) {
        if (result < 0) {
            checkOpen();
            throw failure(call, address, (int) -result);
        }
        return (int) result;
    }

    private void checkOpen() {
        if (retired) {
            throw ShadowRefusals.closed();
        }
    }

    private RuntimeException failure(String call, long address, int error) {
        if (error == ESHUTDOWN()) {
            return new IllegalStateException(KernelSubscription.DETACHED);
        }
        if (error == ENOENT() || error == ENXIO()) {
            return ShadowRefusals.closed();
        }
        if (error == ESRCH()) {
            return ShadowRefusals.ended(range);
        }
        if (error == ENODATA()) {
            return ShadowRefusals.noPage(address, mode);
        }
        if (error == EACCES()) {
            return ShadowRefusals.notWritable(address, mode);
        }
        return new MmuException(call + " at 0x" + Long.toHexString(address) + " failed: " + Errno.name(error) + ".");
    }

    @Override
    public void remove() {
        subscription.ifOpen(() -> {
            synchronized (this) {
                if (!retired) {
                    int result = mmub_shadow_remove(descriptor, id);
                    if (result != -ESHUTDOWN()) {
                        KernelBackend.check("MMUB_IOC_SHADOW_REMOVE", result);
                    }
                    retire();
                    subscription.forget(this);
                }
            }
            return null;
        });
    }

    /** Puts zeroes in place of what is mapped, after the removal or the detach. Does nothing the second time. */
    synchronized void retire() {
        if (!retired) {
            last = readStatistics();
            retired = true;
            KernelBackend.check("mremap", mmub_shadow_retire(mapped));
        }
    }
}
