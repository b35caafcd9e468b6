// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * Sleepable read-copy-update, after the kernel's {@code kernel/rcu/srcutree.c}: readers never wait, and whoever has
 * unlinked an object waits until every read section that can have found it is over.
 *
 * <p>A section is counted twice, at its begin and at its end, in one of two sets of counters that its begin has looked up.
 * A set is empty when its ends equal its begins. Sections of one thread nest, and may end on another thread.
 *
 * <pre>
 *   reader                              grace period
 *
 *   LOAD  index                         STORE unlinked
 *   begins[index]++                     full fence            (A)
 *   full fence            (B)           wait for the set not current to be empty
 *   LOAD  object                        STORE index, the other set
 *   ...                                 full fence            (D)
 *   full fence, release   (C)           wait for the set that was current to be empty:
 *   ends[index]++                           sum of ends, acquire
 *                                           full fence        (E)
 *                                           sum of begins
 * </pre>
 *
 * <p>B pairs with A, store and load on either side: either the reader finds the object unlinked, or the grace period finds
 * the section begun. What readers look up must be volatile for that. C pairs with the acquire of the ends: once a section is seen to be over, all that it did is seen.
 * E orders the sums: ends are summed first, so a section that begins in between is counted as begun, never as over alone.
 *
 * <p>A reader can have looked up the index and not yet counted itself when the index moves. It is then in the set that is
 * no longer current, where the next grace period, which uses that set again, would take it for one of its own and wait for
 * it, or miss it: hence the first wait, for stragglers. Sections that begin after the index has moved are waited for by
 * nobody.
 */
public final class Srcu {
    private static final VarHandle COUNTS = MethodHandles.arrayElementVarHandle(long[].class);

    /** A power of two no less than the processors, so that readers seldom share a cache line. */
    private static final int STRIPES =
            Integer.highestOneBit(Math.max(1, Runtime.getRuntime().availableProcessors() * 2 - 1)) * 2;

    /** Two cache lines, since processors fetch them in pairs. */
    private static final int STRIPE_LONGS = 16;

    /** Of a stripe: the begins of either set, then the ends of either set. */
    private static final int ENDS = 2;

    private static final int SPINS = 100;
    private static final long NAP_NANOS = 20_000;

    /** How a grace period waits for readers. */
    @FunctionalInterface
    interface Waiting {
        void until(BooleanSupplier over);

        /** Called by each reader. By default they wake nobody, since that would cost them. */
        default void sectionEnded() {}
    }

    private final Lockdep lockdep;
    private final Executor executor;
    private final Consumer<Throwable> failures;
    private final Waiting waiting;
    private final long[] counts;

    /** Its lowest bit names the set that is current; written under {@link #gracePeriods}. */
    private volatile int index;

    private final ReentrantLock gracePeriods = new ReentrantLock();
    private final Queue<Runnable> callbacks = new ConcurrentLinkedQueue<>();
    private final AtomicBoolean processing = new AtomicBoolean();

    /**
     * An SRCU domain, {@code DEFINE_SRCU()}, whose callbacks run on a daemon thread of its own.
     *
     * @param lockdep told of each section
     * @param failures given what callbacks throw
     */
    public Srcu(Lockdep lockdep, Consumer<Throwable> failures) {
        this(lockdep, failures, executor());
    }

    /**
     * A domain whose callbacks run where the caller says.
     *
     * @param lockdep told of each section
     * @param failures given what callbacks throw
     * @param executor runs one task at a time of this domain, which waits for grace periods
     */
    public Srcu(Lockdep lockdep, Consumer<Throwable> failures, Executor executor) {
        this(lockdep, failures, executor, Srcu::nap, STRIPES);
    }

    /** For those who cannot nap, or count on so many stripes, a power of two: who tries all interleavings. */
    Srcu(Lockdep lockdep, Consumer<Throwable> failures, Executor executor, Waiting waiting, int stripes) {
        this.lockdep = lockdep;
        this.failures = failures;
        this.executor = executor;
        this.waiting = waiting;
        counts = new long[(stripes + 1) * STRIPE_LONGS];
    }

