// SPDX-License-Identifier: Apache-2.0
package io.mmubridge;

import io.mmubridge.backend.BackendShadow;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;

/**
 * What the processor's page table has for a range of addresses: for each page whether it is there, where, and whether it may
 * be written to.
 *
 * {@snippet lang = java :
 * try (Shadow shadow = subscription.shadow(range)) {
 *     shadow.refresh();
 *     ShadowEntry entry = new ShadowEntry();
 *     if (shadow.lookup(address, entry)) {
 *         // what the page table had; use it, and then:
 *         boolean allTheTime = shadow.isValid(entry);
 *     }
 *     // ... something happens to the memory, and events tell what may have changed
 *     ShadowChanges changes = shadow.refresh(); // what really has
 * }
 * }
 *
 * <p>There is no entry before the first {@link #refresh()}, and none of what comes later until the next one, or until
 * {@link #read} or {@link #write} needs it. An entry that {@link #lookup} finds is what the page table had at some time
 * during the call, or an invalidation of the page was in flight and had not reached the kernel's start callback yet. From
 * that callback on, and so before the page table changes, there is none; and nothing comes that was looked for before it.
 * No page is pinned.
 *
 * <pre>
 *   moment                                               entry of a page
 *
 *   made                                                 none
 *   refresh, and a page is there                         present
 *   an overlapping invalidation has started              dropped
 *   refresh amid an invalidation that overlaps           waits for its end; tryRefresh counts the page as busy
 *   a page comes, or becomes writable                    as it was, until the next refresh
 *   close, detach, release of the address space          none, for good
 * </pre>
 *
 * <p>Any thread may call any method at any time. {@link #lookup} and {@link #isValid} make no system call, take no lock
 * and allocate nothing.
 */
public final class Shadow implements AutoCloseable {
    private static final long PAGE_SIZE = 1L << BackendShadow.PAGE_SHIFT;

    /** Bits of a state word that accesses through the shadow set, beside an entry that stays what it is. */
    private static final long NOISE = BackendShadow.ACCESSED | BackendShadow.DIRTY;

    /** What is given to the backend at a time. */
    private static final int LARGEST_BUFFER = 1 << 30;

    private final BackendShadow backend;
    private final AddressRange range;
    private final ShadowMode mode;

    // Of the range, for lookups.
    private final long start;
    private final long size;

    Shadow(BackendShadow backend, AddressRange range, ShadowMode mode) {
        this.backend = backend;
        this.range = range;
        this.mode = mode;
        start = range.start();
        size = range.end() - range.start();
    }

    /** The pages that a range touches. */
    static AddressRange pages(AddressRange range) {
        return new AddressRange(range.start() & -PAGE_SIZE, range.end() + PAGE_SIZE - 1 & -PAGE_SIZE, range.isNative());
    }

    /**
     * Checks that a range consists of whole pages.
     *
     * @throws IllegalArgumentException if not
     */
    static void checkPages(AddressRange range) {
        if (((range.start() | range.end()) & PAGE_SIZE - 1) != 0) {
            throw new IllegalArgumentException(
                    "a range of whole pages starts and ends at multiples of " + PAGE_SIZE + ", unlike " + range);
        }
    }

    /**
     * What this shadows.
     *
     * @return the range, of the subscription's address space
     */
    public AddressRange range() {
        return range;
    }

    /**
     * How this comes by pages.
     *
     * @return as it was asked for
     */
    public ShadowMode mode() {
        return mode;
    }

    /**
     * Whether there is no entry any more, nor will be: this is closed, its subscription detached, or its address space released.
     *
     * @return true if so
     */
    public boolean isEnded() {
        return backend.isEnded();
    }

    /**
     * Whether entries have their {@link ShadowEntry#frame()}. The kernel gives numbers of frames to those alone who opened the
     * device with {@code CAP_SYS_ADMIN} in the initial user namespace, as it does in {@code /proc/PID/pagemap}.
     *
     * @return true if so
     */
    public boolean hasFrames() {
        return backend.hasFrames();
    }

