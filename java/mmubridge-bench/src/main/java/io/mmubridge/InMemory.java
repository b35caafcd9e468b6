// SPDX-License-Identifier: Apache-2.0
package io.mmubridge;

import io.mmubridge.kernel.MemoryGuard;
import io.mmubridge.kernel.MemoryShadow;
import java.util.Set;
import org.jspecify.annotations.NullMarked;

/** Guards and shadows that no module keeps. Here, where they can be made. */
@NullMarked
public final class InMemory {
    private InMemory() {}

    /**
     * What {@link Subscription#guard} makes of a slot.
     *
     * @param slot what stands behind it
     * @return the guard
     */
    public static Guard guard(MemoryGuard slot) {
        return new Guard(slot, new AddressRange(0, 1), Set.of());
    }

    /**
     * What {@link Subscription#shadow} makes of a shadow of the module.
     *
     * @param backend what stands behind it
     * @return the shadow
     */
    public static Shadow shadow(MemoryShadow backend) {
        return new Shadow(backend, backend.range(), ShadowMode.SNAPSHOT);
    }
}
