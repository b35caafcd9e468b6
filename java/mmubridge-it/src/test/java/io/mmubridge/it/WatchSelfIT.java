// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmubridge.AddressRange;
import io.mmubridge.EventEntry;
import io.mmubridge.EventPhase;
import io.mmubridge.EventType;
import io.mmubridge.Filter;
import io.mmubridge.InvalidationEvent;
import io.mmubridge.Mmu;
import io.mmubridge.RingOptions;
import io.mmubridge.Subscription;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.ThreadFactory;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** This JVM is told of what it does to its own memory. */
@KernelTest
class WatchSelfIT {
    private static final Duration LONG = Duration.ofMinutes(2);

    private Mmu mmu;

    @BeforeEach
    void open() {
        mmu = Mmu.openKernel();
    }

    @AfterEach
    void close() {
        mmu.close();
    }

    static Stream<ThreadFactory> threads() {
        return Stream.of(Thread.ofPlatform().factory(), Thread.ofVirtual().factory());
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

    @Test
    void aFilterByTypeLeavesGapsInSeqAlone() {
        Memory memory = Memory.map(4096);
        Filter filter = Filter.all().withRange(memory.range()).withTypes(Set.of(EventType.UNMAP));
        try (Subscription subscription = mmu.subsystem("it-self").get(mmu.self(), RingOptions.ofRecords(64), filter)) {
            memory.discardAndTouch();
            assertThat(drain(subscription)).isEmpty();
            subscription.filter(Filter.all().withRange(memory.range()));
            memory.discardAndTouch();
            memory.unmap();

            List<InvalidationEvent> events = drain(subscription);
            assertThat(events).extracting(InvalidationEvent::type).containsExactly(EventType.CLEAR, EventType.UNMAP);
            assertThat(events).extracting(InvalidationEvent::n).containsExactly(1L, 2L);
            assertThat(events.getFirst().seq()).isGreaterThan(1);
        }
    }

    @Test
    void loseNothingButWhatFindsTheRingFullAndSaySo() {
        Memory memory = Memory.map(4096);
        try (Subscription subscription = watch(RingOptions.ofRecords(8), memory.range())) {
            for (int i = 0; i < 20; i++) {
                memory.discardAndTouch();
            }
            assertThat(subscription.events().lost()).isEqualTo(15);
            List<InvalidationEvent> first = drain(subscription);
            memory.discardAndTouch();
            List<InvalidationEvent> second = drain(subscription);

            assertThat(first)
                    .extracting(InvalidationEvent::n)
                    .containsExactlyElementsOf(
                            LongStream.rangeClosed(1, 5).boxed().toList());
            assertThat(second).extracting(InvalidationEvent::phase).containsExactly(EventPhase.LOST, EventPhase.START);
            assertThat(second.getFirst().lostFrom()).isEqualTo(6);
            assertThat(second.getFirst().lostTo()).isEqualTo(20);
            assertThat(second.getLast().n()).isEqualTo(21);
            assertThat(subscription.statistics().lost()).isEqualTo(15);
        }
        memory.unmap();
    }

    @Test
    void detachEndsTheStreamAndKeepsItReadable() throws InterruptedException {
        Memory memory = Memory.map(4096);
        try (Subscription subscription = watch(RingOptions.ofRecords(64), memory.range())) {
            memory.discardAndTouch();
            subscription.detach();
            subscription.detach();
            memory.unmap();

            List<InvalidationEvent> events = new ArrayList<>();
            assertThat(subscription.events().poll(event -> events.add(event.copy()), LONG))
                    .isEqualTo(2);
            assertThat(events)
                    .extracting(InvalidationEvent::phase)
                    .containsExactly(EventPhase.START, EventPhase.DETACHED);
            assertThat(subscription.events().poll(event -> {}, LONG)).isEqualTo(-1);
            assertThatThrownBy(subscription::statistics).isInstanceOf(IllegalStateException.class);
        }
    }

    /** A thread that polls, known to be parked. */
    private static final class Poll {
        final List<EventPhase> phases = new ArrayList<>();
        final FutureTask<Integer> result;
        final Thread thread;

        Poll(Subscription subscription, ThreadFactory threads) {
            result = new FutureTask<>(() -> subscription.events().poll(event -> phases.add(event.phase()), LONG));
            thread = threads.newThread(result);
            thread.start();
            while (thread.getState() != Thread.State.TIMED_WAITING) {
                assertThat(thread.getState()).isNotEqualTo(Thread.State.TERMINATED);
            }
        }

        /** A close may let the mark of its detach through, before the end. */
        void assertEnded() throws ExecutionException, InterruptedException {
            int polled = result.get();
            assertThat(phases).isIn(List.of(), List.of(EventPhase.DETACHED));
            assertThat(polled).isEqualTo(phases.isEmpty() ? -1 : 1);
        }
    }

    @ParameterizedTest
    @MethodSource("threads")
    void anEventWakesAParkedPoll(ThreadFactory threads) throws Exception {
        Memory memory = Memory.map(4096);
        try (Subscription subscription = watch(RingOptions.ofRecords(64), memory.range())) {
            Poll poll = new Poll(subscription, threads);
            memory.discardAndTouch();

            assertThat(poll.result.get()).isEqualTo(1);
        }
        memory.unmap();
    }

    @ParameterizedTest
    @MethodSource("threads")
    void anInterruptEndsAParkedPoll(ThreadFactory threads) {
        Memory memory = Memory.map(4096);
        try (Subscription subscription = watch(RingOptions.ofRecords(64), memory.range())) {
            Poll poll = new Poll(subscription, threads);
            poll.thread.interrupt();

            assertThatThrownBy(poll.result::get)
                    .isInstanceOf(ExecutionException.class)
                    .hasCauseInstanceOf(InterruptedException.class);
        }
        memory.unmap();
    }

    @ParameterizedTest
    @MethodSource("threads")
    void aCloseEndsAParkedPoll(ThreadFactory threads) throws Exception {
        Memory memory = Memory.map(4096);
        Subscription subscription = watch(RingOptions.ofRecords(64), memory.range());
        Poll poll = new Poll(subscription, threads);
        subscription.close();

        poll.assertEnded();
        assertThat(subscription.events().poll(event -> {}, LONG)).isEqualTo(-1);
        memory.unmap();
    }

    @Test
    void closingTheDeviceEndsAParkedPoll() throws Exception {
        Memory memory = Memory.map(4096);
        Poll poll = new Poll(
                watch(RingOptions.ofRecords(64), memory.range()),
                Thread.ofVirtual().factory());
        mmu.close();

        poll.assertEnded();
        memory.unmap();
    }

    @Test
    void fewerWakeUpsLeaveAPollAsleepUntilItsTimeIsUpButLoseNothing() throws Exception {
        Memory memory = Memory.map(4096);
        try (Subscription subscription = watch(RingOptions.ofRecords(64).withWakeupEvents(4), memory.range())) {
            Poll poll = new Poll(subscription, Thread.ofPlatform().factory());
            for (int i = 0; i < 4; i++) {
                memory.discardAndTouch();
            }

            assertThat(poll.result.get()).isEqualTo(4);
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
