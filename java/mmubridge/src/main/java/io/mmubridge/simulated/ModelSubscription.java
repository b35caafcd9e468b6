// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.simulated;

import io.mmubridge.AddressRange;
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
import io.mmubridge.backend.ShadowRefusals;
import io.mmubridge.model.ExclusiveLock;
import io.mmubridge.model.LockClass;
import io.mmubridge.model.MmStruct;
import io.mmubridge.model.PageTable;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** One reference on a space: kmod/subscription.c. */
final class ModelSubscription implements BackendSubscription {
    private static final LockClass LOCK = LockClass.sleeping("mmubridge subscription");

    private final ModelBackend backend;
    private final Spaces spaces;
    private final Key key;
    private final @Nullable EventQueue queue;
    private final @Nullable RingStream stream;
    private final Lifetime lifetime = new Lifetime(this::release);

    /** One change at a time. */
    private final ExclusiveLock lock;

    // Under the lock.
    /** Null before the attach and once detached. */
    private @Nullable Space space;

    private final GuardTable guards;
    private final Set<ModelShadow> shadows = new LinkedHashSet<>();
    private long shadowPages;

    // Set by the attach.
    private long spaceId;
    private boolean sharedNotifier;

    // Under the lock of the space while attached.
    private Filter filter;
    private long n;

    /** Entries that the event which is told has dropped. */
    private int shadowed;

    private ModelSubscription(ModelBackend backend, Key key, RingOptions options, Filter filter) {
        this.backend = backend;
        this.spaces = backend.spaces();
        this.key = key;
        this.filter = filter;
        guards = new GuardTable(Spaces.LIMITS.guardsPerSubscription(), options.causes(), () -> shadowed, this::remove);
        lock = new ExclusiveLock(spaces.kernel().lockdep(), LOCK);
        if (options.records() == 0) {
            queue = null;
            stream = null;
        } else {
            queue = new EventQueue(options, spaces.counters(), this::wake);
            // The queue wakes whoever sleeps without being asked.
            stream = new RingStream(queue, lifetime, () -> {});
        }
    }

    /** {@code mmub_sub_attach()}. */
    static ModelSubscription attach(
            ModelBackend backend, String subsystem, MmStruct mm, RingOptions options, Filter filter) {
        checkRing(options);
        checkFilter(filter);
        Spaces spaces = backend.spaces();
        spaces.charge();
        try {
            Key key = spaces.getKey(subsystem);
            try {
                ModelSubscription subscription = new ModelSubscription(backend, key, options, filter);
                subscription.attach(mm);
                return subscription;
            } catch (Throwable e) {
                spaces.putKey(key);
                throw e;
            }
        } catch (Throwable e) {
            spaces.uncharge();
            throw e;
        }
    }

    /** {@code mmub_sub_attach_mm()}: by who alone knows of this yet. */
    private void attach(MmStruct mm) {
        if (!mm.getNotZero()) {
            throw Refusals.gone("to subscribe " + key.name() + " to");
        }
        try {
            mm.mmapLock().lockWrite();
            try {
                Spaces.Got got = spaces.get(key, mm);
                spaceId = got.space().id;
                sharedNotifier = got.shared();
                space = got.space();
                got.space().join(this);
            } finally {
                mm.mmapLock().unlockWrite();
            }
        } finally {
            // Were it the last, the address space would be torn down, as it is without any lock of ours.
            mm.putAsync();
        }
    }

    private static void checkRing(RingOptions options) {
        int records = options.records();
        if (records != 0 && (records < Spaces.LIMITS.ringRecordsMin() || records > Spaces.LIMITS.ringRecordsMax())) {
            throw new MmuException("A ring of " + records
                    + " records cannot be had: the limits, among the capabilities, do not allow that size.");
        }
    }

    private static void checkFilter(Filter filter) {
        int count = filter.ranges().size();
        if (count > Spaces.LIMITS.filterRanges()) {
            throw new MmuException("The filter has " + count
                    + " ranges, more than the model allows; its capabilities name the limit.");
        }
        filter.ranges().forEach(ModelSubscription::checkSimulated);
    }

