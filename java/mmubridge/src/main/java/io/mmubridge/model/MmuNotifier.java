// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import org.jspecify.annotations.Nullable;

/**
 * A subscription of one subsystem to one address space: {@code struct mmu_notifier}. Whoever keeps something with it
 * extends it, as the kernel embeds the structure in a larger one.
 *
 * <p>The static methods are the functions of {@code mm/mmu_notifier.c}. There are two ways to come by a notifier. Either
 * {@link #get} and {@link #put}: one notifier for each operations and address space, counted, and freed asynchronously.
 * Or {@link #register} and {@link #unregister}, for one that the caller makes and frees.
 */
public class MmuNotifier {
    /** Of {@link #users}, an unsigned number. */
    private static final int UINT_MAX = -1;

    // Of the list: written under MmuNotifierSubscriptions.lock, read under SRCU. The next of one that was unlinked
    // stays
    // for those who stand on it.
    volatile @Nullable MmuNotifier next;

    @Nullable
    MmuNotifier previous;

    volatile boolean hashed;

    /** Under {@link MmuNotifierSubscriptions}'s lock. */
    int users;

    private @Nullable MmStruct mm;
    private @Nullable MmuNotifierOps ops;
    private volatile boolean freed;

    /** A notifier that is on no list. */
    public MmuNotifier() {}

    /**
     * A notifier to be registered.
     *
     * @param ops what to be told
     */
    public MmuNotifier(MmuNotifierOps ops) {
        this.ops = ops;
    }

    /**
     * The address space, from the registration on. It stays valid as long as the notifier, and
     * {@link MmStruct#getNotZero()} tells whether it is alive.
     *
     * @return the address space
     */
    public final MmStruct mm() {
        checkLive();
        if (mm == null) {
            throw new IllegalStateException("this notifier was not registered");
        }
        return mm;
    }

    /**
     * What it wants to be told.
     *
     * @return the operations
     */
    public final MmuNotifierOps ops() {
        checkLive();
        if (ops == null) {
            throw new IllegalStateException("this notifier was not registered");
        }
        return ops;
    }

    /**
     * How many gets it has that were not put.
     *
     * @return the count, unsigned; 0 once it is on its way to be freed
     */
    public final int users() {
        ExclusiveLock lock = subscriptions(mm()).lock;
        lock.lock();
        try {
            return users;
        } finally {
            lock.unlock();
        }
    }

    /** That this was not freed; whoever extends this may ask it of every use. */
    protected final void checkLive() {
        if (freed) {
            throw new UseAfterFreeError(toString());
        }
    }

    /** For readers. */
    final @Nullable MmuNotifier nextLive() {
        checkLive();
        return next;
    }

    @Override
    public String toString() {
        return "notifier of " + ops;
    }

    // ------------------------------------------------------------------------------------------------ get and put

    /**
     * {@code mmu_notifier_get()}: the notifier that these operations have on this address space, made if there is none.
     *
     * @param ops the key
     * @param mm the address space; the caller is a user of it
     * @return the notifier, to be put
     * @throws ErrnoException EOVERFLOW if it has as many users as can be counted; EINTR; EINVAL as for {@link #register}; or
     *     what {@code alloc_notifier} throws
     * @throws IllegalArgumentException if the operations cannot make and free notifiers
     */
    public static MmuNotifier get(MmuNotifierOps ops, MmStruct mm) {
        mm.mmapLock().lockWrite();
        try {
            return getLocked(ops, mm);
        } finally {
            mm.mmapLock().unlockWrite();
        }
    }

    /**
     * {@code mmu_notifier_get_locked()}: the same with the mmap lock held for writing, which keeps two from being made.
     *
     * @param ops the key
     * @param mm the address space
     * @return the notifier, to be put
     * @throws ErrnoException as {@link #get} does
     */
    public static MmuNotifier getLocked(MmuNotifierOps ops, MmStruct mm) {
        assertWriteLocked(mm);
        MmuNotifier found = findGet(ops, mm);
        if (found != null) {
            return found;
        }
        MmuNotifier subscription = make(ops, mm);
        try {
            doRegister(subscription, mm);
        } catch (ErrnoException e) {
            // Nobody has seen it, so there is nothing to wait for.
            subscription.free(ops);
            throw e;
        }
        return subscription;
    }

