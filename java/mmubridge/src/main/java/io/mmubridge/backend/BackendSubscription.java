// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.backend;

import io.mmubridge.AddressRange;
import io.mmubridge.EventType;
import io.mmubridge.Filter;
import io.mmubridge.InvalidationEvent;
import io.mmubridge.ShadowMode;
import io.mmubridge.SubscriptionStatistics;
import java.util.Set;
import java.util.function.Consumer;

/**
 * What stands behind {@link io.mmubridge.Subscription} and {@link io.mmubridge.EventStream}, whose documentation is the
 * contract.
 */
public interface BackendSubscription extends AutoCloseable {
    /** Names the pair of subsystem and address space. */
    long spaceId();

    /** Whether the notifier was there before. */
    boolean sharedNotifier();

    /** Its counters. */
    SubscriptionStatistics statistics();

    /** Changes the filter. */
    void filter(Filter filter);

    /**
     * Guards a range.
     *
     * @param range of the address space
     * @param ignored types of invalidations that leave it valid; immutable
     */
    BackendGuard guard(AddressRange range, Set<EventType> ignored);

    /**
     * Shadows a range.
     *
     * @param range whole pages of the address space
     * @param mode how it comes by pages
     */
    BackendShadow shadow(AddressRange range, ShadowMode mode);

    /** Hands over at most {@code limit} events. */
    int drain(Consumer<? super InvalidationEvent> handler, int limit);

    /**
     * Waits until there is something to drain or the stream has ended.
     *
     * @param timeoutNanos 0 or more
     * @return false if time ran out
     */
    boolean await(long timeoutNanos) throws InterruptedException;

    /** Whether nothing more is to come. */
    boolean isEnded();

    /** Events lost so far. */
    long lost();

    /** Puts the reference; once. */
    void detach();

    @Override
    void close();
}
