// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.simulated;

import static org.assertj.core.api.Assertions.assertThat;

import io.mmubridge.EventPhase;
import io.mmubridge.EventType;
import io.mmubridge.InvalidationEvent;
import io.mmubridge.RingOptions;
import io.mmubridge.contract.Garbage;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/** One thread on both ends of a queue. */
class EventQueueTest {
    private final AtomicInteger wakes = new AtomicInteger();
    private final Counters counters = new Counters();
    private final QueuedEvent event = new QueuedEvent();
    private EventQueue queue = new EventQueue(RingOptions.ofRecords(8), counters, wakes::incrementAndGet);
    private long n;

    private void tell(EventPhase phase) {
        if (phase != EventPhase.DETACHED) {
            n++;
        }
        queue.event(event.begin(phase, EventType.CLEAR).at(10 * n, 100 * n), n);
    }

    private void start(int count) {
        for (int i = 0; i < count; i++) {
            tell(EventPhase.START);
        }
    }

    private List<InvalidationEvent> drain(int limit) {
        List<InvalidationEvent> events = new ArrayList<>();
        queue.drain(told -> events.add(told.copy()), limit, () -> false);
        return events;
    }

    private static List<Long> numbers(long from, long to) {
        return LongStream.rangeClosed(from, to).boxed().toList();
    }

    @Test
    void aGapIsToldOfBeforeTheNextEvent() {
        start(9);
        assertThat(queue.lost()).isEqualTo(4);
        assertThat(drain(1)).extracting(InvalidationEvent::n).containsExactly(1L);
        start(1);
        assertThat(queue.lost())
                .as("one place is not enough for the mark and the event")
                .isEqualTo(5);
        assertThat(drain(1)).extracting(InvalidationEvent::n).containsExactly(2L);
        start(1);

        List<InvalidationEvent> events = drain(Integer.MAX_VALUE);
        assertThat(events)
                .extracting(InvalidationEvent::phase)
                .containsExactly(
                        EventPhase.START, EventPhase.START, EventPhase.START, EventPhase.LOST, EventPhase.START);
        InvalidationEvent lost = events.get(3);
        assertThat(lost.lostFrom()).isEqualTo(6);
        assertThat(lost.lostTo()).isEqualTo(10).isEqualTo(lost.n());
        assertThat(lost.seq()).as("that of the last lost").isEqualTo(1000);
        assertThat(lost.cause()).isNull();
        assertThat(events.getLast().n()).isEqualTo(11);
    }

    @Test
    void theMarksOfTheEndAlwaysFindRoom() {
        start(20);
        tell(EventPhase.RELEASE);
        tell(EventPhase.DETACHED);

        List<InvalidationEvent> events = drain(Integer.MAX_VALUE);
        assertThat(events.subList(0, 5)).extracting(InvalidationEvent::n).isEqualTo(numbers(1, 5));
        assertThat(events.subList(5, 8))
                .extracting(InvalidationEvent::phase)
                .containsExactly(EventPhase.LOST, EventPhase.RELEASE, EventPhase.DETACHED);
        assertThat(events.getLast().n()).as("the last event's").isEqualTo(21);
        assertThat(queue.lost()).isEqualTo(15);
        assertThat(queue.written()).isEqualTo(8).isEqualTo(counters.records.sum());
        assertThat(counters.lost.sum()).isEqualTo(15);
    }

    @Test
    void aReaderIsWokenWhenSoManyAreUnreadAndNotForEachAfter() {
        queue = new EventQueue(RingOptions.ofRecords(16).withWakeupEvents(3), counters, wakes::incrementAndGet);
        start(2);
        assertThat(wakes).hasValue(0);
        start(3);
        assertThat(wakes).hasValue(1);
        drain(Integer.MAX_VALUE);
        start(3);
        assertThat(wakes).hasValue(2);
    }

    @Test
    void aReaderWhoKnowsOfAllLossesButThisIsWokenForIt() {
        start(5);
        wakes.set(0);
        start(2);
        assertThat(wakes).hasValue(1);
        assertThat(queue.isReadable()).isTrue();
        drain(0);
        start(1);
        assertThat(wakes).hasValue(2);
    }

    @Test
    void aViewThatEscapesIsNotTheCopy() {
        start(2);
        List<InvalidationEvent> views = new ArrayList<>();
        queue.drain(views::add, Integer.MAX_VALUE, () -> false);

        assertThat(views.getFirst()).isSameAs(views.getLast());
    }

    @Test
    void neitherTellingNorDrainingAllocates() {
        long[] checksum = new long[1];
        Consumer<InvalidationEvent> handler = told -> checksum[0] += told.n();
        Garbage.assertNone(() -> {
            for (int round = 0; round < Garbage.ROUNDS; round++) {
                start(5);
                queue.drain(handler, Integer.MAX_VALUE, () -> false);
            }
        });

        assertThat(checksum[0]).isPositive();
        assertThat(queue.lost()).isZero();
    }
}
