// SPDX-License-Identifier: Apache-2.0
package io.mmubridge;

/**
 * Counters of one subscription, and of what it shares with others of its subsystem on the same address space; all of one
 * moment.
 *
 * @param spaceId names the pair of subsystem and address space; equal for subscriptions that share a notifier
 * @param users subscriptions that share it
 * @param invalidations {@code invalidate_range_start} callbacks on it
 * @param nonblockable of these, how many must not sleep
 * @param seq callbacks on it, {@code release} included
 * @param completedSeq every invalidation numbered up to this has ended
 * @param active invalidations that have started and not ended
 * @param events that match this subscription's filter, lost ones included
 * @param records written to its ring, the marks of the stream included
 * @param lost events that found its ring full
 */
public record SubscriptionStatistics(
        long spaceId,
        long users,
        long invalidations,
        long nonblockable,
        long seq,
        long completedSeq,
        long active,
        long events,
        long records,
        long lost) {}
