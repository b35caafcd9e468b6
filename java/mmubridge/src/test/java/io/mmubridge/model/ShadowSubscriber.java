// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * What a driver with a device TLB is: it caches which frame each page has, by the rule of {@code mmu_invalidate_retry()} in
 * KVM, and drops what it is told to drop.
 */
final class ShadowSubscriber extends MmuNotifier implements Subscriber {
    private static final LockClass LOCK = LockClass.spinning("shadow");

    /** The subsystem: makes subscribers, and counts them. */
    static final class Subsystem {
        private final AtomicInteger allocated = new AtomicInteger();
        private final AtomicInteger freed = new AtomicInteger();
        private final MmuNotifierOps ops;

        /**
         * A subsystem.
         *
         * @param largestIgnored 0, or the size of invalidations that it wrongly ignores
         */
        Subsystem(String name, long largestIgnored) {
            ops = MmuNotifierOps.builder(name)
                    .notifiers(
                            mm -> {
                                allocated.incrementAndGet();
                                return new ShadowSubscriber(mm.kernel().lockdep(), largestIgnored);
                            },
                            subscription -> freed.incrementAndGet())
                    .release((subscription, mm) -> ((ShadowSubscriber) subscription).release())
                    .invalidateRangeStart((subscription, range) -> ((ShadowSubscriber) subscription).start(range))
                    .invalidateRangeEnd((subscription, range) -> ((ShadowSubscriber) subscription).end(range))
                    .build();
        }

        ShadowSubscriber get(MmStruct mm) {
            return (ShadowSubscriber) MmuNotifier.get(ops, mm);
        }

        int allocated() {
            return allocated.get();
        }

        int freed() {
            return freed.get();
        }
    }

    private final ExclusiveLock lock;
    private final long largestIgnored;

    // Under the lock.
    private final ShadowEntries entries = new ShadowEntries();
    private final Collection<MmuNotifierRange> underWay = new ArrayList<>();
    private long seq;
    private boolean released;

    private ShadowSubscriber(Lockdep lockdep, long largestIgnored) {
        lock = new ExclusiveLock(lockdep, LOCK);
        this.largestIgnored = largestIgnored;
    }

    private boolean start(MmuNotifierRange range) {
        checkLive();
        lock.lock();
        try {
            if (Long.compareUnsigned(range.end() - range.start(), largestIgnored) > 0) {
                underWay.add(range);
                entries.drop(range);
                seq++;
            }
            return true;
        } finally {
            lock.unlock();
        }
    }

    private void end(MmuNotifierRange range) {
        checkLive();
        lock.lock();
        try {
            underWay.remove(range);
        } finally {
            lock.unlock();
        }
    }

    private void release() {
        checkLive();
        lock.lock();
        try {
            entries.dropAll();
            released = true;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void fault(long page) {
        checkLive();
        long seen;
        lock.lock();
        try {
            seen = seq;
        } finally {
            lock.unlock();
        }
        long entry = mm().pageTable().get(page);
        lock.lock();
        try {
            if (Pte.isPresent(entry) && !released && underWay.isEmpty() && seq == seen) {
                entries.put(page, entry);
            }
        } finally {
            lock.unlock();
        }
    }

    @Override
    public List<String> change(long page, long old, long entry) {
        if (!ShadowEntries.matters(page, old, entry)) {
            return List.of();
        }
        lock.lock();
        try {
            long last = page + (Pte.isHuge(old) ? PageTable.PMD_SIZE : PageTable.PAGE_SIZE) - 1;
            boolean told =
                    released || underWay.stream().anyMatch(range -> range.contains(page) && range.contains(last));
            return told
                    ? List.of()
                    : List.of("0x" + Long.toHexString(page) + " changes from " + Long.toHexString(old) + " to "
                            + Long.toHexString(entry) + ", and " + this + " was not told before");
        } finally {
            lock.unlock();
        }
    }

    @Override
    public List<String> compare() {
        lock.lock();
        try {
            return underWay.isEmpty() || released
                    ? entries.compare(mm().pageTable())
                    : List.of("nothing runs, and " + this + " waits for the end of " + underWay);
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void unsubscribe() {
        MmuNotifier.put(this);
    }
}
