// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.bench;

import io.mmubridge.AddressRange;
import io.mmubridge.Mmu;
import io.mmubridge.cache.CacheStatistics;
import io.mmubridge.cache.Lease;
import io.mmubridge.cache.Registrar;
import io.mmubridge.cache.RegistrationCache;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The worked example of docs/registration-cache.md, of this JVM's memory, with the kernel's guards: 1000 sends from 8 buffers
 * of 256 KiB, and at every 50th a page of one is given back and written anew. To register takes as long as UCX reckons for
 * InfiniBand; to send takes nothing.
 *
 * <p>Of the benchmark, as of a state of the thread JMH would make one more for {@link Made}.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 40, batchSize = CachedSends.SENDS)
@Measurement(iterations = 9, batchSize = CachedSends.SENDS)
public class CachedSends {
    static final int SENDS = 1000;

    private static final int BUFFERS = 8;
    private static final int SENDS_A_CHANGE = 50;
    private static final long PAGE = 4096;
    private static final int PAGES = 64;
    private static final int MADV_DONTNEED = 4;

    /** Whether there is a cache. */
    public enum Caching {
        OFF,
        ON
    }

    @Param("ON")
    public Caching caching = Caching.ON;

    /** What the cache did in an iteration. */
    @AuxCounters(AuxCounters.Type.EVENTS)
    @State(Scope.Thread)
    public static class Made {
        private @Nullable CachedSends sends;
        private long registrationsBefore;
        private long invalidationsBefore;

        @Setup(Level.Iteration)
        public void begin(CachedSends newSends) {
            sends = newSends;
            registrationsBefore = statistics().registrations();
            invalidationsBefore = statistics().invalidations();
        }

        private CacheStatistics statistics() {
            return Objects.requireNonNull(sends).cache.statistics();
        }

        public long registrations() {
            return statistics().registrations() - registrationsBefore;
        }

        public long invalidations() {
            return statistics().invalidations() - invalidationsBefore;
        }
    }

    /** Stands in for a network card, at UCX's price. */
    private static final class Device implements Registrar<AddressRange> {
        private static final long REGISTRATION_NANOS = 16_000;
        private static final double BYTE_NANOS = 0.06;

        @Override
        public AddressRange register(AddressRange range) {
            long end = System.nanoTime() + REGISTRATION_NANOS + Math.round(BYTE_NANOS * (range.end() - range.start()));
            while (System.nanoTime() < end) {
                Thread.onSpinWait();
            }
            return range;
        }

        @Override
        public void deregister(AddressRange handle) {}
    }

    private final Mmu mmu = Mmu.openKernel();
    private final RegistrationCache<AddressRange> cache =
            RegistrationCache.builder(mmu, new Device()).build();
    private final Arena arena = Arena.ofShared();
    private final MemorySegment[] buffers = new MemorySegment[BUFFERS];
    private final MethodHandle madvise;
    private final Random random = new Random(1);
    private int sends;

    public CachedSends() {
        Linker linker = Linker.nativeLinker();
        madvise = linker.downcallHandle(
                linker.defaultLookup().findOrThrow("madvise"),
                FunctionDescriptor.of(
                        ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT));
    }

    @Setup
    public void prepare() {
        cache.setEnabled(caching == Caching.ON);
        for (int i = 0; i < BUFFERS; i++) {
            // A page lies between any two.
            buffers[i] = arena.allocate((PAGES + 1) * PAGE, PAGE).asSlice(0, PAGES * PAGE);
            buffers[i].fill((byte) 1);
        }
    }

    @Benchmark
    public AddressRange send(Made made) throws Throwable {
        if (++sends % SENDS_A_CHANGE == 0) {
            change(buffers[random.nextInt(BUFFERS)].asSlice(random.nextInt(PAGES) * PAGE, PAGE));
        }
        try (Lease<AddressRange> lease = cache.acquire(buffers[random.nextInt(BUFFERS)])) {
            return lease.handle();
        }
    }

    private void change(MemorySegment page) throws Throwable {
        if ((int) madvise.invokeExact(page, PAGE, MADV_DONTNEED) != 0) {
            throw new IllegalStateException("madvise failed");
        }
        page.fill((byte) 1);
    }

    @TearDown
    public void end() {
        cache.close();
        mmu.close();
        arena.close();
    }
}
