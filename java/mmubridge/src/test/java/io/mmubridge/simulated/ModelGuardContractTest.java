// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.simulated;

import io.mmubridge.contract.GuardContract;
import org.junit.jupiter.api.Timeout;

/** The model guards as every backend does. */
@Timeout(60)
class ModelGuardContractTest extends GuardContract {
    ModelGuardContractTest() {
        super(new SimulatedMachine());
    }
}
