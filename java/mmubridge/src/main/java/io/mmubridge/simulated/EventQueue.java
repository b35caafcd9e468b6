// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.simulated;

import io.mmubridge.EventPhase;
import io.mmubridge.EventType;
import io.mmubridge.InvalidationEvent;
import io.mmubridge.RingOptions;
import io.mmubridge.backend.EventRing;
import java.util.Arrays;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * Events on their way from the callbacks to whoever reads: kmod/ring.c. The producer is whoever holds the space's lock.
 *
 * <p>Whoever goes to sleep has made himself known and then loads the head; the producer stores the head and then looks who
 * sleeps, and with which tail (E). All of these are volatile, so where the one does not see the record the other sees the
 * sleeper, and takes the queue for as empty as he did. The same holds of the losses.
 */
final class EventQueue extends EventRing {
    /** Records that ordinary events may not take. */
    static final int RESERVED = 3;

    private final QueuedEvent[] records;
    private final QueuedEvent view = new QueuedEvent();
    private final boolean causes;
    private final int wakeupEvents;
    private final Counters counters;
    private final Runnable wake;

    // The producer writes these,
    private volatile int head;
    private volatile long lost;

    // and the reader these.
    private volatile int tail;
    private volatile long lostSeen;

    // Under the space's lock.
    private long written;
    private long lostFrom;
    private long lostTo;
    private long lostSeq;

    /**
     * An empty queue.
     *
     * @param options its size, checked by the caller
     * @param counters of the machine
     * @param wake makes the reader who sleeps look again; called with the space's lock held
     */
    EventQueue(RingOptions options, Counters counters, Runnable wake) {
        super(0);
        records = new QueuedEvent[options.records()];
        Arrays.setAll(records, index -> new QueuedEvent());
        causes = options.causes();
        wakeupEvents = options.wakeupEvents();
        this.counters = counters;
        this.wake = wake;
    }

    /**
     * Takes an event in, or counts it lost: {@code mmub_ring_event()}.
     *
     * <p>A START leaves {@link #RESERVED} records free. RELEASE takes at most two of them, itself and a LOST; no START
     * follows it, so nothing can be lost between it and DETACHED, which takes the third.
     *
     * @param event what happened, to be copied
     * @param n its number, or the last event's
     */
    void event(QueuedEvent event, long n) {
        boolean isMark = event.phase() == EventPhase.DETACHED;
        if (push(event, n, event.phase() == EventPhase.START ? RESERVED : 0) || isMark) {
            return;
        }
        long nowLost = lost + 1;
        // E
        lost = nowLost;
        counters.lost.increment();
        lostTo = n;
        lostSeq = event.seq();
        if (lostFrom == 0) {
            lostFrom = n;
        }
        // Who knew of all but this one may sleep; who is behind has not been asleep since.
        if (lostSeen == nowLost - 1) {
            wake.run();
        }
    }

    /** {@code mmub_ring_push()}: false if there is no room that leaves {@code keep} records free. */
    private boolean push(QueuedEvent event, long n, int keep) {
        int count = lostFrom == 0 ? 1 : 2;
        int next = head;
        if (records.length - (next - tail) < count + keep) {
            return false;
        }
        if (lostFrom != 0) {
            slot(next++)
                    .begin(EventPhase.LOST, EventType.OTHER)
                    .at(event.timeNanos(), lostSeq)
                    .lost(lostFrom, lostTo);
            lostFrom = 0;
        }
        QueuedEvent record = slot(next++).set(event).number(n);
        if (!causes) {
            record.withoutCause();
        }
        written += count;
        counters.records.add(count);
        // E
        head = next;
        int unread = next - tail;
        if (unread >= wakeupEvents && unread < wakeupEvents + count) {
            wake.run();
        }
        return true;
    }

    private QueuedEvent slot(int index) {
        return records[index & (records.length - 1)];
    }

    /** Under the space's lock. */
    long written() {
        return written;
    }

    @Override
    public long lost() {
        return lost;
    }

    @Override
    protected int head() {
        return head;
    }

    @Override
    protected void handOver(Consumer<? super InvalidationEvent> handler, int first, int end, BooleanSupplier stop) {
        int next = first;
        try {
            for (boolean stopped = false; next != end && !stopped; stopped = stop.getAsBoolean()) {
                view.set(slot(next));
                next++;
                if (view.phase() == EventPhase.RELEASE || view.phase() == EventPhase.DETACHED) {
                    end();
                }
                if ((next - first) % BATCH == 0) {
                    readUpTo(next);
                }
                handler.accept(view);
            }
        } finally {
            readUpTo(next);
        }
    }

    @Override
    protected void publishTail(int newTail) {
        tail = newTail;
    }

    @Override
    protected void publishLostSeen(long newLostSeen) {
        lostSeen = newLostSeen;
    }

    @Override
    protected int records() {
        return records.length;
    }

    @Override
    protected RuntimeException corrupt(int unread) {
        return new IllegalStateException(unread + " unread of " + records.length + " records");
    }
}
