// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** Finds the page table entries that map a frame, and changes them: {@code mm/rmap.c}. No mmap lock is needed. */
final class Rmap {
    /** Sees each place where a frame may be mapped. */
    @FunctionalInterface
    private interface Visitor {
        void visit(VmArea vma, long address);
    }

    private Rmap() {}

    /** {@code rmap_walk()}. */
    private static void walk(Frame frame, Visitor visitor) {
        AnonVma anon = frame.anonVma;
        SimulatedFile file = frame.file;
        if (anon != null) {
            anon.rwsem.lockRead();
            try {
                visit(anon.mappings(), frame, visitor);
            } finally {
                anon.rwsem.unlockRead();
            }
        } else if (file != null) {
            file.iMmapRwsem().lockRead();
            try {
                visit(file.mappings(), frame, visitor);
            } finally {
                file.iMmapRwsem().unlockRead();
            }
        }
    }

    private static void visit(List<VmArea> mappings, Frame frame, Visitor visitor) {
        for (VmArea vma : mappings) {
            long address = vma.addressOf(frame.index);
            if (address != -1) {
                visitor.visit(vma, address);
            }
        }
    }

    /** {@code page_vma_mapped_walk()}: the entry, if it maps this frame. Under the page table's lock. */
    private static long entryOf(MmStruct mm, Frame frame, long address) {
        long entry = mm.pageTable().get(address);
        return Pte.isPresent(entry) && PageState.pfn(address, entry) == frame.pfn() ? entry : 0;
    }

    // ------------------------------------------------------------------------------------------ was it accessed?

    /**
     * {@code folio_referenced()}: asks each page table, and each subscriber, and makes them forget.
     *
     * @return through how many entries it was accessed
     */
    static int referenced(Frame frame) {
        int[] references = {0};
        walk(frame, (vma, address) -> {
            MmStruct mm = vma.mm();
            mm.pageTableLock().lock();
            try {
                long entry = entryOf(mm, frame, address);
                if (entry != 0 && clearFlushYoung(mm, address, entry)) {
                    references[0]++;
                }
            } finally {
                mm.pageTableLock().unlock();
            }
        });
        return references[0];
    }

    /** {@code ptep_clear_flush_young_notify()}, {@code pmdp_clear_flush_young_notify()}. */
    private static boolean clearFlushYoung(MmStruct mm, long address, long entry) {
        boolean young = Pte.isYoung(entry);
        if (young) {
            mm.pageTable().makeOld(address);
        }
        boolean huge = Pte.isHuge(entry);
        long start = huge ? HugePages.align(address) : address;
        long end = start + (huge ? PageTable.PMD_SIZE : PageTable.PAGE_SIZE);
        return MmuNotifier.clearFlushYoung(mm, start, end) || young;
    }

    // ---------------------------------------------------------------------------------------------------- unmap

    /** Takes a frame, to which the caller has a reference, out of all page tables. */
    static final class Unmapper {
        private final Frame frame;
        private final Swap swap;
        private @Nullable Long slot;

        Unmapper(Frame frame, SimulatedKernel kernel) {
            this.frame = frame;
            swap = kernel.swap();
        }

        /**
         * {@code try_to_unmap()}.
         *
         * @return whether nobody maps it any more
         */
        boolean run() {
            try {
                walk(frame, this::unmapOne);
            } finally {
                if (slot != null) {
                    swap.free(slot);
                }
            }
            return frame.maps() == 0;
        }

        /** {@code try_to_unmap_one()}: notifiers hear of each mapping that might have it. */
        private void unmapOne(VmArea vma, long address) {
            MmStruct mm = vma.mm();
            if (Pte.isHuge(mm.pageTable().pmd(address))) {
                HugePages.split(vma, address);
            }
            boolean[] unmapped = {false};
            Invalidation.around(mm, MmuNotifierEvent.CLEAR, address, address + PageTable.PAGE_SIZE, () -> {
                mm.pageTableLock().lock();
                try {
                    long entry = entryOf(mm, frame, address);
                    PageTable.Table table = mm.pageTable().pteTable(address);
                    unmapped[0] = entry != 0 && table != null && unmap(mm, table, address, entry);
                } finally {
                    mm.pageTableLock().unlock();
                }
            });
            if (unmapped[0]) {
                // That of the entry.
                frame.put();
            }
        }

        private boolean unmap(MmStruct mm, PageTable.Table table, long address, long entry) {
            mm.pageTable().setPte(table, address, 0);
            Unmap.noteUse(frame, entry);
            boolean anonymous = frame.isAnonymous();
            if (anonymous && !frame.swapBacked && !isDiscardable()) {
                // It was written since MADV_FREE.
                frame.swapBacked = true;
                mm.pageTable().setPte(table, address, entry);
                return false;
            }
            if (anonymous && frame.swapBacked) {
                mm.pageTable().setPte(table, address, swapEntry(entry));
            }
            // Of a page of a file the end is early enough: until then no other can come in its place.
            if (anonymous || mm.kernel().profile().secondaryTlbsAtFlush()) {
                Invalidation.flush(mm, address, address + PageTable.PAGE_SIZE);
            }
            frame.removeRmap();
            return true;
        }

        /** Clean, and known to nobody but to page tables and to this thread. */
        private boolean isDiscardable() {
            return !frame.dirty && frame.references() == 1 + frame.maps();
        }

        private long swapEntry(long entry) {
            // Nobody writes to it from here on: who had it for himself has it no more, who shares it copies.
            if (slot == null) {
                slot = swap.store(frame.bytes());
            }
            swap.duplicate(slot);
            long swapped = Pte.swap(slot);
            if (frame.anonExclusive) {
                swapped |= Pte.SWP_EXCLUSIVE;
            }
            return (entry & Pte.SOFT_DIRTY) != 0 ? swapped | Pte.SWP_SOFT_DIRTY : swapped;
        }
    }
}
