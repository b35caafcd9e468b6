// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

/**
 * A page that an address space has present: a line of {@code /proc/PID/pagemap}.
 *
 * @param address of the page
 * @param pfn the number of its frame
 * @param isReadable whether the processor may read it
 * @param isWritable whether it may write without a fault
 * @param isDirty whether it has
 * @param isYoung whether it has used the entry
 * @param isSoftDirty whether it counts as written since the last {@code clear_refs}
 * @param isHuge whether a huge leaf maps it
 */
public record PageState(
        long address,
        long pfn,
        boolean isReadable,
        boolean isWritable,
        boolean isDirty,
        boolean isYoung,
        boolean isSoftDirty,
        boolean isHuge) {
    static PageState of(VmArea vma, long address, long entry) {
        return new PageState(
                address,
                pfn(address, entry),
                (entry & Pte.PRESENT) != 0,
                Pte.isWritable(entry),
                Pte.isDirty(entry),
                Pte.isYoung(entry),
                vma.isSoftDirty() || (entry & Pte.SOFT_DIRTY) != 0,
                Pte.isHuge(entry));
    }

    /** The frame that an entry maps at an address. */
    static long pfn(long address, long entry) {
        long first = Pte.pfn(entry);
        return Pte.isHuge(entry) ? first + (address / PageTable.PAGE_SIZE & PageTable.ENTRIES - 1) : first;
    }
}
