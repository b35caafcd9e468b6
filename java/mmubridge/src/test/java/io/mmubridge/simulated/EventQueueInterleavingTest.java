// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.simulated;

import io.mmubridge.EventPhase;
import io.mmubridge.EventType;
import io.mmubridge.InvalidationEvent;
import io.mmubridge.RingOptions;
import io.mmubridge.backend.Lifetime;
import io.mmubridge.backend.RingStream;
import java.util.Arrays;
import java.util.List;
import org.jetbrains.lincheck.Lincheck;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** {@link EventQueue} in the interleavings that Lincheck's model checker chooses: callbacks, a reader, and a detach. */
@Timeout(300)
class EventQueueInterleavingTest {
    private static final int INTERLEAVINGS = 500;

    /** A queue of 4 records, of which START may take one, and what a space does to it, under a lock. */
    private static final class Queue {
        final Lifetime lifetime = new Lifetime(() -> {});
        final EventQueue queue = new EventQueue(RingOptions.ofRecords(4), new Counters(), this::wake);
        final RingStream stream = new RingStream(queue, lifetime, () -> {});
        final Object lock = new Object();
        final QueuedEvent event = new QueuedEvent();
        long n;
        boolean detached;

        // What the reader has found.
        long last;
        long received;
        long lost;
        boolean ended;

        private void wake() {
            stream.wake();
        }

        void start() {
            synchronized (lock) {
                if (!detached) {
                    n++;
                    queue.event(
                            event.begin(EventPhase.START, EventType.CLEAR)
                                    .range(n << 12, (n + 1) << 12, true)
                                    .at(n * 10, n),
                            n);
                }
            }
        }

        void detach() {
            synchronized (lock) {
                detached = true;
                queue.event(event.begin(EventPhase.DETACHED, EventType.OTHER).at(n * 10, n), n);
                wake();
            }
        }

        void close() {
            detach();
            if (lifetime.close()) {
                wake();
            }
        }

        void read(InvalidationEvent told) {
            switch (told.phase()) {
                case START -> {
                    check(told.n() == last + 1, "a gap that no mark told of");
                    check(told.start() == told.n() << 12 && told.timeNanos() == told.n() * 10, "torn");
                    received++;
                    last = told.n();
                }
                case LOST -> {
                    check(told.lostFrom() == last + 1, "a gap begins where the stream broke off");
                    lost += told.lostTo() - told.lostFrom() + 1;
                    last = told.lostTo();
                }
                default -> ended = true;
            }
        }

        void readToTheEnd() {
            try {
                while (!stream.isEnded()) {
                    stream.await(Long.MAX_VALUE);
                    stream.drain(this::read, Integer.MAX_VALUE);
                }
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }
    }

    private static void check(boolean holds, String rule) {
        if (!holds) {
            throw new AssertionError(rule);
        }
    }

    @Test
    void everyEventComesOnceOrIsToldAsLostAndTheEndIsSeen() {
        Lincheck.runConcurrentTest(INTERLEAVINGS, () -> {
            Queue queue = new Queue();
            run(
                    () -> {
                        for (int i = 0; i < 6; i++) {
                            queue.start();
                        }
                        queue.detach();
                    },
                    queue::readToTheEnd);
            check(queue.ended, "the end");
            check(queue.received + queue.queue.lost() == 6, "each came, or is counted as lost");
            check(queue.lost <= queue.queue.lost(), "a mark tells of what was lost");
        });
    }

    @Test
    void twoThreadsThatInvalidateAndOneThatDetachesShareTheQueue() {
        Lincheck.runConcurrentTest(INTERLEAVINGS, () -> {
            Queue queue = new Queue();
            run(
                    queue::start,
                    () -> {
                        queue.start();
                        queue.detach();
                    },
                    queue::readToTheEnd);
            check(queue.received + queue.queue.lost() == queue.n, "what came before the detach");
            check(queue.ended, "the end");
        });
    }

    /**
     * A reader who sleeps until he is woken and no shorter, which Lincheck's parked threads may do: it is a deadlock if a
     * wake-up that he is owed does not come.
     */
    private static final class Sleeper {
        private boolean woken;
        private final EventQueue queue = new EventQueue(RingOptions.ofRecords(4), new Counters(), this::wake);
        private final QueuedEvent event = new QueuedEvent();
        private long n;
        private long received;

        private synchronized void wake() {
            woken = true;
            notifyAll();
        }

        private synchronized void sleep() {
            try {
                while (!woken) {
                    wait();
                }
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }

        private synchronized void makeKnown() {
            woken = false;
        }

        void start() {
            synchronized (event) {
                n++;
                queue.event(event.begin(EventPhase.START, EventType.CLEAR), n);
            }
        }

        void readAll(long events) {
            while (received + queue.lost() < events) {
                makeKnown();
                if (queue.isReadable()) {
                    queue.drain(told -> received += told.phase() == EventPhase.START ? 1 : 0, 8, () -> false);
                } else if (received + queue.lost() < events) {
                    sleep();
                }
            }
        }
    }

    @Test
    void whoeverWaitsIsWokenForEachEventOrLoss() {
        Lincheck.runConcurrentTest(INTERLEAVINGS, () -> {
            Sleeper sleeper = new Sleeper();
            run(sleeper::start, sleeper::start, () -> sleeper.readAll(2));
            check(sleeper.received + sleeper.queue.lost() == 2, "both, or they are counted as lost");
        });
    }

    @Test
    void aCloseEndsWhoeverWaitsOrDrains() {
        Lincheck.runConcurrentTest(INTERLEAVINGS, () -> {
            Queue queue = new Queue();
            run(queue::start, queue::close, queue::readToTheEnd);
            check(queue.received + queue.lost <= queue.n, "no more than there were");
        });
    }

    private static void run(Runnable... works) {
        List<Thread> threads =
                Arrays.stream(works).map(work -> new Thread(work)).toList();
        threads.forEach(Thread::start);
        for (Thread thread : threads) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }
    }
}
