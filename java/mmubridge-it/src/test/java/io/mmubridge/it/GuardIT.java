// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.it;

import io.mmubridge.contract.GuardContract;

/** The kernel's guards are those of every backend. */
@KernelTest
class GuardIT extends GuardContract {
    GuardIT() {
        super(new KernelMachine());
    }
}
