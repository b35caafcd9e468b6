// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.it;

import io.mmubridge.Mmu;
import io.mmubridge.contract.ShadowContract;
import io.mmubridge.contract.Target;

/** The kernel's shadows are those of every backend. */
@KernelTest
class ShadowIT extends ShadowContract {
    @Override
    protected Mmu openMmu() {
        return Mmu.openKernel();
    }

    @Override
    protected Target startTarget() {
        return ProgramTarget.start(mmu);
    }
}
