// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.contract;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.function.LongSupplier;

/** What a thread allocates. */
public final class Garbage {
    /** Rounds of a pass. */
    public static final int ROUNDS = 20_000;

    private static final long PATIENCE_NANOS = 60_000_000_000L;

    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private Garbage() {}

    /**
     * Asserts that what is done makes no garbage once the JVM has compiled it. The compiler works beside us, when it comes to
     * it: it is enough that a whole pass without garbage comes.
     *
     * @param pass does it {@link #ROUNDS} times
     */
    public static void assertNone(Runnable pass) {
        assertOncePassed(() -> {
            long before = allocated();
            pass.run();
            return allocated() - before;
        });
    }

    /**
     * The same of what needs something that may make garbage, which is not counted.
     *
     * @param before done before each round
     * @param round is to make none
     */
    public static void assertNone(Runnable before, Runnable round) {
        assertOncePassed(() -> {
            long sum = 0;
            for (int i = 0; i < ROUNDS; i++) {
                before.run();
                sum -= allocated();
                round.run();
                sum += allocated();
            }
            return sum;
        });
    }

    private static void assertOncePassed(LongSupplier pass) {
        long begun = System.nanoTime();
        long allocated;
        do {
            allocated = pass.getAsLong();
        } while (allocated >= ROUNDS && System.nanoTime() - begun < PATIENCE_NANOS);

        assertThat(allocated).as("bytes in %d rounds", ROUNDS).isLessThan(ROUNDS);
    }

    /** Bytes by this thread so far. */
    private static long allocated() {
        return THREADS.getCurrentThreadAllocatedBytes();
    }
}
