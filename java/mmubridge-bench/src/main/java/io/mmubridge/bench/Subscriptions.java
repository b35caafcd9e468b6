// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.bench;

import io.mmubridge.Filter;
import io.mmubridge.Mmu;
import io.mmubridge.RingOptions;
import io.mmubridge.Subsystem;
import java.io.IOException;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * A whole subscription, from naming the process to closing it: open_and_close() of native/bench/watch.c. That names it by
 * its pid alone; here it is named beyond reuse of the pid, for which the JDK reads /proc/PID/stat twice.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 100, batchSize = Subscriptions.OPENS)
@Measurement(iterations = 9, batchSize = Subscriptions.OPENS)
public class Subscriptions {
    static final String SUBSYSTEM = "bench";
    static final int OPENS = 50;
    static final int OPENS_WITH_RING = 20;

    private final Mmu mmu = Mmu.openKernel();
    private final Subsystem subsystem = mmu.subsystem(SUBSYSTEM);
    private final Target target;

    public Subscriptions() {
        try {
            target = Target.start();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    @TearDown(Level.Iteration)
    public void synchronize() {
        mmu.synchronize();
    }

    @TearDown
    public void end() throws IOException {
        mmu.close();
        target.close();
    }

    @Benchmark
    public void withoutRing() {
        openAndClose(RingOptions.none());
    }

    @Benchmark
    @Warmup(iterations = 60, batchSize = Subscriptions.OPENS_WITH_RING)
    @Measurement(iterations = 5, batchSize = Subscriptions.OPENS_WITH_RING)
    public void withRing() {
        openAndClose(RingOptions.defaults());
    }

    private void openAndClose(RingOptions ring) {
        subsystem.get(mmu.process(target.pid()), ring, Filter.all()).close();
    }
}
