// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A second page table of an address space, kept by the rule of all such: dropped at the start, and not filled with what was
 * read before an end.
 */
final class Shadow implements AutoCloseable {
    /** What it knows of a page. */
    record Entry(long pfn, boolean writable) {}

    private static final class Notifier extends MmuNotifier {
        // Under the monitor.
        private final Map<Long, Entry> entries = new HashMap<>();
        private int active;
        private long sequence;
        private boolean released;

        private synchronized void start(long start, long end) {
            active++;
            drop(start, end);
        }

        private void drop(long start, long end) {
            entries.keySet()
                    .removeIf(address ->
                            Long.compareUnsigned(address, start) >= 0 && Long.compareUnsigned(address, end) < 0);
        }

        private synchronized void end() {
            active--;
            sequence++;
        }

        private synchronized void release() {
            released = true;
            entries.clear();
        }
    }

    private static final MmuNotifierOps OPS = MmuNotifierOps.builder("shadow")
            .notifiers(mm -> new Notifier(), freed -> {})
            .release((subscription, mm) -> ((Notifier) subscription).release())
            .invalidateRangeStart((subscription, range) -> {
                ((Notifier) subscription).start(range.start(), range.end());
                return true;
            })
            .invalidateRangeEnd((subscription, range) -> ((Notifier) subscription).end())
            .build();

    private final MmStruct mm;
    private final Notifier notifier;

    Shadow(MmStruct mm) {
        this.mm = mm;
        notifier = (Notifier) MmuNotifier.get(OPS, mm);
    }

    /** Takes a page over as it is, if it is there and nothing comes in between. */
    void fill(long address) {
        long sequence;
        synchronized (notifier) {
            if (notifier.active != 0 || notifier.released) {
                return;
            }
            sequence = notifier.sequence;
        }
        Entry entry = present(address);
        synchronized (notifier) {
            if (entry != null && notifier.active == 0 && notifier.sequence == sequence && !notifier.released) {
                notifier.entries.put(address, entry);
            }
        }
    }

    private @Nullable Entry present(long address) {
        long entry = mm.pageTable().get(address);
        return (entry & Pte.PRESENT) == 0 ? null : new Entry(PageState.pfn(address, entry), Pte.isWritable(entry));
    }

    /** Reads through the shadow, as a device does: what it finds is not free. */
    void use(long address) {
        synchronized (notifier) {
            Entry entry = notifier.entries.get(address);
            if (entry != null && notifier.active == 0) {
                mm.kernel().memory().frame(entry.pfn()).read(0);
            }
        }
    }

    /** At rest: each entry says what the page table says, or less: what was allowed since, nobody is told of. */
    List<String> check() {
        List<String> wrong = new ArrayList<>();
        synchronized (notifier) {
            // The end of the address space may have come between a start and its end, which nobody hears then.
            if (notifier.active != 0 && !notifier.released) {
                wrong.add(notifier.active + " invalidations have no end");
            }
            notifier.entries.forEach((address, entry) -> {
                Entry now = present(address);
                boolean same = now != null && now.pfn() == entry.pfn() && (now.writable() || !entry.writable());
                if (!same) {
                    wrong.add("0x" + Long.toHexString(address) + " is " + now + ", and the shadow has " + entry);
                }
            });
        }
        return wrong;
    }

    int size() {
        synchronized (notifier) {
            return notifier.entries.size();
        }
    }

    @Override
    public void close() {
        MmuNotifier.put(notifier);
    }
}
