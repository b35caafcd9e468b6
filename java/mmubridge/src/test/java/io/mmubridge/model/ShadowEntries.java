// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What a driver with a device TLB caches: which frame each page has. Not thread-safe. */
final class ShadowEntries {
    private record Entry(long pfn, boolean isWritable) {}

    private final Map<Long, Entry> entries = new HashMap<>();

    void put(long page, long entry) {
        entries.put(page, new Entry(pfn(page, entry), Pte.isWritable(entry)));
    }

    void drop(MmuNotifierRange range) {
        entries.keySet().removeIf(range::contains);
    }

    void dropAll() {
        entries.clear();
    }

    boolean has(long page) {
        return entries.containsKey(page);
    }

    /** Where this differs from a page table. */
    List<String> compare(PageTable pageTable) {
        List<String> differences = new ArrayList<>();
        entries.forEach((page, cached) -> {
            long entry = pageTable.get(page);
            if (!Pte.isPresent(entry)
                    || pfn(page, entry) != cached.pfn()
                    || (cached.isWritable() && !Pte.isWritable(entry))) {
                differences.add("shadow " + cached + " for 0x" + Long.toHexString(page) + ", page table "
                        + Long.toHexString(entry));
            }
        });
        return differences;
    }

    /** Whether who caches what an entry says must be told before it changes. */
    static boolean matters(long page, long old, long entry) {
        return Pte.isPresent(old)
                && (!Pte.isPresent(entry)
                        || pfn(page, entry) != pfn(page, old)
                        || (Pte.isWritable(old) && !Pte.isWritable(entry)));
    }

    private static long pfn(long page, long entry) {
        long within = page / PageTable.PAGE_SIZE & PageTable.ENTRIES - 1;
        return Pte.pfn(entry) + (Pte.isHuge(entry) ? within : 0);
    }
}
