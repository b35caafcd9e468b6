// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import io.mmubridge.Cause;
import io.mmubridge.EventEntry;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A file that can be mapped: {@code struct inode} with its {@code struct address_space}. Its pages are cached in frames while
 * they are used; what is reclaimed goes to a store, and is read from there again.
 */
public final class SimulatedFile {
    private final SimulatedKernel kernel;
    private final String name;
    private final RwSemaphore iRwsem;
    private final RwSemaphore invalidateLock;
    private final RwSemaphore iMmapRwsem;
    private final ExclusiveLock iPages;

    /** {@code i_mmap}: under its semaphore. A child comes after its parent, so that a walk finds what fork copies. */
    private final List<VmArea> mappings = new ArrayList<>();

    /** {@code i_size}: written under {@link #invalidateLock}. */
    private volatile long size;

    // Under iPages.
    private final Map<Long, Frame> pages = new HashMap<>();
    private final Map<Long, byte[]> store = new HashMap<>();

    /** Of shared anonymous memory: nobody else has a name for it, so its pages go with the last mapping. */
    private final boolean unlinked;

    SimulatedFile(SimulatedKernel kernel, String name, long size, boolean unlinked) {
        this.kernel = kernel;
        this.name = name;
        this.size = size;
        this.unlinked = unlinked;
        Lockdep lockdep = kernel.lockdep();
        iRwsem = new RwSemaphore(lockdep, LockClass.I_RWSEM);
        invalidateLock = new RwSemaphore(lockdep, LockClass.INVALIDATE_LOCK);
        iMmapRwsem = new RwSemaphore(lockdep, LockClass.I_MMAP);
        iPages = new ExclusiveLock(lockdep, LockClass.I_PAGES);
    }

    /**
     * Its name.
     *
     * @return as given
     */
    public String name() {
        return name;
    }

    /**
     * {@code i_size_read()}.
     *
     * @return its length in bytes
     */
    public long size() {
        return size;
    }

    /**
     * {@code nrpages}.
     *
     * @return how many pages are in its cache
     */
    public int cachedPages() {
        iPages.lock();
        try {
            return pages.size();
        } finally {
            iPages.unlock();
        }
    }

    RwSemaphore invalidateLock() {
        return invalidateLock;
    }

    RwSemaphore iMmapRwsem() {
        return iMmapRwsem;
    }

    // -------------------------------------------------------------------------------------------------- mappings

    /** {@code vma_interval_tree_insert_after()}. Under i_mmap_rwsem for writing. */
    void add(VmArea vma, @Nullable VmArea parent) {
        mappings.add(parent == null ? mappings.size() : mappings.indexOf(parent) + 1, vma);
    }

    /** {@code vma_interval_tree_remove()}. Under i_mmap_rwsem for writing. */
    void remove(VmArea vma) {
        mappings.remove(vma);
    }

    /** {@code vma_interval_tree_foreach()}. Under i_mmap_rwsem. */
    List<VmArea> mappings() {
        return mappings;
    }

    /** {@code fput()} of a mapping that was unlinked, with no lock held but the mmap lock. */
    void unmapped() {
        if (!unlinked) {
            return;
        }
        iMmapRwsem.lockRead();
        boolean last = mappings.isEmpty();
        iMmapRwsem.unlockRead();
        if (last) {
            dropPages(0, Long.MAX_VALUE);
        }
    }

    // ------------------------------------------------------------------------------------------------ the page cache

    /**
     * {@code filemap_fault()}: a page, read in if need be, with a reference. The size does not change meanwhile, since the
     * caller holds {@link #invalidateLock}.
     *
     * @throws ErrnoException EBUS if the file ends before it, ENOMEM
     */
    Frame getPage(long index) {
        if (index >= (size + PageTable.PAGE_SIZE - 1) / PageTable.PAGE_SIZE) {
            throw new ErrnoException(Errno.EBUS, this + " ends at " + size + " bytes, before page " + index);
        }
        Frame cached = find(index);
        return cached != null ? cached : readIn(index);
    }

