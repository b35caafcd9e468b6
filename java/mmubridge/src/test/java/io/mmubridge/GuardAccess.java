// SPDX-License-Identifier: Apache-2.0
package io.mmubridge;

import io.mmubridge.backend.BackendGuard;
import java.util.Set;

/** Guards over a backend of a test's own. */
public final class GuardAccess {
    private GuardAccess() {}

    /**
     * What {@link Subscription#guard} makes of a slot.
     *
     * @param slot what stands behind it
     * @param range what it guards
     * @return the guard
     */
    public static Guard of(BackendGuard slot, AddressRange range) {
        return new Guard(slot, range, Set.of());
    }
}
