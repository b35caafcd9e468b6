// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import java.util.function.ToIntFunction;

/**
 * A simulated processor's access to memory.
 *
 * <p>It looks the address up, sets the entry's bits and touches the frame in one step, under the page table's lock. So it has
 * no TLB that could be stale: what a change of the page table has to flush, and when, is beyond this model.
 */
final class CpuAccess {
    private static final int RETRIES = 1000;

    private CpuAccess() {}

    static byte read(MmStruct mm, long address) {
        return (byte) access(mm, address, false, frame -> frame.read(offset(address)));
    }

    static void write(MmStruct mm, long address, byte value) {
        access(mm, address, true, frame -> {
            frame.write(offset(address), value);
            return 0;
        });
    }

    private static int offset(long address) {
        return (int) (address & Frame.SIZE - 1);
    }

    private static int access(MmStruct mm, long address, boolean write, ToIntFunction<Frame> touch) {
        if (address < 0 || address >= PageTable.TASK_SIZE) {
            throw new ErrnoException(
                    Errno.EFAULT, "user space ends before this address: 0x" + Long.toHexString(address));
        }
        // Faults make progress each; only reclaim that is faster than this thread makes it come back.
        for (int i = 0; i < RETRIES; i++) {
            mm.pageTableLock().lock();
            try {
                long entry = mm.pageTable().get(address);
                if ((entry & Pte.PRESENT) != 0 && (!write || Pte.isWritable(entry))) {
                    mm.pageTable().markUsed(address, write ? Pte.ACCESSED | Pte.DIRTY : Pte.ACCESSED);
                    return touch.applyAsInt(mm.kernel().memory().frame(PageState.pfn(address, entry)));
                }
            } finally {
                mm.pageTableLock().unlock();
            }
            PageFault.handle(mm, address, write);
        }
        throw new ErrnoException(Errno.ENOMEM, "the page is reclaimed as often as it is read in");
    }
}
