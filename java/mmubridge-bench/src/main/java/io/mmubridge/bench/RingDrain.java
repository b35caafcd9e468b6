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

/** Reading a ring that the kernel has filled: bench_drain() of native/bench/watch.c. */
@State(Scope.Thread)
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 80)
@Measurement(iterations = 9)
public class RingDrain {
    private static final int BURST = 4096;

    private final WatchedTarget watched = new WatchedTarget();
    private final Consumer<InvalidationEvent> handler = this::handle;
    private long sum;

    @Setup(Level.Iteration)
    public void fill() throws IOException {
        watched.target().burst(BURST);
    }

    @Benchmark
    @OperationsPerInvocation(BURST)
    public long drain() {
        int drained = watched.events().drain(handler);
        // NUMA hinting and such add a few, too few to matter.
        if (drained < BURST) {
            throw new IllegalStateException(drained + " events came, not " + BURST);
        }
        return sum;
    }

    private void handle(InvalidationEvent event) {
        sum += event.n() + event.start() + event.end();
    }

    @TearDown
    public void end() throws IOException {
        watched.close();
    }
}
