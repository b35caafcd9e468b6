// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import org.jspecify.annotations.Nullable;

/**
 * What is said when no look follows, or so far.
 *
 * @param pid the process
 * @param subsystem under which name
 * @param end why no look follows, or null while it goes on
 * @param durationNanos since the beginning
 * @param last the last look, or null if there was none
 * @param events since the first look
 */
record ShadowSummary(
        long pid,
        String subsystem,
        Summary.@Nullable End end,
        long durationNanos,
        @Nullable ShadowLook last,
        ShadowEvents.Snapshot events) {
    int looks() {
        return last == null ? 0 : last.number();
    }

    /** The state of the last look, and all changes since the first. */
    ShadowCounts counts() {
        return last == null ? ShadowCounts.NONE : last.total();
    }
}
