// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import io.mmubridge.EventPhase;
import io.mmubridge.InvalidationEvent;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.function.Consumer;

/** An address space whose events the test gives. */
final class FakeSource implements Source {
    private final long spaceId;
    private final Deque<InvalidationEvent> events = new ArrayDeque<>();
    private long n;
    private boolean ended;
    private boolean detached;
    private boolean closed;

    FakeSource(long spaceId, InvalidationEvent... events) {
        this.spaceId = spaceId;
        give(events);
    }

    synchronized void give(InvalidationEvent... more) {
        events.addAll(List.of(more));
        notifyAll();
    }

    synchronized boolean isClosed() {
        return closed;
    }

    @Override
    public long spaceId() {
        return spaceId;
    }

    @Override
    public synchronized int drain(Consumer<? super InvalidationEvent> handler, int limit) {
        int done = 0;
        while (done < limit && !events.isEmpty()) {
            InvalidationEvent event = events.removeFirst();
            ended |= event.phase() == EventPhase.RELEASE || event.phase() == EventPhase.DETACHED;
            n = event.n();
            handler.accept(event);
            done++;
        }
        return done;
    }

    @Override
    public synchronized void await() throws InterruptedException {
        while (events.isEmpty() && !ended) {
            wait();
        }
    }

    @Override
    public synchronized boolean isEnded() {
        return ended;
    }

    @Override
    public synchronized void detach() {
        if (!detached) {
            detached = true;
            give(Events.detached(events.isEmpty() ? n : events.getLast().n()));
        }
    }

    @Override
    public synchronized void close() {
        detach();
        closed = true;
    }
}
