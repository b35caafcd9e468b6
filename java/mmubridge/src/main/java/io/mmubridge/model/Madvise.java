// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** {@code mm/madvise.c}. */
final class Madvise {
    private Madvise() {}

    /** {@code do_madvise()}. */
    static void advise(MmStruct mm, long address, long length, Advice advice) {
        long end = address + Mmap.pageAlign(length);
        Mmap.checkRange(address, end - address);
        mm.mmapLock().lockRead();
        try {
            List<VmArea> vmas = mm.vmas().intersecting(address, end);
            long reached = address;
            boolean hole = false;
            for (VmArea vma : vmas) {
                hole |= vma.start > reached;
                reached = vma.end;
                advise(vma, Math.max(vma.start, address), Math.min(vma.end, end), advice);
            }
            // What is mapped was done all the same.
            if (hole || reached < end) {
                throw new ErrnoException(
                        Errno.ENOMEM,
                        "a part is not mapped of 0x" + Long.toHexString(address) + ", " + length + " bytes");
            }
        } finally {
            mm.mmapLock().unlockRead();
        }
    }

    /** {@code madvise_vma_behavior()}. */
    private static void advise(VmArea vma, long start, long end, Advice advice) {
        switch (advice) {
            case DONTNEED -> Unmap.zap(vma, start, end, true);
            case FREE -> free(vma, start, end);
            case PAGEOUT -> coldOrPageout(vma, start, end, true);
            case COLD -> coldOrPageout(vma, start, end, false);
        }
    }

    /** Small pages, for whoever wants a part of a huge one; the whole is left as it is. */
    private static void splitUnlessWhole(VmArea vma, long start, long end) {
        if (end - start != PageTable.PMD_SIZE && Pte.isHuge(vma.mm().pageTable().pmd(start))) {
            HugePages.split(vma, start);
        }
    }

    // ----------------------------------------------------------------------------------------------- MADV_FREE

    /** {@code madvise_free_single_vma()}. */
    private static void free(VmArea vma, long start, long end) {
        if (!vma.isAnonymous()) {
            throw new ErrnoException(
                    Errno.EINVAL, "MADV_FREE is for private anonymous memory, which this is not: " + vma);
        }
        MmuGather tlb = new MmuGather(vma.mm());
        try {
            Invalidation.around(
                    vma.mm(),
                    MmuNotifierEvent.CLEAR,
                    start,
                    end,
                    () -> vma.mm().pageTable().forEachPmd(start, end, (from, to) -> freePmd(tlb, vma, from, to)));
        } finally {
            tlb.finish();
        }
    }

    /** {@code madvise_free_pte_range()}. */
    private static void freePmd(MmuGather tlb, VmArea vma, long start, long end) {
        MmStruct mm = vma.mm();
        splitUnlessWhole(vma, start, end);
        if (HugePages.change(mm, start, leaf -> freeHuge(tlb, mm, start, leaf))) {
            return;
        }
        mm.pageTableLock().lock();
        try {
            PageTable.Table table = mm.pageTable().pteTable(start);
            for (long address = start; table != null && address < end; address += PageTable.PAGE_SIZE) {
                long entry = table.get(address);
                if (Pte.isSwap(entry)) {
                    mm.pageTable().setPte(table, address, 0);
                    mm.kernel().swap().free(Pte.swapSlot(entry));
                } else if (entry != 0 && isFreed(mm.frameOf(entry))) {
                    mm.pageTable().setPte(table, address, entry & ~(Pte.ACCESSED | Pte.DIRTY));
                    tlb.changed(address, address + PageTable.PAGE_SIZE);
                }
            }
        } finally {
            mm.pageTableLock().unlock();
        }
    }

    /** {@code mark_folio_lazyfree()}: from here on it may be dropped while it is clean. Not if others may rely on it. */
    private static boolean isFreed(@Nullable Frame frame) {
        if (frame == null || (frame.dirty && frame.maps() != 1)) {
            return false;
        }
        frame.dirty = false;
        frame.referenced = false;
        frame.swapBacked = false;
        return true;
    }

    /** {@code madvise_free_huge_pmd()}. */
    private static void freeHuge(MmuGather tlb, MmStruct mm, long start, long leaf) {
        if (SimulatedMemory.isZero(Pte.pfn(leaf))) {
            return;
        }
        List<Frame> frames = HugePages.frames(mm, leaf);
        if (frames.stream().anyMatch(frame -> frame.maps() != 1)) {
            return;
        }
        frames.forEach(Madvise::isFreed);
        mm.pageTable().setHuge(start, leaf & ~(Pte.ACCESSED | Pte.DIRTY));
        tlb.changed(start, start + PageTable.PMD_SIZE);
    }

    // ------------------------------------------------------------------------------- MADV_COLD and MADV_PAGEOUT

    /** {@code madvise_cold_or_pageout_pte_range()}: of pages that nobody else maps. */
    private static void coldOrPageout(VmArea vma, long from, long to, boolean pageout) {
        MmStruct mm = vma.mm();
        MmuGather tlb = new MmuGather(mm);
        mm.pageTable().forEachPmd(from, to, (start, end) -> {
            splitUnlessWhole(vma, start, end);
            List<Frame> isolated = new ArrayList<>();
            mm.pageTableLock().lock();
            try {
                for (long address = start; address < end; address += PageTable.PAGE_SIZE) {
                    makeCold(tlb, mm, address, pageout, isolated);
                }
            } finally {
                mm.pageTableLock().unlock();
            }
            // reclaim_pages()
            mm.kernel().reclaimer().shrinkList(isolated, mm.kernel().profile().pageoutIgnoresReferences());
        });
        tlb.finish();
    }

    private static void makeCold(MmuGather tlb, MmStruct mm, long address, boolean pageout, List<Frame> isolated) {
        long entry = mm.pageTable().get(address);
        if (!Pte.isPresent(entry)) {
            return;
        }
        long pfn = PageState.pfn(address, entry);
        if (SimulatedMemory.isZero(pfn)) {
            return;
        }
        Frame frame = mm.kernel().memory().frame(pfn);
        if (frame.maps() != 1) {
            return;
        }
        if (Pte.isYoung(entry) && !(pageout && mm.kernel().profile().pageoutIgnoresReferences())) {
            mm.pageTable().makeOld(address);
            tlb.changed(address, address + PageTable.PAGE_SIZE);
        }
        frame.referenced = false;
        if (pageout && mm.kernel().memory().isolate(frame)) {
            isolated.add(frame);
        }
    }
}
