// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * A page of memory, 4 KiB: {@code struct page}.
 *
 * <p>References keep it, and each entry of a page table that maps it holds one and is counted as a map, too. Once the last
 * reference is gone the frame is free and poisoned: its number is given to no other, and whoever still uses it gets a
 * {@link UseAfterFreeError}.
 */
public final class Frame {
    /** In bytes. */
    public static final int SIZE = 4096;

    private static final VarHandle BYTES = MethodHandles.arrayElementVarHandle(byte[].class);

    private final SimulatedMemory memory;
    private final long pfn;
    private final AtomicInteger references = new AtomicInteger(1);
    private final AtomicInteger maps = new AtomicInteger();
    private volatile boolean freed;

    /** Null for zeroes; written once at most, since two may be the first to write. */
    private volatile byte @Nullable [] content;

    /** Of an anonymous page: where its mappings are found. */
    volatile @Nullable AnonVma anonVma;

    /** Of a file's page, while it is in its cache. */
    volatile @Nullable SimulatedFile file;

    /** {@code page->index}: in pages; with a VMA it gives the address, {@link VmArea#addressOf}. */
    volatile long index;

    /** {@code PageAnonExclusive()}: no other address space has it, so a write needs no copy. Under a page table's lock. */
    volatile boolean anonExclusive;

    /** {@code PG_dirty}. */
    volatile boolean dirty;

    /** {@code PG_referenced}. */
    volatile boolean referenced;

    /** {@code PG_swapbacked}: false after MADV_FREE, from when on the content may be dropped. */
    volatile boolean swapBacked;

    Frame(SimulatedMemory memory, long pfn) {
        this.memory = memory;
        this.pfn = pfn;
    }

    /**
     * {@code page_to_pfn()}.
     *
     * @return its number
     */
    public long pfn() {
        return pfn;
    }

    /**
     * {@code page_count()}.
     *
     * @return references to it, 0 once it is free
     */
    public int references() {
        return references.get();
    }

    /**
     * {@code page_mapcount()}.
     *
     * @return how many page table entries map it
     */
    public int maps() {
        return maps.get();
    }

    /**
     * {@code PageAnon()}.
     *
     * @return whether it belongs to no file
     */
    public boolean isAnonymous() {
        return anonVma != null;
    }

    /**
     * Reads a byte, as a driver would that knows the frame.
     *
     * @param offset in the page
     * @return the byte
     */
    public byte read(int offset) {
        checkLive();
        byte[] bytes = content;
        return bytes == null ? 0 : (byte) BYTES.getAcquire(bytes, offset);
    }

    /**
     * Writes a byte, as a driver would that knows the frame.
     *
     * @param offset in the page
     * @param value the byte
     */
    public void write(int offset, byte value) {
        checkLive();
        byte[] bytes = content;
        if (bytes == null) {
            bytes = allocateContent();
        }
        BYTES.setRelease(bytes, offset, value);
    }

    /** {@code set_page_dirty()}: by a driver that has written, which no entry of a page table tells of. */
    public void setDirty() {
        checkLive();
        dirty = true;
    }

    private synchronized byte[] allocateContent() {
        byte[] bytes = content;
        if (bytes == null) {
            bytes = new byte[SIZE];
            content = bytes;
        }
        return bytes;
    }

    /** {@code copy_user_highpage()}: into a frame that nobody else knows yet. */
    void copyFrom(Frame other) {
        setBytes(other.bytes());
    }

    /** A copy of the content, null for zeroes. */
    byte @Nullable [] bytes() {
        checkLive();
        byte[] bytes = content;
        return bytes == null ? null : bytes.clone();
    }

    /** Into a frame that nobody else knows yet. */
    void setBytes(byte @Nullable [] bytes) {
        checkLive();
        content = bytes;
    }

    /** Zeroes the rest of a page: {@code zero_user_segment()}. */
    void zero(int from, int to) {
        for (int i = from; content != null && i < to; i++) {
            write(i, (byte) 0);
        }
    }

    private void checkLive() {
        if (freed) {
            throw new UseAfterFreeError(toString());
        }
    }

    // ------------------------------------------------------------------------------------------------- the counts

    /** {@code get_page()}: by somebody who knows that it has references. */
    void get() {
        if (references.getAndIncrement() <= 0) {
            throw new UseAfterFreeError(toString());
        }
    }

    /** {@code get_page_unless_zero()}. */
    boolean getUnlessZero() {
        return references.getAndUpdate(seen -> seen == 0 ? 0 : seen + 1) != 0;
    }

    /** {@code page_ref_freeze()}: takes the last references, if there are no others. */
    boolean freeze(int expected) {
        return references.compareAndSet(expected, 0);
    }

    /** {@code page_move_anon_rmap()}: nobody above may have it any more. Under the page table's lock. */
    void moveAnonRmap(@Nullable AnonVma anon) {
        anonExclusive = true;
        anonVma = anon;
    }

    /** {@code put_page()}. */
    void put() {
        int left = references.decrementAndGet();
        if (left < 0) {
            throw new UseAfterFreeError(toString());
        }
        if (left == 0) {
            SimulatedKernel.bugOn(maps.get() != 0, "a frame is freed that is mapped: " + this);
            memory.free(this);
        }
    }

    /** {@code page_add_new_anon_rmap()}: the first map of a new anonymous page. Under the page table's lock. */
    void addNewAnonRmap(AnonVma anon, long newIndex) {
        checkLive();
        index = newIndex;
        swapBacked = true;
        anonExclusive = true;
        anonVma = anon;
        maps.incrementAndGet();
    }

    /** {@code page_add_file_rmap()}, {@code page_dup_anon_rmap()}. Under the page table's lock. */
    void addRmap() {
        checkLive();
        maps.incrementAndGet();
    }

    /** {@code page_remove_rmap()}. Under the page table's lock. */
    void removeRmap() {
        checkLive();
        SimulatedKernel.bugOn(maps.decrementAndGet() < 0, "a frame is unmapped that was not mapped: " + this);
    }

    boolean isOnLru() {
        return memory.isOnLru(this);
    }

    void poison() {
        freed = true;
        content = null;
    }

    @Override
    public String toString() {
        return "frame 0x" + Long.toHexString(pfn);
    }
}
