// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** {@code mm/mprotect.c}. */
final class Mprotect {
    private Mprotect() {}

    /** {@code do_mprotect_pkey()}. */
    static void protect(MmStruct mm, long address, long length, Protection protection) {
        long end = address + Mmap.pageAlign(length);
        Mmap.checkRange(address, end - address);
        mm.mmapLock().lockWrite();
        try {
            long reached = address;
            for (VmArea vma : mm.vmas().intersecting(address, end)) {
                // What comes before a hole has changed, as in the kernel.
                if (vma.start > reached) {
                    break;
                }
                reached = Math.min(vma.end, end);
                fixup(mm, vma, Math.max(vma.start, address), reached, protection);
            }
            if (reached < end) {
                throw new ErrnoException(Errno.ENOMEM, "nothing is mapped at 0x" + Long.toHexString(reached));
            }
        } finally {
            mm.mmapLock().unlockWrite();
        }
    }

    /** {@code mprotect_fixup()}. */
    private static void fixup(MmStruct mm, VmArea vma, long start, long end, Protection protection) {
        // It may have become a part of the one before.
        VmArea current = mm.vmas().lookup(start);
        if (vma.protection == protection || current == null) {
            return;
        }
        List<VmArea> part = mm.vmas().isolate(start, end);
        part.forEach(each -> each.protection = protection);
        VmArea whole = mm.vmas().merge(part.getFirst());
        changeProtection(whole, start, end);
    }

    /**
     * {@code change_protection()}. Notifiers hear of a range from the first entry on that the page table has of it: up to 6.11
     * one of the third level, in each gigabyte; later one of the second, in each 512 gigabytes.
     */
    private static void changeProtection(VmArea vma, long start, long end) {
        MmuGather tlb = new MmuGather(vma.mm());
        PageTable pageTable = vma.mm().pageTable();
        boolean gigabytes = vma.mm().kernel().profile().protectsByPud();
        try {
            for (long from = start; from < end; ) {
                long to = gigabytes ? PageTable.pgdAddressEnd(from, end) : PageTable.pudAddressEnd(from, end);
                long first = gigabytes ? pageTable.firstPud(from, to) : pageTable.firstPmd(from, to);
                if (first < to) {
                    Invalidation.around(
                            vma.mm(),
                            MmuNotifierEvent.PROTECTION_VMA,
                            first,
                            to,
                            () -> pageTable.forEachPmd(first, to, (a, b) -> changePmd(tlb, vma, a, b)));
                }
                from = to;
            }
        } finally {
            tlb.finish();
        }
    }

    /** {@code change_pmd_range()}. */
    private static void changePmd(MmuGather tlb, VmArea vma, long start, long end) {
        MmStruct mm = vma.mm();
        if (Pte.isHuge(mm.pageTable().pmd(start))) {
            if (end - start != PageTable.PMD_SIZE) {
                HugePages.split(vma, start);
            } else if (HugePages.change(mm, start, leaf -> changeHuge(tlb, vma, start, leaf))) {
                return;
            }
        }
        mm.pageTableLock().lock();
        try {
            PageTable.Table table = mm.pageTable().pteTable(start);
            for (long address = start; table != null && address < end; address += PageTable.PAGE_SIZE) {
                long entry = table.get(address);
                if (Pte.isPresent(entry)) {
                    mm.pageTable().setPte(table, address, changed(vma, entry, mm.frameOf(entry)));
                    tlb.changed(address, address + PageTable.PAGE_SIZE);
                }
            }
        } finally {
            mm.pageTableLock().unlock();
        }
    }

    /** {@code change_huge_pmd()}. */
    private static void changeHuge(MmuGather tlb, VmArea vma, long address, long leaf) {
        MmStruct mm = vma.mm();
        Frame first = HugePages.frameAt(mm, leaf, HugePages.align(address));
        boolean own = first != null && HugePages.frames(mm, leaf).stream().allMatch(frame -> frame.anonExclusive);
        long entry = changed(vma, leaf, own ? first : null);
        mm.pageTable().setHuge(address, entry | Pte.PSE);
        tlb.changed(address, address + PageTable.PMD_SIZE);
    }

    /** {@code pte_modify()}, and {@code can_change_pte_writable()}, which saves the fault at the next write. */
    private static long changed(VmArea vma, long entry, @Nullable Frame frame) {
        long kept = entry & (Pte.ACCESSED | Pte.DIRTY | Pte.SOFT_DIRTY | Pte.SPECIAL);
        long changed = Pte.of(Pte.pfn(entry), (vma.pageProtection() & ~Pte.ACCESSED) | kept);
        boolean watched = vma.wantsWriteNotify() && (entry & Pte.SOFT_DIRTY) == 0;
        if (frame == null || watched || vma.isShared() || !frame.anonExclusive) {
            return changed;
        }
        return vma.maybeMakeWritable(changed);
    }
}
