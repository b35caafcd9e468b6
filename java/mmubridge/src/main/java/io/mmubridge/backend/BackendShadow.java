// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.backend;

import io.mmubridge.ShadowChanges;
import io.mmubridge.ShadowStatistics;
import java.nio.ByteBuffer;

/**
 * What stands behind {@link io.mmubridge.Shadow}, whose documentation is the contract: for each page of a range a state word
 * and a frame, and for each 2 MiB of address space that it touches, a chunk, a word that drops all entries of a lesser
 * generation. {@code enum mmub_shadow_state} says how they are read, which is the same whoever writes them.
 *
 * <p>Words may be loaded at any time, after {@link #remove()} too. Pages and chunks are numbered from those of the first
 * address, and must be of the range.
 */
public interface BackendShadow {
    /** There is an entry, unless the chunk's word is not less than its generation. */
    long PRESENT = 1;

    /** The processor may write. */
    long WRITABLE = 1 << 1;

    /** It maps 2 MiB or more. */
    long HUGE = 1 << 2;

    /** Read or written through the shadow. */
    long ACCESSED = 1 << 3;

    /** Written through the shadow. */
    long DIRTY = 1 << 4;

    /** There was an entry. */
    long DROPPED = 1 << 5;

    /** The bits from here on are the generation. */
    int GENERATION_SHIFT = 8;

    /** log2 of the bytes of a chunk, which is aligned to as much. */
    int CHUNK_SHIFT = 21;

    /** log2 of the bytes of a page. */
    int PAGE_SHIFT = 12;

    /** Whether {@link #frame} may be asked. */
    boolean hasFrames();

    /** The state word of a page, by an acquire load. */
    long stateAcquire(int page);

    /** The state word of a page, by an opaque load. */
    long state(int page);

    /** The frame of a page, by an opaque load. */
    long frame(int page);

    /** The word of a chunk, by an opaque load: an unsigned number. */
    long dropped(int chunk);

    /** Whether there is no entry any more, nor will be: removed, detached, or the address space released. */
    boolean isEnded();

    /** Its counters; after {@link #remove()} the last ones. */
    ShadowStatistics statistics();

    /**
     * {@code SHADOW_REFRESH}.
     *
     * @param start page-aligned, in the range
     * @param end page-aligned, in the range, greater than {@code start}
     * @param wait whether to wait for invalidations that are in flight
     */
    ShadowChanges refresh(long start, long end, boolean wait);

    /**
     * {@code READ}.
     *
     * @param address in the range
     * @param into its bytes from 0 up to the limit, at least one; its position is left where it is, or not
     * @return bytes read
     */
    int read(long address, ByteBuffer into);

    /**
     * {@code WRITE}.
     *
     * @param address in the range
     * @param from likewise
     * @return bytes written
     */
    int write(long address, ByteBuffer from);

    /** Gives it up; does nothing the second time. */
    void remove();
}
