// SPDX-License-Identifier: Apache-2.0
package io.mmubridge;

import io.mmubridge.backend.BackendSubscription;
import java.lang.foreign.MemorySegment;
import java.util.Set;

/**
 * One reference on a subsystem's notifier on an address space.
 *
 * <p>The reference outlives the address space: after its {@link EventPhase#RELEASE} this still holds it, and
 * {@link #close()} is still owed. Closing while another thread drains or waits is sound: that thread sees the stream end.
 */
public final class Subscription implements AutoCloseable {
    private final Subsystem subsystem;
    private final BackendSubscription backend;
    private final EventStream events;

    Subscription(Subsystem subsystem, BackendSubscription backend) {
        this.subsystem = subsystem;
        this.backend = backend;
        this.events = new EventStream(backend);
    }

    /**
     * The key under which this was got.
     *
     * @return the subsystem
     */
    public Subsystem subsystem() {
        return subsystem;
    }

    /**
     * Names the pair of subsystem and address space.
     *
     * @return a number that subscriptions have in common if they share a notifier, and never have otherwise
     */
    public long spaceId() {
        return backend.spaceId();
    }

    /**
     * Whether the get that made this found a notifier to share.
     *
     * @return false if it made the notifier
     */
    public boolean sharedNotifier() {
        return backend.sharedNotifier();
    }

    /**
     * What happened, in order.
     *
     * @return the one stream of this subscription
     */
    public EventStream events() {
        return events;
    }

    /**
     * The counters of this subscription.
     *
     * @return their values now
     * @throws IllegalStateException after {@link #detach()} or {@link #close()}
     */
    public SubscriptionStatistics statistics() {
        return backend.statistics();
    }

    /**
     * Changes what this is told of, between two events.
     *
     * @param filter which events are wanted from now on
     * @throws IllegalStateException after {@link #detach()} or {@link #close()}
     */
    public void filter(Filter filter) {
        backend.filter(filter);
    }

    /**
     * Guards native memory of this JVM, on a subscription to {@link Mmu#self()}.
     *
     * <p>What is guarded is what lies at the addresses, not the segment. Memory of {@code malloc}, which an arena may be made of,
     * can be freed and handed out again without any change of the address space: then the guard stays valid, and is right. So
     * whoever caches something by a segment asks for the segment's {@link MemorySegment.Scope#isAlive() scope} too.
     *
     * @param segment native memory
     * @return the guard
     * @throws IllegalArgumentException if the segment is on the heap or empty, or this is the model, which vouches for nothing real
     * @throws MmuException as {@link #guard(AddressRange)} does
     * @throws IllegalStateException after {@link #detach()} or {@link #close()}
     */
    public Guard guard(MemorySegment segment) {
        return guard(AddressRange.of(segment));
    }

    /**
     * Guards a range against every invalidation.
     *
     * @param range of the subscription's address space; it need be neither aligned nor mapped
     * @return the guard, which is valid now unless an invalidation is in flight; to be closed here or with this subscription
     * @throws MmuException if there are as many as there may be, see {@link Capabilities.Limits#guardsPerSubscription()}, or the
     *     address space has been released
     * @throws IllegalArgumentException if the range is native memory of this JVM, and this subscription is not on it
     * @throws IllegalStateException after {@link #detach()} or {@link #close()}
     */
    public Guard guard(AddressRange range) {
        return guard(range, Set.of());
    }

    /**
     * Guards a range, and lives through some invalidations: through {@link EventType#SOFT_DIRTY}, say, which takes no page
     * away. An invalidation in flight as the guard is made counts whatever its type.
     *
     * @param range as for {@link #guard(AddressRange)}
     * @param ignored types of invalidations that leave the guard valid; not {@link EventType#RELEASE}
     * @return the guard
     * @throws MmuException as {@link #guard(AddressRange)} does
     * @throws IllegalArgumentException as {@link #guard(AddressRange)} does, and if the release is to be ignored
     * @throws IllegalStateException after {@link #detach()} or {@link #close()}
     */
    public Guard guard(AddressRange range, Set<EventType> ignored) {
        Set<EventType> types = Set.copyOf(ignored);
        if (types.contains(EventType.RELEASE)) {
            throw new IllegalArgumentException(
                    "no guard outlives the RELEASE of its address space, so none can ignore it");
        }
        return new Guard(backend.guard(range, types), range, types);
    }

    /**
     * Shadows native memory of this JVM, on a subscription to {@link Mmu#self()}: the pages that it touches.
     *
     * @param segment native memory, of which the first and the last page are shadowed as a whole
     * @param mode how the shadow comes by pages
     * @return the shadow
     * @throws IllegalArgumentException if the segment is on the heap or empty, or this is the model, which vouches for nothing real
     * @throws MmuException as {@link #shadow(AddressRange, ShadowMode)} does
     * @throws IllegalStateException after {@link #detach()} or {@link #close()}
     */
    public Shadow shadow(MemorySegment segment, ShadowMode mode) {
        return shadow(Shadow.pages(AddressRange.of(segment)), mode);
    }

    /**
     * Shadows what is present of a range, and faults nothing in: {@link ShadowMode#SNAPSHOT}.
     *
     * @param range whole pages, as for {@link #shadow(AddressRange, ShadowMode)}
     * @return the shadow
     * @throws IllegalArgumentException as {@link #shadow(AddressRange, ShadowMode)} does
     * @throws MmuException as {@link #shadow(AddressRange, ShadowMode)} does
     * @throws IllegalStateException after {@link #detach()} or {@link #close()}
     */
    public Shadow shadow(AddressRange range) {
        return shadow(range, ShadowMode.SNAPSHOT);
    }

    /**
     * Shadows a range.
     *
     * @param range whole pages of the subscription's address space, which need not be mapped
     * @param mode how the shadow comes by pages
     * @return the shadow, without an entry before its first {@link Shadow#refresh()}; to be closed here or with this subscription
     * @throws MmuException if another shadow of this subscription overlaps, if there are as many, or they have as many pages, as
     *     may be, see {@link Capabilities.Limits#shadowPagesPerSubscription()}, if the mode is {@link ShadowMode#WRITE} and the
     *     process's memory was not open for writing, if the address space has been released, or the kernel is built without
     *     {@code hmm_range_fault()}
     * @throws IllegalArgumentException if the range does not consist of whole pages, or ends beyond the address space, or is
     *     native memory of this JVM, and this subscription is not on it
     * @throws IllegalStateException after {@link #detach()} or {@link #close()}
     */
    public Shadow shadow(AddressRange range, ShadowMode mode) {
        Shadow.checkPages(range);
        return new Shadow(backend.shadow(range, mode), range, mode);
    }

    /**
     * Puts the reference, {@code mmu_notifier_put()}, and keeps the stream readable up to its
     * {@link EventPhase#DETACHED}. No guard is valid any more, and no shadow has an entry. Does nothing the second time, or after {@link #close()}.
     *
     * <p>The last put unhooks the notifier at once; the kernel frees it later, when no callback can see it any more:
     * {@link Mmu#synchronize()} waits for that.
     */
    public void detach() {
        backend.detach();
    }

    /**
     * Detaches, unmaps the ring and closes the descriptor. Does nothing the second time. It never waits for a thread that
     * drains: the last one out unmaps and closes.
     */
    @Override
    public void close() {
        backend.close();
    }
}
