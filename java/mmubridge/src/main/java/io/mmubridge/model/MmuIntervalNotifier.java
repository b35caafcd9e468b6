// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import org.jspecify.annotations.Nullable;

/**
 * A subscription to one range of an address space: {@code struct mmu_interval_notifier}.
 *
 * <p>Whoever keeps shadow entries of the range builds them between {@link #readBegin} and {@link #readRetry}, and installs
 * them under a lock of his own, which {@code invalidate} takes too:
 *
 * {@snippet lang = java :
 * long seq;
 * do {
 *     seq = notifier.readBegin();
 *     entries = lookUp(range);
 *     userLock.lock();
 *     if (!notifier.readRetry(seq)) {
 *         install(entries);
 *         userLock.unlock();
 *         return;
 *     }
 *     userLock.unlock();
 * } while (true);
 * }
 */
public class MmuIntervalNotifier extends IntervalTree.Node {
    /** {@code mmu_interval_notifier_ops.invalidate()}. */
    @FunctionalInterface
    public interface Invalidate {
        /**
         * Drops what is cached of a range. Under the lock that serialises this with the install of entries it must call
         * {@link MmuIntervalNotifier#setSeq} with {@code seq}. {@link MmuNotifierEvent#RELEASE} may be followed by further
         * invalidations.
         *
         * @param notifier the notifier
         * @param range what may change
         * @param seq to be set
         * @return false for {@code -EAGAIN}: it would have to sleep, where the range is not blockable
         */
        boolean invalidate(MmuIntervalNotifier notifier, MmuNotifierRange range, long seq);
    }

    private final MmStruct mm;
    private final Invalidate ops;

    /** Odd. Written under the user's lock, and at the insert. */
    private volatile long invalidateSeq;

    /** Not removed since its insert, be it in the tree or not. Under {@link MmuNotifierSubscriptions}'s lock. */
    boolean inserted;

    /**
     * A notifier to be inserted.
     *
     * @param mm the address space
     * @param start the first byte, unsigned
     * @param length how many bytes, unsigned
     * @param ops told of invalidations that overlap
     * @throws ErrnoException EOVERFLOW if there is no such range
     */
    public MmuIntervalNotifier(MmStruct mm, long start, long length, Invalidate ops) {
        super(start, last(start, length));
        this.mm = mm;
        this.ops = ops;
    }

    private static long last(long start, long length) {
        long last = start + length - 1;
        if (length == 0 || Long.compareUnsigned(last, start) < 0) {
            throw new ErrnoException(
                    Errno.EOVERFLOW,
                    "a range is not empty and ends below 2^64, unlike 0x" + Long.toHexString(start) + " and 0x"
                            + Long.toHexString(length) + " bytes");
        }
        return last;
    }

    /**
     * {@code mmu_interval_notifier_insert()}: subscribes. The range may be invalidated already: only
     * {@link #readBegin} and {@link #readRetry} tell.
     *
     * @throws ErrnoException EINVAL if the address space has no users; EINTR if a signal is pending
     */
    public void insert() {
        mm.mmapLock().mightLock();
        if (!hasItree()) {
            mm.mmapLock().lockWrite();
            try {
                insertLocked();
            } finally {
                mm.mmapLock().unlockWrite();
            }
        } else {
            doInsert();
        }
    }

    /**
     * {@code mmu_interval_notifier_insert_locked()}: the same with the mmap lock held for writing.
     *
     * @throws ErrnoException as {@link #insert} does
     */
    public void insertLocked() {
        SimulatedKernel.bugOn(!mm.mmapLock().isWriteHeld(), "this needs the mmap lock held for writing");
        if (!hasItree()) {
            MmuNotifier.doRegister(null, mm);
        }
        doInsert();
    }

    private boolean hasItree() {
        MmuNotifierSubscriptions subscriptions = mm.notifierSubscriptions();
        return subscriptions != null && subscriptions.hasItree;
    }

    private void doInsert() {
        if (mm.users() <= 0) {
            String rule = "an interval notifier is inserted in an mm without users";
            mm.kernel().warnOn(true, rule);
            throw new ErrnoException(Errno.EINVAL, rule);
        }
        // Pairs with the drop in remove().
        mm.grab();
        subscriptions().insert(this);
    }

    /**
     * {@code mmu_interval_notifier_remove()}: unsubscribes, once, after an insert. When this returns no callback of it
     * runs, and none will. Waits for invalidations, so it is not to be called by one, nor with a lock held that one takes.
     */
    public void remove() {
        orderAfterInvalidations();
        subscriptions().remove(this);
        mm.drop();
    }

    /**
     * {@code mmu_interval_read_begin()}: begins to build entries, after waiting for an invalidation that is under way.
     *
     * @return to be given to {@link #readRetry}
     */
    public long readBegin() {
        orderAfterInvalidations();
        return subscriptions().readBegin(this);
    }

    /**
     * {@code mmu_interval_read_retry()}: under the user's lock, whether the entries are stale.
     *
     * @param seq what {@link #readBegin} returned
     * @return true if they must be built anew
     */
    public boolean readRetry(long seq) {
        return invalidateSeq != seq;
    }

    /**
     * {@code mmu_interval_set_seq()}: to be called by every {@link Invalidate}, under the user's lock.
     *
     * @param seq what it was given
     */
    public void setSeq(long seq) {
        invalidateSeq = seq;
    }

    /** Also where there is nothing to wait for this time. */
    private void orderAfterInvalidations() {
        Lockdep lockdep = mm.kernel().lockdep();
        lockdep.mightSleep();
        lockdep.acquire(LockClass.INVALIDATE_RANGE_START, LockClass.INVALIDATE_RANGE_START);
        lockdep.release(LockClass.INVALIDATE_RANGE_START);
    }

    long seq() {
        return invalidateSeq;
    }

    boolean invalidate(MmuNotifierRange range, long seq) {
        return ops.invalidate(this, range, seq);
    }

    private MmuNotifierSubscriptions subscriptions() {
        @Nullable MmuNotifierSubscriptions subscriptions = mm.notifierSubscriptions();
        if (subscriptions == null) {
            throw new KernelBugError("an interval notifier is used that was not inserted");
        }
        return subscriptions;
    }
}
