// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.contract;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;

/** What a thread allocates. */
public final class Garbage {
    /** Rounds of a pass. */
    public static final int ROUNDS = 20_000;

    private static final long PATIENCE_NANOS = 60_000_000_000L;

    private Garbage() {}

    /**
     * Asserts that what is done makes no garbage once the JVM has compiled it. The compiler works beside us, when it comes to
     * it: it is enough that a whole pass without garbage comes.
     *
     * @param pass does it {@link #ROUNDS} times
     */
    public static void assertNone(Runnable pass) {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long begun = System.nanoTime();
        long allocated;
        do {
            long before = threads.getCurrentThreadAllocatedBytes();
            pass.run();
            allocated = threads.getCurrentThreadAllocatedBytes() - before;
        } while (allocated >= ROUNDS && System.nanoTime() - begun < PATIENCE_NANOS);

        assertThat(allocated).as("bytes in %d rounds", ROUNDS).isLessThan(ROUNDS);
    }
}
