// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

/**
 * An entry of a page table as x86-64 has it, in a {@code long}. Not to be confused with a mapping: an entry of which not even
 * {@link #PROTNONE} is set may say where the page was swapped to.
 *
 * <pre>
 *   63  62..52  51..12  11          9        8         7    6  5  2   1   0
 *   NX          frame   soft-dirty  special  protnone  PSE  D  A  US  RW  P
 *
 *   63..59  58..9                 3          1           0
 *   type    offset, complemented  exclusive  soft-dirty  0     swapped out
 * </pre>
 */
public final class Pte {
    /** The processor may use the entry. */
    public static final long PRESENT = 1;

    /** It may write. */
    public static final long RW = 1 << 1;

    /** User space may, too. */
    public static final long US = 1 << 2;

    /** It has used the entry: young, where the kernel speaks. */
    public static final long ACCESSED = 1 << 5;

    /** It has written. */
    public static final long DIRTY = 1 << 6;

    /** Of an entry of the third level: it maps 2 MiB, and leads to no table. */
    public static final long PSE = 1 << 7;

    /** Present to the kernel, not to the processor: {@code _PAGE_PROTNONE}. */
    public static final long PROTNONE = 1 << 8;

    /** The frame is not counted, as that of zeroes is not: {@code _PAGE_SPECIAL}. */
    public static final long SPECIAL = 1 << 9;

    /** Written since the last {@code clear_refs}: {@code _PAGE_SOFT_DIRTY}. */
    public static final long SOFT_DIRTY = 1 << 11;

    /** No instructions are fetched. */
    public static final long NX = 1L << 63;

    /** An entry that leads to a table: {@code _PAGE_TABLE}. */
    static final long TABLE = PRESENT | RW | US | ACCESSED | DIRTY;

    static final long SWP_SOFT_DIRTY = 1 << 1;
    static final long SWP_EXCLUSIVE = 1 << 3;

    private static final long PFN_MASK = 0x000f_ffff_ffff_f000L;
    private static final int PFN_SHIFT = 12;
    private static final int SWP_TYPE_BITS = 5;
    private static final int SWP_OFFSET_SHIFT = 14;

    private Pte() {}

    /**
     * {@code pte_present()}.
     *
     * @param entry any
     * @return whether it maps a frame, be it out of reach
     */
    public static boolean isPresent(long entry) {
        return (entry & (PRESENT | PROTNONE)) != 0;
    }

    /**
     * {@code pte_write()}.
     *
     * @param entry present
     * @return whether the processor may write
     */
    public static boolean isWritable(long entry) {
        return (entry & RW) != 0;
    }

    /**
     * {@code pte_dirty()}.
     *
     * @param entry present
     * @return whether it has
     */
    public static boolean isDirty(long entry) {
        return (entry & DIRTY) != 0;
    }

    /**
     * {@code pte_young()}.
     *
     * @param entry present
     * @return whether it was used
     */
    public static boolean isYoung(long entry) {
        return (entry & ACCESSED) != 0;
    }

    /**
     * {@code pmd_trans_huge()}.
     *
     * @param entry of the third level
     * @return whether it maps 2 MiB
     */
    public static boolean isHuge(long entry) {
        return (entry & PSE) != 0;
    }

    /**
     * {@code is_swap_pte()}.
     *
     * @param entry any
     * @return whether it says where the page was swapped to
     */
    public static boolean isSwap(long entry) {
        return entry != 0 && !isPresent(entry);
    }

    /**
     * {@code pte_pfn()}.
     *
     * @param entry present
     * @return the number of its frame
     */
    public static long pfn(long entry) {
        return (entry & PFN_MASK) >>> PFN_SHIFT;
    }

    /** {@code pfn_pte()}. */
    static long of(long pfn, long bits) {
        return pfn << PFN_SHIFT | bits;
    }

    /** {@code pte_mkdirty()}, which means soft-dirty too. */
    static long mkDirty(long entry) {
        return entry | DIRTY | SOFT_DIRTY;
    }

    /** {@code pte_wrprotect()}. */
    static long wrProtect(long entry) {
        return entry & ~RW;
    }

    /** {@code swp_entry_to_pte()}. */
    static long swap(long slot) {
        return ~slot << SWP_OFFSET_SHIFT >>> SWP_TYPE_BITS;
    }

    /** {@code pte_to_swp_entry()}, {@code swp_offset()}. */
    static long swapSlot(long entry) {
        return ~entry << SWP_TYPE_BITS >>> SWP_OFFSET_SHIFT;
    }
}
