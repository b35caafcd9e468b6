// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class SrcuTest {
    private final Queue<Throwable> failures = new ConcurrentLinkedQueue<>();
    private final Lockdep lockdep = Lockdep.on();

    /** Tells that a grace period has found readers to wait for. */
    static final class Watched implements Srcu.Waiting {
        final CountDownLatch waits = new CountDownLatch(1);

        @Override
        public void until(BooleanSupplier over) {
            while (!over.getAsBoolean()) {
                waits.countDown();
                Thread.onSpinWait();
            }
        }
    }

    private final Watched watched = new Watched();
    private final Srcu srcu = new Srcu(lockdep, failures::add, Runnable::run, watched, 4);

    @Test
    void withoutReadersThereIsNothingToWaitFor() {
        srcu.synchronize();
        srcu.readUnlock(srcu.readLock());
        srcu.synchronize();
        srcu.synchronize();

        assertThat(watched.waits.getCount()).isEqualTo(1);
    }

    @Test
    void aGracePeriodWaitsForWhoeverBeganBefore() throws Exception {
        int section = srcu.readLock();
        CompletableFuture<Void> period = CompletableFuture.runAsync(srcu::synchronize);
        watched.waits.await();
        assertThat(period).isNotDone();

        srcu.readUnlock(section);
        period.join();
    }

    @Test
    void butNotForWhoeverBeganAfter() throws Exception {
        int before = srcu.readLock();
        CompletableFuture<Void> period = CompletableFuture.runAsync(srcu::synchronize);
        watched.waits.await();

        int after = srcu.readLock();
        assertThat(after).isNotEqualTo(before);
        srcu.readUnlock(before);
        period.join();
        srcu.readUnlock(after);
    }

    /** Two that turn the index at once could each take the other's new readers for its old ones. */
    @Test
    void gracePeriodsExcludeEachOther() throws Exception {
        AtomicInteger waiting = new AtomicInteger();
        AtomicBoolean together = new AtomicBoolean();
        Srcu domain = new Srcu(
                lockdep,
                failures::add,
                Runnable::run,
                over -> {
                    together.compareAndSet(false, waiting.incrementAndGet() > 1);
                    while (!over.getAsBoolean()) {
                        Thread.onSpinWait();
                    }
                    waiting.decrementAndGet();
                },
                4);
        int section = domain.readLock();
        Thread first = Thread.ofPlatform().start(domain::synchronize);
        while (waiting.get() == 0) {
            Thread.onSpinWait();
        }
        Thread second = Thread.ofPlatform().start(domain::synchronize);
        while (second.getState() != Thread.State.WAITING && !together.get()) {
            Thread.onSpinWait();
        }
        assertThat(together).isFalse();

        domain.readUnlock(section);
        first.join();
        second.join();
        assertThat(together).isFalse();
    }

    @Test
    void itWaitsForTheOutermostSection() throws Exception {
        int outer = srcu.readLock();
        int inner = srcu.readLock();
        CompletableFuture<Void> period = CompletableFuture.runAsync(srcu::synchronize);
        watched.waits.await();
        srcu.readUnlock(inner);
        assertThat(period).isNotDone();

        srcu.readUnlock(outer);
        period.join();
    }

    @Test
    void aSectionMayEndOnAnotherThread() {
        Srcu quiet = new Srcu(Lockdep.off(), failures::add, Runnable::run);
        int section = quiet.readLock();
        CompletableFuture.runAsync(() -> quiet.readUnlock(section)).join();

        quiet.synchronize();
    }

    /** The rule that lets a section be counted as begun and not as over, never the other way round. */
    @Test
    void aSectionThatComesAndGoesHidesNobody() throws Exception {
        int section = srcu.readLock();
        CountDownLatch over = new CountDownLatch(1);
        CompletableFuture<Void> period = CompletableFuture.runAsync(() -> {
            srcu.synchronize();
            over.countDown();
        });
        watched.waits.await();
        for (int i = 0; i < 10_000; i++) {
            srcu.readUnlock(srcu.readLock());
        }
        assertThat(over.getCount()).isEqualTo(1);

        srcu.readUnlock(section);
        period.join();
    }

    @Test
    void aSignalDoesNotEndTheWait() throws Exception {
        Srcu napping = new Srcu(Lockdep.off(), failures::add, Runnable::run);
        int section = napping.readLock();
        CompletableFuture<Boolean> interrupted = new CompletableFuture<>();
        Thread waiter = new Thread(() -> {
            Thread.currentThread().interrupt();
            napping.synchronize();
            interrupted.complete(Thread.currentThread().isInterrupted());
        });
        waiter.start();
        // Interrupted threads cannot nap.
        while (waiter.getState() != Thread.State.TIMED_WAITING) {
            assertThat(interrupted).isNotDone();
            Thread.onSpinWait();
        }
        napping.readUnlock(section);

        assertThat(interrupted.get()).isTrue();
        waiter.join();
    }

    @Test
    void callbacksRunInOrderAndBarrierWaitsForThem() throws Exception {
        Srcu domain = new Srcu(lockdep, failures::add);
        List<Integer> order = new ArrayList<>();
        int section = domain.readLock();
        for (int i = 0; i < 100; i++) {
            int number = i;
            domain.callSrcu(() -> order.add(number));
        }
        domain.readUnlock(section);
        domain.barrier();

        assertThat(order).isEqualTo(IntStream.range(0, 100).boxed().toList());
        assertThat(failures).isEmpty();
    }

    @Test
    void aCallbackRunsAfterThoseWhoBeganBefore() throws Exception {
        CountDownLatch ran = new CountDownLatch(1);
        Srcu domain = new Srcu(lockdep, failures::add, task -> new Thread(task).start(), watched, 4);
        int section = domain.readLock();
        domain.callSrcu(ran::countDown);
        watched.waits.await();
        assertThat(ran.getCount()).isEqualTo(1);

        domain.readUnlock(section);
        ran.await();
    }

    /** It comes while the grace period of the one before waits, and so may a section that sees what it frees. */
    @Test
    void aCallbackAmidAGracePeriodHasOneOfItsOwn() throws Exception {
        CountDownLatch firstWait = new CountDownLatch(1);
        CountDownLatch firstRan = new CountDownLatch(1);
        CountDownLatch secondWaitsOrRan = new CountDownLatch(1);
        AtomicBoolean secondRan = new AtomicBoolean();
        Srcu.Waiting waiting = over -> {
            while (!over.getAsBoolean()) {
                (firstRan.getCount() > 0 ? firstWait : secondWaitsOrRan).countDown();
                Thread.onSpinWait();
            }
        };
        Srcu domain = new Srcu(lockdep, failures::add, task -> new Thread(task).start(), waiting, 4);
        int before = domain.readLock();
        domain.callSrcu(firstRan::countDown);
        firstWait.await();
        int amid = domain.readLock();
        domain.callSrcu(() -> {
            secondRan.set(true);
            secondWaitsOrRan.countDown();
        });
        domain.readUnlock(before);
        secondWaitsOrRan.await();
        assertThat(secondRan).isFalse();

        domain.readUnlock(amid);
        domain.barrier();
        assertThat(secondRan).isTrue();
    }

    @Test
    void whatACallbackThrowsIsKeptAndTheNextOnesRun() throws Exception {
        Srcu domain = new Srcu(lockdep, failures::add);
        List<String> ran = new ArrayList<>();
        domain.callSrcu(() -> {
            throw new IllegalStateException("broken");
        });
        domain.callSrcu(() -> ran.add("next"));
        domain.barrier();

        assertThat(ran).containsExactly("next");
        assertThat(failures).singleElement().isInstanceOf(IllegalStateException.class);
    }

    @Test
    void callbacksMustNotSleep() {
        srcu.callSrcu(srcu::synchronize);

        assertThat(failures).singleElement().isInstanceOf(LockOrderError.class);
    }

    @Test
    void theWaitForCallbacksCanBeInterrupted() {
        Srcu never = new Srcu(lockdep, failures::add, task -> {});
        Thread.currentThread().interrupt();

        assertThatThrownBy(never::barrier).isInstanceOf(InterruptedException.class);
    }

    /** What readers look up, and find in one piece as long as their section lasts. */
    private static final class Item {
        // Not volatile: a grace period orders it.
        boolean freed;
    }

    private volatile Item item = new Item();

    private void readOften() {
        for (int i = 0; i < 20_000; i++) {
            int section = srcu.readLock();
            boolean freed = item.freed;
            srcu.readUnlock(section);
            assertThat(freed).isFalse();
        }
    }

    @Test
    void manyReadersAndManyGracePeriods() {
        List<CompletableFuture<Void>> readers =
                List.of(CompletableFuture.runAsync(this::readOften), CompletableFuture.runAsync(this::readOften));
        do {
            Item old = item;
            item = new Item();
            srcu.synchronize();
            old.freed = true;
        } while (!readers.stream().allMatch(CompletableFuture::isDone));
        readers.forEach(CompletableFuture::join);
    }
}
