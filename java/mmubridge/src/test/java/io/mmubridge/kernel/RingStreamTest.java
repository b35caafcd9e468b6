// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.kernel;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmubridge.InvalidationEvent;
import io.mmubridge.backend.Lifetime;
import io.mmubridge.backend.RingStream;
import io.mmubridge.ffi.mmubridge_h;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Waiting and closing, over a ring in plain memory and an eventfd that is readable when the ring is. */
@Timeout(60)
class RingStreamTest {
    private static final long FOREVER = Long.MAX_VALUE;

    private final FakeRing fake = new FakeRing(16);
    private final AtomicInteger released = new AtomicInteger();
    private final Lifetime lifetime = new Lifetime(released::incrementAndGet);
    private Poller poller;
    private int descriptor;
    private Poller.Registration registration;
    private RingStream stream;

    @BeforeEach
    void open() {
        poller = Poller.start();
        descriptor = Epoll.newEventDescriptor(Epoll.newState(Arena.ofAuto()));
        registration = poller.register(descriptor, () -> stream.wake());
        stream = new RingStream(fake.reader(), lifetime, registration::arm);
    }

    @AfterEach
    void close() {
        registration.cancel();
        poller.stop();
        mmubridge_h.close(descriptor);
    }

    static Stream<ThreadFactory> threads() {
        return Stream.of(Thread.ofPlatform().factory(), Thread.ofVirtual().factory());
    }

    private void signal() {
        assertThat(mmubridge_h.eventfd_write(descriptor, 1)).isZero();
    }

    private void closeStream() {
        lifetime.close();
        stream.wake();
    }

    private static <T> FutureTask<T> start(ThreadFactory threads, Callable<T> work) {
        FutureTask<T> task = new FutureTask<>(work);
        threads.newThread(task).start();
        return task;
    }

    /** Starts a thread that waits for ever, and returns once it is parked. */
    private Waiter parked(ThreadFactory threads) {
        Waiter waiter = new Waiter(threads);
        while (waiter.thread.getState() != Thread.State.TIMED_WAITING
                && waiter.thread.getState() != Thread.State.WAITING) {
            assertThat(waiter.thread.getState()).isNotEqualTo(Thread.State.TERMINATED);
        }
        return waiter;
    }

    private final class Waiter {
        final FutureTask<Boolean> result = new FutureTask<>(() -> stream.await(FOREVER));
        final Thread thread;

        Waiter(ThreadFactory threads) {
            thread = threads.newThread(result);
            thread.start();
        }
    }

    @ParameterizedTest
    @MethodSource("threads")
    void aParkedThreadWakesForAnEvent(ThreadFactory threads) throws Exception {
        Waiter waiter = parked(threads);
        fake.start();
        signal();

        assertThat(waiter.result.get(30, SECONDS)).isTrue();
        assertThat(drainNumbers()).containsExactly(1L);
    }

    @ParameterizedTest
    @MethodSource("threads")
    void aParkedThreadWakesForTheClose(ThreadFactory threads) throws Exception {
        Waiter waiter = parked(threads);
        closeStream();

        assertThat(waiter.result.get(30, SECONDS)).isTrue();
        assertThat(stream.isEnded()).isTrue();
        assertThat(drainNumbers()).isEmpty();
        assertThat(released).hasValue(1);
    }

    @ParameterizedTest
    @MethodSource("threads")
    void aParkedThreadCanBeInterrupted(ThreadFactory threads) {
        Waiter waiter = parked(threads);
        waiter.thread.interrupt();

        assertThatThrownBy(() -> waiter.result.get(30, SECONDS))
                .isInstanceOf(ExecutionException.class)
                .hasCauseInstanceOf(InterruptedException.class);
    }

    @Test
    void anEventBeforeTheWaitIsSeenWithoutTheDescriptor() throws InterruptedException {
        fake.start();

        assertThat(stream.await(FOREVER)).isTrue();
        assertThat(stream.await(0)).isTrue();
    }

    @Test
    void aWaitWithoutTimeReturnsAtOnce() throws InterruptedException {
        assertThat(stream.await(0)).isFalse();
    }