    /** What {@code alloc_notifier()} makes, with its operations. */
    static MmuNotifier make(MmuNotifierOps ops, MmStruct mm) {
        if (ops.allocNotifier == null || ops.freeNotifier == null) {
            throw new IllegalArgumentException(ops + " cannot be got, only registered: they make no notifiers");
        }
        MmuNotifier made = ops.allocNotifier.allocNotifier(mm);
        made.ops = ops;
        return made;
    }

    /** {@code find_get_mmu_notifier()}. */
    private static @Nullable MmuNotifier findGet(MmuNotifierOps ops, MmStruct mm) {
        MmuNotifierSubscriptions subscriptions = mm.notifierSubscriptions();
        if (subscriptions == null) {
            return null;
        }
        subscriptions.lock.lock();
        try {
            for (MmuNotifier each = subscriptions.first; each != null; each = each.next) {
                if (each.ops == ops) {
                    if (each.users == UINT_MAX) {
                        throw new ErrnoException(Errno.EOVERFLOW, "a notifier has at most 4294967295 users");
                    }
                    each.users++;
                    return each;
                }
            }
            return null;
        } finally {
            subscriptions.lock.unlock();
        }
    }

    /**
     * {@code mmu_notifier_put()}: gives a reference back. The last one unlinks the notifier at once, and it is freed when
     * no callback can see it any more. A get in between makes another one. May be called by {@code release}.
     *
     * @param subscription what {@link #get} returned
     */
    public static void put(MmuNotifier subscription) {
        MmStruct mm = subscription.mm();
        MmuNotifierSubscriptions subscriptions = subscriptions(mm);
        subscriptions.lock.lock();
        try {
            mm.kernel().warnOn(subscription.users == 0, "mmu_notifier_put() of a notifier without users");
            if (subscription.users == 0 || --subscription.users != 0) {
                return;
            }
            subscriptions.deleteInit(subscription);
        } finally {
            subscriptions.lock.unlock();
        }
        mm.kernel().srcu().callSrcu(() -> freeRcu(subscription, mm));
    }

    /** {@code mmu_notifier_free_rcu()}. */
    private static void freeRcu(MmuNotifier subscription, MmStruct mm) {
        try {
            subscription.free(subscription.ops());
        } finally {
            // Pairs with the grab at its registration.
            mm.drop();
        }
    }

    /** Lets its operations free it, and poisons it. */
    final void free(MmuNotifierOps operations) {
        checkLive();
        try {
            if (operations.freeNotifier != null) {
                operations.freeNotifier.freeNotifier(this);
            }
        } finally {
            freed = true;
        }
    }

    /**
     * {@code mmu_notifier_synchronize()}: waits until no callback runs that can see what was put before. Whether it was
     * freed is for {@link Srcu#barrier()} to say.
     *
     * @param kernel of the notifiers
     */
    public static void synchronize(SimulatedKernel kernel) {
        kernel.srcu().synchronize();
    }

    // ------------------------------------------------------------------------------------- register and unregister

    /**
     * {@code mmu_notifier_register()}: hooks in a notifier of the caller's.
     *
     * @param subscription made with its operations
     * @param mm the address space; the caller is a user of it
     * @throws ErrnoException EINTR if a signal is pending; EINVAL if this kernel refuses these operations
     */
    public static void register(MmuNotifier subscription, MmStruct mm) {
        mm.mmapLock().lockWrite();
        try {
            doRegister(subscription, mm);
        } finally {
            mm.mmapLock().unlockWrite();
        }
    }

    /** {@code __mmu_notifier_register()}; without a notifier, it prepares for interval notifiers. */
    static void doRegister(@Nullable MmuNotifier subscription, MmStruct mm) {
        assertWriteLocked(mm);
        SimulatedKernel.bugOn(mm.users() <= 0, "a notifier is registered on an mm without users");
        if (subscription != null) {
            checkOperations(subscription.ops(), mm.kernel());
            SimulatedKernel.bugOn(subscription.hashed, "a notifier is registered that is registered already");
        }
        MmuNotifierSubscriptions present = mm.notifierSubscriptions();
        MmuNotifierSubscriptions subscriptions = present != null
                ? present
                : new MmuNotifierSubscriptions(mm.kernel().lockdep());
        // No invalidation is under way from here: a notifier never sees an end whose start it has not seen.
        mm.takeAllLocks();
        try {
            if (subscription == null) {
                subscriptions.hasItree = true;
            } else {
                // Pairs with the drop after it was freed, or in unregister.
                mm.grab();
                subscription.mm = mm;
                subscription.users = 1;
                subscriptions.lock.lock();
                try {
                    subscriptions.addHead(subscription);
                } finally {
                    subscriptions.lock.unlock();
                }
            }
            if (present == null) {
                mm.publish(subscriptions);
            }
        } finally {
            mm.dropAllLocks();
        }
        SimulatedKernel.bugOn(mm.users() <= 0, "the users of an mm went away while a notifier was registered");
    }

