// SPDX-License-Identifier: Apache-2.0
package io.mmubridge;

import java.util.Locale;

/** What an event tells of. */
public enum EventPhase {
    /** {@code invalidate_range_start}: the range may be changing from now on. */
    START,
    /** {@code release}: the address space is going away, since its process exited or executed another program. */
    RELEASE,
    /** The stream goes on with the address space of the program that was executed; never written by the kernel. */
    EXEC,
    /** Events from {@link InvalidationEvent#lostFrom()} to {@link InvalidationEvent#lostTo()} found the ring full. */
    LOST,
    /** The subscription was detached: the last event of its stream. */
    DETACHED;

    /**
     * The name in lower case, as the command line writes it.
     *
     * @return the label
     */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
