// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * A page table of x86-64: four levels of 512 entries, which are those of {@link Pte}. An entry of the third level either leads
 * to a table of the fourth, or maps 2 MiB itself.
 *
 * <p>Entries are read without a lock, as a processor does. They change under the lock of the page table, of which an address
 * space has one, as the kernel has it on machines of less than four processors.
 */
public final class PageTable {
    /** Of a table. */
    public static final int ENTRIES = 512;

    /** What an entry of the last level maps, in bytes. */
    public static final long PAGE_SIZE = 1L << 12;

    /** What an entry of the third level maps, in bytes. */
    public static final long PMD_SIZE = 1L << 21;

    /** What an entry of the second level covers, in bytes. */
    public static final long PUD_SIZE = 1L << 30;

    /** The first address that user space does not have. */
    public static final long TASK_SIZE = (1L << 47) - PAGE_SIZE;

    /** The first address that no entry of the first level covers, of which user space has half. */
    static final long PGD_END = 1L << 48;

    private static final int PGD_SHIFT = 39;
    private static final int PUD_SHIFT = 30;
    private static final int PMD_SHIFT = 21;
    private static final int PTE_SHIFT = 12;
    private static final int LEVEL_BITS = 9;

    /** One table, of any level. */
    static final class Table {
        private final int shift;
        private final long pfn;
        private final AtomicLongArray entries = new AtomicLongArray(ENTRIES);

        /** Where the entries lead to: an entry names a table by its frame, which only the processor can look into. */
        private final @Nullable AtomicReferenceArray<Table> lower;

        /** How many entries are not 0; under the lock. */
        private int populated;

        private volatile boolean freed;

        private Table(int shift, long pfn) {
            this.shift = shift;
            this.pfn = pfn;
            lower = shift == PTE_SHIFT ? null : new AtomicReferenceArray<>(ENTRIES);
        }

        private int index(long address) {
            return (int) (address >>> shift) & ENTRIES - 1;
        }

        /** {@code ptep_get()}. */
        long get(long address) {
            return entries.get(index(address));
        }

        private @Nullable Table lower(long address) {
            return lower == null || Pte.isHuge(get(address)) ? null : lower.get(index(address));
        }

        private void set(long address, long entry) {
            if (freed) {
                throw new UseAfterFreeError("a table of a page table");
            }
            store(index(address), entry);
        }

        private void store(int index, long entry) {
            populated += (entry == 0 ? 0 : 1) - (entries.get(index) == 0 ? 0 : 1);
            entries.set(index, entry);
        }

        private void setLower(int index, @Nullable Table table) {
            if (lower == null) {
                throw new KernelBugError("a table of the last level leads to no other");
            }
            lower.set(index, table);
            store(index, table == null ? 0 : Pte.of(table.pfn, Pte.TABLE));
        }
    }

    /** Sees a part of a range that one entry of the third level covers. */
    @FunctionalInterface
    interface PmdVisitor {
        /**
         * Called without the lock.
         *
         * @param address the first
         * @param end the first after it, in the same 2 MiB or at its end
         */
        void visit(long address, long end);
    }

    /** Sees entries of pages change. */
    @FunctionalInterface
    interface Watcher {
        /**
         * Called before the change, under the lock.
         *
         * @param address of the page, or of the 2 MiB if one entry is a huge leaf
         * @param old the entry that it has
         * @param entry the entry that it gets
         */
        void change(long address, long old, long entry);
    }

    private volatile @Nullable Watcher watcher;

    private final SimulatedMemory memory;
    private final ExclusiveLock lock;
    private final Lockdep lockdep;
    private final Table root;

    PageTable(SimulatedMemory memory, ExclusiveLock lock, Lockdep lockdep) {
        this.memory = memory;
        this.lock = lock;
        this.lockdep = lockdep;
        root = allocate(PGD_SHIFT);
    }

    private Table allocate(int shift) {
        return new Table(shift, memory.allocateTable());
    }

    private void assertLocked() {
        lockdep.assertHeld(lock);
    }

    // ---------------------------------------------------------------------------------------------------- to read

