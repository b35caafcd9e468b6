// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

/** Brackets what the memory management does to a range with the notifiers' start and end, as this kernel does. */
final class Invalidation {
    private Invalidation() {}

    /**
     * {@code mmu_notifier_invalidate_range_start()}, the change, {@code mmu_notifier_invalidate_range_end()}.
     *
     * @param mm the address space
     * @param event why
     * @param start the first byte
     * @param end the first byte after the range
     * @param change what is done in between
     */
    static void around(MmStruct mm, MmuNotifierEvent event, long start, long end, Runnable change) {
        MmuNotifierRange range = MmuNotifierRange.of(mm, event, start, end);
        MmuNotifier.invalidateRangeStart(range);
        try {
            change.run();
        } finally {
            MmuNotifier.invalidateRangeEnd(range);
        }
    }

    /** The same where {@link #flush} was called in between: {@code mmu_notifier_invalidate_range_only_end()}. */
    static void aroundFlushed(MmStruct mm, MmuNotifierEvent event, long start, long end, Runnable change) {
        MmuNotifierRange range = MmuNotifierRange.of(mm, event, start, end);
        MmuNotifier.invalidateRangeStart(range);
        try {
            change.run();
        } finally {
            MmuNotifier.invalidateRangeOnlyEnd(range);
        }
    }

    /** {@code ptep_clear_flush_notify()}, from 6.6 {@code ptep_clear_flush()}: a page's entry was cleared. Under its lock. */
    static void flush(MmStruct mm, long start, long end) {
        MmuNotifier.invalidateRange(mm, start, end);
    }
}
