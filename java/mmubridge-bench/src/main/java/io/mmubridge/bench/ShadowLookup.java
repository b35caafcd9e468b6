// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.bench;

import io.mmubridge.InMemory;
import io.mmubridge.Shadow;
import io.mmubridge.ShadowEntry;
import io.mmubridge.kernel.MemoryShadow;
import java.io.IOException;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** Looking pages up here and there: bench_shadow() of native/bench/shadow.c. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 300, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 300, timeUnit = TimeUnit.MILLISECONDS)
public class ShadowLookup {
    private static final int PAGES = 4096;
    private static final long PAGE = 4096;

    private final ShadowEntry entry = new ShadowEntry();
    private final Shadow shadow;
    private final long start;

    public ShadowLookup() {
        try {
            shadow = InMemory.shadow(MemoryShadow.map(PAGES));
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
        start = shadow.range().start();
    }

    @Benchmark
    @OperationsPerInvocation(PAGES)
    public long lookup() {
        int page = 0;
        int missing = 0;
        long sum = 0;
        for (int i = 0; i < PAGES; i++) {
            missing += shadow.lookup(start + page * PAGE, entry) ? 0 : 1;
            sum += entry.frame();
            page = (page * 1229 + 1) % PAGES;
        }
        if (missing != 0) {
            throw new IllegalStateException(missing + " pages of " + PAGES + " were not found");
        }
        return sum;
    }
}
