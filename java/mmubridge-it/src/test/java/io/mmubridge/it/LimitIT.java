// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.it;

import io.mmubridge.Mmu;
import io.mmubridge.contract.LimitContract;
import io.mmubridge.contract.Target;

/** The kernel has limits as every backend has. */
@KernelTest
class LimitIT extends LimitContract {
    @Override
    protected Mmu openMmu() {
        return Mmu.openKernel();
    }

    @Override
    protected Target startTarget() {
        return ProgramTarget.start(mmu);
    }
}
