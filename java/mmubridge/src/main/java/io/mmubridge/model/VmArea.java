// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import org.jspecify.annotations.Nullable;

/**
 * A range of an address space of which all pages are alike: {@code struct vm_area_struct}.
 *
 * <p>All of it changes under the mmap lock for writing. Bounds and offset also change under the locks of the file and of the
 * anonymous pages, since reverse mapping looks at them without the mmap lock.
 */
public final class VmArea {
    private final MmStruct mm;
    private final boolean shared;
    private final @Nullable SimulatedFile file;

    volatile long start;
    volatile long end;

    /** {@code vm_pgoff}: of the first page in the file, or where anonymous memory was mapped first, in pages. */
    volatile long pageOffset;

    volatile Protection protection;
    volatile boolean hugePages;

    /** {@code VM_SOFTDIRTY}: all of it counts as written since the last {@code clear_refs}. */
    volatile boolean softDirty = true;

    /** Set once a page of its own is needed; under the mmap lock for reading, the anon_vma's, and the page table's. */
    volatile @Nullable AnonVma anonVma;

    VmArea(
            MmStruct mm,
            long start,
            long end,
            Protection protection,
            boolean shared,
            @Nullable SimulatedFile file,
            long pageOffset) {
        this.mm = mm;
        this.start = start;
        this.end = end;
        this.protection = protection;
        this.shared = shared;
        this.file = file;
        this.pageOffset = pageOffset;
    }

    /** {@code vm_area_dup()}: without anonymous pages, and on no list. */
    VmArea duplicate(MmStruct into, long from, long to, long offset) {
        VmArea copy = new VmArea(into, from, to, protection, shared, file, offset);
        copy.hugePages = hugePages;
        copy.softDirty = softDirty;
        return copy;
    }

    /**
     * {@code vm_mm}.
     *
     * @return the address space that it belongs to
     */
    public MmStruct mm() {
        return mm;
    }

    /**
     * {@code vm_start}.
     *
     * @return its first address
     */
    public long start() {
        return start;
    }

    /**
     * {@code vm_end}.
     *
     * @return the first address after it
     */
    public long end() {
        return end;
    }

    /**
     * What the process may do.
     *
     * @return the protection
     */
    public Protection protection() {
        return protection;
    }

    /**
     * {@code VM_SHARED}.
     *
     * @return whether writes are seen by whoever maps the same
     */
    public boolean isShared() {
        return shared;
    }

    /**
     * {@code vm_file}.
     *
     * @return what it maps, null for private anonymous memory
     */
    public @Nullable SimulatedFile file() {
        return file;
    }

    /**
     * {@code vma_is_anonymous()}.
     *
     * @return whether it maps no file
     */
    public boolean isAnonymous() {
        return file == null;
    }

    /**
     * {@code VM_HUGEPAGE}.
     *
     * @return whether 2 MiB pages are welcome
     */
    public boolean hasHugePages() {
        return hugePages;
    }

    /**
     * {@code VM_SOFTDIRTY}.
     *
     * @return whether all of it counts as written since the last {@link SimulatedProcess#clearRefs}
     */
    public boolean isSoftDirty() {
        return softDirty;
    }

    boolean contains(long address) {
        return start <= address && address < end;
    }

    /** {@code linear_page_index()}. */
    long indexOf(long address) {
        return pageOffset + (address - start) / PageTable.PAGE_SIZE;
    }

    /** {@code vma_address()}: where the page would be, -1 if outside. */
    long addressOf(long index) {
        long address = start + (index - pageOffset) * PageTable.PAGE_SIZE;
        return index >= pageOffset && contains(address) ? address : -1;
    }

    // ------------------------------------------------------------------------------------------- bits of entries

    /** {@code vm_page_prot}: of a new entry. Only a shared mapping is writable from the start, and not if writes are watched. */
    long pageProtection() {
        if (!protection.canRead()) {
            return Pte.PROTNONE | Pte.ACCESSED;
        }
        long bits = Pte.PRESENT | Pte.US | Pte.ACCESSED;
        if (!protection.canExecute()) {
            bits |= Pte.NX;
        }
        if (shared && protection.canWrite() && !wantsWriteNotify()) {
            bits |= Pte.RW;
        }
        return bits;
    }

    /** {@code vma_soft_dirty_enabled()}: the first write to each page is to be noted. */
    boolean wantsWriteNotify() {
        return !softDirty;
    }

    /** {@code maybe_mkwrite()}. */
    long maybeMakeWritable(long entry) {
        return protection.canWrite() ? entry | Pte.RW : entry;
    }

    // ---------------------------------------------------------------------------------------------- reverse mapping

    /** {@code anon_vma_prepare()}: before the first page of its own. With the mmap lock for reading. */
    AnonVma prepareAnon() {
        AnonVma present = anonVma;
        if (present != null) {
            return present;
        }
        AnonVma shareable = mm.vmas().findMergeableAnonVma(this);
        AnonVma candidate =
                shareable != null ? shareable : new AnonVma(mm.kernel().lockdep());
        candidate.rwsem.lockWrite();
        mm.pageTableLock().lock();
        try {
            AnonVma meanwhile = anonVma;
            if (meanwhile != null) {
                return meanwhile;
            }
            candidate.add(this);
            anonVma = candidate;
            return candidate;
        } finally {
            mm.pageTableLock().unlock();
            candidate.rwsem.unlockWrite();
        }
    }

    /**
     * {@code i_mmap_lock_write()} and {@code anon_vma_lock_write()}: keeps reverse mapping out while bounds change, or entries
     * move.
     */
    void withRmapLocks(Runnable change) {
        withRmapLocks(file, anonVma, change);
    }

    static void withRmapLocks(@Nullable SimulatedFile file, @Nullable AnonVma anonVma, Runnable change) {
        if (file != null) {
            file.iMmapRwsem().lockWrite();
        }
        if (anonVma != null) {
            anonVma.rwsem.lockWrite();
        }
        try {
            change.run();
        } finally {
            if (anonVma != null) {
                anonVma.rwsem.unlockWrite();
            }
            if (file != null) {
                file.iMmapRwsem().unlockWrite();
            }
        }
    }

    /** {@code vma_link_file()}, {@code anon_vma_clone()}: from here on reverse mapping finds it. After {@code parent}, if any. */
    void link(@Nullable AnonVma anon, @Nullable VmArea parent) {
        withRmapLocks(file, anon, () -> linkLocked(anon, parent));
    }

    void linkLocked(@Nullable AnonVma anon, @Nullable VmArea parent) {
        if (file != null) {
            file.add(this, parent);
        }
        if (anon != null) {
            anon.add(this);
            anonVma = anon;
        }
    }

    /** {@code unlink_file_vma()}, {@code unlink_anon_vmas()}. */
    void unlink() {
        withRmapLocks(this::unlinkLocked);
    }

    void unlinkLocked() {
        AnonVma anon = anonVma;
        if (anon != null) {
            anon.remove(this);
        }
        if (file != null) {
            file.remove(this);
        }
    }

    @Override
    public String toString() {
        return "0x" + Long.toHexString(start) + "-0x" + Long.toHexString(end) + " " + protection
                + (shared ? " shared" : " private") + (file == null ? "" : " of " + file);
    }
}
