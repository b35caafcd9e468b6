// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import io.mmubridge.Cause;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * One address space: {@code struct mm_struct}.
 *
 * <p>Two counts keep it. Users, who may touch its memory: when the last one is gone it is torn down. And references to the
 * structure itself, of which all users together hold one: when the last one is gone it is freed, and poisoned.
 */
public final class MmStruct {
    private final SimulatedKernel kernel;
    private final RwSemaphore mmapLock;
    private final ExclusiveLock pageTableLock;
    private final PageTable pageTable;
    private final VmaTree vmas = new VmaTree();
    private final AtomicInteger users = new AtomicInteger(1);
    private final AtomicInteger count = new AtomicInteger(1);

    /** {@code MMF_UNSTABLE}: the OOM reaper was here, so what is not there is not zero but lost. */
    private volatile boolean unstable;

    /** What {@link #takeAllLocks} has taken, in order; under mm_all_locks_mutex. */
    private final List<RwSemaphore> allLocks = new ArrayList<>();

    /** Written once, under the mmap lock for writing and all of {@link #takeAllLocks}; then read without a lock. */
    private volatile @Nullable MmuNotifierSubscriptions notifierSubscriptions;

    /**
     * An empty address space with one user: {@code mm_alloc()}.
     *
     * @param kernel whose
     */
    public MmStruct(SimulatedKernel kernel) {
        this.kernel = kernel;
        mmapLock = new RwSemaphore(kernel.lockdep(), LockClass.MMAP_LOCK);
        pageTableLock = new ExclusiveLock(kernel.lockdep(), LockClass.PAGE_TABLE);
        pageTable = new PageTable(kernel.memory(), pageTableLock, kernel.lockdep());
        kernel.add(this);
    }

    /**
     * The machine that it is in.
     *
     * @return the kernel
     */
    public SimulatedKernel kernel() {
        return kernel;
    }

    /**
     * {@code mmap_lock}: held for writing by whoever changes VMAs, for reading by whoever relies on them.
     *
     * @return the lock
     */
    public RwSemaphore mmapLock() {
        return mmapLock;
    }

    /**
     * {@code mmget_not_zero()}: one more user, if there is one.
     *
     * @return false if the address space is torn down, or about to be
     */
    public boolean getNotZero() {
        return users.getAndUpdate(seen -> seen == 0 ? 0 : seen + 1) != 0;
    }

    /** {@code mmput()}: one user less. The last one tears the address space down: {@code exit_mmap()}. */
    public void put() {
        int left = users.decrementAndGet();
        SimulatedKernel.bugOn(left < 0, "mmput() of an mm without users");
        if (left == 0) {
            exitMmap();
            drop();
        }
    }

    /**
     * {@code mmput_async()}: one user less. Should it be the last one, a kernel thread tears the address space down, with none
     * of the caller's locks; here before this returns.
     */
    public void putAsync() {
        kernel.lockdep().assertNothingHeld();
        kernel.work(Cause.LAST_REFERENCE, this::put);
    }

    private void exitMmap() {
        // Before anything is unmapped, so that nobody uses through a shadow what is free already.
        MmuNotifier.mmuNotifierRelease(this);
        Mmap.exit(this);
        kernel.remove(this);
    }

    /**
     * {@code atomic_read(&mm->mm_users)}.
     *
     * @return how many users there are
     */
    public int users() {
        return users.get();
    }

    /** {@code mmgrab()}: one more reference to the structure. */
    public void grab() {
        SimulatedKernel.bugOn(count.getAndIncrement() <= 0, "mmgrab() of an mm that was freed");
    }

    /** {@code mmdrop()}: one reference less; the last one frees the structure. */
    public void drop() {
        int left = count.decrementAndGet();
        SimulatedKernel.bugOn(left < 0, "mmdrop() of an mm that was freed");
        if (left == 0) {
            MmuNotifierSubscriptions subscriptions = notifierSubscriptions;
            if (subscriptions != null) {
                subscriptions.destroy();
            }
        }
    }

    /**
     * {@code atomic_read(&mm->mm_count)}.
     *
     * @return how many references there are; 0 after the structure was freed
     */
    public int count() {
        return count.get();
    }

