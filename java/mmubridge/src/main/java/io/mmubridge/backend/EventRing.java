// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.backend;

import io.mmubridge.InvalidationEvent;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * The reading end of a ring of records, wherever they lie.
 *
 * <pre>
 *   producer                        here
 *
 *   LOAD tail, acquire   (A)        LOAD head, acquire   (C)
 *   STORE records                   LOAD records
 *   STORE head, release  (B)        STORE tail, release  (D)
 * </pre>
 *
 * <p>B pairs with C: no record is read that is still being written. D pairs with A: no record is overwritten that is
 * still being read. Head and tail only grow, modulo 2^32; their difference is what is unread.
 *
 * <p>Used by one thread at a time unless it says otherwise, while the ring is there; {@link RingStream} sees to both.
 */
public abstract class EventRing {
    /** The producer gets room back after so many records, not only after all: a slow handler loses fewer events. */
    protected static final int BATCH = 32;

    /** What was read so far; once taken over, it is told to the producer and never asked back. */
    private int tail;

    private long lostSeen;
    private volatile boolean ended;

    /**
     * The end of a ring that nobody else reads.
     *
     * @param tail what was read of it before
     */
    protected EventRing(int tail) {
        this.tail = tail;
    }

    /** What was written so far, as C. */
    protected abstract int head();

    /**
     * Hands over the records from one to another, one by one, and says with {@link #readUpTo} how far it came: after each
     * {@link #BATCH} of them, and at the end, whatever the handler throws. A record is read once it is handed over. Each kind
     * of ring has a loop of its own, which the compiler can make the most of.
     *
     * @param handler gets a view
     * @param first the first record, to be taken modulo the number of records
     * @param end the first after them
     * @param stop asked after each record whether that was the last
     */
    protected abstract void handOver(
            Consumer<? super InvalidationEvent> handler, int first, int end, BooleanSupplier stop);

    /** Gives the records before {@code newTail} back, as D. */
    protected abstract void publishTail(int newTail);

    /** Says how many losses this knows of. */
    protected abstract void publishLostSeen(long lost);

    /** How many records there are. */
    protected abstract int records();

    /** What an impossible head means. */
    protected abstract RuntimeException corrupt(int unread);

    /** Events that found the ring full; any thread may ask. */
    public abstract long lost();

    /**
     * Hands over what is unread.
     *
     * @param handler gets the view
     * @param limit the largest number of records to hand over
     * @param stop asked after each record whether that was the last
     * @return how many were handed over
     */
    public final int drain(Consumer<? super InvalidationEvent> handler, int limit, BooleanSupplier stop) {
        long lost = lost();
        int first = tail;
        try {
            handOver(handler, first, first + Math.min(unread(), Math.max(0, limit)), stop);
        } finally {
            acknowledge(lost);
        }
        return tail - first;
    }

    /** All records before one were handed over. */
    protected final void readUpTo(int next) {
        tail = next;
        publishTail(next);
    }

    /** A release or the mark of the detach is about to be handed over. */
    protected final void end() {
        ended = true;
    }

    /** Whether {@link #drain} has something to do, if only to acknowledge a loss. */
    public final boolean isReadable() {
        return unread() != 0 || lost() != lostSeen;
    }

    /** Whether a release or the mark of the detach was handed over; any thread may ask. */
    public final boolean isEnded() {
        return ended;
    }

    private int unread() {
        int unread = head() - tail;
        if (unread < 0 || unread > records()) {
            throw corrupt(unread);
        }
        return unread;
    }

    private void acknowledge(long lost) {
        if (lost != lostSeen) {
            lostSeen = lost;
            publishLostSeen(lost);
        }
    }
}
