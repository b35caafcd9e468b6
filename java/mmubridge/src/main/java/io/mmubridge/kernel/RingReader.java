// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.kernel;

import static java.lang.foreign.MemoryLayout.PathElement.groupElement;

import io.mmubridge.EventPhase;
import io.mmubridge.InvalidationEvent;
import io.mmubridge.MmuException;
import io.mmubridge.ffi.mmub_record;
import io.mmubridge.ffi.mmub_ring_consumer;
import io.mmubridge.ffi.mmub_ring_header;
import io.mmubridge.ffi.mmubridge_h;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * The reading end of a ring: header and records, which the kernel writes, and the consumer page, which this writes.
 *
 * <pre>
 *   kernel                          here
 *
 *   LOAD tail, acquire   (A)        LOAD head, acquire   (C)
 *   STORE records                   LOAD records
 *   STORE head, release  (B)        STORE tail, release  (D)
 * </pre>
 *
 * <p>B pairs with C: no record is read that is still being written. D pairs with A: no record is overwritten that is
 * still being read. Head and tail only grow, modulo 2^32; their difference is what is unread.
 *
 * <p>Used by one thread at a time unless it says otherwise, while the ring is mapped; {@link RingStream} sees to both.
 */
final class RingReader {
    private static final VarHandle HEAD = mmub_ring_header.layout().varHandle(groupElement("head"));
    private static final VarHandle LOST = mmub_ring_header.layout().varHandle(groupElement("lost"));
    private static final VarHandle TAIL = mmub_ring_consumer.layout().varHandle(groupElement("tail"));
    private static final VarHandle LOST_SEEN = mmub_ring_consumer.layout().varHandle(groupElement("lost_seen"));

    /** The kernel gets room back after so many records, not only after all: a slow handler loses fewer events. */
    private static final int BATCH = 32;

    private final MemorySegment ring;
    private final MemorySegment consumer;
    private final RecordView view;
    private final int records;
    private final long dataOffset;

    /** What was read so far; once taken over, the consumer page is written and never read back. */
    private int tail;

    private long lostSeen;
    private volatile boolean ended;

    /**
     * Takes over a ring that nobody else reads.
     *
     * @param ring header and records
     * @param consumer the consumer page
     * @param view loaded with each record in turn
     */
    RingReader(MemorySegment ring, MemorySegment consumer, RecordView view) {
        this.ring = ring;
        this.consumer = consumer;
        this.view = view;
        records = mmub_ring_header.records(ring);
        tail = mmub_ring_consumer.tail(consumer);
        dataOffset = Integer.toUnsignedLong(mmub_ring_header.data_offset(ring));
        long end = dataOffset + records * mmub_record.sizeof();
        if (mmub_ring_header.abi_version(ring) != mmubridge_h.MMUB_ABI_VERSION()
                || mmub_ring_header.record_size(ring) != mmub_record.sizeof()
                || Integer.bitCount(records) != 1
                || end > ring.byteSize()) {
            throw new MmuException("The ring's header is not one of version " + mmubridge_h.MMUB_ABI_VERSION()
                    + ": the kernel module and this library do not fit together. Install both of one version.");
        }
    }

    /**
     * Hands over what is unread.
     *
     * @param handler gets the view
     * @param limit the largest number of records to hand over
     * @param stop asked before each record
     * @return how many were handed over
     */
    int drain(Consumer<? super InvalidationEvent> handler, int limit, BooleanSupplier stop) {
        long lost = lost();
        int count = Math.min(unread(), Math.max(0, limit));
        int done = 0;
        try {
            while (done < count && !stop.getAsBoolean()) {
                view.load(ring, dataOffset + (long) (tail & (records - 1)) * mmub_record.sizeof());
                tail++;
                done++;
                EventPhase phase = view.phase();
                if (phase == EventPhase.RELEASE || phase == EventPhase.DETACHED) {
                    ended = true;
                }
                if (done % BATCH == 0) {
                    publishTail();
                }
                handler.accept(view);
            }
        } finally {
            publishTail();
            acknowledge(lost);
        }
        return done;
    }

    /** Whether {@link #drain} has something to do, if only to acknowledge a loss. */
    boolean isReadable() {
        return unread() != 0 || lost() != lostSeen;
    }

    /** Whether a release or the mark of the detach was handed over; any thread may ask. */
    boolean isEnded() {
        return ended;
    }

    /** Events that found the ring full; any thread may ask. */
    long lost() {
        return (long) LOST.getOpaque(ring, 0L);
    }

    private int unread() {
        int unread = (int) HEAD.getAcquire(ring, 0L) - tail;
        if (unread < 0 || unread > records) {
            throw new MmuException("The ring is corrupt: " + Integer.toUnsignedString(unread) + " unread of " + records
                    + " records. Report this as a defect of the kernel module.");
        }
        return unread;
    }

    private void publishTail() {
        TAIL.setRelease(consumer, 0L, tail);
    }

    private void acknowledge(long lost) {
        if (lost != lostSeen) {
            lostSeen = lost;
            LOST_SEEN.setOpaque(consumer, 0L, lost);
        }
    }
}
