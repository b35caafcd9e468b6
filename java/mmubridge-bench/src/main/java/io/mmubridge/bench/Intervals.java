// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.bench;

import io.mmubridge.model.MmStruct;
import io.mmubridge.model.MmuIntervalNotifier;
import io.mmubridge.model.MmuNotifier;
import io.mmubridge.model.MmuNotifierEvent;
import io.mmubridge.model.MmuNotifierRange;
import io.mmubridge.model.SimulatedKernel;
import java.util.Random;
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
import org.openjdk.jmh.annotations.Warmup;

/**
 * An invalidation, start and end, of a page between two interval notifiers, which have every other page. With none of them
 * the address space still had one before, so that the tree is looked at.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 150, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 3, time = 100, timeUnit = TimeUnit.MILLISECONDS)
public class Intervals {
    private static final long PAGE = 4096;
    private static final long SEED = 1;

    @Param("0")
    public int intervals;

    /** How many different ones are invalidated in turn, a power of two: those that few meet stay in the cache. */
    @Param("16")
    public int ranges;

    private final MmStruct mm = new MmStruct(SimulatedKernel.builder().build());
    private MmuNotifierRange[] invalidated = {};
    private int next;

    @Setup
    public void insert() {
        MmuIntervalNotifier former = notifier(0);
        former.insert();
        former.remove();
        for (int i = 0; i < intervals; i++) {
            notifier(i).insert();
        }
        Random random = new Random(SEED);
        invalidated = new MmuNotifierRange[ranges];
        for (int i = 0; i < ranges; i++) {
            long start = page(random.nextInt(intervals + 1)) - PAGE;
            invalidated[i] = MmuNotifierRange.of(mm, MmuNotifierEvent.UNMAP, start, start + PAGE);
        }
    }

    private MmuIntervalNotifier notifier(int number) {
        return new MmuIntervalNotifier(mm, page(number), PAGE, (notifier, range, seq) -> {
            throw new IllegalStateException(range + " is said to overlap page 0x" + Long.toHexString(notifier.start()));
        });
    }

    private static long page(int number) {
        return (2L * number + 1) * PAGE;
    }

    @Benchmark
    public void invalidate() {
        MmuNotifierRange range = invalidated[next++ & invalidated.length - 1];
        MmuNotifier.invalidateRangeStart(range);
        MmuNotifier.invalidateRangeEnd(range);
    }
}
