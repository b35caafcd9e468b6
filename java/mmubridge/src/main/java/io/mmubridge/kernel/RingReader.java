// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.kernel;

import static io.mmubridge.ffi.mmubridge_h.*;
import static java.lang.foreign.MemoryLayout.PathElement.groupElement;

import io.mmubridge.InvalidationEvent;
import io.mmubridge.MmuException;
import io.mmubridge.ffi.mmub_record;
import io.mmubridge.ffi.mmub_ring_consumer;
import io.mmubridge.ffi.mmub_ring_header;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.lang.ref.Reference;
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

    /** Kept, since addresses alone would not keep what they are addresses of. */
    private final MemorySegment ring;

    private final MemorySegment consumer;

    private final long ringAddress;
    private final long consumerAddress;
    private final long recordsAddress;
    private final RecordView view;
    private final int records;
    private final int mask;

    /** What was read so far; once taken over, the consumer page is written and never read back. */
    private int tail;

    private long lostSeen;
    private volatile boolean ended;

    /**
     * Takes over a ring that nobody else reads.
     *
     * @param ring header and records
     * @param consumer the consumer page
     * @param view shows each record in turn
     */
    RingReader(MemorySegment ring, MemorySegment consumer, RecordView view) {
        this.ring = ring;
        this.consumer = consumer;
        this.view = view;
        ringAddress = ring.address();
        consumerAddress = consumer.address();
        records = mmub_ring_header.records(ring);
        mask = records - 1;
        tail = mmub_ring_consumer.tail(consumer);
        long dataOffset = Integer.toUnsignedLong(mmub_ring_header.data_offset(ring));
        recordsAddress = ringAddress + dataOffset;
        long end = dataOffset + records * mmub_record.sizeof();
        if (mmub_ring_header.abi_version(ring) != MMUB_ABI_VERSION()
                || mmub_ring_header.record_size(ring) != mmub_record.sizeof()
                || Integer.bitCount(records) != 1
                || end > ring.byteSize()) {
            throw new MmuException("The ring's header is not one of version " + MMUB_ABI_VERSION()
                    + ": the kernel module and this library do not fit together. Install both of one version.");
        }
    }

    /**
     * Hands over what is unread.
     *
     * @param handler gets the view
     * @param limit the largest number of records to hand over
     * @param stop asked after each record whether that was the last
     * @return how many were handed over
     */
    int drain(Consumer<? super InvalidationEvent> handler, int limit, BooleanSupplier stop) {
        long lost = lost();
        int first = tail;
        int next = first;
        int end = first + Math.min(unread(), Math.max(0, limit));
        view.reveal();
        try {
            boolean stopped = false;
            while (next != end && !stopped) {
                int endOfBatch = next + Math.min(BATCH, end - next);
                // Nothing here is ordered, so that the compiler can keep in registers what it likes.
                while (next != endOfBatch && !stopped) {
                    long record = recordsAddress + (long) (next & mask) * mmub_record.sizeof();
                    next++;
                    int phase = Memory.ALL.get(ValueLayout.JAVA_INT, record + mmub_record.phase$offset());
                    if (phase == MMUB_PHASE_RELEASE() || phase == MMUB_PHASE_DETACHED()) {
                        ended = true;
                    }
                    view.show(record);
                    handler.accept(view);
                    stopped = stop.getAsBoolean();
                }
                publishTail(next);
            }
        } finally {
            view.hide();
            publishTail(next);
            acknowledge(lost);
            Reference.reachabilityFence(ring);
            Reference.reachabilityFence(consumer);
        }
        return next - first;
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
        return (long) LOST.getOpaque(Memory.ALL, ringAddress);
    }

    private int unread() {
        int unread = (int) HEAD.getAcquire(Memory.ALL, ringAddress) - tail;
        if (unread < 0 || unread > records) {
            throw new MmuException("The ring is corrupt: " + Integer.toUnsignedString(unread) + " unread of " + records
                    + " records. Report this as a defect of the kernel module.");
        }
        return unread;
    }

    private void publishTail(int next) {
        tail = next;
        TAIL.setRelease(Memory.ALL, consumerAddress, next);
    }

    private void acknowledge(long lost) {
        if (lost != lostSeen) {
            lostSeen = lost;
            LOST_SEEN.setOpaque(Memory.ALL, consumerAddress, lost);
        }
    }
}
