// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.kernel;

import static io.mmubridge.ffi.mmubridge_h.*;

import io.mmubridge.AddressRange;
import io.mmubridge.AddressSpace;
import io.mmubridge.EventType;
import io.mmubridge.Filter;
import io.mmubridge.InvalidationEvent;
import io.mmubridge.MmuException;
import io.mmubridge.RingOptions;
import io.mmubridge.ShadowMode;
import io.mmubridge.SubscriptionStatistics;
import io.mmubridge.backend.BackendGuard;
import io.mmubridge.backend.BackendShadow;
import io.mmubridge.backend.BackendSubscription;
import io.mmubridge.backend.Lifetime;
import io.mmubridge.backend.RingStream;
import io.mmubridge.ffi.mmub_attach;
import io.mmubridge.ffi.mmub_range;
import io.mmubridge.ffi.mmub_stats;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * One descriptor of the device, attached, and its ring.
 *
 * <p>Whatever uses the descriptor or the ring is inside {@link #lifetime}. Closing detaches at once, wakes the thread that
 * waits, and lets the last one out cancel the registration, unmap and close, in that order.
 */
final class KernelSubscription implements BackendSubscription {
    /** Signals interrupt the kernel's get, and a JVM has many: how long the library tries again. */
    private static final long ATTACH_NANOS = 30_000_000_000L;

    /** What an attach passes: its result, and the name of the subsystem. */
    private static final long ATTACH_BYTES =
            mmub_attach.sizeof() + mmub_attach.subsystem$layout().byteSize();

    static final String DETACHED = "this subscription is detached";

    private final KernelBackend backend;
    private final int descriptor;
    private final @Nullable RingMapping mapping;
    private final @Nullable RingStream stream;
    private final Poller.@Nullable Registration registration;
    private final Lifetime lifetime = new Lifetime(this::release);
    private final AtomicBoolean detached = new AtomicBoolean();
    private final long spaceId;
    private final boolean sharedNotifier;
    private final boolean self;
    private final boolean causes;
    private volatile long lostAtEnd;

    /** Made for the first guard. */
    private volatile @Nullable GuardTable guards;

    /** Those that are not closed. */
    private final Set<KernelShadow> shadows = ConcurrentHashMap.newKeySet();

    private KernelSubscription(
            KernelBackend backend,
            int descriptor,
            AddressSpace space,
            RingOptions options,
            @Nullable RingMapping mapping,
            MemorySegment attached) {
        self = space instanceof AddressSpace.Self;
        causes = options.causes();
        this.backend = backend;
        this.descriptor = descriptor;
        this.mapping = mapping;
        this.spaceId = mmub_attach.space_id(attached);
        this.sharedNotifier = mmub_attach.shared(attached) != 0;
        if (mapping == null) {
            stream = null;
            registration = null;
        } else {
            registration = backend.poller().register(descriptor, this::wake);
            stream = new RingStream(mapping.reader(), lifetime, registration::arm);
        }
    }

    /** Opens a descriptor and attaches it; the caller is inside the backend's lifetime. */
    static KernelSubscription attach(
            KernelBackend backend, String subsystem, AddressSpace space, RingOptions options, Filter filter) {
        if (options.records() > 0) {
            // Before there is something to undo.
            backend.poller();
        }
        int descriptor = backend.openDescriptor();
        RingMapping mapping = null;
        try (Arena arena = Arena.ofConfined();
                MemoryDescriptor memory = MemoryDescriptor.open(space)) {
            if (options.records() > 0) {
                mapping = RingMapping.open(descriptor, options);
            }
            if (!filter.equals(Filter.all())) {
                setFilter(descriptor, filter);
            }
            // One allocation: it is what the arena costs.
            SegmentAllocator scratch = SegmentAllocator.slicingAllocator(arena.allocate(ATTACH_BYTES));
            MemorySegment attached = mmub_attach.allocate(scratch);
            MemorySegment name = scratch.allocateFrom(subsystem);
            int result = mmub_attach(descriptor, name, memory.number(), ATTACH_NANOS, attached);
            if (result < 0) {
                throw AttachFailures.ofAttach(subsystem, -result);
            }
            return enter(backend, descriptor, space, options, mapping, attached);
        } catch (Throwable e) {
            if (mapping != null) {
                mapping.close();
            }
            KernelBackend.closeDescriptor(descriptor);
            throw e;
        }
    }

    /** A subscription keeps its backend open until it is released. */
    private static KernelSubscription enter(
            KernelBackend backend,
            int descriptor,
            AddressSpace space,
            RingOptions options,
            @Nullable RingMapping mapping,
            MemorySegment attached) {
        backend.enter();
        try {
            return new KernelSubscription(backend, descriptor, space, options, mapping, attached);
        } catch (Throwable e) {
            backend.exit();
            throw e;
        }
    }

    @Override
    public long spaceId() {
        return spaceId;
    }

    @Override
    public boolean sharedNotifier() {
        return sharedNotifier;
    }

    @Override
    public SubscriptionStatistics statistics() {
        enterAttached();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment stats = mmub_stats.allocate(arena);
            KernelBackend.check("MMUB_IOC_STATS", mmub_stats(descriptor, stats));
            if (mmub_stats.attached(stats) == 0) {
                throw new IllegalStateException(DETACHED);
            }
            return new SubscriptionStatistics(
                    mmub_stats.space_id(stats),
                    mmub_stats.space_users(stats),
                    mmub_stats.space_invalidations(stats),
                    mmub_stats.space_nonblockable(stats),
                    mmub_stats.space_seq(stats),
                    mmub_stats.space_completed_seq(stats),
                    mmub_stats.space_active(stats),
                    mmub_stats.sub_n(stats),
                    mmub_stats.sub_records(stats),
                    mmub_stats.sub_lost(stats));
        } finally {
            lifetime.exit();
        }
    }

    @Override
    public void filter(Filter filter) {
        enterAttached();
        try {
            setFilter(descriptor, filter);
        } finally {
            lifetime.exit();
        }
    }

    /** Goes inside, and keeps the descriptor open until {@link #exit()}. */
    void enterAttached() {
        lifetime.enterOrThrow("this subscription");
        if (detached.get()) {
            lifetime.exit();
            throw new IllegalStateException(DETACHED);
        }
    }

    void exit() {
        lifetime.exit();
    }

    private static void setFilter(int descriptor, Filter filter) {
        long types = Codes.bits(filter.types());
        try (Arena arena = Arena.ofConfined()) {
            int count = filter.ranges().size();
            MemorySegment ranges = count == 0 ? MemorySegment.NULL : mmub_range.allocateArray(count, arena);
            for (int i = 0; i < count; i++) {
                AddressRange range = filter.ranges().get(i);
                MemorySegment element = mmub_range.asSlice(ranges, i);
                mmub_range.start(element, range.start());
                mmub_range.end(element, range.end());
            }
            int result = mmub_filter_set(descriptor, types, ranges, count);
            if (result == -E2BIG() || result == -EINVAL()) {
                throw new MmuException("The filter has " + count
                        + " ranges, more than the module allows; its capabilities name the limit.");
            }
            if (result == -ESHUTDOWN()) {
                throw new IllegalStateException(DETACHED);
            }
            KernelBackend.check("MMUB_IOC_FILTER_SET", result);
        }
    }

    @Override
    public BackendGuard guard(AddressRange range, Set<EventType> ignored) {
        checkOwn(range, "Guard");
        enterAttached();
        try {
            GuardTable table = guardTable();
            return new KernelGuard(this, table, table.add(range, ignored));
        } finally {
            lifetime.exit();
        }
    }

    private void checkOwn(AddressRange range, String action) {
        if (range.isNative() && !self) {
            throw new IllegalArgumentException("The range " + range + " is native memory of this JVM, and "
                    + "the subscription is on another process. " + action + " it on a subscription to self().");
        }
    }

    private synchronized GuardTable guardTable() {
        GuardTable table = guards;
        if (table == null) {
            int limit = backend.capabilities().limits().guardsPerSubscription();
            if (limit == 0) {
                throw new MmuException("The loaded module allows no guards; its capabilities say so.");
            }
            table = GuardTable.open(descriptor, limit, causes);
            guards = table;
        }
        return table;
    }

    /** Does something with the descriptor; null if it is closed, which keeps nobody from asking. */
    <T> @Nullable T ifOpen(Supplier<@Nullable T> action) {
        if (!lifetime.enter()) {
            return null;
        }
        try {
            return action.get();
        } finally {
            lifetime.exit();
        }
    }

    @Override
    public BackendShadow shadow(AddressRange range, ShadowMode mode) {
        checkOwn(range, "Shadow");
        enterAttached();
        try {
            KernelShadow shadow = KernelShadow.open(this, descriptor, range, mode);
            shadows.add(shadow);
            return shadow;
        } finally {
            lifetime.exit();
        }
    }

    /** A shadow is closed. */
    void forget(KernelShadow shadow) {
        shadows.remove(shadow);
    }

    /** Which of the shadows is in the way of another one. */
    String overlapping(AddressRange range) {
        return shadows.stream()
                .map(KernelShadow::range)
                .filter(present -> present.overlaps(range.start(), range.end()))
                .findFirst()
                .map(AddressRange::toString)
                .orElse("a range that is just closed");
    }

    int shadowPages() {
        return backend.capabilities().limits().shadowPagesPerSubscription();
    }

    @Override
    public int drain(Consumer<? super InvalidationEvent> handler, int limit) {
        return stream().drain(handler, limit);
    }

    @Override
    public boolean await(long timeoutNanos) throws InterruptedException {
        return stream().await(timeoutNanos);
    }

    @Override
    public boolean isEnded() {
        return stream().isEnded();
    }

    @Override
    public long lost() {
        RingMapping ring = mapping;
        if (ring == null || !lifetime.enter()) {
            return lostAtEnd;
        }
        try {
            return ring.reader().lost();
        } finally {
            lifetime.exit();
        }
    }

    private RingStream stream() {
        if (stream == null) {
            throw new IllegalStateException("this subscription was got without a ring");
        }
        return stream;
    }

    @Override
    public void detach() {
        if (lifetime.enter()) {
            try {
                if (detached.compareAndSet(false, true)) {
                    KernelBackend.check("MMUB_IOC_DETACH", mmub_detach(descriptor));
                }
            } finally {
                lifetime.exit();
            }
        }
    }

    @Override
    public void close() {
        try {
            detach();
            // Final from here on, while the last one inside may still be reading.
            lostAtEnd = lost();
        } finally {
            if (lifetime.close()) {
                wake();
            }
        }
    }

    private void wake() {
        if (stream != null) {
            stream.wake();
        }
    }

    private void release() {
        if (registration != null) {
            registration.cancel();
        }
        if (mapping != null) {
            mapping.close();
        }
        GuardTable table = guards;
        if (table != null) {
            table.retire();
        }
        shadows.forEach(KernelShadow::retire);
        KernelBackend.closeDescriptor(descriptor);
        backend.forget(this);
    }
}
