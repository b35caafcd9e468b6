// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

/** Why a range is invalidated: {@code enum mmu_notifier_event}. */
public enum MmuNotifierEvent {
    /** The range is unmapped, by munmap or mremap. */
    UNMAP,
    /** Page table entries are cleared, for any other reason. */
    CLEAR,
    /** The protection of a whole VMA changes. */
    PROTECTION_VMA,
    /** The protection of pages changes, not that of their VMA. */
    PROTECTION_PAGE,
    /** Soft-dirty bits are cleared. */
    SOFT_DIRTY,
    /** The address space ends; interval notifiers alone are told so. */
    RELEASE,
    /** Pages move between a device's memory and the system's. */
    MIGRATE,
    /** A device takes pages for itself. */
    EXCLUSIVE
}
