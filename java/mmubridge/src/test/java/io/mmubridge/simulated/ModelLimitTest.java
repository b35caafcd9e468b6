// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.simulated;

import io.mmubridge.contract.LimitContract;
import org.junit.jupiter.api.Timeout;

/** The model has limits as every backend has. */
@Timeout(60)
class ModelLimitTest extends LimitContract {
    ModelLimitTest() {
        super(new SimulatedMachine());
    }
}
