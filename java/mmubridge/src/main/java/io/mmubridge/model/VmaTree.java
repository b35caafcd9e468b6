// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** The mappings of an address space, by address: the kernel's maple tree. Changes under the mmap lock for writing. */
@SuppressWarnings("ReferenceEquality") // files and anon_vmas are themselves
final class VmaTree {
    private final TreeMap<Long, VmArea> byStart = new TreeMap<>();

    /** In order. */
    List<VmArea> all() {
        return new ArrayList<>(byStart.values());
    }

    boolean isEmpty() {
        return byStart.isEmpty();
    }

    /** {@code vma_lookup()}: the one that has the address. */
    @Nullable
    VmArea lookup(long address) {
        VmArea below = valueOf(byStart.floorEntry(address));
        return below != null && below.contains(address) ? below : null;
    }

    /** Those that have some of the range, in order. */
    List<VmArea> intersecting(long start, long end) {
        List<VmArea> found = new ArrayList<>();
        VmArea first = lookup(start);
        if (first != null) {
            found.add(first);
        }
        found.addAll(byStart.subMap(start, first == null || first.start != start, end, false)
                .values());
        return found;
    }

    /** {@code find_vma_prev()}: the last that ends before an address, or at it. */
    @Nullable
    VmArea before(long address) {
        return valueOf(byStart.lowerEntry(address));
    }

    /** {@code find_vma()}: the first that starts after an address, or at it. */
    @Nullable
    VmArea from(long address) {
        return valueOf(byStart.ceilingEntry(address));
    }

    private static @Nullable VmArea valueOf(Map.@Nullable Entry<Long, VmArea> entry) {
        return entry == null ? null : entry.getValue();
    }

    void insert(VmArea vma) {
        SimulatedKernel.bugOn(byStart.put(vma.start, vma) != null, "two mappings at one address");
    }

    void remove(VmArea vma) {
        SimulatedKernel.bugOn(byStart.remove(vma.start) != vma, "a mapping is removed that is not there");
    }

    /** {@code unmapped_area_topdown()}: the highest gap that is large enough. */
    long findGap(long length, long alignment) {
        long ceiling = PageTable.TASK_SIZE;
        for (VmArea vma : byStart.descendingMap().values()) {
            long start = ceiling - length & -alignment;
            if (start >= vma.end) {
                return start;
            }
            ceiling = vma.start;
        }
        long start = ceiling - length & -alignment;
        if (start < Mmap.MIN_ADDRESS) {
            throw new ErrnoException(Errno.ENOMEM, "no gap of the address space has room for " + length + " bytes");
        }
        return start;
    }

    /** {@code find_mergeable_anon_vma()}: of a neighbour, so that the two can become one later. */
    @Nullable
    AnonVma findMergeableAnonVma(VmArea vma) {
        VmArea next = byStart.get(vma.end);
        if (next != null && isContinued(vma, next) && isReusable(next.anonVma)) {
            return next.anonVma;
        }
        VmArea previous = before(vma.start);
        return previous != null && isContinued(previous, vma) && isReusable(previous.anonVma) ? previous.anonVma : null;
    }

    /** {@code reusable_anon_vma()}. */
    private static boolean isReusable(@Nullable AnonVma anonVma) {
        return anonVma != null && anonVma.isRoot();
    }

    /** {@code anon_vma_compatible()}: protections aside, which may become equal. */
    private static boolean isContinued(VmArea below, VmArea above) {
        return below.end == above.start
                && below.file() == above.file()
                && below.isShared() == above.isShared()
                && below.indexOf(above.start) == above.pageOffset;
    }

    /** {@code can_vma_merge_after()}, {@code can_vma_merge_before()}. */
    private static boolean isMergeable(VmArea below, VmArea above) {
        return isContinued(below, above) && below.protection == above.protection && below.hugePages == above.hugePages;
    }

    /**
     * {@code is_mergeable_anon_vma()}: what a neighbour has is good for what has none yet, unless the neighbour came by fork.
     *
     * @param neighbour what is there
     * @param vma what comes
     */
    private static boolean isAnonMergeable(VmArea neighbour, VmArea vma) {
        AnonVma there = neighbour.anonVma;
        return there == vma.anonVma || (vma.anonVma == null && there != null && there.isRoot());
    }

    /** {@code vma_merge()}: makes one of it and those neighbours that continue it. */
    VmArea merge(VmArea vma) {
        VmArea merged = vma;
        VmArea previous = before(vma.start);
        if (previous != null && isMergeable(previous, vma) && isAnonMergeable(previous, vma)) {
            absorb(previous, vma);
            merged = previous;
        }
        VmArea next = byStart.get(merged.end);
        if (next != null && isMergeable(merged, next) && isAnonMergeable(next, merged)) {
            absorb(merged, next);
        }
        return merged;
    }

    private void absorb(VmArea below, VmArea above) {
        AnonVma anon = below.anonVma != null ? below.anonVma : above.anonVma;
        byStart.remove(above.start);
        VmArea.withRmapLocks(below.file(), anon, () -> {
            above.unlinkLocked();
            if (below.anonVma == null && anon != null) {
                anon.add(below);
                below.anonVma = anon;
            }
            below.end = above.end;
            below.softDirty |= above.softDirty;
        });
    }

    /** {@code __split_vma()}: at an address inside. Returns the upper part, the lower one is what it was. */
    VmArea split(VmArea vma, long address) {
        // vma_adjust_trans_huge(): no huge leaf belongs to two mappings.
        HugePages.splitAtBoundary(vma, address);
        VmArea upper = vma.duplicate(vma.mm(), address, vma.end, vma.indexOf(address));
        vma.withRmapLocks(() -> {
            vma.end = address;
            upper.linkLocked(vma.anonVma, vma);
        });
        insert(upper);
        return upper;
    }

    /** Splits what crosses either bound, so that the range has whole mappings alone. */
    List<VmArea> isolate(long start, long end) {
        VmArea first = lookup(start);
        if (first != null && first.start < start) {
            split(first, start);
        }
        VmArea last = lookup(end - 1);
        if (last != null && last.end > end) {
            split(last, end);
        }
        return intersecting(start, end);
    }

    /** {@code expand}: the end of one that nothing follows so closely. */
    void extend(VmArea vma, long end) {
        SimulatedKernel.bugOn(!intersecting(vma.end, end).isEmpty(), "a mapping grows into another");
        vma.withRmapLocks(() -> vma.end = end);
    }
}
