// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.jfr;

import io.mmubridge.EventPhase;
import io.mmubridge.InvalidationEvent;
import io.mmubridge.Mmu;
import io.mmubridge.Subscription;
import io.mmubridge.SubscriptionStatistics;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/** A subscription of this JVM to itself, and the daemon thread that commits what it tells of. */
final class Watch implements AutoCloseable {
    private static final System.Logger LOGGER = System.getLogger(InvalidationRecorder.class.getName());
    private static final String SUBSYSTEM = "jfr";

    /** How soon the thread notices that a recording which goes on has disabled the events. */
    private static final Duration LOOK = Duration.ofSeconds(1);

    /** How long the end of a chunk waits for a thread that, since an event wakes it, is on its way. */
    private static final long FLUSH_NANOS = TimeUnit.SECONDS.toNanos(5);

    private final Mmu mmu;
    private final Subscription subscription;
    private final EventCommitter committer;
    private final Runnable look;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition progress = lock.newCondition();

    /** Of the thread alone. */
    private long handled;

    /** What of {@link #handled} others may know of; guarded by the lock. */
    private long committed;

    private boolean ended;

    private Watch(Mmu mmu, Subscription subscription, Runnable look) {
        this.mmu = mmu;
        this.subscription = subscription;
        this.look = look;
        committer = new EventCommitter(mmu.capabilities().limits().pageSize());
    }

    /**
     * Subscribes, and starts the thread.
     *
     * @param device gives a device that this closes
     * @param look run by the thread now and then
     * @throws io.mmubridge.MmuException if there is no device, or the subscription is refused
     */
    static Watch start(Supplier<Mmu> device, Runnable look) {
        Mmu mmu = device.get();
        try {
            Watch watch = new Watch(mmu, mmu.subsystem(SUBSYSTEM).get(mmu.self()), look);
            Thread.ofPlatform().daemon().name("mmubridge-jfr").start(watch::run);
            return watch;
        } catch (Throwable e) {
            mmu.close();
            throw e;
        }
    }

    private void run() {
        try {
            while (subscription.events().poll(this::handle, LOOK) >= 0) {
                publish(false);
                look.run();
            }
        } catch (InterruptedException e) {
            // Whoever interrupts a thread that is not his wants it to end.
        } catch (RuntimeException e) {
            LOGGER.log(Level.WARNING, "Recordings go without the kernel's invalidations from here on", e);
        } finally {
            publish(true);
            close();
        }
    }

    private void handle(InvalidationEvent event) {
        committer.accept(event);
        if (event.phase() == EventPhase.START || event.phase() == EventPhase.RELEASE) {
            handled++;
        }
    }

    private void publish(boolean last) {
        lock.lock();
        try {
            committed = handled;
            ended = last;
            progress.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Waits until what was in the ring at the call is committed. */
    void flush() {
        try {
            SubscriptionStatistics now = subscription.statistics();
            awaitCommitted(now.events() - now.lost());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (IllegalStateException e) {
            // Closed meanwhile: nobody wants it any more.
        }
    }

    private void awaitCommitted(long events) throws InterruptedException {
        lock.lock();
        try {
            long left = FLUSH_NANOS;
            while (committed < events && !ended && left > 0) {
                left = progress.awaitNanos(left);
            }
        } finally {
            lock.unlock();
        }
    }

    void commitStatistics() {
        committer.commitStatistics();
    }

    /** Ends the subscription, and with it the thread, without waiting for it. */
    @Override
    public void close() {
        mmu.close();
    }
}
