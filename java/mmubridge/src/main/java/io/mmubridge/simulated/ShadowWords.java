// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.simulated;

import static io.mmubridge.backend.BackendShadow.ACCESSED;
import static io.mmubridge.backend.BackendShadow.CHUNK_SHIFT;
import static io.mmubridge.backend.BackendShadow.DIRTY;
import static io.mmubridge.backend.BackendShadow.DROPPED;
import static io.mmubridge.backend.BackendShadow.GENERATION_SHIFT;
import static io.mmubridge.backend.BackendShadow.HUGE;
import static io.mmubridge.backend.BackendShadow.PAGE_SHIFT;
import static io.mmubridge.backend.BackendShadow.PRESENT;
import static io.mmubridge.backend.BackendShadow.WRITABLE;

import io.mmubridge.AddressRange;
import io.mmubridge.ShadowChanges;
import io.mmubridge.ShadowStatistics;
import io.mmubridge.model.HmmRange;
import io.mmubridge.model.IntervalTree;
import java.util.concurrent.atomic.AtomicLongArray;
import org.jspecify.annotations.Nullable;

/**
 * A range in the tree of a space, and the words of its pages: {@code struct mmub_shadow}, with what kmod/shadow.c does to it
 * under the space's lock. Who loads words takes none.
 *
 * <pre>
 *   start:    STORE state word without        LOAD state word, acquire
 *             PRESENT, or the chunk word      LOAD frame
 *             write barrier             (E)   acquire fence                  (G)
 *   install:  STORE frame                     LOAD state word, chunk word
 *             STORE state word, release (F)
 * </pre>
 *
 * <p>E pairs with G: who reads the frame of a later page sees that the entry he began with has gone. F pairs with the first
 * load: the frame is that of the state word, or a later one.
 */
final class ShadowWords extends IntervalTree.Node {
    /** Why there are no entries any more. */
    enum End {
        REMOVED,
        DETACHED,
        RELEASED
    }

    /** Pages of a chunk. */
    static final int CHUNK_PAGES = 1 << (CHUNK_SHIFT - PAGE_SHIFT);

    private static final int HUGE_ORDER = CHUNK_SHIFT - PAGE_SHIFT;
    private static final long FLAGS = (1 << GENERATION_SHIFT) - 1;
    private static final long KNOWN = PRESENT | DROPPED;

    /** Of a chunk without entries for good: no generation is greater. */
    private static final long ALL = -1;

    /** Some pages of one chunk, as a page table has them. */
    static final class Walk {
        /** The first, from the start of the shadow. */
        int first;

        /** How many. */
        int count;

        /** What was found, as {@link HmmRange} has it. */
        final long[] found = new long[CHUNK_PAGES];

        // Of the chunk, before.
        private long sequence;
        private long generation;
    }

    /** {@code struct mmub_shadow_refresh}: counts. */
    static final class Found {
        long present;
        long writable;
        long huge;
        long added;
        long same;
        long moved;
        long reprotected;
        long gone;
        long upgraded;
        long mismatched;
        long busy;

        ShadowChanges changes() {
            return new ShadowChanges(
                    present, writable, huge, added, same, moved, reprotected, gone, upgraded, mismatched, busy);
        }
    }

    private final ModelSubscription subscription;
    private final AddressRange range;

    /** Pages of the first chunk before the first page. */
    private final int lead;

    private final int pages;

    // What users load.
    private final AtomicLongArray states;
    private final AtomicLongArray frames;
    private final AtomicLongArray floors;

    /** Set under the lock, after {@link #floors}. */
    private volatile @Nullable End end;

    // Under the lock, by chunk.
    /** The greatest generation that a state word of it has had. */
    private final long[] generations;

    /** Starts that overlapped it. */
    private final long[] sequences;

    /** Its entries. */
    private final int[] entries;

    // Under the lock: the counters.
    private long present;
    private long lastEvent;
    private long dropped;
    private final Found ever = new Found();

