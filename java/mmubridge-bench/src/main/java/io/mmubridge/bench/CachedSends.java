// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.bench;

import io.mmubridge.AddressRange;
import io.mmubridge.Filter;
import io.mmubridge.Mmu;
import io.mmubridge.RingOptions;
import io.mmubridge.cache.CacheStatistics;
import io.mmubridge.cache.Lease;
import io.mmubridge.cache.Registrar;
import io.mmubridge.cache.RegistrationCache;
import io.mmubridge.model.Advice;
import io.mmubridge.model.MapRequest;
import io.mmubridge.model.SimulatedKernel;
import io.mmubridge.model.SimulatedProcess;
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
 * The worked example of docs/registration-cache.md: sends from 8 buffers of 256 KiB, and at every 50th a page of one is given
 * back and written anew. To register takes as long as UCX reckons for InfiniBand, and to send nothing.
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
    private static final int PAGES = 64;
    private static final long PAGE = 4096;
    private static final long SIZE = PAGES * PAGE;

    /** Whether there is a cache. */
    public enum Caching {
        OFF,
        ON
    }

    /** Whose memory it is. */
    public enum Owner {
        /** This JVM, with the kernel's guards. */
        JVM,
        /** A process of the model. */
        SIMULATED
    }

    @Param("ON")
    public Caching caching = Caching.ON;

    @Param("JVM")
    public Owner owner = Owner.JVM;

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
            return Objects.requireNonNull(sends).buffers().cache().statistics();
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

    /** A page lies between any two. */
    private interface Buffers extends AutoCloseable {
        RegistrationCache<AddressRange> cache();

        Lease<AddressRange> acquire(int buffer);

        /** Gives a page back, and writes it anew. */
        void change(int buffer, int page);

        @Override
        void close();
    }

    private static final class Own implements Buffers {
        private static final int MADV_DONTNEED = 4;

        private final Mmu mmu = Mmu.openKernel();
        private final RegistrationCache<AddressRange> cache =
                RegistrationCache.builder(mmu, new Device()).build();
        private final Arena arena = Arena.ofShared();
        private final MemorySegment[] buffers = new MemorySegment[BUFFERS];
        private final MethodHandle madvise;

        Own() {
            Linker linker = Linker.nativeLinker();
            madvise = linker.downcallHandle(
                    linker.defaultLookup().findOrThrow("madvise"),
                    FunctionDescriptor.of(
                            ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT));
            for (int i = 0; i < BUFFERS; i++) {
                buffers[i] = arena.allocate(SIZE + PAGE, PAGE).asSlice(0, SIZE);
                buffers[i].fill((byte) 1);
            }
        }

        @Override
        public RegistrationCache<AddressRange> cache() {
            return cache;
        }

        @Override
        public Lease<AddressRange> acquire(int buffer) {
            return cache.acquire(buffers[buffer]);
        }

        @Override
        public void change(int buffer, int page) {
            MemorySegment given = buffers[buffer].asSlice(page * PAGE, PAGE);
            try {
                if ((int) madvise.invokeExact(given, PAGE, MADV_DONTNEED) != 0) {
                    throw new IllegalStateException("madvise failed");
                }
            } catch (RuntimeException | Error e) {
                throw e;
            } catch (Throwable e) {
                throw new IllegalStateException(e);
            }
            given.fill((byte) 1);
        }

        @Override
        public void close() {
            cache.close();
            mmu.close();
            arena.close();
        }
    }

    private static final class Simulated implements Buffers {
        private final SimulatedKernel kernel = SimulatedKernel.builder().build();
        private final Mmu mmu = Mmu.simulated(kernel);
        private final SimulatedProcess process = kernel.spawn("sender");
        private final RegistrationCache<AddressRange> cache = RegistrationCache.builder(
                        mmu.subsystem(Subscriptions.SUBSYSTEM)
                                .get(mmu.process(process), RingOptions.none(), Filter.all()),
                        new Device())
                .build();
        private final AddressRange[] buffers = new AddressRange[BUFFERS];

        Simulated() {
            for (int i = 0; i < BUFFERS; i++) {
                long start = process.mmap(MapRequest.anonymous(SIZE + PAGE));
                buffers[i] = new AddressRange(start, start + SIZE);
                for (long address = start; address < start + SIZE; address += PAGE) {
                    process.write(address, (byte) 1);
                }
            }
        }

        @Override
        public RegistrationCache<AddressRange> cache() {
            return cache;
        }

        @Override
        public Lease<AddressRange> acquire(int buffer) {
            return cache.acquire(buffers[buffer]);
        }

        @Override
        public void change(int buffer, int page) {
            long address = buffers[buffer].start() + page * PAGE;
            process.madvise(address, PAGE, Advice.DONTNEED);
            process.write(address, (byte) 1);
        }

        @Override
        public void close() {
            cache.close();
            mmu.close();
        }
    }

    private final Random random = new Random(1);
    private @Nullable Buffers buffers;
    private int sends;

    private Buffers buffers() {
        return Objects.requireNonNull(buffers);
    }

    @Setup
    public void prepare() {
        buffers = owner == Owner.JVM ? new Own() : new Simulated();
        buffers.cache().setEnabled(caching == Caching.ON);
    }

    @Benchmark
    public AddressRange send(Made made) {
        if (++sends % SENDS_A_CHANGE == 0) {
            buffers().change(random.nextInt(BUFFERS), random.nextInt(PAGES));
        }
        try (Lease<AddressRange> lease = buffers().acquire(random.nextInt(BUFFERS))) {
            return lease.handle();
        }
    }

    @TearDown
    public void end() {
        buffers().close();
    }
}
