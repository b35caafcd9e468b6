// SPDX-License-Identifier: Apache-2.0
package io.mmubridge;

import java.util.Locale;

/**
 * Why an invalidation came about, read off the kernel's stack at the callback. What no rule knows is {@link #UNKNOWN}, never
 * guessed. Later versions add some.
 */
public enum Cause {
    /** None of those below. */
    UNKNOWN,
    /**
     * {@code munmap(2)}, or the kernel unmaps what it mapped for the process, such as a ring of {@code io_setup(2)}.
     */
    MUNMAP,
    /** {@code mmap(2)} or {@code shmat(2)} over what was mapped, or a mapping that failed. */
    MMAP,
    /** {@code brk(2)} that shrinks the heap. */
    BRK,
    /** {@code mremap(2)}. */
    MREMAP,
    /** {@code shmdt(2)}. */
    SHMDT,
    /** {@code mprotect(2)}, {@code pkey_mprotect(2)}. */
    MPROTECT,
    /** MADV_DONTNEED, MADV_DONTNEED_LOCKED. */
    MADV_DONTNEED,
    /** MADV_FREE. */
    MADV_FREE,
    /** MADV_PAGEOUT. */
    MADV_PAGEOUT,
    /** MADV_COLLAPSE. */
    MADV_COLLAPSE,
    /** MADV_REMOVE. */
    MADV_REMOVE,
    /** MADV_GUARD_INSTALL. */
    MADV_GUARD,
    /** The write-protection of what {@code fork(2)} shares. */
    FORK,
    /**
     * A write to a page that is shared copy-on-write, by the process itself or through /proc/PID/mem, ptrace, {@code
     * process_vm_writev(2)}.
     */
    COW,
    /** Khugepaged has made a huge page. */
    KHUGEPAGED,
    /** A huge page, or its mapping, was split, for whatever the system call in progress wanted. */
    THP_SPLIT,
    /** Ksmd has merged equal pages. */
    KSM_MERGE,
    /** Merged pages were separated again. */
    KSM_UNMERGE,
    /** Migration by {@code move_pages(2)}. */
    MOVE_PAGES,
    /** Migration by {@code mbind(2)}. */
    MBIND,
    /** Migration by {@code migrate_pages(2)}. */
    MIGRATE_PAGES,
    /** Migration since a cpuset was changed. */
    CPUSET,
    /** Migration off memory that goes offline. */
    HOTPLUG,
    /** Migration to make room for a large allocation (CMA, gigantic pages). */
    CONTIG,
    /** Migration before a long-term pin. */
    LONGTERM_PIN,
    /** Migration to slower memory, instead of reclaim. */
    DEMOTION,
    /** Migration by compaction, of whichever task. */
    COMPACTION,
    /** NUMA balancing took access away to see who comes. */
    NUMA_HINTING,
    /** Migration by NUMA balancing. */
    NUMA_MIGRATION,
    /** Reclaim by kswapd. */
    RECLAIM,
    /** Reclaim by a task that allocates, or of a memory cgroup. */
    RECLAIM_DIRECT,
    /** A file was made shorter. */
    TRUNCATE,
    /** {@code fallocate(2)} punched a hole, or zeroed, collapsed or inserted a range. */
    HOLE_PUNCH,
    /** A file's cached pages were dropped (direct I/O, a network file system). */
    FILE_INVALIDATE,
    /** A shared file's pages were write-protected as they were written back. */
    WRITEBACK,
    /** A write to /proc/PID/clear_refs. */
    CLEAR_REFS,
    /** The ioctl PAGEMAP_SCAN. */
    PAGEMAP_SCAN,
    /** Userfaultfd write-protected or moved pages. */
    USERFAULTFD,
    /** A uprobe was put into, or taken out of, the text. */
    UPROBE,
    /** A page was taken out of use: an error of the hardware, or MADV_HWPOISON, MADV_SOFT_OFFLINE. */
    MEMORY_FAILURE,
    /** Migration to or from a device's memory. */
    DEVICE_MIGRATION,
    /** A device asked for exclusive access. */
    DEVICE_EXCLUSIVE,
    /** The process executed another program. */
    EXEC,
    /** The process exited. */
    EXIT,
    /** The process had exited or executed before, and who still looked at its memory has let go. */
    LAST_REFERENCE,
    /** The OOM reaper. */
    OOM_REAPER,
    /** {@code process_mrelease(2)}. */
    PROCESS_MRELEASE;

    /**
     * The name in lower case, as the command line writes it.
     *
     * @return the label
     */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
