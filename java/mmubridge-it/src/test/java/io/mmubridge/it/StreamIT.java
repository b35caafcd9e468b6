// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.it;

import io.mmubridge.contract.StreamContract;

/** The kernel tells of events as every backend does. */
@KernelTest
class StreamIT extends StreamContract {
    StreamIT() {
        super(new KernelMachine());
    }
}
