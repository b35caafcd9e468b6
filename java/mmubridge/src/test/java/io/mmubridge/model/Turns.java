// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import java.util.function.BooleanSupplier;

/** Waits for SRCU readers without spinning, which a model checker would follow round by round. */
final class Turns implements Srcu.Waiting {
    @Override
    public synchronized void until(BooleanSupplier over) {
        while (!over.getAsBoolean()) {
            try {
                wait();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }
    }

    @Override
    public synchronized void sectionEnded() {
        notifyAll();
    }
}
