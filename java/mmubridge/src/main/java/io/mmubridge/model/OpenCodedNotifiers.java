// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How a driver kept one notifier for each address space before there was {@link MmuNotifier#get} and
 * {@link MmuNotifier#put}, which commit 2c7933f53f6b ("mm/mmu_notifiers: add a get/put scheme for the registration") brought
 * in 2019. It is here because it is wrong: a counter-example, and not to be used.
 *
 * <p>The driver keeps a list of its own, of address spaces, notifiers and counts, under a lock of its own. It looks there for
 * a notifier, registers one by itself if there is none, and whoever drops the last reference unregisters and frees it. This
 * is the manner of {@code struct hmm} in {@code mm/hmm.c}, and with {@link Freeing#AT_ONCE} its fault, too: the memory is
 * freed as soon as the notifier is unlinked, but to unlink waits for nobody, and an invalidation that has found the notifier
 * before goes on to call it.
 *
 * <pre>
 *   put()                                         invalidateRangeStart()
 *
 *                                                 srcu.readLock()
 *                                                 finds the notifier on the list
 *   the last reference
 *   mmu_notifier_unregister_no_release()
 *     hlist_del_init_rcu()
 *   kfree()
 *                                                 calls invalidate_range_start of what is freed
 * </pre>
 *
 * <p>Commit 6d7c3cde93c1 ("mm/hmm: fix use after free with struct hmm in the mmu notifiers") mended that one, with
 * {@link Freeing#AFTER_A_GRACE_PERIOD}. Get and put took it, and the list, out of the drivers' hands.
 */
public final class OpenCodedNotifiers {
    /** When a notifier without references is freed. */
    public enum Freeing {
        /** As soon as it is unlinked: the fault. */
        AT_ONCE,
        /** When no invalidation can see it any more, {@code mmu_notifier_call_srcu()}: the repair. */
        AFTER_A_GRACE_PERIOD
    }

    /** What the driver knows of one address space. */
    private static final class Entry {
        final MmStruct mm;
        final MmuNotifier notifier;
        int references = 1;

        Entry(MmStruct mm, MmuNotifier notifier) {
            this.mm = mm;
            this.notifier = notifier;
        }
    }

    private static final LockClass LOCK = LockClass.sleeping("driver");

    private final MmuNotifierOps ops;
    private final Freeing freeing;
    private final ExclusiveLock lock;
    private final List<Entry> entries = new ArrayList<>();

    /**
     * A driver that has no notifiers yet.
     *
     * @param kernel where
     * @param ops its operations, which make and free notifiers
     * @param freeing when it frees them
     */
    public OpenCodedNotifiers(SimulatedKernel kernel, MmuNotifierOps ops, Freeing freeing) {
        this.ops = ops;
        this.freeing = freeing;
        lock = new ExclusiveLock(kernel.lockdep(), LOCK);
    }

    /**
     * The driver's notifier of an address space, made and registered if there is none.
     *
     * @param mm the address space; the caller is a user of it
     * @return the notifier, to be put
     * @throws ErrnoException as {@link MmuNotifier#register} does
     */
    public MmuNotifier get(MmStruct mm) {
        mm.mmapLock().lockWrite();
        try {
            lock.lock();
            try {
                Entry found = find(mm);
                if (found != null) {
                    found.references++;
                    return found.notifier;
                }
                MmuNotifier made = make(mm);
                entries.add(new Entry(mm, made));
                return made;
            } finally {
                lock.unlock();
            }
        } finally {
            mm.mmapLock().unlockWrite();
        }
    }

    private @Nullable Entry find(MmStruct mm) {
        return entries.stream().filter(entry -> entry.mm == mm).findFirst().orElse(null);
    }

    private MmuNotifier make(MmStruct mm) {
        MmuNotifier made = MmuNotifier.make(ops, mm);
        try {
            MmuNotifier.doRegister(made, mm);
        } catch (ErrnoException e) {
            made.free(ops);
            throw e;
        }
        return made;
    }

    /**
     * Gives a reference back; the last one unregisters and frees the notifier.
     *
     * @param notifier what {@link #get} returned
     */
    public void put(MmuNotifier notifier) {
        MmStruct mm = notifier.mm();
        lock.lock();
        try {
            Entry entry = find(mm);
            SimulatedKernel.bugOn(entry == null, "a notifier is put that the driver has not");
            if (entry == null || --entry.references != 0) {
                return;
            }
            entries.remove(entry);
        } finally {
            lock.unlock();
        }
        unregisterNoRelease(notifier, mm);
        switch (freeing) {
            case AT_ONCE -> notifier.free(ops);
            case AFTER_A_GRACE_PERIOD -> mm.kernel().srcu().callSrcu(() -> notifier.free(ops));
        }
    }

    /** {@code mmu_notifier_unregister_no_release()}, which there was up to 5.4: it waits for nobody. */
    private static void unregisterNoRelease(MmuNotifier notifier, MmStruct mm) {
        MmuNotifierSubscriptions subscriptions = mm.notifierSubscriptions();
        if (subscriptions != null) {
            subscriptions.lock.lock();
            try {
                subscriptions.deleteInit(notifier);
            } finally {
                subscriptions.lock.unlock();
            }
        }
        mm.drop();
    }
}
