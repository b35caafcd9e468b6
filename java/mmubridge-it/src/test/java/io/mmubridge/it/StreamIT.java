// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.it;

import io.mmubridge.Mmu;
import io.mmubridge.contract.StreamContract;
import io.mmubridge.contract.Target;

/** The kernel tells of events as every backend does. */
@KernelTest
class StreamIT extends StreamContract {
    @Override
    protected Mmu openMmu() {
        return Mmu.openKernel();
    }

    @Override
    protected Target startTarget() {
        return ProgramTarget.start(mmu);
    }
}
