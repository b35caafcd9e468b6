// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.mmubridge.AddressRange;
import io.mmubridge.EventEntry;
import io.mmubridge.EventPhase;
import io.mmubridge.EventType;
import io.mmubridge.Filter;
import io.mmubridge.InvalidationEvent;
import io.mmubridge.Mmu;
import io.mmubridge.RingOptions;
import io.mmubridge.Subscription;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** This JVM is told of what it does to its own memory; what holds of any process is in {@link StreamIT}. */
@KernelTest
class WatchSelfIT {
    private Mmu mmu;

    @BeforeEach
    void open() {
        mmu = Mmu.openKernel();
    }

    @AfterEach
    void close() {
        mmu.close();
    }

    private Subscription watch(RingOptions ring, AddressRange range) {
        return mmu.subsystem("it-self").get(mmu.self(), ring, Filter.all().withRange(range));
    }

    private static List<InvalidationEvent> drain(Subscription subscription) {
        List<InvalidationEvent> events = new ArrayList<>();
        subscription.events().drain(event -> events.add(event.copy()));
        return events;
    }

    @Test
    void anUnmapIsToldWithItsRangeTaskAndCall() {
        Memory memory = Memory.map(16 * 4096);
        AddressRange range = memory.range();
        try (Subscription subscription = watch(RingOptions.ofRecords(64), range)) {
            memory.unmap();
            List<InvalidationEvent> events = drain(subscription);

            assertThat(events).hasSize(1);
            InvalidationEvent event = events.getFirst();
            assertThat(event.phase()).isEqualTo(EventPhase.START);
            assertThat(event.type()).isEqualTo(EventType.UNMAP);
            assertThat(event.start()).isEqualTo(range.start());
            assertThat(event.end()).isEqualTo(range.end());
            assertThat(event.isBlockable()).isTrue();
            assertThat(event.pid())
                    .isEqualTo(Math.toIntExact(ProcessHandle.current().pid()));
            assertThat(event.entry()).isEqualTo(EventEntry.SYSCALL);
            assertThat(event.syscall()).isEqualTo("munmap");
            assertThat(event.n()).isEqualTo(1);
            assertThat(event.comm()).isNotEmpty();
        }
    }

    @Test
    void timeIsThatOfTheMonotonicClock() {
        Memory memory = Memory.map(4096);
        try (Subscription subscription = watch(RingOptions.ofRecords(64), memory.range())) {
            long before = System.nanoTime();
            memory.discardAndTouch();
            long after = System.nanoTime();

            assertThat(drain(subscription))
                    .singleElement()
                    .satisfies(event -> assertThat(event.timeNanos()).isBetween(before, after));
        }
        memory.unmap();
    }

    /** Closes while a thread drains as fast as it can: whoever touched the unmapped ring would end this JVM. */
    @Test
    void closingWhileOthersDrainNeverTouchesTheUnmappedRing() throws Exception {
        Memory memory = Memory.map(4096);
        for (int round = 0; round < 30; round++) {
            Subscription subscription = watch(RingOptions.ofRecords(64), memory.range());
            FutureTask<Void> reader = new FutureTask<>(
                    () -> {
                        while (!subscription.events().isEnded()) {
                            subscription.events().drain(event -> {});
                        }
                    },
                    null);
            Thread.ofPlatform().start(reader);
            memory.discardAndTouch();
            subscription.close();
            reader.get();
        }
        memory.unmap();
    }
}
