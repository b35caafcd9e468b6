// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.simulated;

import io.mmubridge.contract.ShadowContract;
import org.junit.jupiter.api.Timeout;

/** The model shadows as every backend does. */
@Timeout(120)
class ModelShadowContractTest extends ShadowContract {
    ModelShadowContractTest() {
        super(new SimulatedMachine());
    }
}
