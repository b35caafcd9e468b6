// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmubridge.AddressRange;
import io.mmubridge.Capabilities;
import io.mmubridge.Cause;
import io.mmubridge.EventEntry;
import io.mmubridge.EventPhase;
import io.mmubridge.EventType;
import io.mmubridge.Filter;
import io.mmubridge.InvalidationEvent;
import io.mmubridge.RingOptions;
import io.mmubridge.Subscription;
import io.mmubridge.SubscriptionStatistics;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.ThreadFactory;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Nothing is missed, in order, and whoever waits is woken. */
public abstract class StreamContract extends BackendContract {
    private static final Duration LONG = Duration.ofMinutes(2);

    protected StreamContract(Machine machine) {
        super(machine);
    }

    static Stream<ThreadFactory> threads() {
        return Stream.of(Thread.ofPlatform().factory(), Thread.ofVirtual().factory());
    }

    @Test
    void anUnmapIsToldWithItsRangeTaskCallAndCause() {
        AddressRange range = target.map(16);
        try (Subscription subscription = watch(RingOptions.ofRecords(64), range)) {
            long before = System.nanoTime();
            target.unmap(range);
            long after = System.nanoTime();

            assertThat(drain(subscription)).singleElement().satisfies(event -> {
                assertThat(event.phase()).isEqualTo(EventPhase.START);
                assertThat(event.type()).isEqualTo(EventType.UNMAP);
                assertThat(event.start()).isEqualTo(range.start());
                assertThat(event.end()).isEqualTo(range.end());
                assertThat(event.isBlockable()).isTrue();
                assertThat(event.isForeign()).isFalse();
                assertThat(event.pid()).isEqualTo(target.pid());
                assertThat(event.tid()).isEqualTo(target.pid());
                assertThat(event.comm()).isNotEmpty();
                assertThat(event.entry()).isEqualTo(EventEntry.SYSCALL);
                assertThat(event.syscall()).isEqualTo("munmap");
                assertThat(event.syscallNumber()).isEqualTo(11);
                assertThat(event.n()).isEqualTo(1);
                assertThat(event.timeNanos()).isBetween(before, after);
            });
        }
    }

    @Test
    void causesAreToldWhereTheyAreAskedFor() {
        AddressRange range = target.map(1);
        try (Subscription with = watch(RingOptions.ofRecords(64), range);
                Subscription without = watch(RingOptions.ofRecords(64).withoutCauses(), range)) {
            target.discardAndWrite(range);
            target.unmap(range);
            with.detach();

            boolean told = mmu.capabilities().features().contains(Capabilities.Feature.CAUSE);
            assertThat(drain(with))
                    .extracting(InvalidationEvent::cause)
                    .containsExactly(told ? Cause.MADV_DONTNEED : null, told ? Cause.MUNMAP : null, null);
            assertThat(drain(without)).extracting(InvalidationEvent::cause).containsExactly(null, null);
        }
    }

    @Test
    void aFilterByTypeLeavesGapsInSeqAlone() {
        AddressRange range = target.map(1);
        Filter filter = Filter.all().withRange(range).withTypes(Set.of(EventType.UNMAP));
        try (Subscription subscription = get(SUBSYSTEM, RingOptions.ofRecords(64), filter)) {
            target.discardAndWrite(range);
            assertThat(drain(subscription)).isEmpty();
            subscription.filter(Filter.all().withRange(range));
            target.discardAndWrite(range);
            target.unmap(range);

            List<InvalidationEvent> events = drain(subscription);
            assertThat(events).extracting(InvalidationEvent::type).containsExactly(EventType.CLEAR, EventType.UNMAP);
            assertThat(events).extracting(InvalidationEvent::n).containsExactly(1L, 2L);
            assertThat(events.getFirst().seq()).isGreaterThan(1);
        }
    }

    @Test
    void invalidationsThatAreOverAreCountedAsSuch() {
        AddressRange range = target.map(1);
        try (Subscription subscription = watch(RingOptions.ofRecords(64), range)) {
            target.discardAndWrite(range);

            SubscriptionStatistics statistics = subscription.statistics();
            assertThat(statistics.events()).isEqualTo(1).isEqualTo(statistics.records());
            assertThat(statistics.active()).isZero();
            assertThat(statistics.completedSeq()).isEqualTo(statistics.seq()).isPositive();
        }
    }

    @Test
    void loseNothingButWhatFindsTheRingFullAndSaySo() {
        AddressRange range = target.map(1);
        try (Subscription subscription = watch(RingOptions.ofRecords(8), range)) {
            for (int i = 0; i < 20; i++) {
                target.discardAndWrite(range);
            }
            assertThat(subscription.events().lost()).isEqualTo(15);
            List<InvalidationEvent> first = drain(subscription);
            target.discardAndWrite(range);
            List<InvalidationEvent> second = drain(subscription);

            assertThat(first)
                    .extracting(InvalidationEvent::n)
                    .containsExactlyElementsOf(
                            LongStream.rangeClosed(1, 5).boxed().toList());
            assertThat(phases(second)).containsExactly(EventPhase.LOST, EventPhase.START);
            assertThat(second.getFirst().lostFrom()).isEqualTo(6);
            assertThat(second.getFirst().lostTo()).isEqualTo(20);
            assertThat(second.getLast().n()).isEqualTo(21);
            assertThat(subscription.statistics().lost()).isEqualTo(15);
        }
    }

