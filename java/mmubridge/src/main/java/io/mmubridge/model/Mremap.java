// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import org.jspecify.annotations.Nullable;

/** {@code mm/mremap.c}, with MREMAP_MAYMOVE. */
final class Mremap {
    private Mremap() {}

    /**
     * {@code do_mremap()}.
     *
     * @param to MREMAP_FIXED: where to, or -1
     */
    static long remap(MmStruct mm, long address, long oldLength, long newLength, long to) {
        long from = Mmap.pageAlign(oldLength);
        long wanted = Mmap.pageAlign(newLength);
        Mmap.checkRange(address, from);
        if (to != -1) {
            Mmap.checkRange(to, wanted);
            if (to < address + from && address < to + wanted) {
                throw new ErrnoException(
                        Errno.EINVAL,
                        "the new range may not overlap the old one, which it does: 0x" + Long.toHexString(to));
            }
        }
        mm.mmapLock().lockWrite();
        try {
            return remapLocked(mm, address, from, wanted, to);
        } finally {
            mm.mmapLock().unlockWrite();
        }
    }

    private static long remapLocked(MmStruct mm, long address, long from, long wanted, long to) {
        VmArea vma = mm.vmas().lookup(address);
        if (vma == null || vma.end < address + from) {
            throw new ErrnoException(
                    Errno.EFAULT, "one mapping has the whole range, which none has: 0x" + Long.toHexString(address));
        }
        if (to != -1) {
            Mmap.unmapLocked(mm, to, to + wanted);
        }
        long length = from;
        if (wanted < from) {
            Mmap.unmapLocked(mm, address + wanted, address + from);
            length = wanted;
        }
        if (to == -1 && wanted <= from) {
            return address;
        }
        if (to == -1 && vma.end == address + from && canExpand(mm, vma, wanted - from)) {
            mm.vmas().extend(vma, address + wanted);
            mm.vmas().merge(vma);
            return address;
        }
        return move(mm, address, length, wanted, to);
    }

    /** {@code vma_expandable()}. */
    private static boolean canExpand(MmStruct mm, VmArea vma, long delta) {
        return vma.end <= PageTable.TASK_SIZE - delta
                && mm.vmas().intersecting(vma.end, vma.end + delta).isEmpty();
    }

    /** {@code move_vma()}. */
    private static long move(MmStruct mm, long address, long length, long wanted, long fixed) {
        VmArea vma = mm.vmas().lookup(address);
        if (vma == null) {
            throw new KernelBugError("a mapping goes away under the mmap lock");
        }
        long alignment = vma.hugePages && wanted >= PageTable.PMD_SIZE ? PageTable.PMD_SIZE : PageTable.PAGE_SIZE;
        long to = fixed != -1 ? fixed : mm.vmas().findGap(wanted, alignment);
        // copy_vma(): what was never touched has no offset to keep.
        boolean untouched = vma.isAnonymous() && vma.anonVma == null;
        long offset = untouched ? to / PageTable.PAGE_SIZE : vma.indexOf(address);
        VmArea copy = vma.duplicate(mm, to, to + wanted, offset);
        mm.vmas().insert(copy);
        copy.link(vma.anonVma, vma);
        VmArea target = mm.vmas().merge(copy);
        VmArea source = mm.vmas().lookup(address);
        if (source == null) {
            throw new KernelBugError("a mapping goes away under the mmap lock");
        }
        // The pages are elsewhere from here on, at the old place there are none.
        Invalidation.around(
                mm,
                MmuNotifierEvent.UNMAP,
                address,
                address + length,
                () -> movePages(source, target, address, to, length));
        Mmap.unmapLocked(mm, address, address + length);
        return to;
    }

    /** {@code move_page_tables()}. */
    private static void movePages(VmArea source, VmArea target, long from, long to, long length) {
        MmStruct mm = source.mm();
        MmuGather flush = new MmuGather(mm);
        long delta = to - from;
        for (long address = from; address < from + length; ) {
            // Neither crosses 2 MiB.
            long end = PageTable.pmdAddressEnd(address, from + length);
            end = Math.min(end, PageTable.pmdAddressEnd(address + delta, to + length) - delta);
            movePart(flush, source, address, end, delta);
            address = end;
        }
        flush.finish();
        if (target.anonVma == null && source.anonVma != null) {
            throw new KernelBugError("pages move where reverse mapping does not find them");
        }
    }

    private static void movePart(MmuGather flush, VmArea source, long start, long end, long delta) {
        MmStruct mm = source.mm();
        long pmd = mm.pageTable().pmd(start);
        if (pmd == 0) {
            return;
        }
        boolean whole = end - start == PageTable.PMD_SIZE;
        if (Pte.isHuge(pmd) && !whole) {
            HugePages.split(source, start);
        }
        // take_rmap_locks(): a walk of either place finds a page in one of them.
        source.withRmapLocks(() -> {
            mm.pageTableLock().lock();
            try {
                flush.changed(start, end);
                if (whole && mm.pageTable().pmd(start + delta) == 0) {
                    mm.pageTable().movePmd(start, start + delta);
                } else {
                    movePtes(mm, start, end, delta);
                }
            } finally {
                mm.pageTableLock().unlock();
            }
        });
    }

    /** {@code move_ptes()}. */
    private static void movePtes(MmStruct mm, long start, long end, long delta) {
        PageTable.@Nullable Table from = mm.pageTable().pteTable(start);
        PageTable.@Nullable Table to = mm.pageTable().allocPteTable(start + delta);
        if (from == null || to == null) {
            throw new KernelBugError("a page table changes under its mmap lock");
        }
        for (long address = start; address < end; address += PageTable.PAGE_SIZE) {
            long entry = from.get(address);
            if (entry != 0) {
                mm.pageTable().setPte(from, address, 0);
                mm.pageTable().setPte(to, address + delta, moved(entry));
            }
        }
    }

    /** {@code move_soft_dirty_pte()}: at the new place it counts as written. */
    private static long moved(long entry) {
        return entry | (Pte.isPresent(entry) ? Pte.SOFT_DIRTY : Pte.SWP_SOFT_DIRTY);
    }
}
