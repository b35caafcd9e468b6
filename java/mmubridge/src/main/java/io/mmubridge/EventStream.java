// SPDX-License-Identifier: Apache-2.0
package io.mmubridge;

import io.mmubridge.backend.BackendSubscription;
import java.time.Duration;
import java.util.function.Consumer;

/**
 * The events of one subscription, in the order of the kernel's callbacks.
 *
 * <p>One thread at a time may read, any thread; a second one, or a handler that reads the stream it is called from, gets
 * an {@link IllegalStateException}. A thread that waits is parked, whether platform or virtual, and holds nothing.
 *
 * <p>Draining and waiting allocate nothing but the names of system calls and tasks that were not seen before.
 */
public final class EventStream {
    private final BackendSubscription backend;

    EventStream(BackendSubscription backend) {
        this.backend = backend;
    }

    /**
     * Hands over what is there now, without waiting.
     *
     * <p>An event is consumed when it is handed over, even if the handler throws; what the handler throws comes out of
     * here, and the events after it stay. A handler that closes the subscription gets no more events.
     *
     * @param handler called with one view that is reused: {@link InvalidationEvent#copy()} makes what can be kept
     * @return how many events were handed over, 0 after {@link Subscription#close()}
     * @throws IllegalStateException if another thread reads this stream, or the subscription has no ring
     */
    public int drain(Consumer<? super InvalidationEvent> handler) {
        return backend.drain(handler, Integer.MAX_VALUE);
    }

    /**
     * Hands over at most so many of what is there now, without waiting.
     *
     * @param handler as for {@link #drain(Consumer)}
     * @param limit the largest number of events to hand over
     * @return how many were handed over
     * @throws IllegalStateException as {@link #drain(Consumer)} does
     */
    public int drain(Consumer<? super InvalidationEvent> handler, int limit) {
        return backend.drain(handler, limit);
    }

    /**
     * Waits until there is something to hand over, and hands it over.
     *
     * @param handler as for {@link #drain(Consumer)}
     * @param timeout how long to wait at most; zero or less does not wait
     * @return how many events were handed over; 0 if time ran out; -1 if the stream has ended
     * @throws InterruptedException if the thread is interrupted before the call, whatever there is, or while it waits
     * @throws IllegalStateException as {@link #drain(Consumer)} does
     */
    public int poll(Consumer<? super InvalidationEvent> handler, Duration timeout) throws InterruptedException {
        long deadline = System.nanoTime() + Durations.toNanos(timeout);
        // Also where there is always something, and so never a wait.
        if (Thread.interrupted()) {
            throw new InterruptedException();
        }
        while (true) {
            int drained = drain(handler);
            if (drained > 0) {
                return drained;
            }
            if (isEnded()) {
                return -1;
            }
            if (!backend.await(Math.max(0, deadline - System.nanoTime()))) {
                return 0;
            }
        }
    }

    /**
     * Waits until {@link #drain} has something to do or the stream has ended. Loss that no event tells of yet counts: it
     * is acknowledged by the next drain.
     *
     * @param timeout how long to wait at most; zero or less does not wait
     * @return false if time ran out
     * @throws InterruptedException if the thread is interrupted before or while it waits
     * @throws IllegalStateException as {@link #drain(Consumer)} does
     */
    public boolean await(Duration timeout) throws InterruptedException {
        return backend.await(Math.max(0, Durations.toNanos(timeout)));
    }

    /**
     * Whether there is nothing more to come: {@link EventPhase#RELEASE} or {@link EventPhase#DETACHED} was handed over and
     * nothing is left, or the subscription is closed.
     *
     * @return true at the end
     */
    public boolean isEnded() {
        return backend.isEnded();
    }

    /**
     * How many events found the ring full, whether or not an event has told of it yet.
     *
     * @return their number since the subscription was made
     */
    public long lost() {
        return backend.lost();
    }
}