    private static void checkOperations(MmuNotifierOps ops, SimulatedKernel kernel) {
        if (kernel.profile().exclusiveInvalidateRange()
                && ops.invalidateRange != null
                && (ops.invalidateRangeStart != null || ops.invalidateRangeEnd != null)) {
            String rule =
                    "operations have either arch_invalidate_secondary_tlbs() or start and end, not both as " + ops;
            kernel.warnOn(true, rule);
            throw new ErrnoException(Errno.EINVAL, rule);
        }
    }

    /**
     * {@code mmu_notifier_unregister()}: unhooks a registered notifier, after calling its {@code release} unless the end of
     * the address space has. When this returns none of its operations runs, and none will.
     *
     * @param subscription what was registered
     * @param mm where
     */
    public static void unregister(MmuNotifier subscription, MmStruct mm) {
        SimulatedKernel.bugOn(mm.count() <= 0, "a notifier is unregistered from an mm that was freed");
        Srcu srcu = mm.kernel().srcu();
        if (subscription.hashed) {
            // The read section makes the end of the address space wait for release before it frees pages.
            int section = srcu.readLock();
            try {
                MmuNotifierOps ops = subscription.ops();
                if (ops.release != null) {
                    ops.release.release(subscription, mm);
                }
            } finally {
                srcu.readUnlock(section);
            }
            MmuNotifierSubscriptions subscriptions = subscriptions(mm);
            subscriptions.lock.lock();
            try {
                // It may have been unlinked meanwhile.
                subscriptions.deleteInit(subscription);
            } finally {
                subscriptions.lock.unlock();
            }
        }
        srcu.synchronize();
        mm.drop();
    }

    // ------------------------------------------------------------------------- what the memory management calls

    /** {@code mmu_notifier_release()}: the address space has no users any more. */
    static void mmuNotifierRelease(MmStruct mm) {
        MmuNotifierSubscriptions subscriptions = mm.notifierSubscriptions();
        if (subscriptions != null) {
            subscriptions.release(mm);
        }
    }

    /**
     * {@code mmu_notifier_invalidate_range_start()}: before a range changes. Callbacks may sleep.
     *
     * @param range blockable
     */
    public static void invalidateRangeStart(MmuNotifierRange range) {
        SimulatedKernel.bugOn(!range.isBlockable(), "a start whose callbacks may sleep needs a blockable range");
        Lockdep lockdep = range.mm().kernel().lockdep();
        lockdep.mightSleep();
        lockdep.acquire(LockClass.INVALIDATE_RANGE_START, LockClass.INVALIDATE_RANGE_START);
        try {
            MmuNotifierSubscriptions subscriptions = range.mm().notifierSubscriptions();
            if (subscriptions != null) {
                // Nobody may refuse, and a warning was given if somebody did.
                subscriptions.invalidateRangeStart(range);
            }
        } finally {
            lockdep.release(LockClass.INVALIDATE_RANGE_START);
        }
    }

    /**
     * {@code mmu_notifier_invalidate_range_start_nonblock()}: before a range changes, where callbacks must not sleep.
     *
     * @param range not blockable
     * @return false for {@code -EAGAIN}: the range must not be changed, and there is no end to be called
     */
    public static boolean invalidateRangeStartNonblock(MmuNotifierRange range) {
        SimulatedKernel.bugOn(range.isBlockable(), "a start whose callbacks must not sleep has a blockable range");
        Lockdep lockdep = range.mm().kernel().lockdep();
        lockdep.acquire(LockClass.INVALIDATE_RANGE_START, LockClass.INVALIDATE_RANGE_START);
        try {
            MmuNotifierSubscriptions subscriptions = range.mm().notifierSubscriptions();
            return subscriptions == null || subscriptions.invalidateRangeStart(range);
        } finally {
            lockdep.release(LockClass.INVALIDATE_RANGE_START);
        }
    }