    /** In no space yet, without an entry. */
    ShadowWords(ModelSubscription subscription, AddressRange range) {
        super(range.start(), range.end() - 1);
        this.subscription = subscription;
        this.range = range;
        lead = (int) (range.start() >>> PAGE_SHIFT) & CHUNK_PAGES - 1;
        pages = Math.toIntExact((range.end() - range.start()) >>> PAGE_SHIFT);
        int chunks = chunk(pages - 1) + 1;
        states = new AtomicLongArray(pages);
        frames = new AtomicLongArray(pages);
        floors = new AtomicLongArray(chunks);
        generations = new long[chunks];
        sequences = new long[chunks];
        entries = new int[chunks];
    }

    AddressRange range() {
        return range;
    }

    ModelSubscription subscription() {
        return subscription;
    }

    int pages() {
        return pages;
    }

    int page(long address) {
        return (int) ((address - start()) >>> PAGE_SHIFT);
    }

    long address(int page) {
        return start() + ((long) page << PAGE_SHIFT);
    }

    int chunk(int page) {
        return (page + lead) / CHUNK_PAGES;
    }

    private int firstOf(int chunk) {
        return chunk == 0 ? 0 : chunk * CHUNK_PAGES - lead;
    }

    int lastOf(int chunk) {
        return Math.min((chunk + 1) * CHUNK_PAGES - lead, pages) - 1;
    }

    // ------------------------------------------------------------------------------------------------ without a lock

    long stateAcquire(int page) {
        return states.getAcquire(page);
    }

    long state(int page) {
        return states.getOpaque(page);
    }

    long frame(int page) {
        return frames.getOpaque(page);
    }

    long dropped(int chunk) {
        return floors.getOpaque(chunk);
    }

    @Nullable
    End end() {
        return end;
    }

    // ------------------------------------------------------------------------------------ under the space's lock

    /** {@code mmub_shadow_valid()}. */
    private boolean isPresent(int chunk, long state) {
        return (state & PRESENT) != 0 && Long.compareUnsigned(state >>> GENERATION_SHIFT, floors.getPlain(chunk)) > 0;
    }

    /** {@code mmub_shadow_drop()}: how many entries an event has dropped. */
    int drop(QueuedEvent event) {
        int first = page(max(event.start(), start()));
        int last = page(min(event.end() - 1, last()));
        int count = 0;
        for (int chunk = chunk(first); chunk <= chunk(last); chunk++) {
            count += dropOf(chunk, Math.max(first, firstOf(chunk)), Math.min(last, lastOf(chunk)));
        }
        if (count != 0) {
            dropped += count;
            present -= count;
            lastEvent = event.seq();
        }
        return count;
    }

    private static long max(long left, long right) {
        return Long.compareUnsigned(left, right) > 0 ? left : right;
    }

    private static long min(long left, long right) {
        return Long.compareUnsigned(left, right) < 0 ? left : right;
    }

    /** {@code mmub_shadow_drop_chunk()}: all of one by its word. */
    private int dropOf(int chunk, int first, int last) {
        int before = entries[chunk];
        sequences[chunk]++;
        if (before == 0) {
            return 0;
        }
        if (first == firstOf(chunk) && last == lastOf(chunk)) {
            floors.setOpaque(chunk, generations[chunk]);
            entries[chunk] = 0;
            return before;
        }
        generations[chunk]++;
        for (int page = first; page <= last && entries[chunk] != 0; page++) {
            long state = states.getPlain(page);
            if (isPresent(chunk, state)) {
                states.setOpaque(page, word(chunk, (state & FLAGS & ~PRESENT) | DROPPED));
                entries[chunk]--;
            }
        }
        return before - entries[chunk];
    }

    private long word(int chunk, long flags) {
        return (generations[chunk] << GENERATION_SHIFT) | flags;
    }

    /** {@code mmub_shadow_end()}: no entries any more, nor will there be. */
    void end(End why) {
        for (int chunk = 0; chunk < entries.length; chunk++) {
            floors.setOpaque(chunk, ALL);
            entries[chunk] = 0;
        }
        present = 0;
        end = why;
    }

