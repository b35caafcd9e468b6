// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import io.mmubridge.EventType;
import io.mmubridge.InvalidationEvent;
import io.mmubridge.backend.Lifetime;
import io.mmubridge.backend.RingStream;
import io.mmubridge.contract.Garbage;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** Draining makes no garbage once the JVM has compiled it. */
class AllocationTest {
    private static final int EVENTS_A_ROUND = 10;

    private final FakeRing fake = new FakeRing(16);
    private final RingStream stream = new RingStream(fake.reader(), new Lifetime(() -> {}), () -> {});
    private long checksum;

    @Test
    void drainingAllocatesNothing() {
        Consumer<InvalidationEvent> handler = this::look;
        Garbage.assertNone(this::fill, () -> stream.drain(handler, Integer.MAX_VALUE));

        assertThat(checksum).isPositive();
    }

    private void fill() {
        for (int i = 0; i < EVENTS_A_ROUND; i++) {
            fake.start();
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
