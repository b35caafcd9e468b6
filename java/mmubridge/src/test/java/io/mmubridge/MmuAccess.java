// SPDX-License-Identifier: Apache-2.0
package io.mmubridge;

import io.mmubridge.backend.Backend;

/** What tests in other packages may do and programs may not. */
public final class MmuAccess {
    private MmuAccess() {}

    /**
     * Puts a backend of one's own behind the public types.
     *
     * @param backend what stands behind it
     * @return the open device
     */
    public static Mmu open(Backend backend) {
        return new Mmu(backend);
    }
}
