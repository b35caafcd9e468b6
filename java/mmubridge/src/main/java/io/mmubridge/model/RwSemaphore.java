// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import java.util.concurrent.locks.ReentrantReadWriteLock;

/** {@code struct rw_semaphore}: many readers or one writer, who may sleep. */
public final class RwSemaphore {
    private final Lockdep lockdep;
    private final LockClass lockClass;
    private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();

    /**
     * A semaphore that is free.
     *
     * @param lockdep told of each acquisition
     * @param lockClass the class
     */
    public RwSemaphore(Lockdep lockdep, LockClass lockClass) {
        this.lockdep = lockdep;
        this.lockClass = lockClass;
    }

    /** {@code down_read()}. */
    public void lockRead() {
        lockdep.acquire(this, lockClass);
        bugIfWriteHeld();
        lock.readLock().lock();
    }

    /** {@code might_lock()}: what calls this may take the semaphore, if not this time. */
    void mightLock() {
        lockdep.mightLock(this, lockClass);
    }

    /** {@code up_read()}. */
    public void unlockRead() {
        lock.readLock().unlock();
        lockdep.release(this);
    }

    /** {@code down_write()}. */
    public void lockWrite() {
        lockdep.acquire(this, lockClass);
        bugIfWriteHeld();
        lock.writeLock().lock();
    }

    /**
     * Takes one of several of its class for writing: {@code down_write_nest_lock()}.
     *
     * @param under an outer lock that lets only one thread do so
     */
    public void lockWriteNested(Object under) {
        lockdep.acquireNested(this, lockClass, under);
        bugIfWriteHeld();
        lock.writeLock().lock();
    }

    /** The kernel's thread would wait for itself, and no checker need be there to tell. */
    private void bugIfWriteHeld() {
        SimulatedKernel.bugOn(
                lock.isWriteLockedByCurrentThread(), "a thread takes a semaphore that it holds for writing");
    }

    /** {@code up_write()}. */
    public void unlockWrite() {
        lock.writeLock().unlock();
        lockdep.release(this);
    }

    /**
     * Whether this thread holds it for writing.
     *
     * @return true if it does
     */
    public boolean isWriteHeld() {
        return lock.isWriteLockedByCurrentThread();
    }

    @Override
    public String toString() {
        return lockClass.name();
    }
}