    /** {@code mmub_shadow_begin()}: with nothing in flight that overlaps. */
    void begin(Walk walk) {
        int chunk = chunk(walk.first);
        walk.sequence = sequences[chunk];
        walk.generation = generations[chunk];
    }

    /**
     * {@code mmub_shadow_install()}, with nothing in flight that overlaps: false if something has come between. That may be
     * somebody else's install, too: he may have looked later, at pages that have come or become writable, which is no event.
     */
    boolean install(Walk walk, Found found) {
        int chunk = chunk(walk.first);
        if (sequences[chunk] != walk.sequence || generations[chunk] != walk.generation) {
            return false;
        }
        int before = entries[chunk];
        // Above the chunk's word, and above what the entries had.
        generations[chunk]++;
        for (int i = 0; i < walk.count; i++) {
            install(walk.first + i, chunk, walk.found[i], found);
        }
        present += entries[chunk] - before;
        return true;
    }

    /** {@code mmub_shadow_entry()}. */
    private void install(int page, int chunk, long entry, Found found) {
        long old = states.getPlain(page);
        boolean wasPresent = isPresent(chunk, old);
        long state = 0;
        long frame = 0;
        if ((entry & HmmRange.VALID) != 0) {
            frame = HmmRange.pfn(entry);
            state = PRESENT
                    | ((entry & HmmRange.WRITE) != 0 ? WRITABLE : 0)
                    | (HmmRange.mapOrder(entry) >= HUGE_ORDER ? HUGE : 0);
            found.present++;
            found.writable += (state & WRITABLE) != 0 ? 1 : 0;
            found.huge += (state & HUGE) != 0 ? 1 : 0;
        }
        if ((old & KNOWN) != 0) {
            compare(page, wasPresent, old, state, frame, found);
        } else if (state != 0) {
            found.added++;
        } else {
            return;
        }
        if (wasPresent) {
            // What was accessed stays so as long as it is the same page.
            if (state != 0 && frames.getPlain(page) == frame) {
                state |= old & (ACCESSED | DIRTY);
            }
            if (state == (old & FLAGS)) {
                return;
            }
            entries[chunk]--;
        }
        if (state != 0) {
            entries[chunk]++;
            frames.setOpaque(page, frame);
        }
        // F: pairs with the user's acquire.
        states.setRelease(page, word(chunk, state));
    }

    /** {@code mmub_shadow_compare()}: what is said of a page of which something was known before. */
    private void compare(int page, boolean wasPresent, long old, long state, long frame, Found found) {
        boolean isSame = state != 0 && frames.getPlain(page) == frame;
        long change = (old ^ state) & WRITABLE;
        if (wasPresent) {
            if (!isSame || (old & change) != 0) {
                found.mismatched++;
                ever.mismatched++;
            } else if (change != 0) {
                found.upgraded++;
                ever.upgraded++;
            }
        } else if (state == 0) {
            found.gone++;
            ever.gone++;
        } else if (!isSame) {
            found.moved++;
            ever.moved++;
        } else if (change != 0) {
            found.reprotected++;
            ever.reprotected++;
        } else {
            found.same++;
            ever.same++;
        }
    }

    /**
     * Whether there is an entry for an access.
     *
     * @param write whether it has to be writable
     */
    boolean allows(int page, boolean write) {
        long state = states.getPlain(page);
        return isPresent(chunk(page), state) && (!write || (state & WRITABLE) != 0);
    }

    /** The page was accessed through its entry. */
    void mark(int page, boolean write) {
        states.setOpaque(page, states.getPlain(page) | (write ? ACCESSED | DIRTY : ACCESSED));
    }

    ShadowStatistics statistics() {
        return new ShadowStatistics(
                present,
                lastEvent,
                dropped,
                ever.same,
                ever.moved,
                ever.reprotected,
                ever.gone,
                ever.upgraded,
                ever.mismatched);
    }
}