    /**
     * Looks up the page of an address.
     *
     * @param address in {@link #range()}
     * @param into filled in, also where there is no entry
     * @return whether there is one; false once this {@link #isEnded()}
     * @throws IllegalArgumentException if the address is not in the range
     */
    public boolean lookup(long address, ShadowEntry into) {
        // Here, since after each load that orders something all fields are loaded anew.
        BackendShadow words = backend;
        int page = page(address);
        int chunk = chunk(address);
        while (true) {
            // Pairs with the release of who installs: the frame is that of this word, or a later one.
            long state = words.stateAcquire(page);
            long frame = words.hasFrames() ? words.frame(page) : ShadowEntry.NO_FRAME;
            // Pairs with the write barrier of who drops: with a later frame comes a later word.
            VarHandle.acquireFence();
            long dropped = words.dropped(chunk);
            // The word of a chunk comes first: once the backend has put zeroes there it says that nothing was dropped,
            // and
            // the state word after it that there is nothing.
            VarHandle.acquireFence();
            if (isUnchanged(state, words.state(page))) {
                boolean isPresent = isPresent(state, dropped);
                into.set(this, address, frame, state, isPresent);
                return isPresent;
            }
            // Dropped, installed or upgraded meanwhile: each time round somebody else has got on.
        }
    }

    private static boolean isUnchanged(long state, long now) {
        return ((state ^ now) & ~NOISE) == 0;
    }

    private static boolean isPresent(long state, long dropped) {
        return (state & BackendShadow.PRESENT) != 0
                && Long.compareUnsigned(state >>> BackendShadow.GENERATION_SHIFT, dropped) > 0;
    }

    /**
     * Whether an entry is still there: asked after the last use of what {@link #lookup} found, it says that this was so all
     * the time. What the thread did before is ordered before the check.
     *
     * @param entry filled in by a lookup in this shadow
     * @return false if it has been dropped, or was none, or the page has become writable meanwhile
     * @throws IllegalArgumentException if the entry was not looked up here
     */
    public boolean isValid(ShadowEntry entry) {
        if (!entry.isOf(this)) {
            throw new IllegalArgumentException("this entry was not looked up in the shadow of " + range + ": " + entry);
        }
        VarHandle.acquireFence();
        long dropped = backend.dropped(chunk(entry.address()));
        // In this order, as in a lookup.
        VarHandle.acquireFence();
        return isUnchanged(entry.state(), backend.state(page(entry.address()))) && isPresent(entry.state(), dropped);
    }

    private void checkInside(long address) {
        if (Long.compareUnsigned(address - start, size) >= 0) {
            throw outside(address);
        }
    }

    private int page(long address) {
        checkInside(address);
        return (int) ((address - start) >>> BackendShadow.PAGE_SHIFT);
    }

    private int chunk(long address) {
        return (int) ((address >>> BackendShadow.CHUNK_SHIFT) - (start >>> BackendShadow.CHUNK_SHIFT));
    }

    private IllegalArgumentException outside(long address) {
        return new IllegalArgumentException("0x" + Long.toHexString(address) + " is not in the shadow of " + range);
    }

    /**
     * Brings all entries up to date.
     *
     * @return what has been found
     * @throws MmuException as {@link #refresh(AddressRange)} does
     * @throws IllegalStateException as {@link #refresh(AddressRange)} does
     */
    public ShadowChanges refresh() {
        return backend.refresh(range.start(), range.end(), true);
    }

    /**
     * Brings the entries of some pages up to date: looks at the processor's page table by {@code hmm_range_fault()}, 2 MiB at a
     * time, and has entries for what is found there, unless an invalidation that overlaps has come between: then it looks
     * again. Entries that are as they were stay untouched, and so does their {@link ShadowEntry#generation()}. What is no memory of
     * the kernel's, such as a device's, and secret memory, has none.
     *
     * <p>Waits for invalidations in flight; {@link #close()}, the detach and the release end that, an interrupt does not.
     *
     * @param part whole pages, within {@link #range()}
     * @return what has been found
     * @throws IllegalArgumentException if {@code part} is not such
     * @throws MmuException if the address space has been released
     * @throws IllegalStateException after {@link #close()}, or the subscription's detach or close, be it meanwhile
     */
    public ShadowChanges refresh(AddressRange part) {
        checkPart(part);
        return backend.refresh(part.start(), part.end(), true);
    }

