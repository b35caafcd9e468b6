// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.jfr;

import io.mmubridge.Cause;
import io.mmubridge.InvalidationCounters;
import io.mmubridge.InvalidationEvent;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Makes events of recordings of those of a stream. One thread commits them; any may commit the statistics. */
final class EventCommitter implements Consumer<InvalidationEvent> {
    private final InvalidationCounters counters = new InvalidationCounters();
    private final int pageSize;

    EventCommitter(int pageSize) {
        this.pageSize = pageSize;
    }

    @Override
    public void accept(InvalidationEvent event) {
        counters.accept(event);
        switch (event.phase()) {
            case START -> commitInvalidation(event);
            case LOST -> commitLoss(event);
            case RELEASE, EXEC, DETACHED -> {}
        }
    }

    private void commitInvalidation(InvalidationEvent event) {
        Invalidation invalidation = new Invalidation();
        if (!invalidation.isEnabled()) {
            return;
        }
        invalidation.type = event.type().name();
        invalidation.cause = label(event.cause());
        invalidation.start = event.start();
        invalidation.end = event.end();
        invalidation.size = event.size();
        invalidation.pages = event.size() / pageSize;
        invalidation.task = event.comm();
        invalidation.pid = event.pid();
        invalidation.tid = event.tid();
        invalidation.entry = event.entry().label();
        invalidation.syscall = event.syscall();
        invalidation.blockable = event.isBlockable();
        invalidation.seq = event.seq();
        invalidation.n = event.n();
        invalidation.monotonicTime = event.timeNanos();
        // The same clock, outside of time namespaces. Last, since the commit takes the start time.
        invalidation.delay = System.nanoTime() - event.timeNanos();
        invalidation.commit();
    }

    private static void commitLoss(InvalidationEvent event) {
        InvalidationLoss loss = new InvalidationLoss();
        loss.from = event.lostFrom();
        loss.to = event.lostTo();
        loss.count = event.lostTo() - event.lostFrom() + 1;
        loss.commit();
    }

    void commitStatistics() {
        // Before those of the causes, which others may still add to: what is left has none.
        long count = counters.events();
        long size = counters.bytes();
        for (Cause cause : Cause.values()) {
            long ofCause = counters.events(cause);
            if (ofCause > 0) {
                long sizeOfCause = counters.bytes(cause);
                commitStatistics(cause, ofCause, sizeOfCause);
                count -= ofCause;
                size -= sizeOfCause;
            }
        }
        if (count > 0) {
            commitStatistics(null, count, size);
        }
    }

    private static void commitStatistics(@Nullable Cause cause, long count, long size) {
        InvalidationStatistics statistics = new InvalidationStatistics();
        statistics.cause = label(cause);
        statistics.count = count;
        statistics.size = size;
        statistics.commit();
    }

    private static @Nullable String label(@Nullable Cause cause) {
        return cause == null ? null : cause.label();
    }
}
