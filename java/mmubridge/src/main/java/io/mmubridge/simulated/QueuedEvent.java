// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.simulated;

import io.mmubridge.Cause;
import io.mmubridge.EventEntry;
import io.mmubridge.EventPhase;
import io.mmubridge.EventType;
import io.mmubridge.InvalidationEvent;
import io.mmubridge.model.Activity;
import org.jspecify.annotations.Nullable;

/** A place for an event: one of a queue, the one that a space fills, or the view that a stream hands to its handler. */
final class QueuedEvent implements InvalidationEvent {
    private long seq;
    private long n;
    private long timeNanos;
    private EventPhase phase = EventPhase.START;
    private EventType type = EventType.OTHER;
    private long start;
    private long end;
    private boolean blockable;
    private boolean foreign;
    private int pid;
    private int tid;
    private String comm = "";
    private EventEntry entry = EventEntry.UNKNOWN;
    private @Nullable String syscall;
    private int syscallNumber;
    private @Nullable Cause cause;
    private int shadowed;
    private long lostFrom;
    private long lostTo;

    /** Becomes an event that the rest of the setters complete. */
    QueuedEvent begin(EventPhase newPhase, EventType newType) {
        phase = newPhase;
        type = newType;
        seq = 0;
        n = 0;
        timeNanos = 0;
        start = 0;
        end = 0;
        blockable = false;
        foreign = false;
        pid = 0;
        tid = 0;
        comm = "";
        entry = EventEntry.UNKNOWN;
        syscall = null;
        syscallNumber = -1;
        cause = null;
        shadowed = 0;
        lostFrom = 0;
        lostTo = 0;
        return this;
    }

    /** By the task that runs the callback, {@code mmub_who()}: one that is in a system call, where that is its entry. */
    QueuedEvent by(Activity activity) {
        pid = activity.pid();
        tid = activity.tid();
        comm = activity.comm();
        entry = activity.entry();
        boolean isSyscall = entry == EventEntry.SYSCALL;
        syscall = isSyscall ? activity.syscall() : null;
        syscallNumber = isSyscall ? activity.syscallNumber() : -1;
        // A thread of the JVM's own is none of the machine's.
        foreign = tid == 0;
        cause = activity.cause();
        return this;
    }

    QueuedEvent range(long newStart, long newEnd, boolean isBlockable) {
        start = newStart;
        end = newEnd;
        blockable = isBlockable;
        return this;
    }

    QueuedEvent at(long newTimeNanos, long newSeq) {
        timeNanos = newTimeNanos;
        seq = newSeq;
        return this;
    }

    QueuedEvent number(long newN) {
        n = newN;
        return this;
    }

    QueuedEvent shadowed(int pages) {
        shadowed = pages;
        return this;
    }

    QueuedEvent lost(long from, long to) {
        lostFrom = from;
        lostTo = to;
        return number(to);
    }

    QueuedEvent withoutCause() {
        cause = null;
        return this;
    }

    /** Becomes the same as another. */
    QueuedEvent set(QueuedEvent other) {
        seq = other.seq;
        n = other.n;
        timeNanos = other.timeNanos;
        phase = other.phase;
        type = other.type;
        start = other.start;
        end = other.end;
        blockable = other.blockable;
        foreign = other.foreign;
        pid = other.pid;
        tid = other.tid;
        comm = other.comm;
        entry = other.entry;
        syscall = other.syscall;
        syscallNumber = other.syscallNumber;
        cause = other.cause;
        shadowed = other.shadowed;
        lostFrom = other.lostFrom;
        lostTo = other.lostTo;
        return this;
    }

    @Override
    public long seq() {
        return seq;
    }

    @Override
    public long n() {
        return n;
    }

    @Override
    public long timeNanos() {
        return timeNanos;
    }

    @Override
    public EventPhase phase() {
        return phase;
    }

    @Override
    public EventType type() {
        return type;
    }

    @Override
    public long start() {
        return start;
    }

    @Override
    public long end() {
        return end;
    }

    @Override
    public boolean isBlockable() {
        return blockable;
    }

    @Override
    public boolean isForeign() {
        return foreign;
    }

    @Override
    public int pid() {
        return pid;
    }

    @Override
    public int tid() {
        return tid;
    }

    @Override
    public String comm() {
        return comm;
    }

    @Override
    public EventEntry entry() {
        return entry;
    }

    @Override
    public @Nullable String syscall() {
        return syscall;
    }

    @Override
    public int syscallNumber() {
        return syscallNumber;
    }

    @Override
    public @Nullable Cause cause() {
        return cause;
    }

    /** The model has no stacks. */
    @Override
    public int stackId() {
        return 0;
    }

    @Override
    public int shadowed() {
        return shadowed;
    }

    @Override
    public long lostFrom() {
        return lostFrom;
    }

    @Override
    public long lostTo() {
        return lostTo;
    }
}