    @Nullable
    MmuNotifierSubscriptions notifierSubscriptions() {
        if (count.get() == 0) {
            throw new UseAfterFreeError("mm");
        }
        return notifierSubscriptions;
    }

    void publish(MmuNotifierSubscriptions subscriptions) {
        notifierSubscriptions = subscriptions;
    }

    /**
     * {@code mm_take_all_locks()}: keeps every invalidation of this address space out, those that need no mmap lock
     * included. Held for writing: the mmap lock.
     *
     * @throws ErrnoException EINTR if a signal is pending: here, if the thread is interrupted
     */
    void takeAllLocks() {
        SimulatedKernel.bugOn(!mmapLock.isWriteHeld(), "mm_take_all_locks() without the mmap lock for writing");
        kernel.mmAllLocks().lock();
        Set<RwSemaphore> locks = Collections.newSetFromMap(new IdentityHashMap<>());
        for (VmArea vma : vmas.all()) {
            SimulatedFile file = vma.file();
            if (file != null) {
                takeOneOfAll(file.iMmapRwsem(), locks);
            }
        }
        for (VmArea vma : vmas.all()) {
            AnonVma anonVma = vma.anonVma;
            if (anonVma != null) {
                takeOneOfAll(anonVma.rwsem, locks);
            }
        }
        if (Thread.currentThread().isInterrupted()) {
            dropAllLocks();
            throw new ErrnoException(Errno.EINTR, "a signal is pending");
        }
    }

    /** {@code vm_lock_mapping()}, {@code vm_lock_anon_vma()}: each once, however many mappings have it. */
    private void takeOneOfAll(RwSemaphore lock, Set<RwSemaphore> taken) {
        if (taken.add(lock)) {
            lock.lockWriteNested(kernel.mmAllLocks());
            allLocks.add(lock);
        }
    }

    /** {@code mm_drop_all_locks()}. */
    void dropAllLocks() {
        allLocks.reversed().forEach(RwSemaphore::unlockWrite);
        allLocks.clear();
        kernel.mmAllLocks().unlock();
    }

    // ---------------------------------------------------------------------------------------------- the page table

    /**
     * Its page table, which anybody may read.
     *
     * @return the page table
     */
    public PageTable pageTable() {
        return pageTable;
    }

    ExclusiveLock pageTableLock() {
        return pageTableLock;
    }

    /** Under the mmap lock. */
    VmaTree vmas() {
        return vmas;
    }

    boolean isUnstable() {
        return unstable;
    }

    void makeUnstable() {
        unstable = true;
    }

    /** {@code vm_normal_page()}: what a present entry of the last level maps, null for zeroes. */
    @Nullable
    Frame frameOf(long entry) {
        long pfn = Pte.pfn(entry);
        return SimulatedMemory.isZero(pfn) ? null : kernel.memory().frame(pfn);
    }

    /**
     * Its mappings: {@code /proc/PID/maps}.
     *
     * @return a copy, in order; what it holds goes on changing
     */
    public List<VmArea> mappings() {
        mmapLock.lockRead();
        try {
            return vmas.all();
        } finally {
            mmapLock.unlockRead();
        }
    }

    /**
     * All pages that are present: {@code /proc/PID/pagemap}. Each mapping is true at one moment; the whole is if nobody else
     * is about.
     *
     * @return a copy, in order
     */
    public List<PageState> snapshot() {
        List<PageState> pages = new ArrayList<>();
        mmapLock.lockRead();
        try {
            for (VmArea vma : vmas.all()) {
                pageTableLock.lock();
                try {
                    pageTable.forEachPmd(vma.start, vma.end, (from, to) -> addPages(vma, from, to, pages));
                } finally {
                    pageTableLock.unlock();
                }
            }
        } finally {
            mmapLock.unlockRead();
        }
        return pages;
    }

    private void addPages(VmArea vma, long start, long end, List<PageState> pages) {
        for (long address = start; address < end; address += PageTable.PAGE_SIZE) {
            long entry = pageTable.get(address);
            if (Pte.isPresent(entry)) {
                pages.add(PageState.of(vma, address, entry));
            }
        }
    }
}
