// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import java.util.List;

/** A shadow of one range, by the collision-retry scheme of interval notifiers. */
final class IntervalSubscriber implements Subscriber {
    private static final LockClass LOCK = LockClass.spinning("interval shadow");

    private final MmStruct mm;
    private final ExclusiveLock userLock;
    private final MmuIntervalNotifier notifier;

    /** Under the user lock. */
    private final ShadowEntries entries = new ShadowEntries();

    IntervalSubscriber(MmStruct mm, long start, long length) {
        this.mm = mm;
        userLock = new ExclusiveLock(mm.kernel().lockdep(), LOCK);
        notifier = new MmuIntervalNotifier(mm, start, length, this::invalidate);
        notifier.insert();
    }

    private boolean invalidate(MmuIntervalNotifier subscription, MmuNotifierRange range, long seq) {
        userLock.lock();
        try {
            subscription.setSeq(seq);
            entries.drop(range);
        } finally {
            userLock.unlock();
        }
        return true;
    }

    @Override
    public void fault(long page) {
        if (Long.compareUnsigned(page, notifier.start()) < 0 || Long.compareUnsigned(page, notifier.last()) > 0) {
            return;
        }
        long seq = notifier.readBegin();
        long entry = mm.pageTable().get(page);
        userLock.lock();
        try {
            if (Pte.isPresent(entry) && !notifier.readRetry(seq)) {
                entries.put(page, entry);
            }
        } finally {
            userLock.unlock();
        }
    }

    @Override
    public List<String> change(long page, long old, long entry) {
        userLock.lock();
        try {
            long end = page + (Pte.isHuge(old) ? PageTable.PMD_SIZE : PageTable.PAGE_SIZE);
            for (long each = page; each < end; each += PageTable.PAGE_SIZE) {
                if (ShadowEntries.matters(each, old, entry) && entries.has(each)) {
                    return List.of("0x" + Long.toHexString(each) + " changes, and an interval notifier has it still");
                }
            }
            return List.of();
        } finally {
            userLock.unlock();
        }
    }

    @Override
    public List<String> compare() {
        userLock.lock();
        try {
            return entries.compare(mm.pageTable());
        } finally {
            userLock.unlock();
        }
    }

    @Override
    public void unsubscribe() {
        notifier.remove();
    }
}
