// SPDX-License-Identifier: Apache-2.0
package io.mmubridge;

import io.mmubridge.backend.BackendSubscription;

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
     * Puts the reference, {@code mmu_notifier_put()}, and keeps the stream readable up to its
     * {@link EventPhase#DETACHED}. Does nothing the second time, or after {@link #close()}.
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
