// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import java.util.List;

/** Takes pages out of page tables: the part of {@code mm/memory.c} that does so. */
final class Unmap {
    private Unmap() {}

    /** {@code unmap_vmas()}: of mappings that nobody finds any more. */
    static void mappings(MmuGather tlb, MmStruct mm, List<VmArea> vmas, long start, long end) {
        Invalidation.around(mm, MmuNotifierEvent.UNMAP, start, end, () -> {
            for (VmArea vma : vmas) {
                // The end of all is no address: compared unsigned.
                long last = Long.compareUnsigned(vma.end, end) < 0 ? vma.end : end;
                range(tlb, vma, Math.max(vma.start, start), last, true);
            }
        });
    }

    /**
     * {@code zap_page_range_single()}: of a part of one mapping, which stays.
     *
     * @param evenCows whether a private mapping loses its own copies of a file's pages, too
     */
    static void zap(VmArea vma, long start, long end, boolean evenCows) {
        MmuGather tlb = new MmuGather(vma.mm());
        try {
            Invalidation.around(
                    vma.mm(), MmuNotifierEvent.CLEAR, start, end, () -> range(tlb, vma, start, end, evenCows));
        } finally {
            tlb.finish();
        }
    }

    /** {@code unmap_page_range()}. */
    static void range(MmuGather tlb, VmArea vma, long start, long end, boolean evenCows) {
        vma.mm().pageTable().forEachPmd(start, end, (from, to) -> zapPmd(tlb, vma, from, to, evenCows));
    }

    /** {@code zap_pmd_range()}. */
    private static void zapPmd(MmuGather tlb, VmArea vma, long start, long end, boolean evenCows) {
        if (Pte.isHuge(vma.mm().pageTable().pmd(start))) {
            if (end - start != PageTable.PMD_SIZE) {
                HugePages.split(vma, start);
            } else if (HugePages.zap(tlb, vma, start)) {
                return;
            }
        }
        zapPtes(tlb, vma, start, end, evenCows);
    }

    /** {@code zap_pte_range()}. */
    private static void zapPtes(MmuGather tlb, VmArea vma, long start, long end, boolean evenCows) {
        MmStruct mm = vma.mm();
        mm.pageTableLock().lock();
        try {
            PageTable.Table table = mm.pageTable().pteTable(start);
            if (table == null) {
                return;
            }
            for (long address = start; address < end; address += PageTable.PAGE_SIZE) {
                long entry = table.get(address);
                if (Pte.isPresent(entry)) {
                    zapPresent(tlb, mm, table, address, entry, evenCows);
                } else if (entry != 0 && evenCows) {
                    mm.pageTable().setPte(table, address, 0);
                    mm.kernel().swap().free(Pte.swapSlot(entry));
                }
            }
        } finally {
            mm.pageTableLock().unlock();
        }
    }

    private static void zapPresent(
            MmuGather tlb, MmStruct mm, PageTable.Table table, long address, long entry, boolean evenCows) {
        Frame frame = mm.frameOf(entry);
        if (frame != null && frame.isAnonymous() && !evenCows) {
            return;
        }
        mm.pageTable().setPte(table, address, 0);
        tlb.changed(address, address + PageTable.PAGE_SIZE);
        if (frame != null) {
            noteUse(frame, entry);
            frame.removeRmap();
            tlb.remove(frame);
        }
    }

    /** What the entry knew of the page, the page knows from here on. */
    static void noteUse(Frame frame, long entry) {
        if (Pte.isDirty(entry)) {
            frame.dirty = true;
        }
        if (Pte.isYoung(entry) && !frame.isAnonymous()) {
            frame.referenced = true;
        }
    }
}