    private static void checkSimulated(AddressRange range) {
        if (range.isNative()) {
            throw new IllegalArgumentException("The range " + range + " is native memory of this JVM, and "
                    + "the subscription is on a simulated process. " + Refusals.WAY_OUT);
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
        lock.lock();
        try {
            return attached().statistics(this);
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void filter(Filter newFilter) {
        checkFilter(newFilter);
        lock.lock();
        try {
            attached().locked(() -> filter = newFilter);
        } finally {
            lock.unlock();
        }
    }

    // -------------------------------------------------------------------------------------------------- the guards

    /** {@code mmub_sub_guard_add()}. */
    @Override
    public BackendGuard guard(AddressRange range, Set<EventType> ignored) {
        checkSimulated(range);
        lock.lock();
        try {
            Space on = attached();
            ModelGuard guard = guards.take(range, ignored);
            if (!on.add(guard)) {
                guards.giveBack(guard);
                throw new MmuException(
                        "The range " + range + " cannot be guarded: the address space has been released, "
                                + "since its process exited or executed another program.");
            }
            return guard;
        } finally {
            lock.unlock();
        }
    }

    /** {@code mmub_sub_guard_remove()}: does nothing after the detach, when the slots have no use any more. */
    private void remove(ModelGuard guard) {
        lock.lock();
        try {
            if (space != null && guards.has(guard)) {
                space.remove(guard);
                guards.giveBack(guard);
            }
        } finally {
            lock.unlock();
        }
    }

    /** For {@link Space#leave}, and so under the lock. */
    Collection<ModelGuard> guards() {
        return guards.guards();
    }

    private Space attached() {
        if (space == null) {
            throw detached();
        }
        return space;
    }

    static IllegalStateException detached() {
        return new IllegalStateException("this subscription is detached");
    }

    // ------------------------------------------------------------------------------------------------- the shadows

    /** {@code mmub_sub_shadow_add()}. */
    @Override
    public BackendShadow shadow(AddressRange range, ShadowMode mode) {
        checkSimulated(range);
        if (Long.compareUnsigned(range.end(), PageTable.TASK_SIZE) > 0) {
            throw ShadowRefusals.beyond(range);
        }
        lock.lock();
        try {
            Space on = attached();
            long pages = (range.end() - range.start()) / PageTable.PAGE_SIZE;
            long limit = Spaces.LIMITS.shadowPagesPerSubscription();
            int most = Spaces.LIMITS.shadowsPerSubscription();
            if (shadows.size() == most || shadowPages + pages > limit) {
                throw ShadowRefusals.limit(range, limit, "; there may be " + most);
            }
            ModelShadow shadow = new ModelShadow(on, new ShadowWords(this, range), mode, this::remove);
            if (!on.add(shadow.words())) {
                throw ShadowRefusals.released(range);
            }
            shadows.add(shadow);
            shadowPages += pages;
            return shadow;
        } finally {
            lock.unlock();
        }
    }

    /** {@code mmub_sub_shadow_remove()}: does nothing after the detach, which ends all. */
    private void remove(ModelShadow shadow) {
        lock.lock();
        try {
            if (space != null && shadows.remove(shadow)) {
                space.remove(shadow.words());
                shadowPages -= shadow.words().pages();
            }
        } finally {
            lock.unlock();
        }
    }

    /** For {@link Space#leave}, and so under the lock. */
    Collection<ModelShadow> shadows() {
        return shadows;
    }

    // ------------------------------------------------------------------------------------ under the space's lock

    /** The event that is to be told has dropped entries of a shadow. */
    void shadowed(int pages) {
        shadowed += pages;
    }

    /** {@code mmub_sub_start()}. */
    void started(QueuedEvent event) {
        if (matches(event)) {
            told(event);
        }
        shadowed = 0;
    }

    /** {@code mmub_sub_release()}: matches whatever the filter. */
    void released(QueuedEvent event) {
        told(event);
        shadowed = 0;
        // Whoever waits for more events than these waits no longer.
        wake();
    }

    /** What {@code mmub_sub_leave()} tells. */
    void left(QueuedEvent event) {
        if (queue != null) {
            queue.event(event, n);
            wake();
        }
    }

    private void told(QueuedEvent event) {
        n++;
        if (queue != null) {
            queue.event(event.shadowed(shadowed), n);
        }
    }

    /** {@code mmub_sub_matches()}. */
    private boolean matches(QueuedEvent event) {
        if (!filter.types().contains(event.type())) {
            return false;
        }
        if (filter.ranges().isEmpty()) {
            return true;
        }
        for (int i = 0; i < filter.ranges().size(); i++) {
            if (filter.ranges().get(i).overlaps(event.start(), event.end())) {
                return true;
            }
        }
        return false;
    }

    long events() {
        return n;
    }

    long records() {
        return queue == null ? 0 : queue.written();
    }

    // -------------------------------------------------------------------------------------------------- the stream

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
        return queue == null ? 0 : queue.lost();
    }

    private RingStream stream() {
        if (stream == null) {
            throw new IllegalStateException("this subscription was got without a ring");
        }
        return stream;
    }

    private void wake() {
        if (stream != null) {
            stream.wake();
        }
    }

    /** {@code mmub_sub_detach()}: the one place where a put is paid. */
    @Override
    public void detach() {
        lock.lock();
        try {
            Space left = space;
            if (left != null) {
                space = null;
                left.leave(this);
                spaces.put(left);
                spaces.putKey(key);
                spaces.uncharge();
            }
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void close() {
        detach();
        if (lifetime.close()) {
            wake();
        }
    }

    private void release() {
        backend.forget(this);
    }
}
