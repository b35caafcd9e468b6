// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.it;

import io.mmubridge.Mmu;
import io.mmubridge.contract.SharingContract;
import io.mmubridge.contract.Target;

/** The kernel shares notifiers as every backend does. */
@KernelTest
class SharingIT extends SharingContract {
    @Override
    protected Mmu openMmu() {
        return Mmu.openKernel();
    }

    @Override
    protected Target startTarget() {
        return ProgramTarget.start(mmu);
    }
}
