// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.bench;

import io.mmubridge.Guard;
import io.mmubridge.InMemory;
import io.mmubridge.kernel.MemoryGuard;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.util.List;
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

/**
 * The check of a guard beside the load that it is, of as many in turn as a cache might have: bench_guard() of
 * native/bench/guard.c. Who does it by hand keeps an address and a value with what he has made.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 300, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 300, timeUnit = TimeUnit.MILLISECONDS)
public class GuardCheck {
    private static final int CACHED = 64;
    private static final VarHandle WORD = ValueLayout.JAVA_LONG.varHandle();
    private static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

    private static final class ByHand {
        private final long address;
        private final long value;

        ByHand(MemoryGuard slot) {
            address = slot.wordAddress();
            value = slot.word();
        }
    }

    private final List<MemoryGuard> slots;
    private final ByHand[] byHand;
    private final Guard[] guards;

    public GuardCheck() {
        try {
            slots = MemoryGuard.map(CACHED);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
        byHand = slots.stream().map(ByHand::new).toArray(ByHand[]::new);
        guards = slots.stream().map(InMemory::guard).toArray(Guard[]::new);
    }

    @Benchmark
    @OperationsPerInvocation(CACHED)
    public int load() {
        int valid = 0;
        for (ByHand each : byHand) {
            valid += (long) WORD.getAcquire(ALL, each.address) == each.value ? 1 : 0;
        }
        return valid;
    }

    @Benchmark
    @OperationsPerInvocation(CACHED)
    public int check() {
        int valid = 0;
        for (Guard each : guards) {
            valid += each.isValid() ? 1 : 0;
        }
        return valid;
    }
}
