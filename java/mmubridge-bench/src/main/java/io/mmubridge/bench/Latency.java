// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.bench;

import io.mmubridge.EventStream;
import io.mmubridge.InvalidationEvent;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * From the kernel's callback to the handler: latency() of native/bench/watch.c. What JMH times here is the pace of the
 * events; the delays are {@link Delays}'s.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 3, time = 1)
public class Latency {
    private static final int PACE_MICROSECONDS = 500;
    private static final Duration LONG = Duration.ofMinutes(1);

    private final WatchedTarget watched = new WatchedTarget();
    private final EventStream events = watched.events();

    /** The delays of an iteration. {@link System#nanoTime()} reads the clock that the kernel stamps events with. */
    @AuxCounters(AuxCounters.Type.EVENTS)
    @State(Scope.Thread)
    public static class Delays {
        private final long[] delays = new long[1 << 16];
        private final Consumer<InvalidationEvent> handler = this::add;
        private int count;

        @Setup(Level.Iteration)
        public void forget() {
            count = 0;
        }

        private void add(InvalidationEvent event) {
            delays[count++] = System.nanoTime() - event.timeNanos();
        }

        public double p50() {
            return Statistics.percentile(delays, count, 0.5);
        }

        public double p99() {
            return Statistics.percentile(delays, count, 0.99);
        }
    }

    @Setup
    public void begin() throws IOException {
        watched.target().pace(PACE_MICROSECONDS);
    }

    @Benchmark
    public void waiting(Delays delays) throws InterruptedException {
        if (events.poll(delays.handler, LONG) <= 0) {
            throw new IllegalStateException("no event came");
        }
    }

    @Benchmark
    public void spinning(Delays delays) {
        while (events.drain(delays.handler) == 0) {
            if (events.isEnded()) {
                throw new IllegalStateException("no event came");
            }
            Thread.onSpinWait();
        }
    }

    @TearDown
    public void end() throws IOException {
        watched.close();
    }
}