    /** A thread while there is work, none after. */
    private static Executor executor() {
        ThreadPoolExecutor executor =
                new ThreadPoolExecutor(1, 1, 1, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), task -> {
                    Thread thread = new Thread(task, "srcu");
                    thread.setDaemon(true);
                    return thread;
                });
        executor.allowCoreThreadTimeOut(true);
        return executor;
    }

    /**
     * Begins a read section: {@code srcu_read_lock()}.
     *
     * @return to be given to {@link #readUnlock}
     */
    public int readLock() {
        lockdep.acquire(this, LockClass.SRCU);
        int set = index & 1;
        // B: no volatile load passes a volatile addition.
        COUNTS.getAndAdd(counts, stripe() + set, 1L);
        return set;
    }

    /**
     * Ends a read section: {@code srcu_read_unlock()}.
     *
     * @param set what {@link #readLock} returned
     */
    public void readUnlock(int set) {
        // C
        COUNTS.getAndAdd(counts, stripe() + ENDS + set, 1L);
        lockdep.release(this);
        waiting.sectionEnded();
    }

    /** Stripe 0 is left out: the array's header and length lie before it, which everybody reads. */
    private int stripe() {
        int stripes = counts.length / STRIPE_LONGS - 1;
        return ((int) Thread.currentThread().threadId() & stripes - 1) * STRIPE_LONGS + STRIPE_LONGS;
    }

    /**
     * Waits until every read section that began before this call is over: {@code synchronize_srcu()}. Inside a section of
     * this domain that would be for ever.
     */
    public void synchronize() {
        lockdep.awaitSections(this, LockClass.SRCU);
        gracePeriods.lock();
        try {
            // A
            VarHandle.fullFence();
            int set = index & 1;
            awaitEmpty(set ^ 1);
            index = set ^ 1;
            // D
            VarHandle.fullFence();
            awaitEmpty(set);
        } finally {
            gracePeriods.unlock();
        }
    }

    private void awaitEmpty(int set) {
        waiting.until(() -> isEmpty(set));
    }

    private static void nap(BooleanSupplier over) {
        boolean interrupted = false;
        for (int spins = 0; !over.getAsBoolean(); spins++) {
            if (spins < SPINS) {
                Thread.onSpinWait();
            } else {
                // A signal does not end this wait, and would end every nap.
                interrupted |= Thread.interrupted();
                LockSupport.parkNanos(NAP_NANOS);
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private boolean isEmpty(int set) {
        long ends = sum(ENDS + set);
        // E
        VarHandle.fullFence();
        return sum(set) == ends;
    }

    private long sum(int counter) {
        long sum = 0;
        for (int i = STRIPE_LONGS + counter; i < counts.length; i += STRIPE_LONGS) {
            sum += (long) COUNTS.getAcquire(counts, i);
        }
        return sum;
    }

    /**
     * Runs something after a grace period, without waiting for it: {@code call_srcu()}. Callbacks run one by one, in the
     * order of their calls, and must not sleep.
     *
     * @param callback what to run
     */
    public void callSrcu(Runnable callback) {
        callbacks.add(callback);
        if (processing.compareAndSet(false, true)) {
            executor.execute(this::process);
        }
    }

    private void process() {
        do {
            List<Runnable> batch = new ArrayList<>();
            for (Runnable callback = callbacks.poll(); callback != null; callback = callbacks.poll()) {
                batch.add(callback);
            }
            synchronize();
            batch.forEach(this::run);
            processing.set(false);
            // One that came before that found this processing still, and left.
        } while (!callbacks.isEmpty() && processing.compareAndSet(false, true));
    }

    private void run(Runnable callback) {
        lockdep.nonBlockStart();
        try {
            callback.run();
        } catch (Throwable e) {
            failures.accept(e);
        } finally {
            lockdep.nonBlockEnd();
        }
    }

    /**
     * Waits until every callback given before this call has run: {@code srcu_barrier()}. Not to be called by one.
     *
     * @throws InterruptedException if the thread is interrupted before or while it waits
     */
    public void barrier() throws InterruptedException {
        lockdep.mightSleep();
        CountDownLatch run = new CountDownLatch(1);
        callSrcu(run::countDown);
        run.await();
    }

    @Override
    public String toString() {
        return "srcu";
    }
}
