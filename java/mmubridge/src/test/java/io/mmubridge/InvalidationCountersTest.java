// SPDX-License-Identifier: Apache-2.0
package io.mmubridge;

import static org.assertj.core.api.Assertions.assertThat;

import io.mmubridge.contract.Garbage;
import io.mmubridge.fake.Events;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.FutureTask;
import java.util.function.ToDoubleFunction;
import org.junit.jupiter.api.Test;

class InvalidationCountersTest {
    private final InvalidationCounters counters = new InvalidationCounters();

    @Test
    void nothingIsZero() {
        assertThat(counters.events()).isZero();
        assertThat(counters.bytes()).isZero();
        assertThat(counters.lost()).isZero();
        assertThat(Cause.values())
                .allSatisfy(cause -> assertThat(counters.events(cause)).isZero());
    }

    @Test
    void invalidationsCountByTypeAndByCause() {
        counters.accept(Events.start(1, EventType.UNMAP, Cause.MUNMAP, 0x1000, 0x4000));
        counters.accept(Events.start(2, EventType.UNMAP, Cause.MREMAP, 0x1000, 0x2000));
        counters.accept(Events.start(3, EventType.CLEAR, Cause.MADV_DONTNEED, 0x1000, 0x3000));

        assertThat(counters.events()).isEqualTo(3);
        assertThat(counters.bytes()).isEqualTo(0x6000);
        assertThat(counters.events(EventType.UNMAP)).isEqualTo(2);
        assertThat(counters.bytes(EventType.UNMAP)).isEqualTo(0x4000);
        assertThat(counters.events(Cause.MREMAP)).isEqualTo(1);
        assertThat(counters.bytes(Cause.MADV_DONTNEED)).isEqualTo(0x2000);
        assertThat(counters.events(EventType.MIGRATE)).isZero();
        assertThat(counters.events(Cause.COW)).isZero();
    }

    @Test
    void whereNoCauseIsRecordedNoneIsCounted() {
        counters.accept(Events.start(1, null));

        assertThat(counters.events()).isEqualTo(1);
        assertThat(counters.events(EventType.CLEAR)).isEqualTo(1);
        assertThat(Cause.values())
                .allSatisfy(cause -> assertThat(counters.events(cause)).isZero());
    }

    @Test
    void aRangeThatSpansTheAddressSpaceAddsNoBytes() {
        counters.accept(Events.start(1, EventType.SOFT_DIRTY, Cause.CLEAR_REFS, 0, -1));

        assertThat(counters.events(EventType.SOFT_DIRTY)).isEqualTo(1);
        assertThat(counters.bytes()).isZero();
    }

    @Test
    void marksOfTheStreamAreNoInvalidations() {
        counters.accept(Events.lost(3, 7));
        counters.accept(Events.lost(9, 9));
        counters.accept(Events.release(10));
        counters.accept(Events.detached(10));

        assertThat(counters.lost()).isEqualTo(6);
        assertThat(counters.events()).isZero();
        assertThat(counters.events(EventType.RELEASE)).isZero();
        assertThat(counters.events(Cause.EXIT)).isZero();
    }

    @Test
    void severalThreadsLoseNothing() throws Exception {
        List<FutureTask<Void>> tasks = new ArrayList<>();
        for (int thread = 0; thread < 4; thread++) {
            FutureTask<Void> task = new FutureTask<>(
                    () -> {
                        for (int n = 0; n < 10_000; n++) {
                            counters.accept(Events.start(n, Cause.COW));
                        }
                    },
                    null);
            tasks.add(task);
            Thread.ofPlatform().start(task);
        }
        for (FutureTask<Void> task : tasks) {
            task.get();
        }

        assertThat(counters.events(Cause.COW)).isEqualTo(40_000);
        assertThat(counters.bytes(EventType.CLEAR)).isEqualTo(40_000 * 4096);
    }

    /** As meters of other libraries take their source: an object and a function of it. */
    private static <T> double meter(T source, ToDoubleFunction<T> value) {
        return value.applyAsDouble(source);
    }

    @Test
    void gettersAreSourcesOfMeters() {
        counters.accept(Events.start(1, Cause.COW));

        assertThat(meter(counters, InvalidationCounters::events)).isEqualTo(1);
        assertThat(meter(counters, InvalidationCounters::bytes)).isEqualTo(4096);
        assertThat(meter(counters, InvalidationCounters::lost)).isZero();
        assertThat(meter(counters, c -> c.events(Cause.COW))).isEqualTo(1);
    }

    @Test
    void countingAllocatesNothing() {
        List<InvalidationEvent> events = List.of(
                Events.start(1, Cause.COW),
                Events.start(2, EventType.UNMAP, Cause.MUNMAP, 0x1000, 0x2000),
                Events.start(3, null),
                Events.lost(4, 5));
        Garbage.assertNone(() -> {
            for (int round = 0; round < Garbage.ROUNDS; round++) {
                for (int i = 0; i < events.size(); i++) {
                    counters.accept(events.get(i));
                }
            }
        });

        assertThat(counters.events()).isPositive();
    }
}