    /**
     * The entry that maps an address, found without a lock as by the hardware.
     *
     * @param address any
     * @return of the last level, or one of the third with {@link Pte#PSE}; 0 if there is none
     */
    public long get(long address) {
        Table table = pmdTable(address);
        if (table == null) {
            return 0;
        }
        long pmd = table.get(address);
        if (Pte.isHuge(pmd)) {
            return pmd;
        }
        Table last = table.lower(address);
        return last == null ? 0 : last.get(address);
    }

    /** {@code pmd_offset()}: the table of the third level, if there is one. */
    private @Nullable Table pmdTable(long address) {
        Table second = root.lower(address);
        return second == null ? null : second.lower(address);
    }

    /** {@code pmd_offset()}: the entry of the third level. */
    long pmd(long address) {
        Table table = pmdTable(address);
        return table == null ? 0 : table.get(address);
    }

    /** {@code pud_none()}, negated. */
    boolean hasPud(long address) {
        return pmdTable(address) != null;
    }

    /** {@code pte_offset_map()}: the last table, if there is one. */
    @Nullable
    Table pteTable(long address) {
        Table table = pmdTable(address);
        return table == null ? null : table.lower(address);
    }

    /** {@code walk_page_range()}: visits each 2 MiB of a range of which the third level has an entry. */
    void forEachPmd(long start, long end, PmdVisitor visitor) {
        for (long address = start; address < end; ) {
            Table second = root.lower(address);
            if (second == null) {
                address = next(address, PGD_SHIFT, end);
            } else if (second.lower(address) == null) {
                address = next(address, PUD_SHIFT, end);
            } else {
                long next = next(address, PMD_SHIFT, end);
                if (pmd(address) != 0) {
                    visitor.visit(address, next);
                }
                address = next;
            }
        }
    }

    /** The first address of a range in 2 MiB of which the third level has an entry; the end if there is none. */
    long firstPmd(long start, long end) {
        for (long address = start;
                address < end;
                address = next(address, hasPud(address) ? PMD_SHIFT : PUD_SHIFT, end)) {
            if (pmd(address) != 0) {
                return address;
            }
        }
        return end;
    }

    /** The first address of a range in a gigabyte of which the second level has an entry; the end if there is none. */
    long firstPud(long start, long end) {
        for (long address = start; address < end; address = next(address, PUD_SHIFT, end)) {
            if (hasPud(address)) {
                return address;
            }
        }
        return end;
    }

    /** {@code pmd_addr_end()} and its like: the next boundary, or the end. */
    private static long next(long address, int shift, long end) {
        return Math.min(((address >>> shift) + 1) << shift, end);
    }

    static long pmdAddressEnd(long address, long end) {
        return next(address, PMD_SHIFT, end);
    }

    static long pudAddressEnd(long address, long end) {
        return next(address, PUD_SHIFT, end);
    }

    static long pgdAddressEnd(long address, long end) {
        return next(address, PGD_SHIFT, end);
    }

    // -------------------------------------------------------------------------------------------------- to change

    /** From here on the watcher sees each change, but for the bits that the processor sets. */
    void watch(Watcher newWatcher) {
        watcher = newWatcher;
    }

    private void tell(long address, long old, long entry) {
        Watcher told = watcher;
        if (told != null) {
            told.change(address, old, entry);
        }
    }

    /** {@code set_pte_at()}. Under the lock. */
    void setPte(Table table, long address, long entry) {
        assertLocked();
        tell(address, table.get(address), entry);
        table.set(address, entry);
    }

    /** {@code set_pmd_at()}: a huge leaf, or none, where no table is. Under the lock. */
    void setHuge(long address, long entry) {
        assertLocked();
        Table table = allocPmdTable(address);
        SimulatedKernel.bugOn(table.lower(address) != null, "a huge leaf takes the place of a table");
        tell(address & -PMD_SIZE, table.get(address), entry);
        table.set(address, entry);
    }

    /** {@code pmd_alloc()}. Under the lock. */
    private Table allocPmdTable(long address) {
        return allocLower(allocLower(root, address), address);
    }

