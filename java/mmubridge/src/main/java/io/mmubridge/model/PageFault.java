// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import io.mmubridge.Cause;
import org.jspecify.annotations.Nullable;

/**
 * One page fault: {@code mm/memory.c} from {@code handle_mm_fault()} on. It makes one step and returns; the access is then
 * tried again, and may fault again. Held throughout: the mmap lock for reading.
 */
final class PageFault {
    private final MmStruct mm;
    private final VmArea vma;
    private final long address;
    private final boolean write;

    private PageFault(VmArea vma, long address, boolean write) {
        mm = vma.mm();
        this.vma = vma;
        this.address = address & -PageTable.PAGE_SIZE;
        this.write = write;
    }

    /**
     * {@code do_user_addr_fault()}.
     *
     * @throws ErrnoException EFAULT for SIGSEGV, EBUS for SIGBUS, ENOMEM
     */
    static void handle(MmStruct mm, long address, boolean write) {
        mm.mmapLock().lockRead();
        try {
            VmArea vma = mm.vmas().lookup(address);
            if (vma == null) {
                throw new ErrnoException(Errno.EFAULT, "nothing is mapped at 0x" + Long.toHexString(address));
            }
            if (write ? !vma.protection.canWrite() : !vma.protection.canRead()) {
                throw new ErrnoException(
                        Errno.EFAULT,
                        (write ? "a write to" : "a read of") + " 0x" + Long.toHexString(address)
                                + ", which the protection of " + vma + " does not allow");
            }
            new PageFault(vma, address, write).handle();
        } finally {
            mm.mmapLock().unlockRead();
        }
    }

    /**
     * {@code handle_mm_fault()}: of what the protection allows. Held: the mmap lock for reading.
     *
     * @throws ErrnoException EBUS for SIGBUS, ENOMEM
     */
    static void handleMmFault(VmArea vma, long address, boolean write) {
        new PageFault(vma, address, write).handle();
    }

    /** {@code __handle_mm_fault()}. */
    private void handle() {
        if (mm.isUnstable()) {
            throw new ErrnoException(Errno.EBUS, "the memory of this process was reaped");
        }
        long pmd = mm.pageTable().pmd(address);
        if (pmd == 0 && HugePages.isSuitable(vma, address) && HugePages.anonymousPage(vma, address, write)) {
            return;
        }
        if (Pte.isHuge(pmd)) {
            if (write && !Pte.isWritable(pmd)) {
                HugePages.writeProtected(vma, address, pmd);
            }
            return;
        }
        handlePte();
    }

    /** {@code handle_pte_fault()}. */
    private void handlePte() {
        long original;
        mm.pageTableLock().lock();
        try {
            PageTable.Table table = mm.pageTable().allocPteTable(address);
            if (table == null) {
                return;
            }
            original = table.get(address);
        } finally {
            mm.pageTableLock().unlock();
        }
        if (original == 0) {
            if (vma.file() == null) {
                anonymousPage();
            } else {
                filePage(vma.file());
            }
        } else if (Pte.isSwap(original)) {
            swapPage(original);
        } else if (write && !Pte.isWritable(original)) {
            writeProtected(original);
        }
    }

    /**
     * Sets the entry, if it is what it was.
     *
     * @param map counts the map, before anybody can see the entry
     * @return whether it was set
     */
    private boolean replace(long original, long entry, Runnable map) {
        mm.pageTableLock().lock();
        try {
            PageTable.Table table = mm.pageTable().pteTable(address);
            if (table == null || table.get(address) != original) {
                return false;
            }
            map.run();
            mm.pageTable().setPte(table, address, entry);
            return true;
        } finally {
            mm.pageTableLock().unlock();
        }
    }

    /** {@code mk_pte()} of a page that only this address space has, for the access that faulted. */
    private long ownEntry(Frame frame) {
        long entry = Pte.of(frame.pfn(), vma.pageProtection());
        return write ? vma.maybeMakeWritable(Pte.mkDirty(entry)) : entry;
    }

    /** {@code do_anonymous_page()}. */
    private void anonymousPage() {
        if (!write) {
            replace(0, Pte.of(SimulatedMemory.ZERO_PFN, vma.pageProtection() | Pte.SPECIAL), () -> {});
            return;
        }
        AnonVma anon = vma.prepareAnon();
        Frame frame = mm.kernel().memory().allocate();
        installOwn(0, frame, ownEntry(frame), anon);
    }

    private boolean installOwn(long original, Frame frame, long entry, AnonVma anon) {
        boolean installed = replace(original, entry, () -> {
            frame.addNewAnonRmap(anon, vma.indexOf(address));
            mm.kernel().memory().addLru(frame);
        });
        if (!installed) {
            frame.put();
        }
        return installed;
    }

