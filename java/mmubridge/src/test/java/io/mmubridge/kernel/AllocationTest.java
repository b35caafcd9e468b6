// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.mmubridge.EventType;
import io.mmubridge.InvalidationEvent;
import io.mmubridge.backend.Lifetime;
import io.mmubridge.backend.RingStream;
import java.lang.management.ManagementFactory;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** Draining makes no garbage once the JVM has compiled it. */
class AllocationTest {
    private static final int PASSES = 50;
    private static final int ROUNDS = 20_000;
    private static final int EVENTS_A_ROUND = 10;

    private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private final FakeRing fake = new FakeRing(16);
    private final RingStream stream = new RingStream(fake.reader(), new Lifetime(() -> {}), () -> {});
    private long checksum;

    @Test
    void drainingAllocatesNothing() {
        Consumer<InvalidationEvent> handler = this::look;
        long allocated = Long.MAX_VALUE;
        // The compiler works beside us: it is enough that a whole pass without garbage comes.
        for (int pass = 0; pass < PASSES && allocated >= ROUNDS; pass++) {
            long before = threads.getCurrentThreadAllocatedBytes();
            drain(handler);
            allocated = threads.getCurrentThreadAllocatedBytes() - before;
        }

        assertThat(checksum).isPositive();
        assertThat(allocated).as("bytes in %d rounds", ROUNDS).isLessThan(ROUNDS);
    }

    private void drain(Consumer<InvalidationEvent> handler) {
        for (int round = 0; round < ROUNDS; round++) {
            for (int i = 0; i < EVENTS_A_ROUND; i++) {
                fake.start();
            }
            stream.drain(handler, Integer.MAX_VALUE);
        }
    }

    private void look(InvalidationEvent event) {
        checksum += event.n() + event.start() + event.end() + event.comm().length();
        String syscall = event.syscall();
        if (event.type() == EventType.CLEAR && syscall != null) {
            checksum += syscall.length();
        }
    }
}
