// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.contract;

import io.mmubridge.Mmu;

/** Where there is a device, and where processes run: what a contract is tested on. */
public interface Machine {
    /** Opens the same device as any other call. */
    Mmu open();

    /** Starts a process, which is named by what is open. */
    Target start(Mmu mmu);

    /** Fails if something has gone wrong that no test has seen. */
    void check();
}
