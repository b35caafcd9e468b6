// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What is said when a watch is over, or of it so far.
 *
 * @param pid the process that was watched
 * @param subsystem under which name
 * @param end why it is over, or null while it goes on
 * @param durationNanos how long it was watched
 * @param tally what was written
 * @param status the command's, or null if a process was watched that was there before
 * @param missedStart whether the command ran before it was watched
 * @param spaces the processes by number, where there may be several
 */
record Summary(
        long pid,
        String subsystem,
        @Nullable End end,
        long durationNanos,
        Tally tally,
        @Nullable Integer status,
        boolean missedStart,
        List<Space> spaces) {
    /**
     * What was seen of one process.
     *
     * @param space its number
     * @param pid the process
     * @param events of it
     * @param lost of it
     */
    record Space(int space, long pid, long events, long lost) {}

    /** Events a second. */
    double rate() {
        return tally.events() * 1e9 / Math.max(1, durationNanos);
    }

    /** Why a watch is over. */
    enum End {
        /** The address space went away: the process exited, or one that is not followed executed another program. */
        RELEASE,
        /** As many events were seen as {@code --count} asks for. */
        COUNT,
        /** The time of {@code --duration} is up. */
        DURATION,
        /** A signal asked to stop. */
        SIGNAL,
        /** Nobody reads the output any more. */
        OUTPUT;

        String label() {
            return name().toLowerCase(Locale.ROOT);
        }
    }
}