    /** {@code filemap_get_folio()}: with a reference, if it is cached. */
    private @Nullable Frame find(long index) {
        iPages.lock();
        try {
            Frame frame = pages.get(index);
            if (frame != null) {
                frame.get();
            }
            return frame;
        } finally {
            iPages.unlock();
        }
    }

    /** {@code filemap_add_folio()}, {@code read_folio()}. */
    private Frame readIn(long index) {
        Frame fresh = kernel.memory().allocate();
        iPages.lock();
        try {
            Frame meanwhile = pages.get(index);
            if (meanwhile != null) {
                meanwhile.get();
                fresh.put();
                return meanwhile;
            }
            byte[] stored = store.get(index);
            fresh.setBytes(stored == null ? null : stored.clone());
            fresh.file = this;
            fresh.index = index;
            fresh.swapBacked = unlinked;
            // That of the cache.
            fresh.get();
            pages.put(index, fresh);
            kernel.memory().addLru(fresh);
            return fresh;
        } finally {
            iPages.unlock();
        }
    }

    /** {@code truncate_inode_pages_range()}: drops whole pages, stored ones too. Nobody maps them any more. */
    private void dropPages(long first, long end) {
        List<Frame> dropped = new ArrayList<>();
        iPages.lock();
        try {
            for (Iterator<Frame> each = pages.values().iterator(); each.hasNext(); ) {
                Frame frame = each.next();
                if (frame.index >= first && frame.index < end) {
                    SimulatedKernel.bugOn(frame.maps() != 0, "a page leaves its file that is mapped: " + frame);
                    frame.file = null;
                    each.remove();
                    dropped.add(frame);
                }
            }
            store.keySet().removeIf(index -> index >= first && index < end);
        } finally {
            iPages.unlock();
        }
        dropped.forEach(Frame::put);
    }

    /**
     * {@code remove_mapping()}: takes a page out of the cache that nobody maps, to its store, if the caller alone has a
     * reference besides; that is put.
     */
    boolean removeMapping(Frame frame) {
        iPages.lock();
        try {
            if (!isCached(frame) || !frame.freeze(2)) {
                return false;
            }
            byte[] bytes = frame.bytes();
            if (frame.dirty && bytes != null) {
                store.put(frame.index, bytes);
            }
            pages.remove(frame.index);
            frame.file = null;
        } finally {
            iPages.unlock();
        }
        kernel.memory().free(frame);
        return true;
    }

    @SuppressWarnings("ReferenceEquality") // this very page
    private boolean isCached(Frame frame) {
        return pages.get(frame.index) == frame;
    }

    // ------------------------------------------------------------------------------------------------ truncate, punch

    /**
     * {@code ftruncate(2)}, by nobody in particular.
     *
     * @param bytes the new length
     * @throws ErrnoException EINVAL if it is negative
     */
    public void truncate(long bytes) {
        anybody("ftruncate", FTRUNCATE, Cause.TRUNCATE).run(() -> setSize(bytes));
    }

    /**
     * {@code fallocate(2)} with FALLOC_FL_PUNCH_HOLE, by nobody in particular: a range is zeroes from here on, and takes no
     * memory where it has whole pages.
     *
     * @param offset its first byte
     * @param bytes its length
     * @throws ErrnoException EINVAL if the range is empty, or begins before the file
     */
    public void punchHole(long offset, long bytes) {
        anybody("fallocate", FALLOCATE, Cause.HOLE_PUNCH).run(() -> punch(offset, bytes));
    }

    private static Activity anybody(String syscall, int number, Cause cause) {
        return new Activity(1, 1, "init", EventEntry.SYSCALL, syscall, number, cause);
    }

    static final int FTRUNCATE = 77;
    static final int FALLOCATE = 285;