    /**
     * {@code mmu_notifier_invalidate_range_end()}: after the range has changed, and after its TLB was flushed.
     *
     * @param range as at the start
     */
    public static void invalidateRangeEnd(MmuNotifierRange range) {
        doInvalidateRangeEnd(range, false);
    }

    /**
     * {@code mmu_notifier_invalidate_range_only_end()}: the same, where {@link #invalidateRange} was called already.
     *
     * @param range as at the start
     */
    public static void invalidateRangeOnlyEnd(MmuNotifierRange range) {
        doInvalidateRangeEnd(range, true);
    }

    private static void doInvalidateRangeEnd(MmuNotifierRange range, boolean onlyEnd) {
        Lockdep lockdep = range.mm().kernel().lockdep();
        if (range.isBlockable() && !onlyEnd) {
            lockdep.mightSleep();
        }
        MmuNotifierSubscriptions subscriptions = range.mm().notifierSubscriptions();
        if (subscriptions == null) {
            return;
        }
        lockdep.acquire(LockClass.INVALIDATE_RANGE_START, LockClass.INVALIDATE_RANGE_START);
        try {
            subscriptions.invalidateRangeEnd(range, onlyEnd);
        } finally {
            lockdep.release(LockClass.INVALIDATE_RANGE_START);
        }
    }

    /**
     * {@code mmu_notifier_invalidate_range()}: entries were cleared, between start and end. Called under a page table's
     * lock.
     *
     * @param mm the address space
     * @param start the first byte
     * @param end the first byte after the range
     */
    public static void invalidateRange(MmStruct mm, long start, long end) {
        MmuNotifierSubscriptions subscriptions = mm.notifierSubscriptions();
        if (subscriptions != null) {
            subscriptions.invalidateRange(mm, start, end);
        }
    }

    /**
     * {@code mmu_notifier_clear_flush_young()}: was the range accessed, and forget it, the TLB's copy included.
     *
     * @param mm the address space
     * @param start the first byte
     * @param end the first byte after the range
     * @return true if some subsystem has accessed it
     */
    public static boolean clearFlushYoung(MmStruct mm, long start, long end) {
        MmuNotifierSubscriptions subscriptions = mm.notifierSubscriptions();
        return subscriptions != null && subscriptions.clearYoung(mm, start, end, ops -> ops.clearFlushYoung);
    }

    /**
     * {@code mmu_notifier_clear_young()}: was the range accessed, and forget it.
     *
     * @param mm the address space
     * @param start the first byte
     * @param end the first byte after the range
     * @return true if some subsystem has accessed it
     */
    public static boolean clearYoung(MmStruct mm, long start, long end) {
        MmuNotifierSubscriptions subscriptions = mm.notifierSubscriptions();
        return subscriptions != null && subscriptions.clearYoung(mm, start, end, ops -> ops.clearYoung);
    }

    /**
     * {@code mmu_notifier_test_young()}: was the page accessed?
     *
     * @param mm the address space
     * @param address of the page
     * @return true if some subsystem has accessed it
     */
    public static boolean testYoung(MmStruct mm, long address) {
        MmuNotifierSubscriptions subscriptions = mm.notifierSubscriptions();
        return subscriptions != null && subscriptions.testYoung(mm, address);
    }

    /**
     * {@code mmu_notifier_change_pte()}, up to 6.9: another page comes in place of one. Called under a page table's lock.
     *
     * @param mm the address space
     * @param address of the page
     * @param pte the new entry
     */
    public static void changePte(MmStruct mm, long address, long pte) {
        MmuNotifierSubscriptions subscriptions = mm.notifierSubscriptions();
        if (subscriptions != null && mm.kernel().profile().changePte()) {
            subscriptions.changePte(mm, address, pte);
        }
    }

    private static void assertWriteLocked(MmStruct mm) {
        SimulatedKernel.bugOn(!mm.mmapLock().isWriteHeld(), "this needs the mmap lock held for writing");
    }

    /** Of an mm that has, or had, a notifier. */
    private static MmuNotifierSubscriptions subscriptions(MmStruct mm) {
        MmuNotifierSubscriptions subscriptions = mm.notifierSubscriptions();
        if (subscriptions == null) {
            throw new KernelBugError("an mm that never had a notifier has none to put");
        }
        return subscriptions;
    }
}