    /** {@code pte_alloc()}: null if there is a huge leaf. Under the lock. */
    @Nullable
    Table allocPteTable(long address) {
        assertLocked();
        Table table = allocPmdTable(address);
        return Pte.isHuge(table.get(address)) ? null : allocLower(table, address);
    }

    private Table allocLower(Table table, long address) {
        Table lower = table.lower(address);
        if (lower == null) {
            lower = allocate(table.shift - LEVEL_BITS);
            table.setLower(table.index(address), lower);
        }
        return lower;
    }

    /**
     * {@code pmd_populate()} of a table that maps what a huge leaf maps: the processor sees either or the other. Under the
     * lock.
     *
     * @param address in the 2 MiB
     * @param first the entry for its first page; the others follow
     * @param step from one entry to the next
     */
    void splitHuge(long address, long first, long step) {
        assertLocked();
        Table table = pmdTable(address);
        if (table == null || !Pte.isHuge(table.get(address))) {
            throw new KernelBugError("a huge leaf is split that is none");
        }
        Table last = allocate(PTE_SHIFT);
        for (int i = 0; i < ENTRIES; i++) {
            last.store(i, first + i * step);
        }
        table.setLower(table.index(address), last);
    }

    /** What the hardware does to the entry that it uses. Under the lock, which the simulated processor takes. */
    void markUsed(long address, long bits) {
        assertLocked();
        Table table = leafTable(address);
        table.set(address, table.get(address) | bits);
    }

    /** {@code ptep_test_and_clear_young()}. Under the lock. */
    void makeOld(long address) {
        assertLocked();
        Table table = leafTable(address);
        table.set(address, table.get(address) & ~Pte.ACCESSED);
    }

    private Table leafTable(long address) {
        Table table = pmdTable(address);
        if (table != null && !Pte.isHuge(table.get(address))) {
            table = table.lower(address);
        }
        if (table == null) {
            throw new KernelBugError("an entry is changed that is none");
        }
        return table;
    }

    /**
     * {@code move_normal_pmd()}, {@code move_huge_pmd()}: what one entry of the third level has, table or leaf, moves to
     * another place. Under the lock.
     */
    void movePmd(long from, long to) {
        assertLocked();
        Table source = pmdTable(from);
        if (source == null) {
            throw new KernelBugError("an entry is moved that is none");
        }
        Table last = source.lower(from);
        long entry = source.get(from);
        Table target = allocPmdTable(to);
        SimulatedKernel.bugOn(target.get(to) != 0, "an entry is moved to where one is");
        for (long page = 0; last != null && page < PMD_SIZE; page += PAGE_SIZE) {
            tell(from + page, last.get(from + page), 0);
        }
        if (last == null) {
            tell(from, entry, 0);
            source.set(from, 0);
            target.set(to, entry);
        } else {
            source.setLower(source.index(from), null);
            target.setLower(target.index(to), last);
        }
    }

    /**
     * {@code free_pgtables()}: frees the tables that a range needed and nobody else needs. Nothing is mapped in the range, nor
     * between its neighbours. Under the lock.
     *
     * @param start the range
     * @param end the first after it
     * @param floor the end of the neighbour below
     * @param ceiling the start of the neighbour above
     */
    void free(long start, long end, long floor, long ceiling) {
        assertLocked();
        free(root, start, end, floor, ceiling);
    }

    private void free(Table table, long start, long end, long floor, long ceiling) {
        for (long address = start; address < end; ) {
            long next = next(address, table.shift, end);
            Table lower = table.lower(address);
            if (lower == null) {
                SimulatedKernel.bugOn(table.get(address) != 0, "a table is freed that maps something");
            } else {
                if (lower.shift != PTE_SHIFT) {
                    free(lower, address, next, floor, ceiling);
                }
                long first = address >>> table.shift << table.shift;
                if (first >= floor && first + (1L << table.shift) <= ceiling) {
                    table.setLower(table.index(address), null);
                    free(lower);
                }
            }
            address = next;
        }
    }

    /** {@code pgd_free()}. */
    void freeRoot() {
        free(root);
    }

    private void free(Table table) {
        SimulatedKernel.bugOn(table.populated != 0, "a table is freed that maps something");
        table.freed = true;
        memory.freeTable();
    }
}
