// SPDX-License-Identifier: Apache-2.0
package io.mmubridge;

/**
 * What a {@link Shadow#refresh()} has found: of events, which tell what may have changed, what really did.
 *
 * <p>Each entry that an event has dropped is counted once, by the next refresh, read or write that looks at its page:
 * {@link #same}, {@link #moved}, {@link #reprotected} or {@link #gone}. All counts are of pages of 4 KiB.
 *
 * @param present pages that have an entry now
 * @param writable of these, those that the processor may write to without a fault
 * @param huge of these, those that are mapped as part of 2 MiB or more
 * @param added of these, those of which nothing was known before
 * @param same dropped, and found as they were: the same page with the same permission
 * @param moved dropped, and another page is there
 * @param reprotected dropped, and the same page is there, which is writable now and was not, or the reverse
 * @param gone dropped, and no page is there, or none that may be accessed
 * @param upgraded not dropped, and found to have become writable, which is no event
 * @param mismatched not dropped, and something else was found all the same: 0, or the kernel has not told, or what tells is
 *     wrong
 * @param busy left alone by {@link Shadow#tryRefresh}, since an invalidation was in flight, or it or another refresh came between
 */
public record ShadowChanges(
        long present,
        long writable,
        long huge,
        long added,
        long same,
        long moved,
        long reprotected,
        long gone,
        long upgraded,
        long mismatched,
        long busy) {}
