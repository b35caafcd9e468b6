// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cache;

import io.mmubridge.Cause;
import java.util.Map;

/**
 * Counters of a {@link RegistrationCache}, since it was made. Read while others use the cache they are of no one moment.
 *
 * @param hits acquires that were answered by a registration that was there
 * @param misses acquires that registered
 * @param registrations handles that were made; more than misses if the memory changed meanwhile
 * @param deregistrations handles that were taken back
 * @param deregistrationFailures of these, how many threw
 * @param uncached registrations that could not be kept, for want of a guard or of room, and so served one user
 * @param evictions registrations that made room for others
 * @param merges registrations that a larger one took in
 * @param invalidations registrations found stale, whatever the cause
 * @param invalidationsByCause of these, those whose cause is known
 * @param scopesClosed registrations of segments whose arena was closed, or became unreachable
 * @param entries registrations that can be found now
 * @param bytes of these
 * @param leases not closed now
 */
public record CacheStatistics(
        long hits,
        long misses,
        long registrations,
        long deregistrations,
        long deregistrationFailures,
        long uncached,
        long evictions,
        long merges,
        long invalidations,
        Map<Cause, Long> invalidationsByCause,
        long scopesClosed,
        int entries,
        long bytes,
        long leases) {
    /** Copies the map. */
    public CacheStatistics {
        invalidationsByCause = Map.copyOf(invalidationsByCause);
    }
}
