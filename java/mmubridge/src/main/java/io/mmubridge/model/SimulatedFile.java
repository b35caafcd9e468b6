// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import java.util.ArrayList;
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

    @Override
    public String toString() {
        return name;
    }
}