    /** {@code shmem_setattr()}. */
    void setSize(long bytes) {
        if (bytes < 0) {
            throw new ErrnoException(Errno.EINVAL, "the length of a file is not negative, as this is: " + bytes);
        }
        iRwsem.lockWrite();
        invalidateLock.lockWrite();
        try {
            long before = size;
            size = bytes;
            long hole = pageUp(bytes);
            if (before > hole) {
                // As early as that for speed. Again behind it, for private copies that were made meanwhile.
                unmapMappingRange(hole, Long.MAX_VALUE, true);
                truncateRange(bytes, Long.MAX_VALUE);
                unmapMappingRange(hole, Long.MAX_VALUE, true);
            } else if (before > bytes) {
                truncateRange(bytes, Long.MAX_VALUE);
            }
        } finally {
            invalidateLock.unlockWrite();
            iRwsem.unlockWrite();
        }
    }

    /** {@code shmem_fallocate()}: private copies of its pages stay. */
    void punch(long offset, long bytes) {
        if (offset < 0 || bytes <= 0 || offset > Long.MAX_VALUE - bytes - PageTable.PAGE_SIZE) {
            throw new ErrnoException(
                    Errno.EINVAL,
                    "a hole has a length and begins in the file, unlike " + bytes + " bytes at " + offset);
        }
        iRwsem.lockWrite();
        invalidateLock.lockWrite();
        try {
            long start = pageUp(offset);
            long end = offset + bytes & -PageTable.PAGE_SIZE;
            if (start < end) {
                unmapMappingRange(start, end, false);
            }
            truncateRange(offset, offset + bytes);
        } finally {
            invalidateLock.unlockWrite();
            iRwsem.unlockWrite();
        }
    }

    private static long pageUp(long bytes) {
        return bytes + PageTable.PAGE_SIZE - 1 & -PageTable.PAGE_SIZE;
    }

    /** {@code unmap_mapping_range()}: of all mappings of it, whoever has them. */
    private void unmapMappingRange(long from, long to, boolean evenCows) {
        long first = from / PageTable.PAGE_SIZE;
        long end = to / PageTable.PAGE_SIZE;
        iMmapRwsem.lockRead();
        try {
            for (VmArea vma : mappings) {
                long start = Math.max(first, vma.pageOffset);
                long last = Math.min(end, vma.indexOf(vma.end));
                if (start < last) {
                    long address = vma.start + (start - vma.pageOffset) * PageTable.PAGE_SIZE;
                    Unmap.zap(vma, address, address + (last - start) * PageTable.PAGE_SIZE, evenCows);
                }
            }
        } finally {
            iMmapRwsem.unlockRead();
        }
    }

    /** {@code shmem_truncate_range()}: zeroes the parts of pages, and drops the whole ones. */
    private void truncateRange(long from, long to) {
        long first = pageUp(from) / PageTable.PAGE_SIZE;
        long end = to / PageTable.PAGE_SIZE;
        if (from % PageTable.PAGE_SIZE != 0) {
            long page = from / PageTable.PAGE_SIZE;
            zeroPart(page, from, Math.min(to, (page + 1) * PageTable.PAGE_SIZE));
        }
        if (to % PageTable.PAGE_SIZE != 0 && to != Long.MAX_VALUE && end >= first) {
            zeroPart(end, end * PageTable.PAGE_SIZE, to);
        }
        dropPages(first, to == Long.MAX_VALUE ? to : end);
    }

    /** {@code truncate_inode_partial_folio()}. */
    private void zeroPart(long page, long from, long to) {
        int start = (int) (from % PageTable.PAGE_SIZE);
        int end = start + (int) (to - from);
        iPages.lock();
        try {
            Frame frame = pages.get(page);
            byte[] stored = store.get(page);
            if (frame != null) {
                frame.zero(start, end);
                frame.dirty = true;
            } else if (stored != null) {
                Arrays.fill(stored, start, end, (byte) 0);
            }
        } finally {
            iPages.unlock();
        }
    }

    @Override
    public String toString() {
        return name;
    }
}
