// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * The frames of a simulated machine: {@code struct zone} and its {@code struct lruvec}, the list of what may be reclaimed.
 *
 * <p>Numbers of frames are given out once, so that one which was kept too long is known for what it is.
 */
public final class SimulatedMemory {
    /** The frame of zeroes, {@code ZERO_PAGE()}, which everybody maps who has only read. It is not counted. */
    static final long ZERO_PFN = 1;

    /** The first of the {@code huge_zero_page}. */
    static final long HUGE_ZERO_PFN = 0x200;

    private static final long FIRST_PFN = 0x1000;

    /** How often a thread makes room for others before it gives up. */
    private static final int DIRECT_RECLAIMS = 16;

    private final SimulatedKernel kernel;
    private final int limit;
    private final ExclusiveLock zone;
    private final Map<Long, Frame> frames = new ConcurrentHashMap<>();
    private final AtomicLong tables = new AtomicLong();

    // Under the zone's lock.
    private long nextPfn = FIRST_PFN;
    private int allocated;
    private final Set<Frame> lru = new LinkedHashSet<>();

    SimulatedMemory(SimulatedKernel kernel, int limit) {
        this.kernel = kernel;
        this.limit = limit;
        zone = new ExclusiveLock(kernel.lockdep(), LockClass.ZONE);
    }

    /**
     * How many frames are in use, those of page tables and of zeroes left out.
     *
     * @return the count
     */
    public int allocated() {
        zone.lock();
        try {
            return allocated;
        } finally {
            zone.unlock();
        }
    }

    /**
     * How many page tables there are, of all levels.
     *
     * @return the count
     */
    public long tables() {
        return tables.get();
    }

    /**
     * {@code pfn_to_page()}.
     *
     * @param pfn a number that was read off a page table
     * @return the frame
     * @throws UseAfterFreeError if it was freed
     */
    public Frame frame(long pfn) {
        Frame frame = isZero(pfn) ? frames.computeIfAbsent(pfn, zero -> new Frame(this, zero)) : frames.get(pfn);
        if (frame == null) {
            throw new UseAfterFreeError("frame 0x" + Long.toHexString(pfn));
        }
        return frame;
    }

    /** All that are allocated, and those of zeroes that somebody has asked for. */
    Collection<Frame> all() {
        return frames.values();
    }

    /** {@code is_zero_pfn()}, {@code is_huge_zero_page()}: not counted, and copied on the first write. */
    static boolean isZero(long pfn) {
        return pfn < FIRST_PFN;
    }

    /**
     * {@code alloc_page()}, filled with zeroes. May reclaim, so no spinlock is held.
     *
     * @throws ErrnoException ENOMEM
     */
    Frame allocate() {
        mightReclaim();
        Frame frame = tryAllocate();
        for (int i = 0;
                frame == null && i < DIRECT_RECLAIMS && kernel.reclaimer().direct() > 0;
                i++) {
            frame = tryAllocate();
        }
        if (frame == null) {
            throw new ErrnoException(Errno.ENOMEM, "all " + limit + " frames of this machine are in use");
        }
        return frame;
    }

    /** {@code fs_reclaim_acquire()}: to reclaim is to invalidate, so nobody allocates who must not do that. */
    private void mightReclaim() {
        Lockdep lockdep = kernel.lockdep();
        lockdep.mightSleep();
        lockdep.acquire(LockClass.INVALIDATE_RANGE_START, LockClass.INVALIDATE_RANGE_START);
        lockdep.release(LockClass.INVALIDATE_RANGE_START);
    }

    private @Nullable Frame tryAllocate() {
        zone.lock();
        try {
            if (allocated >= limit) {
                return null;
            }
            return add(nextPfn++);
        } finally {
            zone.unlock();
        }
    }

    private Frame add(long pfn) {
        Frame frame = new Frame(this, pfn);
        allocated++;
        frames.put(pfn, frame);
        return frame;
    }

    /** {@code vma_alloc_folio()} of 2 MiB: frames in a row, each counted on its own. Null if there are not so many. */
    @Nullable
    List<Frame> allocateHuge() {
        mightReclaim();
        zone.lock();
        try {
            if (limit - allocated < PageTable.ENTRIES) {
                return null;
            }
            nextPfn = nextPfn + PageTable.ENTRIES - 1 & -PageTable.ENTRIES;
            List<Frame> row = new ArrayList<>(PageTable.ENTRIES);
            for (int i = 0; i < PageTable.ENTRIES; i++) {
                row.add(add(nextPfn++));
            }
            return row;
        } finally {
            zone.unlock();
        }
    }

    /** {@code free_unref_page()}: of the last reference. */
    void free(Frame frame) {
        zone.lock();
        try {
            SimulatedKernel.bugOn(!frames.remove(frame.pfn(), frame), "a frame is freed that is free: " + frame);
            lru.remove(frame);
            allocated--;
            frame.poison();
        } finally {
            zone.unlock();
        }
    }

    /** A table of a page table, which the limit does not count. */
    long allocateTable() {
        tables.incrementAndGet();
        zone.lock();
        try {
            return nextPfn++;
        } finally {
            zone.unlock();
        }
    }

    void freeTable() {
        tables.decrementAndGet();
    }

    // ------------------------------------------------------------------------------------------------- what to reclaim

    /** {@code folio_add_lru()}, {@code folio_putback_lru()}: as the youngest. The caller has a reference. */
    void addLru(Frame frame) {
        zone.lock();
        try {
            lru.add(frame);
        } finally {
            zone.unlock();
        }
    }

    /** {@code isolate_lru_folios()}: takes the oldest off the list, with a reference to each. */
    List<Frame> isolate(int most) {
        List<Frame> isolated = new ArrayList<>();
        zone.lock();
        try {
            for (Iterator<Frame> oldest = lru.iterator(); oldest.hasNext() && isolated.size() < most; ) {
                Frame frame = oldest.next();
                // One whose last reference is just put is about to leave the list.
                if (frame.getUnlessZero()) {
                    oldest.remove();
                    isolated.add(frame);
                }
            }
        } finally {
            zone.unlock();
        }
        return isolated;
    }

    /** {@code folio_isolate_lru()}: takes one off the list, with a reference, if it is there. */
    boolean isolate(Frame frame) {
        zone.lock();
        try {
            if (!lru.contains(frame) || !frame.getUnlessZero()) {
                return false;
            }
            lru.remove(frame);
            return true;
        } finally {
            zone.unlock();
        }
    }

    boolean isOnLru(Frame frame) {
        zone.lock();
        try {
            return lru.contains(frame);
        } finally {
            zone.unlock();
        }
    }

    /** How many could be looked at. */
    int lruSize() {
        zone.lock();
        try {
            return lru.size();
        } finally {
            zone.unlock();
        }
    }
}
