// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import io.mmubridge.InvalidationEvent;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Writes the events of one process or several, merged, until there is a reason to stop.
 *
 * <p>Each process has a {@link Trail}, whose thread comes here to write; one at a time does.
 */
final class Watch {
    private static final Duration FOREVER = Duration.ofNanos(Long.MAX_VALUE);

    private final EventWriter writer;
    private final String subsystem;
    private final long count;
    private final Duration duration;
    private final Tally tally = new Tally();
    private final List<Trail> trails = new ArrayList<>();
    private final CompletableFuture<Summary.End> end = new CompletableFuture<>();
    private final long startNanos = System.nanoTime();
    private int running;
    private boolean complete;

    Watch(EventWriter writer, String subsystem, @Nullable Long count, @Nullable Duration duration) {
        this.writer = writer;
        this.subsystem = subsystem;
        this.count = count == null ? Long.MAX_VALUE : count;
        this.duration = duration == null ? FOREVER : duration;
    }

    /**
     * Takes in a process.
     *
     * @param pid the process
     * @param followed whether its first address space may not be the last
     */
    synchronized Trail begin(long pid, boolean followed) {
        Trail trail = new Trail(this, trails.size() + 1, pid, followed);
        trails.add(trail);
        running++;
        trail.start();
        if (isOver()) {
            trail.finish();
        }
        return trail;
    }

    /** No further process comes: the watch is over when those are that there are. */
    synchronized void complete() {
        complete = true;
        endIfNothingIsLeft();
    }

    /** A trail has. */
    synchronized void ended() {
        running--;
        endIfNothingIsLeft();
    }

    private void endIfNothingIsLeft() {
        if (complete && running == 0) {
            end.complete(Summary.End.RELEASE);
        }
    }

    /** A trail has failed. */
    void failed(Throwable cause) {
        end.completeExceptionally(cause);
    }

    /** Whether there is a reason to stop. */
    boolean isOver() {
        return end.isDone();
    }

    /** Waits until there is a reason to stop; then lets what had come before that be written. */
    Summary.End run() throws IOException {
        awaitEnd();
        List<Trail> all;
        synchronized (this) {
            all = List.copyOf(trails);
        }
        all.forEach(Trail::finish);
        all.forEach(Trail::join);
        return outcome();
    }

    private void awaitEnd() {
        long left = duration.minusNanos(System.nanoTime() - startNanos).toNanos();
        try {
            end.get(left, TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            end.complete(Summary.End.DURATION);
        } catch (InterruptedException e) {
            end.complete(Summary.End.SIGNAL);
        } catch (ExecutionException e) {
            // outcome() tells.
        }
    }

    private Summary.End outcome() throws IOException {
        if (!end.isCompletedExceptionally()) {
            return end.join();
        }
        switch (end.exceptionNow()) {
            case UncheckedIOException e -> throw e.getCause();
            case RuntimeException e -> throw e;
            case Throwable e -> throw new IllegalStateException(e);
        }
    }

    /**
     * Writes what is there now, as far as the count allows.
     *
     * @param trail whose events they are
     * @param source where they are
     * @param wanted which of them
     */
    synchronized void drain(Trail trail, Source source, Predicate<InvalidationEvent> wanted) {
        source.drain(
                event -> {
                    if (wanted.test(event)) {
                        put(trail, trail.numbered(event));
                    }
                },
                room());
        flush();
    }

    /** Writes a mark of a stream's own. */
    synchronized void write(Trail trail, InvalidationEvent event) {
        if (room() > 0) {
            put(trail, event);
            flush();
        }
    }

    private int room() {
        return writer.isBroken() ? 0 : (int) Math.min(Integer.MAX_VALUE, count - tally.events());
    }

    private void put(Trail trail, InvalidationEvent event) {
        tally.add(event);
        trail.tally().add(event);
        try {
            writer.event(trail.space(), event);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void flush() {
        try {
            writer.flush();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        if (writer.isBroken()) {
            end.complete(Summary.End.OUTPUT);
        }
        if (tally.events() == count) {
            end.complete(Summary.End.COUNT);
        }
    }

    /** Writes what there is to say so far, unless it is over. */
    synchronized void interim(long pid) {
        if (isOver()) {
            return;
        }
        try {
            writer.interim(summary(pid, null, null, false));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        flush();
    }

    /**
     * What is to be said at the end, or so far.
     *
     * @param pid the process that was asked for
     * @param outcome why it is over, or null
     * @param status the command's, or null
     * @param missedStart whether the command ran before it was watched
     */
    synchronized Summary summary(
            long pid, Summary.@Nullable End outcome, @Nullable Integer status, boolean missedStart) {
        List<Summary.Space> spaces = trails.stream()
                .map(trail -> new Summary.Space(
                        trail.space(),
                        trail.pid(),
                        trail.tally().events(),
                        trail.tally().lost()))
                .toList();
        return new Summary(pid, subsystem, outcome, System.nanoTime() - startNanos, tally, status, missedStart, spaces);
    }
}
