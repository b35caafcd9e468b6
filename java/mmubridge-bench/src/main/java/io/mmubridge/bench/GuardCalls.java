// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.bench;

import io.mmubridge.AddressRange;
import io.mmubridge.Filter;
import io.mmubridge.Guard;
import io.mmubridge.Mmu;
import io.mmubridge.RingOptions;
import io.mmubridge.Subscription;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** A guard made and closed, beside so many that stay: sample_pairs() of native/bench/guard.c. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 10, time = 1)
@Measurement(iterations = 5, time = 500, timeUnit = TimeUnit.MILLISECONDS)
public class GuardCalls {
    private static final long PAGE = 4096;

    /** Where nothing is mapped: guards need no memory. */
    private static final long START = 1L << 44;

    private static final AddressRange RANGE = page(-1);

    /** How many stay. */
    @Param("0")
    public int present;

    private final Mmu mmu = Mmu.openKernel();
    private final Subscription subscription =
            mmu.subsystem(Subscriptions.SUBSYSTEM).get(mmu.self(), RingOptions.none(), Filter.all());
    private final List<Guard> guards = new ArrayList<>();

    private static AddressRange page(int number) {
        long start = START + 2 * PAGE * number;
        return new AddressRange(start, start + PAGE);
    }

    @Setup
    public void add() {
        for (int i = 0; i < present; i++) {
            guards.add(subscription.guard(page(i)));
        }
    }

    @Benchmark
    public void addAndRemove() {
        subscription.guard(RANGE).close();
    }

    @TearDown
    public void end() {
        mmu.close();
    }
}