    /**
     * The same, but where an invalidation is in flight, or it or another refresh comes between, pages are left as they are and
     * counted as {@link ShadowChanges#busy()}.
     *
     * @param part whole pages, within {@link #range()}
     * @return what has been found
     * @throws IllegalArgumentException if {@code part} is not such
     * @throws MmuException if the address space has been released
     * @throws IllegalStateException as {@link #refresh(AddressRange)} does
     */
    public ShadowChanges tryRefresh(AddressRange part) {
        checkPart(part);
        return backend.refresh(part.start(), part.end(), false);
    }

    private void checkPart(AddressRange part) {
        checkPages(part);
        if (Long.compareUnsigned(part.start(), range.start()) < 0
                || Long.compareUnsigned(part.end(), range.end()) > 0) {
            throw new IllegalArgumentException(part + " is no part of the shadow of " + range);
        }
    }

    /**
     * The counters of this.
     *
     * @return their values now; after {@link #close()} the last ones
     */
    public ShadowStatistics statistics() {
        return backend.statistics();
    }

    /**
     * Reads memory as a device would: through the entry of each page, which is brought up to date where there is none. What
     * invalidates a page waits for the copy of what is on it, and each page is read as a whole.
     *
     * @param address the first byte, in {@link #range()}
     * @param into filled in, from its start
     * @return bytes read: fewer than {@code into} has where the shadow ends, or a later page cannot be had
     * @throws IllegalArgumentException if the address is not in the range, or {@code into} is read-only
     * @throws MmuException if there is no page at the address, or the mode does not fault it in, or the address space has been
     *     released
     * @throws IllegalStateException as {@link #refresh(AddressRange)} does
     */
    public long read(long address, MemorySegment into) {
        if (into.isReadOnly()) {
            throw new IllegalArgumentException("a read-only segment cannot be read into: " + into);
        }
        return access(address, into, (at, segment) -> {
            if (isAddressable(segment)) {
                return backend.read(at, segment.asByteBuffer());
            }
            byte[] bytes = new byte[(int) segment.byteSize()];
            int done = backend.read(at, ByteBuffer.wrap(bytes));
            MemorySegment.copy(MemorySegment.ofArray(bytes), 0, segment, 0, done);
            return done;
        });
    }

    /**
     * Writes memory as a device would: as {@link #read} does, through entries that are writable. The page counts as written
     * to, and stays so, as if the process had done it.
     *
     * @param address the first byte, in {@link #range()}
     * @param from what to write, from its start
     * @return bytes written: fewer than {@code from} has where the shadow ends, or a later page cannot be had
     * @throws IllegalArgumentException if the address is not in the range
     * @throws MmuException if there is no page at the address, or it is not writable and the mode not {@link ShadowMode#WRITE}, or
     *     the memory of the process was not open for writing, or the address space has been released
     * @throws IllegalStateException as {@link #refresh(AddressRange)} does
     */
    public long write(long address, MemorySegment from) {
        return access(address, from, (at, segment) -> {
            if (isAddressable(segment)) {
                return backend.write(at, segment.asByteBuffer());
            }
            byte[] bytes = new byte[(int) segment.byteSize()];
            MemorySegment.copy(segment, 0, MemorySegment.ofArray(bytes), 0, bytes.length);
            return backend.write(at, ByteBuffer.wrap(bytes));
        });
    }

    /** Whether a buffer can be had of it: native, or of bytes. */
    private static boolean isAddressable(MemorySegment segment) {
        return segment.isNative() || segment.heapBase().orElse(null) instanceof byte[];
    }

    /** Does a part of an access. */
    @FunctionalInterface
    private interface Access {
        int part(long address, MemorySegment segment);
    }

    private long access(long address, MemorySegment segment, Access access) {
        checkInside(address);
        long left = Math.min(segment.byteSize(), range.end() - address);
        long done = 0;
        while (done < left) {
            long part = Math.min(left - done, LARGEST_BUFFER);
            int now;
            try {
                now = access.part(address + done, segment.asSlice(done, part));
            } catch (MmuException | IllegalStateException e) {
                if (done == 0) {
                    throw e;
                }
                break;
            }
            done += now;
            if (now < part) {
                break;
            }
        }
        return done;
    }

    /** Shadows no more: there is no entry any more. Does nothing the second time, or after the subscription's detach. */
    @Override
    public void close() {
        backend.remove();
    }

    @Override
    public String toString() {
        return "Shadow[" + range + ", " + mode + (isEnded() ? ", ended]" : "]");
    }
}
