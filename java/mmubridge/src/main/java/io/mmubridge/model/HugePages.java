// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import io.mmubridge.Cause;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * 2 MiB pages of anonymous memory: {@code mm/huge_memory.c}.
 *
 * <p>The 512 frames are counted one by one, each with a reference and a map for the huge leaf that maps them all, where the
 * kernel counts the compound page. So a leaf that is split changes no count, and a part that is unmapped is free at once,
 * which the kernel puts off.
 */
final class HugePages {
    private static final long FRAME = 1L << 12;

    private HugePages() {}

    static long align(long address) {
        return address & -PageTable.PMD_SIZE;
    }

    /** {@code thp_vma_suitable_order()}: whether the 2 MiB around an address lie in it, and are wanted. */
    static boolean isSuitable(VmArea vma, long address) {
        long first = align(address);
        return vma.hugePages && vma.isAnonymous() && first >= vma.start && first + PageTable.PMD_SIZE <= vma.end;
    }

    /** The frames of a huge leaf. */
    static List<Frame> frames(MmStruct mm, long entry) {
        List<Frame> frames = new ArrayList<>(PageTable.ENTRIES);
        for (int i = 0; i < PageTable.ENTRIES; i++) {
            frames.add(mm.kernel().memory().frame(Pte.pfn(entry) + i));
        }
        return frames;
    }

    // ----------------------------------------------------------------------------------------------------- faults

    /**
     * {@code create_huge_pmd()}, {@code do_huge_pmd_anonymous_page()}.
     *
     * @return false to go on with small pages
     */
    static boolean anonymousPage(VmArea vma, long address, boolean write) {
        MmStruct mm = vma.mm();
        AnonVma anon = vma.prepareAnon();
        if (!write) {
            long zero = Pte.of(SimulatedMemory.HUGE_ZERO_PFN, vma.pageProtection() | Pte.PSE);
            return install(mm, address, zero, () -> {});
        }
        List<Frame> row = mm.kernel().memory().allocateHuge();
        if (row == null) {
            return false;
        }
        if (!install(mm, address, newEntry(vma, row), () -> map(vma, anon, address, row))) {
            row.forEach(Frame::put);
        }
        return true;
    }

    private static long newEntry(VmArea vma, List<Frame> row) {
        long entry = Pte.of(row.getFirst().pfn(), vma.pageProtection() | Pte.PSE);
        return vma.maybeMakeWritable(Pte.mkDirty(entry));
    }

    /** {@code map_anon_folio_pmd()}, all but the entry. */
    private static void map(VmArea vma, AnonVma anon, long address, List<Frame> row) {
        long index = vma.indexOf(align(address));
        for (Frame frame : row) {
            frame.addNewAnonRmap(anon, index++);
            vma.mm().kernel().memory().addLru(frame);
        }
    }

    private static boolean install(MmStruct mm, long address, long entry, Runnable map) {
        mm.pageTableLock().lock();
        try {
            if (mm.pageTable().pmd(address) != 0) {
                return false;
            }
            map.run();
            mm.pageTable().setHuge(address, entry);
            return true;
        } finally {
            mm.pageTableLock().unlock();
        }
    }

    /** {@code wp_huge_pmd()}, {@code do_huge_pmd_wp_page()}: a write to a leaf that does not allow it. */
    static void writeProtected(VmArea vma, long address, long original) {
        MmStruct mm = vma.mm();
        if (SimulatedMemory.isZero(Pte.pfn(original))) {
            if (!mm.kernel().profile().hugeCopyOfHugeZeroPage() || !copyZero(vma, address, original)) {
                split(vma, address);
            }
            return;
        }
        mm.pageTableLock().lock();
        try {
            if (mm.pageTable().pmd(address) != original) {
                return;
            }
            List<Frame> frames = frames(mm, original);
            if (frames.stream().allMatch(frame -> frame.anonExclusive || frame.references() == 1)) {
                frames.forEach(frame -> frame.moveAnonRmap(vma.anonVma));
                mm.pageTable().setHuge(address, vma.maybeMakeWritable(Pte.mkDirty(original | Pte.ACCESSED)));
                return;
            }
        } finally {
            mm.pageTableLock().unlock();
        }
        // What is shared is copied page by page.
        split(vma, address);
    }

