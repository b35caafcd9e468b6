// SPDX-License-Identifier: Apache-2.0
package io.mmubridge;

import org.jspecify.annotations.Nullable;

/**
 * One event of an {@link EventStream}: an invalidation that starts, the release of the address space, or a mark of the
 * stream itself.
 *
 * <p>What {@link EventStream#drain} passes is one view that it reuses: it is valid within the handler and on its thread
 * alone. Another thread, and anybody after the drain, gets an {@link IllegalStateException}; a handler that has kept the view
 * of an earlier event sees the present one. {@link #copy()} makes of it what can be kept. A {@link Snapshot} is immutable.
 *
 * <p>A range covers what <em>may</em> have changed: it is a superset, which can be as wide as a huge page or, for
 * {@link EventType#SOFT_DIRTY}, as the address space.
 */
public interface InvalidationEvent {
    /**
     * Numbers the kernel's callbacks on this subsystem and address space, from 1. A gap in it alone is the filter's doing.
     *
     * @return the sequence number
     */
    long seq();

    /**
     * Numbers the events of this subscription that match its filter, from 1, lost ones included: a gap in it is loss. Of
     * {@link EventPhase#LOST} and {@link EventPhase#DETACHED} it is the last event's.
     *
     * @return the event number
     */
    long n();

    /**
     * When the kernel ran the callback.
     *
     * @return nanoseconds of the host's {@code CLOCK_MONOTONIC}
     */
    long timeNanos();

    /**
     * What this event tells of.
     *
     * @return the phase
     */
    EventPhase phase();

    /**
     * Why the kernel invalidates; {@link EventType#OTHER} where the phase has no type.
     *
     * @return the type
     */
    EventType type();

    /**
     * The first byte of the range, unsigned; 0 where the phase has no range.
     *
     * @return an address
     */
    long start();

    /**
     * The first byte after the range, unsigned; 0 where the phase has no range, and the largest number for
     * {@link EventPhase#RELEASE}.
     *
     * @return an address
     */
    long end();

    /**
     * How long the range is.
     *
     * @return bytes; 0 where the phase has no range, and of a range that spans the address space, such as clear_refs makes,
     *     which has no length that a sum could bear
     */
    default long size() {
        return Math.max(0, end() - start());
    }

    /**
     * Whether the kernel's callback was allowed to sleep, {@code mmu_notifier_range_blockable()}.
     *
     * @return false in the OOM reaper, for one
     */
    boolean isBlockable();

    /**
     * Whether the task that ran the callback is invisible in the pid namespace of the one that attached: then there is no
     * {@link #pid()}, {@link #tid()} and {@link #comm()}.
     *
     * @return true if it is
     */
    boolean isForeign();

    /**
     * The process that ran the callback, which need not be the one whose memory this is, in the pid namespace of the task
     * that attached.
     *
     * @return a process id, or 0
     */
    int pid();

    /**
     * The thread that ran the callback, likewise.
     *
     * @return a thread id, or 0
     */
    int tid();

    /**
     * The name of that thread.
     *
     * @return at most 15 characters
     */
    String comm();

    /**
     * What that thread was in.
     *
     * @return the entry into the kernel
     */
    EventEntry entry();

    /**
     * The name of the system call in progress.
     *
     * @return a name such as {@code munmap}, or null if there is none, or no name for its number
     */
    @Nullable
    String syscall();

    /**
     * The number of the system call in progress, by the architecture of the call.
     *
     * @return the number, or -1 if there is none
     */
    int syscallNumber();

    /**
     * Why this came about.
     *
     * @return the cause; null for a mark of the stream, and where causes are not recorded: see {@link RingOptions#causes()}
     */
    @Nullable
    Cause cause();

    /**
     * Names the kernel's stack at the callback, for {@link Mmu#frames(int)}.
     *
     * @return a number that events of equal stacks have in common, or 0 if none was recorded
     */
    int stackId();

    /**
     * How many pages of the range were shadowed: of which a {@link Shadow} of this subscription had an entry, which this event has
     * dropped. What really became of them the next {@link Shadow#refresh()} tells.
     *
     * @return pages, 0 without shadows
     */
    int shadowed();

    /**
     * Of {@link EventPhase#LOST}: the {@link #n()} of the first event that found the ring full.
     *
     * @return an event number, else 0
     */
    long lostFrom();

    /**
     * Of {@link EventPhase#LOST}: the {@link #n()} of the last event that found the ring full.
     *
     * @return an event number, else 0
     */
    long lostTo();

    /**
     * This event as a value of its own.
     *
     * @return an immutable copy
     */
    default Snapshot copy() {
        return new Snapshot(
                seq(),
                n(),
                timeNanos(),
                phase(),
                type(),
                start(),
                end(),
                isBlockable(),
                isForeign(),
                pid(),
                tid(),
                comm(),
                entry(),
                syscall(),
                syscallNumber(),
                cause(),
                stackId(),
                shadowed(),
                lostFrom(),
                lostTo());
    }

    /**
     * An event that can be kept.
     *
     * @param seq see {@link InvalidationEvent#seq()}
     * @param n see {@link InvalidationEvent#n()}
     * @param timeNanos see {@link InvalidationEvent#timeNanos()}
     * @param phase see {@link InvalidationEvent#phase()}
     * @param type see {@link InvalidationEvent#type()}
     * @param start see {@link InvalidationEvent#start()}
     * @param end see {@link InvalidationEvent#end()}
     * @param isBlockable see {@link InvalidationEvent#isBlockable()}
     * @param isForeign see {@link InvalidationEvent#isForeign()}
     * @param pid see {@link InvalidationEvent#pid()}
     * @param tid see {@link InvalidationEvent#tid()}
     * @param comm see {@link InvalidationEvent#comm()}
     * @param entry see {@link InvalidationEvent#entry()}
     * @param syscall see {@link InvalidationEvent#syscall()}
     * @param syscallNumber see {@link InvalidationEvent#syscallNumber()}
     * @param cause see {@link InvalidationEvent#cause()}
     * @param stackId see {@link InvalidationEvent#stackId()}
     * @param shadowed see {@link InvalidationEvent#shadowed()}
     * @param lostFrom see {@link InvalidationEvent#lostFrom()}
     * @param lostTo see {@link InvalidationEvent#lostTo()}
     */
    record Snapshot(
            long seq,
            long n,
            long timeNanos,
            EventPhase phase,
            EventType type,
            long start,
            long end,
            boolean isBlockable,
            boolean isForeign,
            int pid,
            int tid,
            String comm,
            EventEntry entry,
            @Nullable String syscall,
            int syscallNumber,
            @Nullable Cause cause,
            int stackId,
            int shadowed,
            long lostFrom,
            long lostTo)
            implements InvalidationEvent {
        @Override
        public Snapshot copy() {
            return this;
        }
    }
}
