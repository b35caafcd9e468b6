// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * All that is subscribed to one address space: {@code struct mmu_notifier_subscriptions}.
 *
 * <p>Notifiers are on a list that changes under {@link #lock} and is read under SRCU. Interval notifiers are in a tree that
 * changes under {@link #lock}, but not while an invalidation walks it: the walk holds no lock, since its callbacks may
 * sleep. Instead {@link #invalidateSeq} is odd for as long, and changes of the tree are put off until it becomes even.
 *
 * <pre>
 *   activeInvalidateRanges   invalidateSeq   the tree
 *   0                        even            changes under the lock
 *   more than 0              even            changes under the lock: no invalidation under way has met an interval
 *   more than 0              odd             stands still; changes wait on the deferred list
 * </pre>
 *
 * <p>Each invalidation that meets an interval makes the number odd, whoever is the last to end makes it even and carries the
 * changes out. An interval notifier whose own number equals {@link #invalidateSeq} is being invalidated.
 */
final class MmuNotifierSubscriptions {
    final ExclusiveLock lock;

    // The list: written under the lock, read under SRCU.
    volatile @Nullable MmuNotifier first;

    /** Set under all of mm_take_all_locks, and never reset. */
    volatile boolean hasItree;

    /** Written under the lock. */
    volatile long invalidateSeq = 2;

    // Under the lock.
    private long activeInvalidateRanges;
    private final IntervalTree<MmuIntervalNotifier> itree = new IntervalTree<>();
    private final Deque<MmuIntervalNotifier> deferred = new ArrayDeque<>();

    /** The wait queue: its monitor is notified after {@link #invalidateSeq} has become even. */
    final Object wq = new Object();

    MmuNotifierSubscriptions(Lockdep lockdep) {
        lock = new ExclusiveLock(lockdep, LockClass.SUBSCRIPTIONS);
    }

    /** {@code __mmu_notifier_subscriptions_destroy()}: the structure of the address space is freed. */
    void destroy() {
        SimulatedKernel.bugOn(first != null, "an mm is freed that has notifiers");
    }

    // -------------------------------------------------------------------------------------------------- the list

    /** {@code hlist_add_head_rcu()}: complete before a reader can find it. Under the lock. */
    void addHead(MmuNotifier subscription) {
        MmuNotifier head = first;
        subscription.next = head;
        subscription.previous = null;
        if (head != null) {
            head.previous = subscription;
        }
        subscription.hashed = true;
        first = subscription;
    }

    /** {@code hlist_del_init_rcu()}: readers who stand on it go on to its next. Under the lock; may come twice. */
    void deleteInit(MmuNotifier subscription) {
        if (!subscription.hashed) {
            return;
        }
        MmuNotifier previous = subscription.previous;
        MmuNotifier next = subscription.next;
        if (previous == null) {
            first = next;
        } else {
            previous.next = next;
        }
        if (next != null) {
            next.previous = previous;
        }
        subscription.hashed = false;
    }

    /**
     * {@code __mmu_notifier_release()}: nobody registers any more, since the address space has no users. Others may still
     * invalidate, through files and reverse mappings, and unregister.
     */
    void release(MmStruct mm) {
        if (hasItree) {
            releaseIntervals(mm);
        }
        if (first == null) {
            return;
        }
        Srcu srcu = mm.kernel().srcu();
        int section = srcu.readLock();
        try {
            for (MmuNotifier each = first; each != null; each = each.nextLive()) {
                MmuNotifierOps ops = each.ops();
                if (ops.release != null) {
                    ops.release.release(each, mm);
                }
            }
            lock.lock();
            try {
                while (first != null) {
                    deleteInit(first);
                }
            } finally {
                lock.unlock();
            }
        } finally {
            srcu.readUnlock(section);
        }
        // A release that unregister() has called may still be running, and pages must not be freed before it returns.
        srcu.synchronize();
    }

    /** {@code __mmu_notifier_invalidate_range_start()}; false for -EAGAIN. */
    boolean invalidateRangeStart(MmuNotifierRange range) {
        if (hasItree && !invalidateIntervals(range)) {
            return false;
        }
        return first == null || invalidateList(range);
    }

    /** {@code mn_hlist_invalidate_range_start()}. */
    private boolean invalidateList(MmuNotifierRange range) {
        SimulatedKernel kernel = range.mm().kernel();
        boolean started = true;
        int section = kernel.srcu().readLock();
        try {
            for (MmuNotifier each = first; each != null; each = each.nextLive()) {
                MmuNotifierOps ops = each.ops();
                if (ops.invalidateRangeStart != null && !start(ops.invalidateRangeStart, each, range)) {
                    kernel.warnOn(range.isBlockable(), "-EAGAIN for a range that is blockable: " + range + ", " + ops);
                    // All are called even so, and no notifier knows that another has failed.
                    kernel.warnOn(
                            ops.invalidateRangeEnd != null,
                            "operations that have an end may not give -EAGAIN at the start: " + ops);
                    started = false;
                }
            }
            if (!started) {
                // Those whose start was a success wait for their end, and the caller will not call it.
                for (MmuNotifier each = first; each != null; each = each.nextLive()) {
                    MmuNotifierOps ops = each.ops();
                    if (ops.invalidateRangeEnd != null) {
                        ops.invalidateRangeEnd.invalidateRangeEnd(each, range);
                    }
                }
            }
        } finally {
            kernel.srcu().readUnlock(section);
        }
        return started;
    }

    private static boolean start(
            MmuNotifierOps.InvalidateRangeStart operation, MmuNotifier subscription, MmuNotifierRange range) {
        if (range.isBlockable()) {
            return operation.invalidateRangeStart(subscription, range);
        }
        Lockdep lockdep = range.mm().kernel().lockdep();
        lockdep.nonBlockStart();
        try {
            return operation.invalidateRangeStart(subscription, range);
        } finally {
            lockdep.nonBlockEnd();
        }
    }

    /** {@code __mmu_notifier_invalidate_range_end()}. */
    void invalidateRangeEnd(MmuNotifierRange range, boolean onlyEnd) {
        if (hasItree) {
            endIntervals();
        }
        if (first == null) {
            return;
        }
        SimulatedKernel kernel = range.mm().kernel();
        // From 6.6 on whoever flushes the TLB calls it, and nobody else.
        boolean flush = !onlyEnd && !kernel.profile().secondaryTlbsAtFlush();
        int section = kernel.srcu().readLock();
        try {
            for (MmuNotifier each = first; each != null; each = each.nextLive()) {
                MmuNotifierOps ops = each.ops();
                if (flush && ops.invalidateRange != null) {
                    ops.invalidateRange.invalidateRange(each, range.mm(), range.start(), range.end());
                }
                if (ops.invalidateRangeEnd != null) {
                    end(ops.invalidateRangeEnd, each, range);
                }
            }
        } finally {
            kernel.srcu().readUnlock(section);
        }
    }

    private static void end(
            MmuNotifierOps.InvalidateRangeEnd operation, MmuNotifier subscription, MmuNotifierRange range) {
        Lockdep lockdep = range.mm().kernel().lockdep();
        if (!range.isBlockable()) {
            lockdep.nonBlockStart();
        }
        try {
            operation.invalidateRangeEnd(subscription, range);
        } finally {
            if (!range.isBlockable()) {
                lockdep.nonBlockEnd();
            }
        }
    }

    /** {@code __mmu_notifier_invalidate_range()}. */
    void invalidateRange(MmStruct mm, long start, long end) {
        int section = mm.kernel().srcu().readLock();
        try {
            for (MmuNotifier each = first; each != null; each = each.nextLive()) {
                MmuNotifierOps ops = each.ops();
                if (ops.invalidateRange != null) {
                    ops.invalidateRange.invalidateRange(each, mm, start, end);
                }
            }
        } finally {
            mm.kernel().srcu().readUnlock(section);
        }
    }

    /** {@code __mmu_notifier_clear_flush_young()}, {@code __mmu_notifier_clear_young()}: all are asked, to forget. */
    boolean clearYoung(
            MmStruct mm,
            long start,
            long end,
            Function<MmuNotifierOps, MmuNotifierOps.@Nullable ClearYoung> operation) {
        boolean young = false;
        int section = mm.kernel().srcu().readLock();
        try {
            for (MmuNotifier each = first; each != null; each = each.nextLive()) {
                MmuNotifierOps.ClearYoung ask = operation.apply(each.ops());
                if (ask != null) {
                    young |= ask.clearYoung(each, mm, start, end);
                }
            }
        } finally {
            mm.kernel().srcu().readUnlock(section);
        }
        return young;
    }

    /** {@code __mmu_notifier_test_young()}: the first yes is enough. */
    boolean testYoung(MmStruct mm, long address) {
        int section = mm.kernel().srcu().readLock();
        try {
            for (MmuNotifier each = first; each != null; each = each.nextLive()) {
                MmuNotifierOps ops = each.ops();
                if (ops.testYoung != null && ops.testYoung.testYoung(each, mm, address)) {
                    return true;
                }
            }
            return false;
        } finally {
            mm.kernel().srcu().readUnlock(section);
        }
    }

    /** {@code __mmu_notifier_change_pte()}. */
    void changePte(MmStruct mm, long address, long pte) {
        int section = mm.kernel().srcu().readLock();
        try {
            for (MmuNotifier each = first; each != null; each = each.nextLive()) {
                MmuNotifierOps ops = each.ops();
                if (ops.changePte != null) {
                    ops.changePte.changePte(each, mm, address, pte);
                }
            }
        } finally {
            mm.kernel().srcu().readUnlock(section);
        }
    }

    // -------------------------------------------------------------------------------------------------- the tree

    /** {@code mn_itree_release()}. */
    private void releaseIntervals(MmStruct mm) {
        // From 0 up to the last byte: the tree speaks of last bytes.
        MmuNotifierRange all = new MmuNotifierRange(mm, MmuNotifierEvent.RELEASE, 0, -1, true);
        Walk walk = startIntervals(all);
        for (MmuIntervalNotifier each = walk.met(); each != null; each = next(each, all)) {
            boolean done = each.invalidate(all, walk.seq());
            mm.kernel().warnOn(!done, "an interval notifier refused the release of its address space");
        }
        endIntervals();
    }

    /**
     * {@code mn_itree_invalidate()}; false for -EAGAIN, after which there is no end. The kernel ends the intervals then,
     * and does not where it is the list that refuses, for which no kernel has a user: intervals and start without end on
     * one address space.
     */
    private boolean invalidateIntervals(MmuNotifierRange range) {
        Walk walk = startIntervals(range);
        for (MmuIntervalNotifier each = walk.met(); each != null; each = next(each, range)) {
            if (!each.invalidate(range, walk.seq())) {
                range.mm()
                        .kernel()
                        .warnOn(range.isBlockable(), "an interval notifier refused a blockable range: " + range);
                if (!range.isBlockable()) {
                    endIntervals();
                    return false;
                }
            }
        }
        return true;
    }

    /**
     * What an invalidation begins with.
     *
     * @param met the first interval that it meets
     * @param seq for those that it meets
     */
    private record Walk(@Nullable MmuIntervalNotifier met, long seq) {}

    /** {@code mn_itree_inv_start_range()}. */
    private Walk startIntervals(MmuNotifierRange range) {
        lock.lock();
        try {
            activeInvalidateRanges++;
            MmuIntervalNotifier met = itree.first(range.start(), range.end() - 1);
            if (met != null) {
                invalidateSeq |= 1;
            }
            return new Walk(met, invalidateSeq);
        } finally {
            lock.unlock();
        }
    }

    /** {@code mn_itree_inv_next()}: without the lock, since the tree stands still. */
    private @Nullable MmuIntervalNotifier next(MmuIntervalNotifier notifier, MmuNotifierRange range) {
        return itree.next(notifier, range.start(), range.end() - 1);
    }

    private boolean isInvalidating() {
        return (invalidateSeq & 1) != 0;
    }

    /** {@code mn_itree_inv_end()}. */
    @SuppressWarnings("NonAtomicVolatileUpdate") // under the lock
    private void endIntervals() {
        lock.lock();
        try {
            activeInvalidateRanges--;
            if (activeInvalidateRanges != 0 || !isInvalidating()) {
                return;
            }
            invalidateSeq++;
            for (MmuIntervalNotifier each = deferred.poll(); each != null; each = deferred.poll()) {
                if (each.isLinked()) {
                    itree.remove(each);
                } else {
                    itree.insert(each);
                }
            }
        } finally {
            lock.unlock();
        }
        synchronized (wq) {
            wq.notifyAll();
        }
    }

    /** {@code __mmu_interval_notifier_insert()}, the part under the lock. */
    void insert(MmuIntervalNotifier notifier) {
        lock.lock();
        try {
            SimulatedKernel.bugOn(notifier.inserted, "an interval notifier is inserted that is inserted already");
            notifier.inserted = true;
            if (activeInvalidateRanges == 0) {
                SimulatedKernel.bugOn(isInvalidating(), "the number is odd and nothing is under way");
                // Odd, and no number that an invalidation will have any time soon.
                notifier.setSeq(invalidateSeq - 1);
                itree.insert(notifier);
                return;
            }
            // What is under way may be about this range.
            if (isInvalidating()) {
                deferred.push(notifier);
            } else {
                invalidateSeq |= 1;
                itree.insert(notifier);
            }
            notifier.setSeq(invalidateSeq);
        } finally {
            lock.unlock();
        }
    }

    /** {@code mmu_interval_notifier_remove()}, without the drop: when it returns no callback runs, and none will. */
    @SuppressWarnings("ReferenceEquality") // a notifier is itself
    void remove(MmuIntervalNotifier notifier) {
        long seq = 0;
        lock.lock();
        try {
            SimulatedKernel.bugOn(!notifier.inserted, "an interval notifier is removed that is not inserted");
            notifier.inserted = false;
            if (!isInvalidating()) {
                itree.remove(notifier);
            } else if (notifier.isLinked()) {
                deferred.push(notifier);
                seq = invalidateSeq;
            } else {
                // Its insertion was put off until now.
                deferred.removeIf(each -> each == notifier);
            }
        } finally {
            lock.unlock();
        }
        if (seq != 0) {
            // Under the lock: the number changes before the tree does.
            awaitSeqNot(seq, this::lockedSeq);
        }
    }

    /** {@code mmu_interval_read_begin()}. */
    long readBegin(MmuIntervalNotifier notifier) {
        long seq;
        boolean invalidating;
        lock.lock();
        try {
            seq = notifier.seq();
            invalidating = seq == invalidateSeq;
        } finally {
            lock.unlock();
        }
        if (invalidating) {
            awaitSeqNot(seq, () -> invalidateSeq);
        }
        return seq;
    }

    private long lockedSeq() {
        lock.lock();
        try {
            return invalidateSeq;
        } finally {
            lock.unlock();
        }
    }

    /** {@code wait_event()}, which a signal does not end. */
    private void awaitSeqNot(long seq, LongSupplier current) {
        boolean interrupted = false;
        synchronized (wq) {
            // The number changes before the monitor is entered to notify, so no change is slept through.
            while (current.getAsLong() == seq) {
                try {
                    wq.wait();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
