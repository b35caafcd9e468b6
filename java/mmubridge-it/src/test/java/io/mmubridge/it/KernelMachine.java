// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.it;

import io.mmubridge.Mmu;
import io.mmubridge.contract.Machine;
import io.mmubridge.contract.Target;

/** This one, with the module. What goes wrong there is in the kernel's log, which whoever runs the tests looks at. */
final class KernelMachine implements Machine {
    @Override
    public Mmu open() {
        return Mmu.openKernel();
    }

    @Override
    public Target start(Mmu mmu) {
        return ProgramTarget.start(mmu);
    }

    @Override
    public void check() {}
}
