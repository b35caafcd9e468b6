// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.kernel;

import static io.mmubridge.ffi.mmubridge_h.*;
import static java.lang.foreign.MemoryLayout.PathElement.groupElement;

import io.mmubridge.InvalidationEvent;
import io.mmubridge.MmuException;
import io.mmubridge.backend.EventRing;
import io.mmubridge.ffi.mmub_record;
import io.mmubridge.ffi.mmub_ring_consumer;
import io.mmubridge.ffi.mmub_ring_header;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import java.lang.ref.Reference;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * The reading end of a ring of the module: header and records, which the kernel writes, and the consumer page, which this
 * writes.
 */
final class RingReader extends EventRing {
    private static final VarHandle HEAD = mmub_ring_header.layout().varHandle(groupElement("head"));
    private static final VarHandle LOST = mmub_ring_header.layout().varHandle(groupElement("lost"));
    private static final VarHandle TAIL = mmub_ring_consumer.layout().varHandle(groupElement("tail"));
    private static final VarHandle LOST_SEEN = mmub_ring_consumer.layout().varHandle(groupElement("lost_seen"));

    /** Kept, since addresses alone would not keep what they are addresses of. */
    private final MemorySegment ring;

    private final MemorySegment consumer;

    private final long ringAddress;
    private final long consumerAddress;
    private final long recordsAddress;
    private final RecordView view;
    private final int records;
    private final int mask;

    /**
     * Takes over a ring that nobody else reads.
     *
     * @param ring header and records
     * @param consumer the consumer page
     * @param view shows each record in turn
     */
    RingReader(MemorySegment ring, MemorySegment consumer, RecordView view) {
        super(mmub_ring_consumer.tail(consumer));
        this.ring = ring;
        this.consumer = consumer;
        this.view = view;
        ringAddress = ring.address();
        consumerAddress = consumer.address();
        records = mmub_ring_header.records(ring);
        mask = records - 1;
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

    @Override
    protected void handOver(Consumer<? super InvalidationEvent> handler, int first, int end, BooleanSupplier stop) {
        int next = first;
        view.reveal();
        try {
            boolean stopped = false;
            while (next != end && !stopped) {
                int endOfBatch = next + Math.min(BATCH, end - next);
                // Nothing here is ordered, so that the compiler can keep in registers what it likes.
                while (next != endOfBatch && !stopped) {
                    long record = recordsAddress + (long) (next & mask) * mmub_record.sizeof();
                    next++;
                    int phase = Memory.getInt(record, mmub_record.phase$offset());
                    // One comparison for almost all.
                    if (phase != MMUB_PHASE_START() && isLast(phase)) {
                        end();
                    }
                    view.show(record);
                    handler.accept(view);
                    stopped = stop.getAsBoolean();
                }
                readUpTo(next);
            }
        } finally {
            view.hide();
            readUpTo(next);
            Reference.reachabilityFence(ring);
            Reference.reachabilityFence(consumer);
        }
    }

    private static boolean isLast(int phase) {
        return phase == MMUB_PHASE_RELEASE() || phase == MMUB_PHASE_DETACHED();
    }

    @Override
    protected int head() {
        return (int) HEAD.getAcquire(Memory.ALL, ringAddress);
    }

    @Override
    public long lost() {
        return (long) LOST.getOpaque(Memory.ALL, ringAddress);
    }

    @Override
    protected void publishTail(int newTail) {
        TAIL.setRelease(Memory.ALL, consumerAddress, newTail);
    }

    @Override
    protected void publishLostSeen(long lost) {
        LOST_SEEN.setOpaque(Memory.ALL, consumerAddress, lost);
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
}
