// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.simulated;

import static org.assertj.core.api.Assertions.assertThat;

import io.mmubridge.Mmu;
import io.mmubridge.contract.Machine;
import io.mmubridge.contract.Target;
import io.mmubridge.model.Lockdep;
import io.mmubridge.model.SimulatedKernel;

/** The model, whose locks are watched. */
final class SimulatedMachine implements Machine {
    private final SimulatedKernel kernel =
            SimulatedKernel.builder().lockdep(Lockdep.on()).build();

    @Override
    public Mmu open() {
        return Mmu.simulated(kernel);
    }

    @Override
    public Target start(Mmu mmu) {
        return new SimulatedTarget(mmu, kernel);
    }

    @Override
    public void check() {
        assertThat(kernel.failures()).isEmpty();
    }
}
