// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.kernel;

import static io.mmubridge.ffi.mmubridge_h.*;
import static java.lang.foreign.MemoryLayout.PathElement.groupElement;

import io.mmubridge.InvalidationEvent;
import io.mmubridge.backend.Lifetime;
import io.mmubridge.backend.RingStream;
import io.mmubridge.ffi.NativeLibrary;
import io.mmubridge.ffi.mmub_record;
import io.mmubridge.ffi.mmub_ring_header;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.util.function.Consumer;
import org.jspecify.annotations.NullMarked;

/**
 * Both ends of a ring in a memfd, for one thread: what native/bench/ring.c is in C.
 *
 * <p>Here, among classes that are hidden elsewhere, so that the stream is measured that reads the kernel's rings.
 */
@NullMarked
public final class MemoryRing {
    private static final int DATA_OFFSET = 4096;
    private static final int CONSUMER_SIZE = 4096;

    private static final VarHandle HEAD = mmub_ring_header.layout().varHandle(groupElement("head"));
    private static final int RECORD_WORDS = Math.toIntExact(mmub_record.sizeof() / Long.BYTES);

    /** What all records have in common. */
    private static final MemorySegment TEMPLATE = template();

    private final MemorySegment ring;
    private final RingStream stream;
    private final int records;
    private int head;
    private long written;

    private MemoryRing(MemorySegment ring, MemorySegment consumer, int records) {
        this.ring = ring;
        this.records = records;
        mmub_ring_header.abi_version(ring, MMUB_ABI_VERSION());
        mmub_ring_header.record_size(ring, Math.toIntExact(mmub_record.sizeof()));
        mmub_ring_header.records(ring, records);
        mmub_ring_header.data_offset(ring, DATA_OFFSET);
        RingReader reader = new RingReader(ring, consumer, new RecordView((architecture, number) -> null, null));
        stream = new RingStream(reader, new Lifetime(() -> {}), () -> {});
    }

    /** Makes a ring. */
    public static MemoryRing map(int records) throws IOException {
        NativeLibrary.require();
        return new MemoryRing(
                Memfd.map(DATA_OFFSET + records * mmub_record.sizeof()), Memfd.map(CONSUMER_SIZE), records);
    }

    private static MemorySegment template() {
        MemorySegment record = MemorySegment.ofArray(new long[RECORD_WORDS]);
        mmub_record.phase(record, MMUB_PHASE_START());
        mmub_record.type(record, MMUB_TYPE_CLEAR());
        mmub_record.flags(record, MMUB_RECORD_BLOCKABLE());
        mmub_record.entry(record, MMUB_ENTRY_SYSCALL());
        mmub_record.pid(record, 42);
        mmub_record.tid(record, 43);
        mmub_record.syscall_nr(record, 11);
        record.setString(mmub_record.comm$offset(), "bench");
        return record;
    }

    /** Writes a record, as {@code mmub_ring_push()} of the module does. */
    public void write() {
        long offset = DATA_OFFSET + (head & (records - 1)) * mmub_record.sizeof();
        written++;
        MemorySegment.copy(TEMPLATE, 0, ring, offset, mmub_record.sizeof());
        ring.set(ValueLayout.JAVA_LONG, offset + mmub_record.seq$offset(), written);
        ring.set(ValueLayout.JAVA_LONG, offset + mmub_record.n$offset(), written);
        ring.set(ValueLayout.JAVA_LONG, offset + mmub_record.start$offset(), written << 12);
        ring.set(ValueLayout.JAVA_LONG, offset + mmub_record.end$offset(), (written + 1) << 12);
        ring.set(ValueLayout.JAVA_LONG, offset + mmub_record.time_ns$offset(), written);
        head++;
        HEAD.setRelease(ring, 0L, head);
    }

    /** Brings all records back by moving the head: what was written lies there still. */
    public void rewind() {
        head += records;
        HEAD.setRelease(ring, 0L, head);
    }

    /** Reads all there is. */
    public int drain(Consumer<? super InvalidationEvent> handler) {
        return stream.drain(handler, Integer.MAX_VALUE);
    }
}
