// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.it;

import io.mmubridge.contract.LimitContract;

/** The kernel has limits as every backend has. */
@KernelTest
class LimitIT extends LimitContract {
    LimitIT() {
        super(new KernelMachine());
    }
}
