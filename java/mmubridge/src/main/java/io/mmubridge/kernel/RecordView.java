// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.kernel;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.mmubridge.Cause;
import io.mmubridge.EventEntry;
import io.mmubridge.EventPhase;
import io.mmubridge.EventType;
import io.mmubridge.InvalidationEvent;
import io.mmubridge.ffi.mmub_record;
import io.mmubridge.ffi.mmubridge_h;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The view that a stream hands to its handler.
 *
 * <p>It is loaded with a copy of the record on the Java heap. That costs a few nanoseconds, and for it the record's place
 * goes back to the kernel before the handler is done with the batch, and a view that escapes shows another event but never
 * touches memory that is no longer mapped.
 */
final class RecordView implements InvalidationEvent {
    private static final int WORDS = Math.toIntExact(mmub_record.sizeof() / Long.BYTES);
    private static final long COMM = mmub_record.comm$offset();

    private final MemorySegment record = MemorySegment.ofArray(new long[WORDS]);
    private final NameCache comms = new NameCache(64, (low, high) -> record.getString(COMM, UTF_8));
    private final NameCache syscalls;
    private final @Nullable CauseCache causes;

    /**
     * A view.
     *
     * @param syscalls asked for names by architecture and number
     * @param causes asked for causes by stack, or null if none are recorded
     */
    RecordView(NameCache.Source syscalls, @Nullable CauseCache causes) {
        this.syscalls = new NameCache(512, syscalls);
        this.causes = causes;
    }

    /** Makes this show the record at {@code offset} of {@code ring}. */
    void load(MemorySegment ring, long offset) {
        MemorySegment.copy(ring, offset, record, 0, mmub_record.sizeof());
    }

    @Override
    public long seq() {
        return mmub_record.seq(record);
    }

    @Override
    public long n() {
        return mmub_record.n(record);
    }

    @Override
    public long timeNanos() {
        return mmub_record.time_ns(record);
    }

    @Override
    public EventPhase phase() {
        return Codes.phase(mmub_record.phase(record));
    }

    @Override
    public EventType type() {
        return Codes.type(mmub_record.type(record));
    }

    @Override
    public long start() {
        return mmub_record.start(record);
    }

    @Override
    public long end() {
        return mmub_record.end(record);
    }

    @Override
    public boolean isBlockable() {
        return hasFlag(mmubridge_h.MMUB_RECORD_BLOCKABLE());
    }

    @Override
    public boolean isForeign() {
        return hasFlag(mmubridge_h.MMUB_RECORD_FOREIGN());
    }

    private boolean hasFlag(int flag) {
        return (mmub_record.flags(record) & flag) != 0;
    }

    @Override
    public int pid() {
        return mmub_record.pid(record);
    }

    @Override
    public int tid() {
        return mmub_record.tid(record);
    }

    @Override
    public String comm() {
        String comm = comms.get(
                record.get(ValueLayout.JAVA_LONG, COMM), record.get(ValueLayout.JAVA_LONG, COMM + Long.BYTES));
        return Objects.requireNonNull(comm);
    }

    @Override
    public EventEntry entry() {
        return Codes.entry(mmub_record.entry(record));
    }

    @Override
    public @Nullable String syscall() {
        int number = syscallNumber();
        return number < 0 ? null : syscalls.get(mmub_record.syscall_arch(record), number);
    }

    @Override
    public int syscallNumber() {
        return mmub_record.syscall_nr(record);
    }

    @Override
    public @Nullable Cause cause() {
        return causes == null
                ? null
                : switch (phase()) {
                    case START, RELEASE -> causes.get(stackId());
                    case EXEC, LOST, DETACHED -> null;
                };
    }

    @Override
    public int stackId() {
        return mmub_record.stack_id(record);
    }

    @Override
    public int shadowed() {
        return mmub_record.shadowed(record);
    }

    @Override
    public long lostFrom() {
        return mmub_record.lost_from(record);
    }

    @Override
    public long lostTo() {
        return mmub_record.lost_to(record);
    }
}