    @Test
    void aWaitEndsWhenItsTimeIsUp() throws InterruptedException {
        assertThat(stream.await(1_000_000)).isFalse();
    }

    @Test
    void anInterruptBeforeTheWaitEndsItAndIsConsumed() {
        Thread.currentThread().interrupt();

        assertThatThrownBy(() -> stream.await(FOREVER)).isInstanceOf(InterruptedException.class);
        assertThat(Thread.currentThread().isInterrupted()).isFalse();
    }

    @Test
    void aReadableDescriptorWithAnEmptyRingDoesNotEndTheWait() throws Exception {
        Waiter waiter = parked(Thread.ofPlatform().factory());
        signal();
        assertThat(stream.isEnded()).isFalse();
        fake.start();

        assertThat(waiter.result.get(30, SECONDS)).isTrue();
    }

    @Test
    void aSecondWaiterIsRefused() throws Exception {
        Waiter waiter = parked(Thread.ofVirtual().factory());

        assertThatThrownBy(() -> stream.await(0)).isInstanceOf(IllegalStateException.class);
        closeStream();
        assertThat(waiter.result.get(30, SECONDS)).isTrue();
    }

    @Test
    void aThreadThatDrainsWhileAnotherWaitsIsAllowed() throws Exception {
        Waiter waiter = parked(Thread.ofVirtual().factory());
        fake.start();

        assertThat(drainNumbers()).containsExactly(1L);
        assertThat(waiter.result.isDone()).isFalse();
        fake.start();
        signal();
        assertThat(waiter.result.get(30, SECONDS)).isTrue();
    }

    @Test
    void aHandlerThatReadsItsOwnStreamIsRefused() {
        fake.start();

        assertThatThrownBy(() -> stream.drain(event -> drainNumbers(), 1)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void aSecondReaderIsRefusedWhileTheFirstIsInItsHandler() throws Exception {
        fake.start();
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch leave = new CountDownLatch(1);
        FutureTask<Integer> first = start(
                Thread.ofPlatform().factory(),
                () -> stream.drain(
                        event -> {
                            inside.countDown();
                            await(leave);
                        },
                        1));
        inside.await();

        assertThatThrownBy(this::drainNumbers).isInstanceOf(IllegalStateException.class);
        leave.countDown();
        assertThat(first.get(30, SECONDS)).isEqualTo(1);
    }

    @Test
    void closingInsideTheHandlerEndsTheDrainAndReleasesAfterIt() {
        fake.start();
        fake.start();
        List<Integer> releasedInside = new ArrayList<>();
        int drained = stream.drain(
                event -> {
                    closeStream();
                    releasedInside.add(released.get());
                },
                Integer.MAX_VALUE);

        assertThat(drained).isEqualTo(1);
        assertThat(releasedInside).containsExactly(0);
        assertThat(released).hasValue(1);
    }

    @Test
    void closingWhileAnotherThreadIsInItsHandlerReturnsAtOnceAndReleasesLater() throws Exception {
        fake.start();
        fake.start();
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch leave = new CountDownLatch(1);
        FutureTask<Integer> drain = start(
                Thread.ofVirtual().factory(),
                () -> stream.drain(
                        event -> {
                            inside.countDown();
                            await(leave);
                        },
                        Integer.MAX_VALUE));
        inside.await();
        closeStream();

        assertThat(released).hasValue(0);
        leave.countDown();
        assertThat(drain.get(30, SECONDS)).isEqualTo(1);
        assertThat(released).hasValue(1);
    }

    @Test
    void aStreamThatHasEndedDoesNotWait() throws InterruptedException {
        fake.release();
        assertThat(drainNumbers()).containsExactly(1L);

        assertThat(stream.isEnded()).isTrue();
        assertThat(stream.await(FOREVER)).isTrue();
    }

    private List<Long> drainNumbers() {
        List<Long> numbers = new ArrayList<>();
        stream.drain((InvalidationEvent event) -> numbers.add(event.n()), Integer.MAX_VALUE);
        return numbers;
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
