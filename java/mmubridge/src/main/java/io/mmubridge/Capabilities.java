// SPDX-License-Identifier: Apache-2.0
package io.mmubridge;

import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What the backend can do, and how much of it one user may have.
 *
 * @param moduleVersion the module's version; of the model, which kernel it mirrors
 * @param abiVersion of the interface to it; 0 of the model
 * @param features what is built
 * @param foreignRefusal why other processes cannot be attached to, or null if they can
 * @param limits how much
 */
public record Capabilities(
        String moduleVersion,
        int abiVersion,
        Set<Feature> features,
        @Nullable String foreignRefusal,
        Limits limits) {
    /** Copies the features. */
    public Capabilities {
        features = Set.copyOf(features);
    }

    /** A part that may or may not be there. */
    public enum Feature {
        /** Subscriptions, rings, filters and statistics. */
        WATCH,
        /** {@link Mmu#synchronize()}. */
        SYNCHRONIZE,
        /** Subscriptions on other processes. */
        FOREIGN,
        /** The kernel stack of each event, and the cause read off it. */
        CAUSE,
        /** Guards: a word that says whether a range is still what it was. */
        GUARD,
        /** Shadows: what each page of a range maps to. */
        SHADOW,
        /** Reads and writes through a shadow. */
        ACCESS,
        /** Mappings of another process's pages. */
        WINDOW
    }

    /**
     * Limits, most of which an administrator can move: they are parameters of the module.
     *
     * @param pageSize bytes of a page
     * @param subsystems names in use at one time, over all users
     * @param subsystemsPerUid of these, one user's
     * @param subscriptionsPerSpace on one subsystem and address space
     * @param subscriptionsPerUid one user's
     * @param ringRecordsMin the smallest ring
     * @param ringRecordsMax the largest ring
     * @param filterRanges ranges of one filter
     * @param guardsPerSubscription 0 without {@link Feature#GUARD}
     * @param shadowsPerSubscription 0 without {@link Feature#SHADOW}
     * @param shadowPagesPerSubscription of all of these together; 0 without {@link Feature#SHADOW}
     */
    public record Limits(
            int pageSize,
            int subsystems,
            int subsystemsPerUid,
            int subscriptionsPerSpace,
            int subscriptionsPerUid,
            int ringRecordsMin,
            int ringRecordsMax,
            int filterRanges,
            int guardsPerSubscription,
            int shadowsPerSubscription,
            int shadowPagesPerSubscription) {}
}
