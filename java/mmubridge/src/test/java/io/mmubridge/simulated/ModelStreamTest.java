// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.simulated;

import io.mmubridge.contract.StreamContract;
import org.junit.jupiter.api.Timeout;

/** The model tells of events as every backend does. */
@Timeout(60)
class ModelStreamTest extends StreamContract {
    ModelStreamTest() {
        super(new SimulatedMachine());
    }
}
