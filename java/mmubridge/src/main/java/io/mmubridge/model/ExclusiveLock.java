// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import java.util.concurrent.locks.ReentrantLock;

/**
 * A spinlock or a mutex of the kernel's, by its class. A thread of the model that waits for either is parked: on the JVM
 * nobody can forbid preemption, so to spin would only burn the time of the one that holds it. {@link Lockdep} sees to it
 * that nobody sleeps with a spinlock held.
 */
public final class ExclusiveLock {
    private final Lockdep lockdep;
    private final LockClass lockClass;
    private final ReentrantLock lock = new ReentrantLock();

    /**
     * A lock that is free.
     *
     * @param lockdep told of each acquisition
     * @param lockClass the class
     */
    public ExclusiveLock(Lockdep lockdep, LockClass lockClass) {
        this.lockdep = lockdep;
        this.lockClass = lockClass;
    }

    /** Takes it: {@code spin_lock()}, {@code mutex_lock()}. */
    public void lock() {
        lockdep.acquire(this, lockClass);
        bugIfHeld();
        lock.lock();
    }

    /**
     * Takes one of several of its class: {@code spin_lock_nest_lock()}.
     *
     * @param under an outer lock that lets only one thread do so
     */
    public void lockNested(Object under) {
        lockdep.acquireNested(this, lockClass, under);
        bugIfHeld();
        lock.lock();
    }

    /** The kernel's thread would wait for itself, and no checker need be there to tell. */
    private void bugIfHeld() {
        SimulatedKernel.bugOn(lock.isHeldByCurrentThread(), "a thread takes a lock that it holds");
    }

    /** Gives it back. */
    public void unlock() {
        lock.unlock();
        lockdep.release(this);
    }

    /**
     * Whether this thread holds it.
     *
     * @return true if it does
     */
    public boolean isHeld() {
        return lock.isHeldByCurrentThread();
    }

    @Override
    public String toString() {
        return lockClass.name();
    }
}
