// SPDX-License-Identifier: Apache-2.0
package io.mmubridge;

import io.mmubridge.kernel.MemoryGuard;
import java.util.Set;
import org.jspecify.annotations.NullMarked;

/** Guards that no module keeps. Here, where they can be made. */
@NullMarked
public final class MemoryGuards {
    private MemoryGuards() {}

    /**
     * What {@link Subscription#guard} makes of a slot.
     *
     * @param slot what stands behind it
     * @return the guard
     */
    public static Guard of(MemoryGuard slot) {
        return new Guard(slot, new AddressRange(0, 1), Set.of());
    }
}
