// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.it;

import io.mmubridge.contract.SharingContract;

/** The kernel shares notifiers as every backend does. */
@KernelTest
class SharingIT extends SharingContract {
    SharingIT() {
        super(new KernelMachine());
    }
}
