// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.backend;

import io.mmubridge.EventPhase;
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
    private static final int BATCH = 32;

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
     * Makes the view show a record, a copy of it.
     *
     * @param index of the record, to be taken modulo the number of records
     * @return the one view
     */
    protected abstract InvalidationEvent load(int index);

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
     * @param stop asked before each record
     * @return how many were handed over
     */
    public final int drain(Consumer<? super InvalidationEvent> handler, int limit, BooleanSupplier stop) {
        long lost = lost();
        int count = Math.min(unread(), Math.max(0, limit));
        int done = 0;
        try {
            while (done < count && !stop.getAsBoolean()) {
                InvalidationEvent view = load(tail);
                tail++;
                done++;
                EventPhase phase = view.phase();
                if (phase == EventPhase.RELEASE || phase == EventPhase.DETACHED) {
                    ended = true;
                }
                if (done % BATCH == 0) {
                    publishTail(tail);
                }
                handler.accept(view);
            }
        } finally {
            publishTail(tail);
            acknowledge(lost);
        }
        return done;
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
