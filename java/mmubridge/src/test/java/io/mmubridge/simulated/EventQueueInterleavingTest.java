// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.simulated;

import io.mmubridge.EventPhase;
import io.mmubridge.EventType;
import io.mmubridge.Interleavings;
import io.mmubridge.InvalidationEvent;
import io.mmubridge.RingOptions;
import io.mmubridge.backend.Lifetime;
import io.mmubridge.backend.RingStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** {@link EventQueue} in the interleavings that Lincheck's model checker chooses: callbacks, a reader, and a detach. */
@Tag(Interleavings.TAG)
@Timeout(300)
class EventQueueInterleavingTest {
    /**
     * A queue of 4 records, of which START may take one, what a space does to it under its lock, and its reader.
     *
     * <p>The reader sleeps until he is woken and no shorter: it is a deadlock if a wake-up that he is owed does not come.
     * (Threads that are parked may wake for nothing, and the checker has them do so.)
     */
    private static final class Shared {
        final EventQueue queue = new EventQueue(RingOptions.ofRecords(4), new Counters(), this::wake);
        final Lifetime lifetime = new Lifetime(this::release);
        final RingStream stream = new RingStream(queue, lifetime, () -> {});
        final Object lock = new Object();
        final Object sleep = new Object();
        final QueuedEvent event = new QueuedEvent();

        // Under the lock.
        long n;
        boolean detached;

        boolean woken;
        int releases;

        // What the reader has found.
        long last;
        long received;
        long lost;
        boolean ended;

        private void wake() {
            synchronized (sleep) {
                woken = true;
                sleep.notifyAll();
            }
        }

        private void release() {
            releases++;
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

        private boolean isDone(long events) {
            return ended || received + queue.lost() == events;
        }

        /** Reads until the end, or until so many events have come or are counted as lost. */
        void readUntil(long events) {
            while (!isDone(events)) {
                synchronized (sleep) {
                    woken = false;
                }
                if (queue.isReadable()) {
                    queue.drain(this::read, Integer.MAX_VALUE, () -> false);
                } else if (!isDone(events)) {
                    await();
                }
            }
        }

        void readToTheEnd() {
            readUntil(Long.MAX_VALUE);
        }

        private void await() {
            synchronized (sleep) {
                while (!woken) {
                    try {
                        sleep.wait();
                    } catch (InterruptedException e) {
                        throw new AssertionError(e);
                    }
                }
            }
        }

        void assertWhole() {
            check(ended, "the end");
            check(received + queue.lost() == n, "each came, or is counted as lost");
            check(lost <= queue.lost(), "no mark tells of more than was lost");
        }
    }

    private static void check(boolean holds, String rule) {
        if (!holds) {
            throw new AssertionError(rule);
        }
    }

    @Test
    void everyEventComesOnceOrIsToldAsLostAndTheEndIsSeen() {
        Interleavings.explore(
                Shared::new,
                Shared::assertWhole,
                shared -> {
                    shared.start();
                    shared.start();
                    shared.start();
                    shared.detach();
                },
                Shared::readToTheEnd);
    }

    @Test
    void whoInvalidatesAndWhoDetachesShareTheQueue() {
        Interleavings.explore(Shared::new, Shared::assertWhole, Shared::start, Shared::detach, Shared::readToTheEnd);
    }

    @Test
    void whoeverSleepsIsWokenForAnEvent() {
        Interleavings.explore(
                Shared::new,
                shared -> check(shared.received == 1, "it came"),
                Shared::start,
                shared -> shared.readUntil(1));
    }

    @Test
    void whoeverSleepsIsWokenForALoss() {
        Interleavings.explore(
                // The next one is lost, unless the reader makes room before.
                () -> {
                    Shared shared = new Shared();
                    shared.start();
                    return shared;
                },
                shared -> check(shared.received + shared.queue.lost() == 2, "both, or one is counted as lost"),
                Shared::start,
                shared -> shared.readUntil(2));
    }

    @Test
    void aCloseEndsWhoeverDrainsAndTheLastOneOutReleases() {
        Interleavings.explore(
                Shared::new,
                shared -> {
                    check(shared.releases == 1, "released once");
                    check(shared.stream.isEnded(), "the end");
                    check(shared.stream.drain(told -> shared.received++, 8) == 0, "nothing comes after the close");
                },
                Shared::start,
                shared -> {
                    shared.detach();
                    shared.lifetime.close();
                },
                shared -> {
                    shared.stream.drain(shared::read, 8);
                    shared.stream.drain(shared::read, 8);
                });
    }
}
