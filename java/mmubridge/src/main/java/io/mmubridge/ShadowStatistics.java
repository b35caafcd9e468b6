// SPDX-License-Identifier: Apache-2.0
package io.mmubridge;

/**
 * The counters of a {@link Shadow}, in pages of 4 KiB since it was made: {@code struct mmub_shadow_header}. Each is true at
 * some moment, all together are not of the same one.
 *
 * @param present entries that there are
 * @param lastEvent {@link InvalidationEvent#seq()} of the last event that dropped one, 0 if none did
 * @param dropped entries that events have dropped; of those that were looked at since:
 * @param same see {@link ShadowChanges#same()}
 * @param moved see {@link ShadowChanges#moved()}
 * @param reprotected see {@link ShadowChanges#reprotected()}
 * @param gone see {@link ShadowChanges#gone()}
 * @param upgraded see {@link ShadowChanges#upgraded()}
 * @param mismatched see {@link ShadowChanges#mismatched()}
 */
public record ShadowStatistics(
        long present,
        long lastEvent,
        long dropped,
        long same,
        long moved,
        long reprotected,
        long gone,
        long upgraded,
        long mismatched) {}
