// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.simulated;

import io.mmubridge.contract.SharingContract;
import org.junit.jupiter.api.Timeout;

/** The model shares notifiers as every backend does. */
@Timeout(60)
class ModelSharingTest extends SharingContract {
    ModelSharingTest() {
        super(new SimulatedMachine());
    }
}
