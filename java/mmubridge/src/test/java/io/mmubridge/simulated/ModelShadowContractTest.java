// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.simulated;

import static org.assertj.core.api.Assertions.assertThat;

import io.mmubridge.Mmu;
import io.mmubridge.contract.ShadowContract;
import io.mmubridge.contract.Target;
import io.mmubridge.model.Lockdep;
import io.mmubridge.model.SimulatedKernel;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;

/** The model shadows as every backend does. */
@Timeout(120)
class ModelShadowContractTest extends ShadowContract {
    private final SimulatedKernel kernel =
            SimulatedKernel.builder().lockdep(Lockdep.on()).build();

    @Override
    protected Mmu openMmu() {
        return Mmu.simulated(kernel);
    }

    @Override
    protected Target startTarget() {
        return new SimulatedTarget(mmu, kernel);
    }

    @AfterEach
    void nothingIsBroken() {
        assertThat(kernel.failures()).isEmpty();
    }
}