    /** {@code do_fault()}: a page of a file, or the first write to a private mapping of one. */
    private void filePage(SimulatedFile file) {
        AnonVma anon = write && !vma.isShared() ? vma.prepareAnon() : null;
        // Keeps truncation out until the entry is there for it to find.
        file.invalidateLock().lockRead();
        try {
            Frame page = file.getPage(vma.indexOf(address));
            try {
                if (anon != null) {
                    cowPage(page, anon);
                } else {
                    sharedPage(page);
                }
            } finally {
                page.put();
            }
        } finally {
            file.invalidateLock().unlockRead();
        }
    }

    /** {@code do_cow_fault()}: no entry was there, so nobody is notified. */
    private void cowPage(Frame page, AnonVma anon) {
        Frame frame = mm.kernel().memory().allocate();
        frame.copyFrom(page);
        installOwn(0, frame, ownEntry(frame), anon);
    }

    /** {@code do_read_fault()}, {@code do_shared_fault()}. */
    private void sharedPage(Frame page) {
        replace(0, ownEntry(page), () -> {
            page.get();
            page.addRmap();
        });
    }

    /**
     * {@code do_swap_page()}. Each address space reads a copy of its own; the kernel lets those that share the slot share the
     * page, and copies on a write.
     */
    private void swapPage(long original) {
        AnonVma anon = vma.prepareAnon();
        Frame frame = mm.kernel().memory().allocate();
        long slot = Pte.swapSlot(original);
        // A slot that is free by now was freed with the entry.
        if (!mm.kernel().swap().read(slot, frame)) {
            frame.put();
            return;
        }
        long entry = ownEntry(frame);
        if ((original & Pte.SWP_SOFT_DIRTY) != 0) {
            entry |= Pte.SOFT_DIRTY;
        }
        // There is no copy of it in the slot any more.
        frame.dirty = true;
        if (installOwn(original, frame, entry, anon)) {
            mm.kernel().swap().free(slot);
        }
    }

    /** {@code do_wp_page()}: a write to a page that is mapped read-only. */
    private void writeProtected(long original) {
        Frame old;
        mm.pageTableLock().lock();
        try {
            PageTable.Table table = mm.pageTable().pteTable(address);
            if (table == null || table.get(address) != original) {
                return;
            }
            old = mm.frameOf(original);
            if (vma.isShared() || (old != null && isReused(old))) {
                mm.pageTable().setPte(table, address, vma.maybeMakeWritable(Pte.mkDirty(original | Pte.ACCESSED)));
                return;
            }
            if (old != null) {
                old.get();
            }
        } finally {
            mm.pageTableLock().unlock();
        }
        try {
            Activity.because(Cause.COW, () -> copy(original, old));
        } finally {
            if (old != null) {
                old.put();
            }
        }
    }

    /** {@code wp_can_reuse_anon_folio()}: nobody else has it, nor can get it from anywhere. */
    private boolean isReused(Frame frame) {
        if (!frame.isAnonymous()) {
            return false;
        }
        if (!frame.anonExclusive && frame.references() != 1) {
            return false;
        }
        frame.moveAnonRmap(vma.anonVma);
        return true;
    }

    /** {@code wp_page_copy()}. */
    private void copy(long original, @Nullable Frame old) {
        AnonVma anon = vma.prepareAnon();
        Frame copy = mm.kernel().memory().allocate();
        if (old != null) {
            copy.copyFrom(old);
        }
        boolean[] copied = {false};
        try {
            Invalidation.aroundFlushed(
                    mm,
                    MmuNotifierEvent.CLEAR,
                    address,
                    address + PageTable.PAGE_SIZE,
                    () -> copied[0] = exchange(original, old, copy, anon));
        } finally {
            if (!copied[0]) {
                copy.put();
            } else if (old != null) {
                // That of the entry.
                old.put();
            }
        }
    }

    private boolean exchange(long original, @Nullable Frame old, Frame copy, AnonVma anon) {
        long entry = Pte.of(copy.pfn(), vma.pageProtection());
        long writable = vma.maybeMakeWritable(Pte.mkDirty(entry));
        mm.pageTableLock().lock();
        try {
            PageTable.Table table = mm.pageTable().pteTable(address);
            if (table == null || table.get(address) != original) {
                return false;
            }
            mm.pageTable().setPte(table, address, 0);
            Invalidation.flush(mm, address, address + PageTable.PAGE_SIZE);
            copy.addNewAnonRmap(anon, vma.indexOf(address));
            mm.kernel().memory().addLru(copy);
            MmuNotifier.changePte(mm, address, writable);
            mm.pageTable().setPte(table, address, writable);
            // Only from here on may whoever else has the old page take it for his own.
            if (old != null) {
                old.removeRmap();
            }
            return true;
        } finally {
            mm.pageTableLock().unlock();
        }
    }
}
