// SPDX-License-Identifier: Apache-2.0
package io.mmubridge;

/**
 * Why the kernel invalidates, in its own words: {@code enum mmu_notifier_event} without the prefix {@code MMU_NOTIFY_}.
 */
public enum EventType {
    /** munmap or mremap takes the range away, or the OOM reaper does on some kernels. */
    UNMAP,
    /** Page table entries are cleared for many other reasons: copy-on-write, reclaim, migration, truncation, ... */
    CLEAR,
    /** The access permission of a whole mapping changes: mprotect. */
    PROTECTION_VMA,
    /** Page table entries lose a permission, the mapping keeps it: fork, writeback. */
    PROTECTION_PAGE,
    /** Soft-dirty bits are reset: {@code /proc/PID/clear_refs}. */
    SOFT_DIRTY,
    /** The address space is being torn down. */
    RELEASE,
    /** Pages move to or from device memory: migrate_vma. */
    MIGRATE,
    /** A device takes pages for its exclusive use. */
    EXCLUSIVE,
    /** None, or one that the module does not know. */
    OTHER
}
