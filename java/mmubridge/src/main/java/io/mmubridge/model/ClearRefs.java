// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

/** {@code clear_refs_write()} of {@code fs/proc/task_mmu.c}, for soft-dirty bits: a 4 written to /proc/PID/clear_refs. */
final class ClearRefs {
    private ClearRefs() {}

    static void softDirty(MmStruct mm) {
        mm.mmapLock().lockWrite();
        try {
            mm.vmas().all().forEach(vma -> vma.softDirty = false);
            Invalidation.around(mm, MmuNotifierEvent.SOFT_DIRTY, 0, -1, () -> {
                for (VmArea vma : mm.vmas().all()) {
                    mm.pageTable().forEachPmd(vma.start, vma.end, (from, to) -> clear(mm, from, to));
                }
            });
            // flush_tlb_mm(), behind the end.
            if (mm.kernel().profile().secondaryTlbsAtFlush()) {
                MmuNotifier.invalidateRange(mm, 0, -1);
            }
        } finally {
            mm.mmapLock().unlockWrite();
        }
    }

    /** {@code clear_refs_pte_range()}. */
    private static void clear(MmStruct mm, long start, long end) {
        if (HugePages.change(mm, start, leaf -> mm.pageTable().setHuge(start, leaf & ~(Pte.RW | Pte.SOFT_DIRTY)))) {
            return;
        }
        mm.pageTableLock().lock();
        try {
            PageTable.Table table = mm.pageTable().pteTable(start);
            for (long address = start; table != null && address < end; address += PageTable.PAGE_SIZE) {
                long entry = table.get(address);
                if (Pte.isPresent(entry)) {
                    mm.pageTable().setPte(table, address, entry & ~(Pte.RW | Pte.SOFT_DIRTY));
                } else if (entry != 0) {
                    mm.pageTable().setPte(table, address, entry & ~Pte.SWP_SOFT_DIRTY);
                }
            }
        } finally {
            mm.pageTableLock().unlock();
        }
    }
}
