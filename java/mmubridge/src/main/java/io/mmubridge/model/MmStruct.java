// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * One address space: {@code struct mm_struct}.
 *
 * <p>Two counts keep it. Users, who may touch its memory: when the last one is gone it is torn down. And references to the
 * structure itself, of which all users together hold one: when the last one is gone it is freed, and poisoned.
 */
public final class MmStruct {
    private final SimulatedKernel kernel;
    private final RwSemaphore mmapLock;
    private final AtomicInteger users = new AtomicInteger(1);
    private final AtomicInteger count = new AtomicInteger(1);

    /** Written once, under the mmap lock for writing and all of {@link #takeAllLocks}; then read without a lock. */
    private volatile @Nullable MmuNotifierSubscriptions notifierSubscriptions;

    /**
     * An empty address space with one user: {@code mm_alloc()}.
     *
     * @param kernel whose
     */
    public MmStruct(SimulatedKernel kernel) {
        this.kernel = kernel;
        mmapLock = new RwSemaphore(kernel.lockdep(), LockClass.MMAP_LOCK);
    }

    /**
     * The machine that it is in.
     *
     * @return the kernel
     */
    public SimulatedKernel kernel() {
        return kernel;
    }

    /**
     * {@code mmap_lock}: held for writing by whoever changes VMAs, for reading by whoever relies on them.
     *
     * @return the lock
     */
    public RwSemaphore mmapLock() {
        return mmapLock;
    }

    /**
     * {@code mmget_not_zero()}: one more user, if there is one.
     *
     * @return false if the address space is torn down, or about to be
     */
    public boolean getNotZero() {
        return users.getAndUpdate(seen -> seen == 0 ? 0 : seen + 1) != 0;
    }

    /** {@code mmput()}: one user less. The last one tears the address space down: {@code exit_mmap()}. */
    public void put() {
        int left = users.decrementAndGet();
        SimulatedKernel.bugOn(left < 0, "mmput() of an mm without users");
        if (left == 0) {
            exitMmap();
            drop();
        }
    }

    private void exitMmap() {
        // Before anything is unmapped, so that nobody uses through a shadow what is free already.
        MmuNotifier.mmuNotifierRelease(this);
    }

    /**
     * {@code atomic_read(&mm->mm_users)}.
     *
     * @return how many users there are
     */
    public int users() {
        return users.get();
    }

    /** {@code mmgrab()}: one more reference to the structure. */
    public void grab() {
        SimulatedKernel.bugOn(count.getAndIncrement() <= 0, "mmgrab() of an mm that was freed");
    }

    /** {@code mmdrop()}: one reference less; the last one frees the structure. */
    public void drop() {
        int left = count.decrementAndGet();
        SimulatedKernel.bugOn(left < 0, "mmdrop() of an mm that was freed");
        if (left == 0) {
            MmuNotifierSubscriptions subscriptions = notifierSubscriptions;
            if (subscriptions != null) {
                subscriptions.destroy();
            }
        }
    }

    /**
     * {@code atomic_read(&mm->mm_count)}.
     *
     * @return how many references there are; 0 after the structure was freed
     */
    public int count() {
        return count.get();
    }

    @Nullable
    MmuNotifierSubscriptions notifierSubscriptions() {
        if (count.get() == 0) {
            throw new UseAfterFreeError("mm");
        }
        return notifierSubscriptions;
    }

    void publish(MmuNotifierSubscriptions subscriptions) {
        notifierSubscriptions = subscriptions;
    }

    /**
     * {@code mm_take_all_locks()}: keeps every invalidation of this address space out, those that need no mmap lock
     * included. Held for writing: the mmap lock.
     *
     * @throws ErrnoException EINTR if a signal is pending: here, if the thread is interrupted
     */
    void takeAllLocks() {
        SimulatedKernel.bugOn(!mmapLock.isWriteHeld(), "mm_take_all_locks() without the mmap lock for writing");
        kernel.mmAllLocks().lock();
        if (Thread.currentThread().isInterrupted()) {
            kernel.mmAllLocks().unlock();
            throw new ErrnoException(Errno.EINTR, "a signal is pending");
        }
    }

    /** {@code mm_drop_all_locks()}. */
    void dropAllLocks() {
        kernel.mmAllLocks().unlock();
    }
}
