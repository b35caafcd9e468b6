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
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The view that a stream hands to its handler.
 *
 * <p>It shows the record where the kernel has written it: what a handler does not ask for is not read, and nothing is
 * copied. So it may be looked at while the record's place has not gone back to the kernel and the ring is mapped, and both
 * hold for the thread that drains until the drain is over. That thread is noted in {@link #reader}, and every access is
 * its or an exception. The field needs no ordering: a thread that finds itself there has put itself there, and has not
 * taken itself out since.
 */
final class RecordView implements InvalidationEvent {
    private static final long COMM = mmub_record.comm$offset();
    private static final long COMM_SIZE = mmub_record.comm$layout().byteSize();

    private final NameCache comms = new NameCache(64, (low, high) -> readComm());
    private final NameCache syscalls;
    private final @Nullable CauseCache causes;

    /** The thread that drains; null between drains. */
    private @Nullable Thread reader;

    /** Where the record is. */
    private long address;

    /**
     * A view that shows nothing yet.
     *
     * @param syscalls asked for names by architecture and number
     * @param causes asked for causes by stack, or null if none are recorded
     */
    RecordView(NameCache.Source syscalls, @Nullable CauseCache causes) {
        this.syscalls = new NameCache(512, syscalls);
        this.causes = causes;
    }

    /** Lets this thread look, until {@link #hide()}. */
    void reveal() {
        reader = Thread.currentThread();
    }

    /** Makes this show the record at {@code address}, which stays what and where it is until the next call or {@link #hide()}. */
    void show(long address) {
        this.address = address;
    }

    /** Lets nobody look. */
    void hide() {
        reader = null;
    }

    private long readLong(long offset) {
        checkReader();
        return Memory.getLong(address, offset);
    }

    private int readInt(long offset) {
        checkReader();
        return Memory.getInt(address, offset);
    }

    private void checkReader() {
        if (reader != Thread.currentThread()) {
            throw new IllegalStateException(
                    "this view of an event is for its handler, on its thread; copy() makes of it what can be kept");
        }
    }

    @Override
    public long seq() {
        return readLong(mmub_record.seq$offset());
    }

    @Override
    public long n() {
        return readLong(mmub_record.n$offset());
    }

    @Override
    public long timeNanos() {
        return readLong(mmub_record.time_ns$offset());
    }

    @Override
    public EventPhase phase() {
        return Codes.phase(readInt(mmub_record.phase$offset()));
    }

    @Override
    public EventType type() {
        return Codes.type(readInt(mmub_record.type$offset()));
    }

    @Override
    public long start() {
        return readLong(mmub_record.start$offset());
    }

    @Override
    public long end() {
        return readLong(mmub_record.end$offset());
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
        return (readInt(mmub_record.flags$offset()) & flag) != 0;
    }

    @Override
    public int pid() {
        return readInt(mmub_record.pid$offset());
    }

    @Override
    public int tid() {
        return readInt(mmub_record.tid$offset());
    }

    @Override
    public String comm() {
        return Objects.requireNonNull(comms.get(readLong(COMM), readLong(COMM + Long.BYTES)));
    }

    private String readComm() {
        return Memory.ALL.asSlice(address + COMM, COMM_SIZE).getString(0, UTF_8);
    }

    @Override
    public EventEntry entry() {
        return Codes.entry(readInt(mmub_record.entry$offset()));
    }

    @Override
    public @Nullable String syscall() {
        int number = syscallNumber();
        return number < 0 ? null : syscalls.get(readInt(mmub_record.syscall_arch$offset()), number);
    }

    @Override
    public int syscallNumber() {
        return readInt(mmub_record.syscall_nr$offset());
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
        return readInt(mmub_record.stack_id$offset());
    }

    @Override
    public int shadowed() {
        return readInt(mmub_record.shadowed$offset());
    }

    @Override
    public long lostFrom() {
        return readLong(mmub_record.lost_from$offset());
    }

    @Override
    public long lostTo() {
        return readLong(mmub_record.lost_to$offset());
    }
}
