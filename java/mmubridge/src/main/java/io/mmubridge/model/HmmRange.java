// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

/**
 * What a page table has for a range, for a driver that shadows it: {@code hmm_range_fault()} of {@code mm/hmm.c}.
 *
 * <p>It is looked at without a lock of the page table's, and so may have changed when this returns. The kernel's function asks
 * an interval notifier now and then whether to give up for that; this leaves it to the driver, who has to ask anyhow, under
 * the lock that his notifier takes, before he uses what was found.
 *
 * <pre>
 *   63     62     61     60..56            55..0
 *   valid  write  error  order of the map  frame
 * </pre>
 */
public final class HmmRange {
    /** {@code HMM_PFN_VALID}: there is a page, and its frame's number is that. */
    public static final long VALID = 1L << 63;

    /** {@code HMM_PFN_WRITE}: the processor may write to it. */
    public static final long WRITE = 1L << 62;

    /** {@code HMM_PFN_ERROR}: there is what nobody may access. */
    public static final long ERROR = 1L << 61;

    /** {@code HMM_PFN_REQ_FAULT}: what is not there is to be faulted in. */
    public static final long REQ_FAULT = VALID;

    /** {@code HMM_PFN_REQ_WRITE}, with {@link #REQ_FAULT}: what is not writable, too. */
    public static final long REQ_WRITE = WRITE;

    private static final int ORDER_SHIFT = 56;
    private static final long ORDER_MASK = 31;
    private static final long PMD_ORDER = Long.numberOfTrailingZeros(PageTable.PMD_SIZE / PageTable.PAGE_SIZE);

    private HmmRange() {}

    /**
     * {@code hmm_pfn_to_page()}.
     *
     * @param found with {@link #VALID}
     * @return the number of the frame
     */
    public static long pfn(long found) {
        return found & (1L << ORDER_SHIFT) - 1;
    }

    /**
     * {@code hmm_pfn_to_map_order()}.
     *
     * @param found with {@link #VALID}
     * @return log2 of the pages that one entry maps, this among them
     */
    public static int mapOrder(long found) {
        return (int) (found >>> ORDER_SHIFT & ORDER_MASK);
    }

    /**
     * Looks at some pages, and faults them in on request. The caller is a user of the address space, and holds its mmap lock
     * for reading or writing.
     *
     * @param mm the address space
     * @param start the first page's address
     * @param end the address after the last page
     * @param request 0, {@link #REQ_FAULT}, or that with {@link #REQ_WRITE}
     * @param found where to put what was found, 0 for nothing
     * @param first at which index
     * @throws ErrnoException EFAULT if a page cannot be faulted in as requested: pages before it have been
     */
    public static void fault(MmStruct mm, long start, long end, long request, long[] found, int first) {
        mm.kernel().lockdep().assertHeld(mm.mmapLock());
        int index = first;
        for (long address = start; address < end; address += PageTable.PAGE_SIZE) {
            found[index++] = page(mm, address, request);
        }
    }

    private static long page(MmStruct mm, long address, long request) {
        VmArea vma = mm.vmas().lookup(address);
        if (vma == null || !vma.protection.canRead()) {
            if (request != 0) {
                throw new ErrnoException(Errno.EFAULT, "no page is to be had at 0x" + Long.toHexString(address));
            }
            return vma == null ? 0 : ERROR;
        }
        while (true) {
            long found = found(address, mm.pageTable().get(address));
            boolean needsWrite = (request & REQ_WRITE) != 0 && (found & WRITE) == 0;
            if (request == 0 || ((found & VALID) != 0 && !needsWrite)) {
                return found;
            }
            fault(vma, address, needsWrite);
        }
    }

    /** {@code pte_to_hmm_pfn_flags()}, {@code pmd_to_hmm_pfn_flags()}. */
    private static long found(long address, long entry) {
        if ((entry & Pte.PRESENT) == 0) {
            return 0;
        }
        return VALID
                | (Pte.isWritable(entry) ? WRITE : 0)
                | (Pte.isHuge(entry) ? PMD_ORDER << ORDER_SHIFT : 0)
                | PageState.pfn(address, entry);
    }

    /** {@code hmm_vma_fault()}. */
    private static void fault(VmArea vma, long address, boolean write) {
        if (write && !vma.protection.canWrite()) {
            throw new ErrnoException(
                    Errno.EFAULT,
                    "0x" + Long.toHexString(address) + " may not be written to, by the protection of " + vma);
        }
        try {
            PageFault.handleMmFault(vma, address, write);
        } catch (ErrnoException e) {
            // VM_FAULT_ERROR, of whichever kind.
            throw new ErrnoException(
                    Errno.EFAULT, "0x" + Long.toHexString(address) + " cannot be faulted in: " + e.getMessage());
        }
    }
}
