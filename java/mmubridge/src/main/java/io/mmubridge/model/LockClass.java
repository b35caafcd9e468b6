// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

/**
 * All locks of one purpose, lockdep's unit: their order is learned and checked by class. Compared by identity.
 *
 * <p>The kernel's own, outermost first; whoever writes a driver makes classes of his own.
 *
 * <pre>
 *   mmap_lock
 *     mm_all_locks_mutex, or invalidate_lock
 *       i_mmap_rwsem
 *         anon_vma
 *           __mmu_notifier_invalidate_range_start_map
 *           page table
 *             srcu
 *               mmu_notifier_subscriptions.lock
 *             i_pages
 *             swap
 *               zone
 * </pre>
 */
public final class LockClass {
    /** How a thread that does not get the lock waits. */
    public enum Kind {
        /** It spins, so whoever holds the lock must not sleep. */
        SPINNING,
        /** It sleeps. */
        SLEEPING,
        /** It does not wait: a section that others wait for, SRCU's, in which sleeping is allowed. Sections nest. */
        SECTION,
        /** There is no lock, but an order all the same, lockdep's {@code lock_map_acquire()}. It does not nest. */
        MAP
    }

    /** {@code mm_struct.mmap_lock}. */
    public static final LockClass MMAP_LOCK = sleeping("mmap_lock");

    /** {@code mm_all_locks_mutex}, of which there is one. */
    public static final LockClass MM_ALL_LOCKS = sleeping("mm_all_locks_mutex");

    /** {@code inode.i_rwsem}: held by whoever changes the length of a file. */
    public static final LockClass I_RWSEM = sleeping("i_rwsem");

    /** {@code address_space.invalidate_lock}, of a file: keeps faults out while pages leave it. */
    public static final LockClass INVALIDATE_LOCK = sleeping("invalidate_lock");

    /** {@code address_space.i_mmap_rwsem}, of a file. */
    public static final LockClass I_MMAP = sleeping("i_mmap_rwsem");

    /** {@code anon_vma.rwsem}. */
    public static final LockClass ANON_VMA = sleeping("anon_vma");

    /** A page table's lock. */
    public static final LockClass PAGE_TABLE = spinning("page table");

    /** {@code address_space.i_pages}, of a file: the pages in its cache. */
    public static final LockClass I_PAGES = spinning("i_pages");

    /** {@code swap_info_struct.lock}. */
    public static final LockClass SWAP = spinning("swap");

    /** {@code zone.lock}, and {@code lruvec.lru_lock}. */
    public static final LockClass ZONE = spinning("zone");

    /** {@code mmu_notifier_subscriptions.lock}. */
    public static final LockClass SUBSCRIPTIONS = spinning("mmu_notifier_subscriptions.lock");

    /** Read sections of the mmu notifiers' SRCU. */
    public static final LockClass SRCU = section("srcu");

    /** {@code __mmu_notifier_invalidate_range_start_map}: not a lock, but invalidations wait for each other as if it were. */
    public static final LockClass INVALIDATE_RANGE_START =
            new LockClass("__mmu_notifier_invalidate_range_start_map", Kind.MAP);

    private final String name;
    private final Kind kind;

    private LockClass(String name, Kind kind) {
        this.name = name;
        this.kind = kind;
    }

    /**
     * A class of spinlocks.
     *
     * @param name for reports
     * @return the class
     */
    public static LockClass spinning(String name) {
        return new LockClass(name, Kind.SPINNING);
    }

    /**
     * A class of mutexes or semaphores.
     *
     * @param name for reports
     * @return the class
     */
    public static LockClass sleeping(String name) {
        return new LockClass(name, Kind.SLEEPING);
    }

    /**
     * A class of sections that nobody waits to enter.
     *
     * @param name for reports
     * @return the class
     */
    public static LockClass section(String name) {
        return new LockClass(name, Kind.SECTION);
    }

    /**
     * Its name.
     *
     * @return as given
     */
    public String name() {
        return name;
    }

    /**
     * How threads wait for its locks.
     *
     * @return the kind
     */
    public Kind kind() {
        return kind;
    }

    @Override
    public String toString() {
        return name;
    }
}
