// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** {@code mm/mmap.c}: makes mappings and takes them away. */
final class Mmap {
    /** {@code mmap_min_addr}. */
    static final long MIN_ADDRESS = 0x10000;

    private Mmap() {}

    /** {@code do_mmap()}. */
    static long map(MmStruct mm, MapRequest request) {
        long length = pageAlign(request.length());
        SimulatedFile file = request.file();
        if (request.offset() < 0 || request.offset() % PageTable.PAGE_SIZE != 0) {
            throw new ErrnoException(
                    Errno.EINVAL, "an offset is a multiple of 4096, which this is not: " + request.offset());
        }
        if (request.address() != -1) {
            checkRange(request.address(), length);
            if (request.address() < MIN_ADDRESS) {
                throw new ErrnoException(
                        Errno.EINVAL,
                        "nothing is mapped below 0x10000, as here: 0x" + Long.toHexString(request.address()));
            }
        }
        if (file == null && request.shared()) {
            // shmem_zero_setup()
            file = new SimulatedFile(mm.kernel(), "dev/zero", length, true);
        }
        mm.mmapLock().lockWrite();
        try {
            return mapLocked(mm, request, file, length);
        } finally {
            mm.mmapLock().unlockWrite();
        }
    }

    /** {@code mmap_region()}. */
    private static long mapLocked(MmStruct mm, MapRequest request, @Nullable SimulatedFile file, long length) {
        long address = request.address();
        if (address == -1) {
            boolean huge = request.hugePages() && length >= PageTable.PMD_SIZE;
            address = mm.vmas().findGap(length, huge ? PageTable.PMD_SIZE : PageTable.PAGE_SIZE);
        } else {
            unmapLocked(mm, address, address + length);
        }
        long offset = file == null ? address / PageTable.PAGE_SIZE : request.offset() / PageTable.PAGE_SIZE;
        VmArea vma = new VmArea(mm, address, address + length, request.protection(), request.shared(), file, offset);
        vma.hugePages = request.hugePages();
        mm.vmas().insert(vma);
        vma.link(null, null);
        mm.vmas().merge(vma);
        return address;
    }

    /** {@code __vm_munmap()}. */
    static void unmap(MmStruct mm, long address, long length) {
        long aligned = pageAlign(length);
        checkRange(address, aligned);
        mm.mmapLock().lockWrite();
        try {
            unmapLocked(mm, address, address + aligned);
        } finally {
            mm.mmapLock().unlockWrite();
        }
    }

    /** {@code do_vmi_align_munmap()}: nothing at all if nothing is mapped there. Under the mmap lock for writing. */
    static void unmapLocked(MmStruct mm, long start, long end) {
        List<VmArea> gone = mm.vmas().isolate(start, end);
        if (gone.isEmpty()) {
            return;
        }
        // Nobody finds them from here on but through files and reverse mapping.
        gone.forEach(mm.vmas()::remove);
        MmuGather tlb = new MmuGather(mm);
        try {
            Unmap.mappings(tlb, mm, gone, start, end);
            freeTables(mm, gone);
        } finally {
            tlb.finish();
        }
        gone.forEach(Mmap::remove);
    }

    /** {@code free_pgtables()}: of mappings that are neighbours. */
    private static void freeTables(MmStruct mm, List<VmArea> gone) {
        gone.forEach(VmArea::unlink);
        long start = gone.getFirst().start;
        long end = gone.getLast().end;
        VmArea below = mm.vmas().before(start);
        VmArea above = mm.vmas().from(end);
        mm.pageTableLock().lock();
        try {
            mm.pageTable()
                    .free(start, end, below == null ? 0 : below.end, above == null ? PageTable.PGD_END : above.start);
        } finally {
            mm.pageTableLock().unlock();
        }
    }

    /** {@code remove_vma()}. */
    private static void remove(VmArea vma) {
        SimulatedFile file = vma.file();
        if (file != null) {
            file.unmapped();
        }
    }

    /** {@code exit_mmap()}, behind {@code mmu_notifier_release()}. Nobody uses the address space any more. */
    static void exit(MmStruct mm) {
        List<VmArea> all = mm.vmas().all();
        MmuGather tlb = new MmuGather(mm);
        if (!all.isEmpty()) {
            mm.mmapLock().lockRead();
            try {
                Unmap.mappings(tlb, mm, all, 0, -1);
            } finally {
                mm.mmapLock().unlockRead();
            }
        }
        mm.mmapLock().lockWrite();
        try {
            all.forEach(mm.vmas()::remove);
            if (!all.isEmpty()) {
                freeTables(mm, all);
            }
            tlb.finish();
            mm.pageTable().freeRoot();
            all.forEach(Mmap::remove);
        } finally {
            mm.mmapLock().unlockWrite();
        }
    }

    /** {@code PAGE_ALIGN()} of a length, which is not 0 afterwards. */
    static long pageAlign(long length) {
        long aligned = length + PageTable.PAGE_SIZE - 1 & -PageTable.PAGE_SIZE;
        if (length <= 0 || aligned <= 0 || aligned > PageTable.TASK_SIZE) {
            throw new ErrnoException(
                    Errno.EINVAL, "a length is from 1 to the size of user space, which this is not: " + length);
        }
        return aligned;
    }

    static void checkRange(long address, long length) {
        if (address < 0 || address % PageTable.PAGE_SIZE != 0) {
            throw new ErrnoException(
                    Errno.EINVAL,
                    "an address is a multiple of 4096, which this is not: 0x" + Long.toHexString(address));
        }
        if (address > PageTable.TASK_SIZE - length) {
            throw new ErrnoException(
                    Errno.EINVAL,
                    "user space ends before this range: 0x" + Long.toHexString(address) + ", " + length + " bytes");
        }
    }
}
