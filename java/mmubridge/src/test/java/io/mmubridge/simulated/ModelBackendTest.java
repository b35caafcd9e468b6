// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.simulated;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmubridge.AddressRange;
import io.mmubridge.AttachException;
import io.mmubridge.Cause;
import io.mmubridge.EventEntry;
import io.mmubridge.EventPhase;
import io.mmubridge.EventType;
import io.mmubridge.Filter;
import io.mmubridge.InvalidationEvent;
import io.mmubridge.MmuException;
import io.mmubridge.RingOptions;
import io.mmubridge.SubscriptionStatistics;
import io.mmubridge.model.Lockdep;
import io.mmubridge.model.MmStruct;
import io.mmubridge.model.MmuNotifier;
import io.mmubridge.model.MmuNotifierEvent;
import io.mmubridge.model.MmuNotifierOps;
import io.mmubridge.model.MmuNotifierRange;
import io.mmubridge.model.SimulatedKernel;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.ThreadFactory;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The backend over a bare address space, where a test can hold an invalidation open. */
@Timeout(60)
class ModelBackendTest {
    private static final long FOREVER = Long.MAX_VALUE;
    private static final RingOptions RING = RingOptions.ofRecords(64);

    private final SimulatedKernel kernel =
            SimulatedKernel.builder().lockdep(Lockdep.on()).build();
    private final ModelBackend backend = new ModelBackend(kernel, "a test");
    private final MmStruct mm = new MmStruct(kernel);

    @AfterEach
    void nothingIsBroken() {
        backend.close();
        backend.spaces().synchronize(0);
        assertThat(kernel.failures()).isEmpty();
        assertThat(backend.spaces().counters().liveSpaces.sum()).isZero();
        kernel.lockdep().assertNothingHeld();
    }

    private ModelSubscription get(MmStruct on, RingOptions options, Filter filter) {
        return backend.attach("test", on, options, filter);
    }

    private ModelSubscription get(RingOptions options) {
        return get(mm, options, Filter.all());
    }

    private ModelSubscription get() {
        return get(RING);
    }

    private MmuNotifierRange start(MmuNotifierEvent event, long start, long end) {
        MmuNotifierRange range = MmuNotifierRange.of(mm, event, start, end);
        MmuNotifier.invalidateRangeStart(range);
        return range;
    }

    /** Under the mmap lock, as what invalidates is: a subscriber that comes between a start and its end sees half of it. */
    private void invalidate(int times) {
        for (int i = 0; i < times; i++) {
            mm.mmapLock().lockRead();
            try {
                MmuNotifier.invalidateRangeEnd(start(MmuNotifierEvent.CLEAR, 0x1000, 0x2000));
            } finally {
                mm.mmapLock().unlockRead();
            }
        }
    }

    private static List<InvalidationEvent> drain(ModelSubscription subscription) {
        List<InvalidationEvent> events = new ArrayList<>();
        subscription.drain(event -> events.add(event.copy()), Integer.MAX_VALUE);
        return events;
    }

    private static List<EventPhase> phases(ModelSubscription subscription) {
        return drain(subscription).stream().map(InvalidationEvent::phase).toList();
    }

    static Stream<ThreadFactory> threads() {
        return Stream.of(Thread.ofPlatform().factory(), Thread.ofVirtual().factory());
    }

    private static <T> FutureTask<T> run(Callable<T> work) {
        FutureTask<T> task = new FutureTask<>(work);
        Thread.ofPlatform().start(task);
        return task;
    }

    // ------------------------------------------------------------------------------------------------ the stream

    @Test
    void anInvalidationIsToldWithItsRangeAndType() {
        ModelSubscription subscription = get();
        long before = System.nanoTime();
        MmuNotifier.invalidateRangeEnd(start(MmuNotifierEvent.PROTECTION_VMA, 0x7000, 0x9000));
        long after = System.nanoTime();

        assertThat(drain(subscription)).singleElement().satisfies(event -> {
            assertThat(event.phase()).isEqualTo(EventPhase.START);
            assertThat(event.type()).isEqualTo(EventType.PROTECTION_VMA);
            assertThat(event.start()).isEqualTo(0x7000);
            assertThat(event.end()).isEqualTo(0x9000);
            assertThat(event.isBlockable()).isTrue();
            assertThat(event.seq()).isEqualTo(1);
            assertThat(event.n()).isEqualTo(1);
            assertThat(event.timeNanos()).isBetween(before, after);
            assertThat(event.stackId()).isZero();
        });
    }

