// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import org.jspecify.annotations.Nullable;

/** {@code dup_mmap()} of {@code kernel/fork.c}, {@code copy_page_range()} of {@code mm/memory.c}. */
final class Fork {
    private final MmStruct parent;
    private final MmStruct child;

    private Fork(MmStruct parent, MmStruct child) {
        this.parent = parent;
        this.child = child;
    }

    /** {@code dup_mm()}: an address space like another one, of which nobody knows yet. */
    static MmStruct duplicate(MmStruct parent) {
        parent.mmapLock().lockWrite();
        try {
            if (parent.isUnstable()) {
                throw new ErrnoException(Errno.EINTR, "a process whose memory was reaped is to die");
            }
            MmStruct child = new MmStruct(parent.kernel());
            // Nobody else can have it; but whoever holds it does not look for another one.
            child.mmapLock().lockWriteNested(parent.mmapLock());
            try {
                Fork fork = new Fork(parent, child);
                parent.vmas().all().forEach(fork::copy);
            } finally {
                child.mmapLock().unlockWrite();
            }
            return child;
        } finally {
            parent.mmapLock().unlockWrite();
        }
    }

    private void copy(VmArea source) {
        VmArea target = source.duplicate(child, source.start, source.end, source.pageOffset);
        // anon_vma_fork(), vma_interval_tree_insert_after(): found before it has pages, so none is missed.
        AnonVma anon = source.anonVma;
        target.link(anon == null ? null : anon.forked(), source);
        child.vmas().insert(target);
        if (needsCopy(source)) {
            // Permissions go down in the parent, where a private page becomes a shared one.
            Invalidation.around(
                    parent, MmuNotifierEvent.PROTECTION_PAGE, source.start, source.end, () -> copyPages(source));
        }
    }

    /** {@code vma_needs_copy()}: what a fault would find again is left to it. */
    private static boolean needsCopy(VmArea source) {
        return source.anonVma != null;
    }

    private void copyPages(VmArea source) {
        MmuGather flush = new MmuGather(parent);
        parent.pageTable().forEachPmd(source.start, source.end, (from, to) -> {
            child.pageTableLock().lock();
            // Two of them, while nobody but a fork takes two, and of a parent there is one at a time.
            parent.pageTableLock().lockNested(parent.mmapLock());
            try {
                if (Pte.isHuge(parent.pageTable().pmd(from))) {
                    copyHuge(flush, from);
                } else {
                    copyPtes(flush, from, to);
                }
            } finally {
                parent.pageTableLock().unlock();
                child.pageTableLock().unlock();
            }
        });
        flush.finish();
    }

    /** {@code copy_huge_pmd()}. */
    private void copyHuge(MmuGather flush, long address) {
        long leaf = parent.pageTable().pmd(address);
        if (SimulatedMemory.isZero(Pte.pfn(leaf))) {
            child.pageTable().setHuge(address, leaf);
            return;
        }
        HugePages.frames(parent, leaf).forEach(Fork::share);
        long shared = Pte.wrProtect(leaf);
        if (shared != leaf) {
            parent.pageTable().setHuge(address, shared);
            flush.changed(address, address + PageTable.PMD_SIZE);
        }
        child.pageTable().setHuge(address, shared & ~Pte.ACCESSED);
    }

    private static void share(Frame frame) {
        frame.get();
        frame.addRmap();
        // Whoever writes first makes a copy.
        frame.anonExclusive = false;
    }

    /** {@code copy_pte_range()}. */
    private void copyPtes(MmuGather flush, long start, long end) {
        PageTable.Table from = parent.pageTable().pteTable(start);
        PageTable.Table to = child.pageTable().allocPteTable(start);
        if (from == null || to == null) {
            throw new KernelBugError("a page table changes under its mmap lock");
        }
        for (long address = start; address < end; address += PageTable.PAGE_SIZE) {
            long entry = from.get(address);
            if (Pte.isPresent(entry)) {
                long shared = sharePresent(entry, parent.frameOf(entry));
                if (shared != entry) {
                    parent.pageTable().setPte(from, address, shared);
                    flush.changed(address, address + PageTable.PAGE_SIZE);
                }
                child.pageTable().setPte(to, address, shared & ~Pte.ACCESSED);
            } else if (entry != 0) {
                // copy_nonpresent_pte()
                parent.kernel().swap().duplicate(Pte.swapSlot(entry));
                long shared = entry & ~Pte.SWP_EXCLUSIVE;
                parent.pageTable().setPte(from, address, shared);
                child.pageTable().setPte(to, address, shared);
            }
        }
    }

    /** {@code copy_present_pte()}. */
    private static long sharePresent(long entry, @Nullable Frame frame) {
        if (frame != null) {
            share(frame);
        }
        return Pte.wrProtect(entry);
    }
}
