// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.it;

import io.mmubridge.Mmu;
import io.mmubridge.contract.GuardContract;
import io.mmubridge.contract.Target;

/** The kernel's guards are those of every backend. */
@KernelTest
class GuardIT extends GuardContract {
    @Override
    protected Mmu openMmu() {
        return Mmu.openKernel();
    }

    @Override
    protected Target startTarget() {
        return ProgramTarget.start(mmu);
    }
}
