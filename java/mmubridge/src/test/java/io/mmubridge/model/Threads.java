// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import static org.assertj.core.api.Assertions.assertThat;

/** Threads of tests. */
final class Threads {
    private Threads() {}

    /** Starts something that is going to wait for a lock or a condition, and returns when it does. */
    static Thread waiting(Runnable work) {
        Thread thread = new Thread(work);
        thread.start();
        while (thread.getState() != Thread.State.WAITING) {
            assertThat(thread.isAlive()).as("it waits").isTrue();
            Thread.onSpinWait();
        }
        return thread;
    }
}
