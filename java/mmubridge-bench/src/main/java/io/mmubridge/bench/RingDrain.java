// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.bench;

import io.mmubridge.InvalidationEvent;
import java.io.IOException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.infra.Blackhole;

/** Reading a ring that the kernel has filled: bench_drain() of native/bench/watch.c. As to the handler see {@link RingInMemory}. */
@State(Scope.Thread)
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 80)
@Measurement(iterations = 9)
public class RingDrain {
    private static final int BURST = 4096;

    private final WatchedTarget watched = new WatchedTarget();
    private Consumer<InvalidationEvent> handler = event -> {};

    @Setup
    public void prepare(Blackhole blackhole) {
        handler = event -> blackhole.consume(event.n() + event.start() + event.end());
    }

    @Setup(Level.Iteration)
    public void fill() throws IOException {
        watched.target().burst(BURST);
    }

    @Benchmark
    @OperationsPerInvocation(BURST)
    public void drain() {
        int drained = watched.events().drain(handler);
        // NUMA hinting and such add a few, too few to matter.
        if (drained < BURST) {
            throw new IllegalStateException(drained + " events came, not " + BURST);
        }
    }

    @TearDown
    public void end() throws IOException {
        watched.close();
    }
}
