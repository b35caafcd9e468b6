// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.bench;

import io.mmubridge.InvalidationEvent;
import io.mmubridge.kernel.MemoryRing;
import java.io.IOException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.infra.Blackhole;

/**
 * A ring in memory, written and read by one thread, without the module: native/bench/ring.c. What the handler reads goes to
 * JMH and not to a field: a sum in a field costs more than the reading, since the JVM loads and stores it each time, where C
 * keeps it in a register.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 300, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 300, timeUnit = TimeUnit.MILLISECONDS)
public class RingInMemory {
    private static final int RECORDS = 4096;
    private static final int BURST = 32;

    private final MemoryRing ring;
    private Consumer<InvalidationEvent> handler = event -> {};

    public RingInMemory() {
        try {
            ring = MemoryRing.map(RECORDS);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    @Setup
    public void fill(Blackhole blackhole) {
        handler = event -> blackhole.consume(event.n() + event.start() + event.end());
        for (int i = 0; i < RECORDS; i++) {
            ring.write();
        }
        ring.drain(handler);
    }

    @Benchmark
    @OperationsPerInvocation(BURST)
    public void writeAndRead() {
        for (int i = 0; i < BURST; i++) {
            ring.write();
        }
        check(BURST, ring.drain(handler));
    }

    @Benchmark
    @OperationsPerInvocation(RECORDS)
    public void read() {
        ring.rewind();
        check(RECORDS, ring.drain(handler));
    }

    private static void check(int expected, int drained) {
        if (drained != expected) {
            throw new IllegalStateException(drained + " records came, not " + expected);
        }
    }
}
