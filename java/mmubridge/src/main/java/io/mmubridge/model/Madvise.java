// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import java.util.List;

/** {@code mm/madvise.c}. */
final class Madvise {
    private Madvise() {}

    /** {@code do_madvise()}. */
    static void advise(MmStruct mm, long address, long length, Advice advice) {
        long end = address + Mmap.pageAlign(length);
        Mmap.checkRange(address, end - address);
        mm.mmapLock().lockRead();
        try {
            List<VmArea> vmas = mm.vmas().intersecting(address, end);
            long reached = address;
            boolean hole = false;
            for (VmArea vma : vmas) {
                hole |= vma.start > reached;
                reached = vma.end;
                advise(vma, Math.max(vma.start, address), Math.min(vma.end, end), advice);
            }
            // What is mapped was done all the same.
            if (hole || reached < end) {
                throw new ErrnoException(
                        Errno.ENOMEM,
                        "a part is not mapped of 0x" + Long.toHexString(address) + ", " + length + " bytes");
            }
        } finally {
            mm.mmapLock().unlockRead();
        }
    }

    /** {@code madvise_vma_behavior()}. */
    private static void advise(VmArea vma, long start, long end, Advice advice) {
        switch (advice) {
            case DONTNEED -> Unmap.zap(vma, start, end, true);
        }
    }
}
