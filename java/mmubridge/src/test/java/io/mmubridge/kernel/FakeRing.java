// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.kernel;

import static io.mmubridge.ffi.mmubridge_h.*;
import static java.lang.foreign.MemoryLayout.PathElement.groupElement;

import io.mmubridge.ffi.mmub_record;
import io.mmubridge.ffi.mmub_ring_consumer;
import io.mmubridge.ffi.mmub_ring_header;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;

/**
 * The writing end of a ring, as {@code mmub_ring_push()} of the module has it, over plain memory. One thread writes.
 *
 * <p>The fields of a record follow from its number, so that a reader can tell one that is torn or stale.
 */
final class FakeRing {
    static final int DATA_OFFSET = 4096;

    private static final VarHandle HEAD = mmub_ring_header.layout().varHandle(groupElement("head"));
    private static final VarHandle LOST = mmub_ring_header.layout().varHandle(groupElement("lost"));
    private static final VarHandle TAIL = mmub_ring_consumer.layout().varHandle(groupElement("tail"));
    private static final VarHandle LOST_SEEN = mmub_ring_consumer.layout().varHandle(groupElement("lost_seen"));

    final MemorySegment ring;
    final MemorySegment consumer;
    private final int records;
    private int head;
    private long n;
    private long lost;
    private long lostFrom;

    /** A ring whose indices begin at {@code firstIndex}, so that wrapping can be tried without 2^32 records. */
    FakeRing(int records, int firstIndex) {
        this.records = records;
        head = firstIndex;
        ring = Arena.ofAuto().allocate(DATA_OFFSET + records * mmub_record.sizeof(), 4096);
        consumer = Arena.ofAuto().allocate(4096, 4096);
        mmub_ring_header.abi_version(ring, MMUB_ABI_VERSION());
        mmub_ring_header.record_size(ring, Math.toIntExact(mmub_record.sizeof()));
        mmub_ring_header.records(ring, records);
        mmub_ring_header.data_offset(ring, DATA_OFFSET);
        HEAD.setRelease(ring, 0L, head);
        TAIL.setRelease(consumer, 0L, head);
    }

    FakeRing(int records) {
        this(records, 0);
    }

    /** An ordinary event: lost where it would take one of the three records that are kept. */
    void start() {
        n++;
        if (!push(MMUB_PHASE_START(), MMUB_RING_RESERVED())) {
            if (lostFrom == 0) {
                lostFrom = n;
            }
            lost++;
            LOST.setOpaque(ring, 0L, lost);
        }
    }

    /** The release of the address space, which always finds room. */
    void release() {
        n++;
        push(MMUB_PHASE_RELEASE(), 1);
    }

    /** The mark of the detach, which always finds room. */
    void detached() {
        push(MMUB_PHASE_DETACHED(), 0);
    }

    private boolean push(int phase, int keep) {
        int unread = Math.min(head - (int) TAIL.getAcquire(consumer, 0L), records);
        int count = lostFrom == 0 ? 1 : 2;
        if (records - unread < count + keep) {
            return false;
        }
        if (lostFrom != 0) {
            MemorySegment record = slot(head++);
            fill(record, MMUB_PHASE_LOST(), lostFrom + lost - 1);
            mmub_record.lost_from(record, lostFrom);
            mmub_record.lost_to(record, n - 1);
            lostFrom = 0;
        }
        fill(slot(head++), phase, n);
        HEAD.setRelease(ring, 0L, head);
        return true;
    }

    private void fill(MemorySegment record, int phase, long number) {
        record.fill((byte) 0);
        mmub_record.seq(record, number);
        mmub_record.n(record, number);
        mmub_record.start(record, number << 12);
        mmub_record.end(record, (number + 1) << 12);
        mmub_record.time_ns(record, number * 10);
        mmub_record.phase(record, phase);
        mmub_record.type(record, MMUB_TYPE_CLEAR());
        mmub_record.flags(record, MMUB_RECORD_BLOCKABLE());
        mmub_record.entry(record, MMUB_ENTRY_SYSCALL());
        mmub_record.pid(record, 42);
        mmub_record.tid(record, 43);
        mmub_record.syscall_nr(record, 11);
        mmub_record.syscall_arch(record, 0xC000003E);
        mmub_record.stack_id(record, MMUB_CAUSE_MADV_DONTNEED());
        mmub_record.comm(record).setString(0, "fake");
    }

    private MemorySegment slot(int index) {
        return ring.asSlice(DATA_OFFSET + (index & (records - 1)) * mmub_record.sizeof(), mmub_record.sizeof());
    }

    /** Ordinary events so far. */
    long events() {
        return n;
    }

    long lost() {
        return lost;
    }

    long lostSeen() {
        return (long) LOST_SEEN.getOpaque(consumer, 0L);
    }

    /** Writes a head that no producer writes. */
    void forgeHead(int forged) {
        HEAD.setRelease(ring, 0L, forged);
    }

    RingReader reader() {
        return new RingReader(
                ring,
                consumer,
                new RecordView((architecture, number) -> number == 11 ? "munmap" : null, new CauseCache(Codes::cause)));
    }
}