    @Test
    void everyTypeOfTheModelHasItsOwn() {
        ModelSubscription subscription = get();
        for (MmuNotifierEvent event : MmuNotifierEvent.values()) {
            MmuNotifier.invalidateRangeEnd(start(event, 0, 0x1000));
        }

        assertThat(drain(subscription))
                .extracting(event -> event.type().name())
                .containsExactlyElementsOf(
                        Stream.of(MmuNotifierEvent.values()).map(Enum::name).toList());
    }

    @Test
    void whatMustNotSleepIsSaidAndCounted() {
        ModelSubscription subscription = get();
        MmuNotifierRange range = new MmuNotifierRange(mm, MmuNotifierEvent.UNMAP, 0, 0x1000, false);
        assertThat(MmuNotifier.invalidateRangeStartNonblock(range)).isTrue();
        MmuNotifier.invalidateRangeEnd(range);

        assertThat(drain(subscription))
                .extracting(InvalidationEvent::isBlockable)
                .containsExactly(false);
        assertThat(subscription.statistics().nonblockable()).isEqualTo(1);
        assertThat(backend.statistics().nonblockable()).isEqualTo(1);
    }

    @Test
    void aFilterLeavesGapsInSeqAlone() {
        Filter filter = Filter.all()
                .withTypes(Set.of(EventType.UNMAP))
                .withRange(new AddressRange(0x1000, 0x2000))
                .withRange(new AddressRange(0x8000, 0x9000));
        ModelSubscription subscription = get(mm, RING, filter);
        start(MmuNotifierEvent.CLEAR, 0x1000, 0x2000);
        start(MmuNotifierEvent.UNMAP, 0x2000, 0x8000);
        start(MmuNotifierEvent.UNMAP, 0x8fff, 0xa000);
        start(MmuNotifierEvent.UNMAP, 0, 0x1000);
        start(MmuNotifierEvent.UNMAP, 0, 0x1001);
        subscription.filter(Filter.all());
        start(MmuNotifierEvent.CLEAR, 0, 1);

        List<InvalidationEvent> events = drain(subscription);
        assertThat(events).extracting(InvalidationEvent::seq).containsExactly(3L, 5L, 6L);
        assertThat(events).extracting(InvalidationEvent::n).containsExactly(1L, 2L, 3L);
        assertThat(subscription.statistics().events()).isEqualTo(3);
        assertThat(subscription.statistics().invalidations()).isEqualTo(6);
    }

    @Test
    void subscriptionsOfOneSpaceHaveOneSeqAndTheirOwnN() {
        ModelSubscription all = get();
        ModelSubscription unmaps = get(mm, RING, Filter.all().withTypes(Set.of(EventType.UNMAP)));
        start(MmuNotifierEvent.CLEAR, 0, 1);
        start(MmuNotifierEvent.UNMAP, 0, 1);

        InvalidationEvent second = drain(all).getLast();
        InvalidationEvent only = drain(unmaps).getFirst();
        assertThat(unmaps.spaceId()).isEqualTo(all.spaceId());
        assertThat(only.seq()).isEqualTo(second.seq()).isEqualTo(2);
        assertThat(only.timeNanos()).isEqualTo(second.timeNanos());
        assertThat(second.n()).isEqualTo(2);
        assertThat(only.n()).isEqualTo(1);
    }

    @Test
    void invalidationsAreOverWhenAllAre() {
        ModelSubscription subscription = get(RingOptions.none());
        MmuNotifierRange first = start(MmuNotifierEvent.CLEAR, 0, 0x1000);
        MmuNotifierRange second = start(MmuNotifierEvent.CLEAR, 0x5000, 0x6000);
        MmuNotifier.invalidateRangeEnd(first);
        SubscriptionStatistics open = subscription.statistics();
        MmuNotifier.invalidateRangeEnd(second);
        SubscriptionStatistics over = subscription.statistics();

        assertThat(open.active()).isEqualTo(1);
        assertThat(open.completedSeq()).isZero();
        assertThat(over.active()).isZero();
        assertThat(over.completedSeq()).isEqualTo(2).isEqualTo(over.seq());
    }