    /** {@code do_huge_zero_wp_pmd()}, from 6.13; false if there is no memory for it. */
    private static boolean copyZero(VmArea vma, long address, long original) {
        MmStruct mm = vma.mm();
        List<Frame> row = mm.kernel().memory().allocateHuge();
        AnonVma anon = vma.prepareAnon();
        if (row == null) {
            return false;
        }
        List<Frame> unused = new ArrayList<>(row);
        long first = align(address);
        Runnable copy = () -> {
            mm.pageTableLock().lock();
            try {
                if (mm.pageTable().pmd(address) == original) {
                    mm.pageTable().setHuge(address, 0);
                    Invalidation.flush(mm, first, first + PageTable.PMD_SIZE);
                    map(vma, anon, address, row);
                    mm.pageTable().setHuge(address, newEntry(vma, row));
                    unused.clear();
                }
            } finally {
                mm.pageTableLock().unlock();
            }
        };
        try {
            Activity.because(
                    Cause.COW,
                    () -> Invalidation.aroundFlushed(
                            mm, MmuNotifierEvent.CLEAR, first, first + PageTable.PMD_SIZE, copy));
        } finally {
            unused.forEach(Frame::put);
        }
        return true;
    }

    // ------------------------------------------------------------------------------------------------------ splits

    /** {@code split_huge_pmd_if_needed()}: a mapping is about to end at an address. */
    static void splitAtBoundary(VmArea vma, long address) {
        if (align(address) != address && Pte.isHuge(vma.mm().pageTable().pmd(address))) {
            split(vma, address);
        }
    }

    /** {@code __split_huge_pmd()}: a table of 512 entries in place of the leaf; the pages stay where they are. */
    static void split(VmArea vma, long address) {
        MmStruct mm = vma.mm();
        long first = align(address);
        Runnable split = () -> {
            mm.pageTableLock().lock();
            try {
                splitLocked(mm, vma, first);
            } finally {
                mm.pageTableLock().unlock();
            }
        };
        // No secondary TLB needs a flush: what it has stays true.
        Activity.because(
                Cause.THP_SPLIT,
                () -> Invalidation.aroundFlushed(mm, MmuNotifierEvent.CLEAR, first, first + PageTable.PMD_SIZE, split));
    }

    private static void splitLocked(MmStruct mm, VmArea vma, long first) {
        long leaf = mm.pageTable().pmd(first);
        if (!Pte.isHuge(leaf)) {
            return;
        }
        if (SimulatedMemory.isZero(Pte.pfn(leaf))) {
            mm.pageTable().splitHuge(first, Pte.of(SimulatedMemory.ZERO_PFN, vma.pageProtection() | Pte.SPECIAL), 0);
            return;
        }
        if (Pte.isDirty(leaf)) {
            frames(mm, leaf).forEach(frame -> frame.dirty = true);
        }
        mm.pageTable().splitHuge(first, leaf & ~(Pte.PSE | Pte.DIRTY), FRAME);
    }

    // ----------------------------------------------------------------------------------------- the rest of a life

    /** {@code zap_huge_pmd()}: false if there is a table by now. */
    static boolean zap(MmuGather tlb, VmArea vma, long address) {
        return change(vma.mm(), address, leaf -> {
            if (!SimulatedMemory.isZero(Pte.pfn(leaf))) {
                for (Frame frame : frames(vma.mm(), leaf)) {
                    frame.removeRmap();
                    tlb.remove(frame);
                }
            }
            tlb.changed(address, address + PageTable.PMD_SIZE);
            vma.mm().pageTable().setHuge(address, 0);
        });
    }

    /** {@code pmd_trans_huge_lock()}: does something to a leaf under the lock; false if there is none. */
    static boolean change(MmStruct mm, long address, Consumer<Long> change) {
        mm.pageTableLock().lock();
        try {
            long leaf = mm.pageTable().pmd(address);
            if (!Pte.isHuge(leaf)) {
                return false;
            }
            change.accept(leaf);
            return true;
        } finally {
            mm.pageTableLock().unlock();
        }
    }

    /** The frame that a leaf maps at an address, null for zeroes. */
    static @Nullable Frame frameAt(MmStruct mm, long leaf, long address) {
        long pfn = Pte.pfn(leaf);
        return SimulatedMemory.isZero(pfn)
                ? null
                : mm.kernel().memory().frame(pfn + (address - align(address)) / PageTable.PAGE_SIZE);
    }
}
