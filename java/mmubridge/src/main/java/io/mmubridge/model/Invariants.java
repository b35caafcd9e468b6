// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What holds of a simulated machine whenever no operation is under way. */
public final class Invariants {
    private final List<String> broken = new ArrayList<>();
    private final Map<Long, Integer> maps = new HashMap<>();
    private int swapEntries;

    private Invariants() {}

    /**
     * Looks at all frames, page tables and mappings: that each present entry lies in a mapping that allows what it does, maps
     * a frame that is not free, and is found by reverse mapping; that the counts of each frame are those of the entries that
     * map it, and of its file; that no page that one address space calls its own is mapped twice; that whatever is
     * allocated is mapped or cached.
     *
     * @param kernel of the machine, at rest
     * @return what is broken; empty if nothing is
     */
    public static List<String> check(SimulatedKernel kernel) {
        Invariants invariants = new Invariants();
        kernel.mms().forEach(invariants::checkSpace);
        kernel.memory().all().forEach(invariants::checkFrame);
        if (kernel.swapUsed() > invariants.swapEntries) {
            invariants.broken.add(kernel.swapUsed() + " swap slots for " + invariants.swapEntries + " entries");
        }
        return invariants.broken;
    }

    private void checkSpace(MmStruct mm) {
        long above = 0;
        for (VmArea vma : mm.mappings()) {
            require(vma.start() >= above && vma.start() < vma.end(), "mappings overlap: " + vma);
            above = vma.end();
            mm.pageTable().forEachPmd(vma.start(), vma.end(), (from, to) -> {
                for (long address = from; address < to; address += PageTable.PAGE_SIZE) {
                    checkEntry(mm, vma, address, mm.pageTable().get(address));
                }
            });
        }
        require(mm.users() >= 0, "users are negative");
    }

    private void checkEntry(MmStruct mm, VmArea vma, long address, long entry) {
        if (Pte.isSwap(entry)) {
            swapEntries++;
            require(vma.isAnonymous() || !vma.isShared(), "a page of a file was swapped out: " + vma);
        }
        if (!Pte.isPresent(entry)) {
            return;
        }
        String where = "0x" + Long.toHexString(address) + " of " + vma;
        require(!Pte.isWritable(entry) || vma.protection().canWrite(), "writable against the protection: " + where);
        require((entry & Pte.PRESENT) == 0 || vma.protection().canRead(), "readable against the protection: " + where);
        long pfn = PageState.of(vma, address, entry).pfn();
        if (SimulatedMemory.isZero(pfn)) {
            require(!Pte.isWritable(entry), "zeroes are writable: " + where);
            return;
        }
        maps.merge(pfn, 1, Integer::sum);
        checkMapped(mm, vma, address, entry, pfn);
    }

    private void checkMapped(MmStruct mm, VmArea vma, long address, long entry, long pfn) {
        String where = "0x" + Long.toHexString(address) + " of " + vma;
        Frame frame;
        try {
            frame = mm.kernel().memory().frame(pfn);
        } catch (UseAfterFreeError e) {
            broken.add("a free frame is mapped: " + where);
            return;
        }
        require(vma.addressOf(frame.index) == address, "reverse mapping looks elsewhere for " + where);
        if (frame.isAnonymous()) {
            require(!vma.isShared(), "a shared mapping has an anonymous page: " + where);
            AnonVma of = frame.anonVma;
            AnonVma in = vma.anonVma;
            require(of != null && in != null && in.isWithin(of), "reverse mapping does not find " + where);
            boolean own = frame.anonExclusive || frame.maps() == 1;
            require(!Pte.isWritable(entry) || own, "writable, and shared by fork: " + where);
        } else {
            require(isSame(frame.file, vma.file()), "a page of another file: " + where);
            require(vma.isShared() || !Pte.isWritable(entry), "a private mapping may write to its file: " + where);
        }
    }

    @SuppressWarnings("ReferenceEquality") // they are themselves
    private static boolean isSame(@Nullable Object left, @Nullable Object right) {
        return left != null && left == right;
    }

    private void checkFrame(Frame frame) {
        if (SimulatedMemory.isZero(frame.pfn())) {
            return;
        }
        int mapped = maps.getOrDefault(frame.pfn(), 0);
        require(frame.maps() == mapped, frame + " counts " + frame.maps() + " maps, and has " + mapped);
        int cached = frame.file == null ? 0 : 1;
        require(
                frame.references() == mapped + cached,
                frame + " has " + frame.references() + " references, of which page tables have " + mapped
                        + " and its file " + cached);
        require(mapped + cached > 0, frame + " is allocated, and nobody has it");
        require(frame.isOnLru(), frame + " is allocated, and on no list of those that can be reclaimed");
        require(!frame.anonExclusive || mapped <= 1, frame + " is one's own, and mapped by " + mapped);
    }

    private void require(boolean holds, String rule) {
        if (!holds) {
            broken.add(rule);
        }
    }
}