    /** It never sees an end whose start it has not seen: the get waits for nobody, and the count starts at none. */
    @Test
    void aGetAmidAnInvalidationOfAnotherSubsystemMissesOnlyWhatWasBefore() {
        ModelSubscription first = get();
        MmuNotifierRange range = start(MmuNotifierEvent.CLEAR, 0, 0x1000);
        MmuNotifier.invalidateRangeEnd(range);
        ModelSubscription second = backend.attach("other", mm, RING, Filter.all());
        invalidate(1);

        assertThat(drain(first)).extracting(InvalidationEvent::seq).containsExactly(1L, 2L);
        assertThat(drain(second)).extracting(InvalidationEvent::seq).containsExactly(1L);
        assertThat(second.statistics().active()).isZero();
    }

    @Test
    void loseNothingButWhatFindsTheRingFullAndSaySo() {
        ModelSubscription subscription = get(RingOptions.ofRecords(8));
        ModelSubscription large = get();
        invalidate(20);
        assertThat(subscription.lost()).isEqualTo(15);
        List<InvalidationEvent> first = drain(subscription);
        invalidate(1);
        List<InvalidationEvent> second = drain(subscription);

        assertThat(first)
                .extracting(InvalidationEvent::n)
                .isEqualTo(LongStream.rangeClosed(1, 5).boxed().toList());
        assertThat(second).extracting(InvalidationEvent::phase).containsExactly(EventPhase.LOST, EventPhase.START);
        assertThat(second.getFirst().lostFrom()).isEqualTo(6);
        assertThat(second.getFirst().lostTo()).isEqualTo(20);
        assertThat(second.getLast().n()).isEqualTo(21);
        assertThat(subscription.statistics().lost()).isEqualTo(15);
        assertThat(subscription.statistics().records()).isEqualTo(7);
        assertThat(backend.statistics().lost()).isEqualTo(15);
        assertThat(drain(large)).as("a full ring is its owner's affair").hasSize(21);
    }

    @Test
    void whatSeveralThreadsRaiseIsInOneOrder() throws Exception {
        int threads = 4;
        int times = 2_000;
        long all = (long) threads * times;
        ModelSubscription subscription = get(RingOptions.ofRecords(8192));
        ModelSubscription small = get(RingOptions.ofRecords(8));
        List<FutureTask<Void>> tasks = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            tasks.add(run(() -> {
                invalidate(times);
                return null;
            }));
        }
        List<InvalidationEvent> meanwhile = new ArrayList<>();
        while (!tasks.stream().allMatch(FutureTask::isDone)) {
            meanwhile.addAll(drain(small));
        }
        for (FutureTask<Void> task : tasks) {
            task.get();
        }
        small.detach();
        meanwhile.addAll(drain(small));