    /** Every place is kept that these need: the last three of eight. */
    @Test
    void aFullRingHasTheMarksOfTheEnd() throws InterruptedException {
        AddressRange range = target.map(1);
        try (Subscription subscription = watch(RingOptions.ofRecords(8), range)) {
            for (int i = 0; i < 20; i++) {
                target.discardAndWrite(range);
            }
            target.exit();
            // Not to drain it, which would make room.
            while (subscription.statistics().records() < 7) {
                Thread.onSpinWait();
            }
            subscription.detach();

            List<InvalidationEvent> events = drain(subscription);
            assertThat(phases(events).subList(5, 8))
                    .containsExactly(EventPhase.LOST, EventPhase.RELEASE, EventPhase.DETACHED);
            assertThat(events.get(5).lostFrom()).isEqualTo(6);
        }
    }

    @Test
    void detachEndsTheStreamAndKeepsItReadable() throws InterruptedException {
        AddressRange range = target.map(1);
        try (Subscription subscription = watch(RingOptions.ofRecords(64), range)) {
            target.discardAndWrite(range);
            subscription.detach();
            subscription.detach();
            target.unmap(range);

            List<InvalidationEvent> events = new ArrayList<>();
            assertThat(subscription.events().poll(event -> events.add(event.copy()), LONG))
                    .isEqualTo(2);
            assertThat(phases(events)).containsExactly(EventPhase.START, EventPhase.DETACHED);
            assertThat(events.getLast().n()).isEqualTo(1);
            assertThat(subscription.events().poll(event -> {}, LONG)).isEqualTo(-1);
            assertThatThrownBy(subscription::statistics).isInstanceOf(IllegalStateException.class);
        }
    }

    @Test
    void theViewIsReusedAndItsCopyIsNot() {
        AddressRange range = target.map(1);
        try (Subscription subscription = watch(RingOptions.ofRecords(64), range)) {
            target.discardAndWrite(range);
            target.discardAndWrite(range);
            List<InvalidationEvent> views = new ArrayList<>();
            List<InvalidationEvent> copies = new ArrayList<>();
            subscription.events().drain(view -> {
                views.add(view);
                copies.add(view.copy());
            });

            assertThat(views.getFirst()).isSameAs(views.getLast());
            assertThat(copies).extracting(InvalidationEvent::n).containsExactly(1L, 2L);
        }
    }

    @Test
    void withoutARingThereAreCountersAndNoEvents() {
        AddressRange range = target.map(1);
        try (Subscription subscription = watch(RingOptions.none(), range)) {
            target.discardAndWrite(range);

            assertThat(subscription.statistics().events()).isEqualTo(1);
            assertThat(subscription.statistics().records()).isZero();
            assertThatThrownBy(() -> drain(subscription)).isInstanceOf(IllegalStateException.class);
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
        AddressRange range = target.map(1);
        try (Subscription subscription = watch(RingOptions.ofRecords(64), range)) {
            Poll poll = new Poll(subscription, threads);
            target.discardAndWrite(range);

            assertThat(poll.result.get()).isEqualTo(1);
        }
    }

    @ParameterizedTest
    @MethodSource("threads")
    void anInterruptEndsAParkedPoll(ThreadFactory threads) {
        try (Subscription subscription = watch(RingOptions.ofRecords(64), target.map(1))) {
            Poll poll = new Poll(subscription, threads);
            poll.thread.interrupt();

            assertThatThrownBy(poll.result::get)
                    .isInstanceOf(ExecutionException.class)
                    .hasCauseInstanceOf(InterruptedException.class);
        }
    }

    @Test
    void anInterruptEndsAPollThatNeedNotWaitAndNothingIsLost() {
        AddressRange range = target.map(1);
        try (Subscription subscription = watch(RingOptions.ofRecords(64), range)) {
            target.discardAndWrite(range);
            Thread.currentThread().interrupt();

            assertThatThrownBy(() -> subscription.events().poll(event -> {}, LONG))
                    .isInstanceOf(InterruptedException.class);
            assertThat(drain(subscription)).hasSize(1);
        }
    }

    @ParameterizedTest
    @MethodSource("threads")
    void aCloseEndsAParkedPoll(ThreadFactory threads) throws Exception {
        Subscription subscription = watch(RingOptions.ofRecords(64), target.map(1));
        Poll poll = new Poll(subscription, threads);
        subscription.close();

        poll.assertEnded();
        assertThat(subscription.events().poll(event -> {}, LONG)).isEqualTo(-1);
    }

    @Test
    void closingTheDeviceEndsAParkedPoll() throws Exception {
        Poll poll = new Poll(
                watch(RingOptions.ofRecords(64), target.map(1)),
                Thread.ofVirtual().factory());
        mmu.close();

        poll.assertEnded();
    }

    @Test
    void fewerWakeUpsLeaveAPollAsleepUntilItsTimeIsUpButLoseNothing() throws Exception {
        AddressRange range = target.map(1);
        try (Subscription subscription = watch(RingOptions.ofRecords(64).withWakeupEvents(4), range)) {
            Poll poll = new Poll(subscription, Thread.ofPlatform().factory());
            for (int i = 0; i < 4; i++) {
                target.discardAndWrite(range);
            }

            assertThat(poll.result.get()).isEqualTo(4);
        }
    }

    /** Closes while a thread drains as fast as it can: of the kernel's ring, whoever touched it then would end this JVM. */
    @Test
    void closingWhileOthersDrainNeverTouchesTheRingThatIsGone() throws Exception {
        AddressRange range = target.map(1);
        for (int round = 0; round < 30; round++) {
            Subscription subscription = watch(RingOptions.ofRecords(64), range);
            FutureTask<Void> reader = new FutureTask<>(
                    () -> {
                        while (!subscription.events().isEnded()) {
                            subscription.events().drain(event -> {});
                        }
                    },
                    null);
            Thread.ofPlatform().start(reader);
            target.discardAndWrite(range);
            subscription.close();
            reader.get();
        }
    }
}
