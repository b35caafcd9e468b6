// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.kernel;

import static java.lang.foreign.MemoryLayout.PathElement.groupElement;

import io.mmubridge.InvalidationEvent;
import io.mmubridge.MmuException;
import io.mmubridge.backend.EventRing;
import io.mmubridge.ffi.mmub_record;
import io.mmubridge.ffi.mmub_ring_consumer;
import io.mmubridge.ffi.mmub_ring_header;
import io.mmubridge.ffi.mmubridge_h;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;

/**
 * The reading end of a ring of the module: header and records, which the kernel writes, and the consumer page, which this
 * writes.
 */
final class RingReader extends EventRing {
    private static final VarHandle HEAD = mmub_ring_header.layout().varHandle(groupElement("head"));
    private static final VarHandle LOST = mmub_ring_header.layout().varHandle(groupElement("lost"));
    private static final VarHandle TAIL = mmub_ring_consumer.layout().varHandle(groupElement("tail"));
    private static final VarHandle LOST_SEEN = mmub_ring_consumer.layout().varHandle(groupElement("lost_seen"));

    private final MemorySegment ring;
    private final MemorySegment consumer;
    private final RecordView view;
    private final int records;
    private final long dataOffset;

    /**
     * Takes over a ring that nobody else reads.
     *
     * @param ring header and records
     * @param consumer the consumer page
     * @param view loaded with each record in turn
     */
    RingReader(MemorySegment ring, MemorySegment consumer, RecordView view) {
        super(mmub_ring_consumer.tail(consumer));
        this.ring = ring;
        this.consumer = consumer;
        this.view = view;
        records = mmub_ring_header.records(ring);
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

    @Override
    protected int head() {
        return (int) HEAD.getAcquire(ring, 0L);
    }

    @Override
    protected InvalidationEvent load(int index) {
        view.load(ring, dataOffset + (long) (index & (records - 1)) * mmub_record.sizeof());
        return view;
    }

    @Override
    protected void publishTail(int tail) {
        TAIL.setRelease(consumer, 0L, tail);
    }

    @Override
    protected void publishLostSeen(long lost) {
        LOST_SEEN.setOpaque(consumer, 0L, lost);
    }

    @Override
    protected int records() {
        return records;
    }

    @Override
    protected RuntimeException corrupt(int unread) {
        return new MmuException("The ring is corrupt: " + Integer.toUnsignedString(unread) + " unread of " + records
                + " records. Report this as a defect of the kernel module.");
    }

    @Override
    public long lost() {
        return (long) LOST.getOpaque(ring, 0L);
    }
}