        List<InvalidationEvent> events = drain(subscription);
        assertThat(events)
                .extracting(InvalidationEvent::n)
                .isEqualTo(LongStream.rangeClosed(1, all).boxed().toList());
        assertThat(events).allSatisfy(event -> assertThat(event.seq()).isEqualTo(event.n()));
        assertThat(events).extracting(InvalidationEvent::timeNanos).isSorted();
        long last = 0;
        for (InvalidationEvent event : meanwhile) {
            assertThat(event.phase() == EventPhase.LOST ? event.lostFrom() : event.n())
                    .isEqualTo(event.phase() == EventPhase.DETACHED ? last : last + 1);
            last = event.n();
        }
        assertThat(last + unsaid(small, meanwhile)).isEqualTo(all);
        SubscriptionStatistics statistics = subscription.statistics();
        assertThat(statistics.active()).isZero();
        assertThat(statistics.completedSeq()).isEqualTo(statistics.seq());
    }

    /** Lost events that no mark has told of, since nothing but the mark of the detach came after. */
    private static long unsaid(ModelSubscription subscription, List<InvalidationEvent> events) {
        return subscription.lost()
                - events.stream()
                        .filter(event -> event.phase() == EventPhase.LOST)
                        .mapToLong(event -> event.lostTo() - event.lostFrom() + 1)
                        .sum();
    }

    // ------------------------------------------------------------------------------------------- lives and deaths

    @Test
    void aSecondGetSharesTheNotifierAndTheLastPutFreesIt() {
        ModelSubscription first = get(RingOptions.none());
        ModelSubscription second = get(RingOptions.none());
        assertThat(first.sharedNotifier()).isFalse();
        assertThat(second.sharedNotifier()).isTrue();
        assertThat(first.statistics().users()).isEqualTo(2);
        assertThat(backend.statistics().allocations()).isEqualTo(1);
        first.close();
        first.close();
        assertThat(backend.synchronize(0)).isTrue();
        assertThat(backend.statistics().frees()).isZero();
        assertThat(second.statistics().users()).isEqualTo(1);
        second.detach();
        second.detach();
        backend.synchronize(0);

        assertThat(backend.statistics().frees()).isEqualTo(1);
        assertThat(backend.statistics().gets()).isEqualTo(2);
        assertThat(backend.statistics().puts()).isEqualTo(2);
        ModelSubscription third = get(RingOptions.none());
        assertThat(third.sharedNotifier()).isFalse();
        assertThat(third.spaceId()).isNotEqualTo(second.spaceId());
    }

    @Test
    void whoeverOpensTheMachineSharesItsSubsystems() {
        ModelBackend another = new ModelBackend(kernel, "a test");
        ModelSubscription first = get(RingOptions.none());
        ModelSubscription second = another.attach("test", mm, RingOptions.none(), Filter.all());
        assertThat(second.sharedNotifier()).isTrue();
        assertThat(another.statistics().gets()).isEqualTo(2);
        another.close();

        assertThat(first.statistics().users()).isEqualTo(1);
        assertThatThrownBy(second::statistics).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(another::statistics).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> another.attach("test", mm, RingOptions.none(), Filter.all()))
                .isInstanceOf(IllegalStateException.class);
    }

    /** A notifier of somebody else's on the same address space, inside of whose callback a test can be. */
    private final class Blocker {
        final CountDownLatch inside = new CountDownLatch(1);
        final CountDownLatch leave = new CountDownLatch(1);
        final MmuNotifier notifier = new MmuNotifier(MmuNotifierOps.builder("blocker")
                .invalidateRangeStart((mn, range) -> {
                    inside.countDown();
                    return await(leave);
                })
                .build());

        Blocker() {
            MmuNotifier.register(notifier, mm);
        }

        private static boolean await(CountDownLatch latch) {
            try {
                latch.await();
                return true;
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }
    }

    @Test
    void aDetachUnderARunningCallbackReturnsAndTheFreeWaitsForIt() throws Exception {
        Blocker blocker = new Blocker();
        ModelSubscription subscription = get();
        FutureTask<Void> invalidation = run(() -> {
            invalidate(1);
            return null;
        });
        blocker.inside.await();
        subscription.detach();
        FutureTask<Boolean> synchronize = run(() -> backend.synchronize(0));

        assertThat(backend.statistics().puts()).isEqualTo(1);
        assertThat(backend.statistics().frees()).as("a callback may be on it").isZero();
        assertThat(backend.statistics().liveSpaces()).isEqualTo(1);
        blocker.leave.countDown();
        invalidation.get(30, SECONDS);
        assertThat(synchronize.get(30, SECONDS)).isTrue();
        assertThat(backend.statistics().frees()).isEqualTo(1);
        assertThat(phases(subscription)).endsWith(EventPhase.DETACHED);
        MmuNotifier.unregister(blocker.notifier, mm);
    }

    @Test
    void theEndOfTheAddressSpaceIsToldAndThePutIsOwedStill() throws InterruptedException {
        ModelSubscription subscription = get();
        ModelSubscription unmaps = get(mm, RING, Filter.all().withTypes(Set.of(EventType.UNMAP)));
        MmuNotifierRange open = start(MmuNotifierEvent.CLEAR, 0, 0x1000);
        mm.put();
        MmuNotifier.invalidateRangeEnd(open);
        invalidate(1);

        List<InvalidationEvent> events = drain(subscription);
        assertThat(events).extracting(InvalidationEvent::phase).containsExactly(EventPhase.START, EventPhase.RELEASE);
        assertThat(events.getLast().end()).isEqualTo(-1);
        assertThat(events.getLast().n()).isEqualTo(2);
        assertThat(phases(unmaps)).as("whatever the filter").containsExactly(EventPhase.RELEASE);
        assertThat(subscription.isEnded()).isTrue();
        SubscriptionStatistics statistics = subscription.statistics();
        assertThat(statistics.users()).isEqualTo(2);
        assertThat(statistics.active()).isZero();
        assertThat(statistics.completedSeq()).isEqualTo(2).isEqualTo(statistics.seq());
        assertThat(mm.count()).as("the notifier keeps the structure").isEqualTo(1);
        assertThatExceptionOfType(AttachException.class)
                .isThrownBy(this::get)
                .satisfies(e -> assertThat(e.reason()).isEqualTo(AttachException.Reason.GONE));

        subscription.detach();
        unmaps.detach();
        assertThat(phases(subscription)).containsExactly(EventPhase.DETACHED);
        kernel.srcu().barrier();
        assertThat(mm.count()).isZero();
        assertThat(backend.statistics().releases()).isEqualTo(1);
        assertThat(backend.statistics().frees()).isEqualTo(1);
    }

    /** A get is a user for a moment, and may be the last one: here, since the process ends amid it. */
    @Test
    void anEndThatAGetBringsAboutIsAKernelThreads() throws Exception {
        ModelSubscription first = get();
        mm.mmapLock().lockWrite();
        FutureTask<ModelSubscription> second = run(this::get);
        while (mm.users() == 1) {
            Thread.onSpinWait();
        }
        mm.put();
        mm.mmapLock().unlockWrite();

        assertThat(phases(second.get(30, SECONDS))).containsExactly(EventPhase.RELEASE);
        assertThat(drain(first)).singleElement().satisfies(event -> {
            assertThat(event.entry()).isEqualTo(EventEntry.KTHREAD);
            assertThat(event.cause()).isEqualTo(Cause.LAST_REFERENCE);
            assertThat(event.comm()).startsWith("kworker");
        });
    }

    @Test
    void theEndOfTheAddressSpaceAndTheLastPutMayMeet() throws Exception {
        for (int round = 0; round < 200; round++) {
            MmStruct target = new MmStruct(kernel);
            ModelSubscription subscription = get(target, RingOptions.ofRecords(8), Filter.all());
            FutureTask<Void> exit = run(() -> {
                target.put();
                return null;
            });
            subscription.detach();
            exit.get(30, SECONDS);
            kernel.srcu().barrier();

            assertThat(target.count()).isZero();
            assertThat(phases(subscription))
                    .isIn(List.of(EventPhase.DETACHED), List.of(EventPhase.RELEASE, EventPhase.DETACHED));
        }
    }

    @Test
    void getsAndPutsFromManyThreadsBalance() throws Exception {
        List<FutureTask<Void>> tasks = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            String subsystem = "storm-" + i % 2;
            tasks.add(run(() -> {
                for (int round = 0; round < 500; round++) {
                    backend.attach(subsystem, mm, RingOptions.none(), Filter.all())
                            .close();
                }
                return null;
            }));
        }
        tasks.add(run(() -> {
            invalidate(500);
            return null;
        }));
        for (FutureTask<Void> task : tasks) {
            task.get();
        }
        backend.synchronize(0);

        assertThat(backend.statistics().gets()).isEqualTo(2000);
        assertThat(backend.statistics().puts()).isEqualTo(2000);
        assertThat(backend.statistics().frees()).isEqualTo(backend.statistics().allocations());
    }

    @Test
    void aGetIsNotEndedByAnInterruptAndKeepsIt() {
        Thread.currentThread().interrupt();
        ModelSubscription subscription = get(RingOptions.none());

        assertThat(Thread.interrupted()).isTrue();
        assertThat(subscription.statistics().users()).isEqualTo(1);
    }

    @Test
    void aSynchronizeIsNotEndedByAnInterruptAndKeepsIt() throws Exception {
        Blocker blocker = new Blocker();
        ModelSubscription subscription = get(RingOptions.none());
        FutureTask<Void> invalidation = run(() -> {
            invalidate(1);
            return null;
        });
        blocker.inside.await();
        subscription.detach();
        FutureTask<Boolean> synchronize = new FutureTask<>(() -> {
            Thread.currentThread().interrupt();
            return backend.synchronize(0) && Thread.interrupted();
        });
        Thread.ofPlatform().start(synchronize);
        blocker.leave.countDown();
        invalidation.get(30, SECONDS);

        assertThat(synchronize.get(30, SECONDS)).isTrue();
        assertThat(backend.statistics().frees()).isEqualTo(1);
        MmuNotifier.unregister(blocker.notifier, mm);
    }

    /** What frees waits here until it is told to go on. */
    @Test
    void aSynchronizeWithALimitSaysThatItsTimeIsUp() {
        List<Runnable> queued = new ArrayList<>();
        SimulatedKernel slow =
                SimulatedKernel.builder().srcuExecutor(queued::add).build();
        ModelBackend machine = new ModelBackend(slow, "a test");
        machine.attach("test", new MmStruct(slow), RingOptions.none(), Filter.all())
                .close();

        assertThat(machine.synchronize(1)).isFalse();
        queued.forEach(Runnable::run);
        assertThat(machine.synchronize(1)).isTrue();
        assertThat(machine.statistics().frees()).isEqualTo(1);
    }

    // ------------------------------------------------------------------------------------------------------ waits

    /** A thread that waits for ever, known to be parked. */
    private static final class Waiter {
        final FutureTask<Boolean> result;
        final Thread thread;

        Waiter(ModelSubscription subscription, ThreadFactory threads) {
            result = new FutureTask<>(() -> subscription.await(FOREVER));
            thread = threads.newThread(result);
            thread.start();
            while (thread.getState() != Thread.State.TIMED_WAITING && thread.getState() != Thread.State.WAITING) {
                assertThat(thread.getState()).isNotEqualTo(Thread.State.TERMINATED);
            }
        }

        boolean get() throws Exception {
            return result.get(30, SECONDS);
        }
    }

    @ParameterizedTest
    @MethodSource("threads")
    void anEventWakesAParkedThread(ThreadFactory threads) throws Exception {
        ModelSubscription subscription = get();
        Waiter waiter = new Waiter(subscription, threads);
        invalidate(1);

        assertThat(waiter.get()).isTrue();
        assertThat(drain(subscription)).hasSize(1);
    }

    @ParameterizedTest
    @MethodSource("threads")
    void anInterruptEndsAWait(ThreadFactory threads) {
        Waiter waiter = new Waiter(get(), threads);
        waiter.thread.interrupt();

        assertThatThrownBy(waiter::get)
                .isInstanceOf(ExecutionException.class)
                .hasCauseInstanceOf(InterruptedException.class);
    }

    @ParameterizedTest
    @MethodSource("threads")
    void aDetachACloseAndAReleaseEndAWait(ThreadFactory threads) throws Exception {
        ModelSubscription detached = get(RING.withWakeupEvents(8));
        Waiter first = new Waiter(detached, threads);
        detached.detach();
        assertThat(first.get()).isTrue();
        assertThat(phases(detached)).containsExactly(EventPhase.DETACHED);

        ModelSubscription closed = get(RING.withWakeupEvents(8));
        Waiter second = new Waiter(closed, threads);
        closed.close();
        assertThat(second.get()).isTrue();
        assertThat(closed.isEnded()).isTrue();
        assertThat(drain(closed)).isEmpty();

        ModelSubscription released = get(RING.withWakeupEvents(8));
        Waiter third = new Waiter(released, threads);
        mm.put();
        assertThat(third.get()).isTrue();
        assertThat(phases(released)).containsExactly(EventPhase.RELEASE);
    }

    @Test
    void fewerWakeUpsLeaveAWaitAsleepButLoseNothing() throws Exception {
        ModelSubscription subscription = get(RING.withWakeupEvents(4));
        Waiter waiter = new Waiter(subscription, Thread.ofPlatform().factory());
        invalidate(4);

        assertThat(waiter.get()).isTrue();
        assertThat(drain(subscription)).hasSize(4);
    }

    @Test
    void aWaitEndsWhenItsTimeIsUp() throws InterruptedException {
        ModelSubscription subscription = get();

        assertThat(subscription.await(0)).isFalse();
        assertThat(subscription.await(1_000_000)).isFalse();
    }

    @Test
    void aHandlerThatClosesGetsNoMore() {
        ModelSubscription subscription = get();
        invalidate(3);

        assertThat(subscription.drain(event -> subscription.close(), Integer.MAX_VALUE))
                .isEqualTo(1);
        assertThat(subscription.isEnded()).isTrue();
    }

    @Test
    void aHandlerMayChangeTheMemoryThatItIsToldOf() {
        ModelSubscription subscription = get();
        invalidate(1);
        subscription.drain(event -> invalidate(1), Integer.MAX_VALUE);

        assertThat(drain(subscription)).extracting(InvalidationEvent::n).containsExactly(2L);
    }

    @Test
    void withoutARingThereIsNoStream() {
        ModelSubscription subscription = get(RingOptions.none());
        invalidate(1);

        assertThatThrownBy(() -> drain(subscription)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> subscription.await(0)).isInstanceOf(IllegalStateException.class);
        assertThat(subscription.lost()).isZero();
        assertThat(subscription.statistics().events()).isEqualTo(1);
    }

    // ----------------------------------------------------------------------------------------------------- limits

    private AttachException refusal(Callable<?> get) {
        try {
            get.call();
        } catch (AttachException e) {
            return e;
        } catch (Exception e) {
            throw new AssertionError(e);
        }
        throw new AssertionError("it was not refused");
    }

    @Test
    void namesAreLimitedAndComeBackOnceTheirSpacesAreFreed() {
        int names = backend.capabilities().limits().subsystemsPerUid();
        List<ModelSubscription> subscriptions = new ArrayList<>();
        for (int i = 0; i < names; i++) {
            subscriptions.add(backend.attach("name-" + i, mm, RingOptions.none(), Filter.all()));
        }
        AttachException refusal = refusal(this::get);
        assertThat(refusal.reason()).isEqualTo(AttachException.Reason.LIMIT);
        assertThat(refusal).hasMessageContaining("subsystems").hasMessageContaining(Integer.toString(names));
        assertThat(backend.attach("name-0", mm, RingOptions.none(), Filter.all())
                        .sharedNotifier())
                .isTrue();
        subscriptions.getLast().close();

        assertThat(get().sharedNotifier()).isFalse();
    }

    @Test
    void subscriptionsAreLimited() {
        int each = backend.capabilities().limits().subscriptionsPerSpace();
        int all = backend.capabilities().limits().subscriptionsPerUid();
        for (int i = 0; i < all / each; i++) {
            MmStruct target = new MmStruct(kernel);
            for (int j = 0; j < each; j++) {
                get(target, RingOptions.none(), Filter.all());
            }
            if (i == 0) {
                AttachException refusal = refusal(() -> get(target, RingOptions.none(), Filter.all()));
                assertThat(refusal.reason()).isEqualTo(AttachException.Reason.LIMIT);
                assertThat(refusal).hasMessageContaining("on this address space");
            }
        }

        AttachException refusal = refusal(this::get);
        assertThat(refusal.reason()).isEqualTo(AttachException.Reason.LIMIT);
        assertThat(refusal).hasMessageContaining(Integer.toString(all));
        assertThat(backend.statistics().users()).isEqualTo(all);
    }

    @ParameterizedTest
    @ValueSource(ints = {4, 1 << 17})
    void aRingThatTheLimitsDoNotAllowIsRefusedAndLeavesNothing(int records) {
        assertThatExceptionOfType(MmuException.class)
                .isThrownBy(() -> get(RingOptions.ofRecords(records)))
                .withMessageContaining("limits");
        assertThat(backend.statistics().gets()).isZero();
    }

    @Test
    void aFilterOfTooManyRangesIsRefused() {
        ModelSubscription subscription = get();
        Filter filter = Filter.all();
        for (long i = 0; i < backend.capabilities().limits().filterRanges(); i++) {
            filter = filter.withRange(new AddressRange(i << 12, (i + 1) << 12));
        }
        subscription.filter(filter);
        Filter tooMany = filter.withRange(new AddressRange(0, 1));

        assertThatThrownBy(() -> subscription.filter(tooMany)).isInstanceOf(MmuException.class);
        assertThatThrownBy(() -> get(mm, RING, tooMany)).isInstanceOf(MmuException.class);
    }
}
