// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.bench;

import io.mmubridge.model.Lockdep;
import io.mmubridge.model.Srcu;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.concurrent.locks.StampedLock;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** A read section with nothing in it, in one domain or under one lock for all threads, beside what it is made of. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 150, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 3, time = 100, timeUnit = TimeUnit.MILLISECONDS)
public class ReadSection {
    private final Srcu srcu = new Srcu(Lockdep.off(), failure -> {
        throw new IllegalStateException(failure);
    });
    private final ReentrantReadWriteLock.ReadLock readLock = new ReentrantReadWriteLock().readLock();
    private final StampedLock stampedLock = new StampedLock();

    /** Each thread's own, so that nobody contends for it. */
    @State(Scope.Thread)
    public static class Counters {
        @SuppressWarnings("UnusedVariable") // what it costs to write it is what counts
        private volatile long counter;

        private final AtomicLong atomic = new AtomicLong();
    }

    @Benchmark
    @SuppressWarnings("NonAtomicVolatileUpdate") // one thread's
    public void volatileIncrement(Counters counters) {
        counters.counter++;
    }

    @Benchmark
    public void atomicIncrement(Counters counters) {
        counters.atomic.getAndIncrement();
    }

    @Benchmark
    public void srcu() {
        srcu.readUnlock(srcu.readLock());
    }

    @Benchmark
    @SuppressWarnings("LockNotBeforeTry") // nothing in between can fail
    public void readWriteLock() {
        readLock.lock();
        readLock.unlock();
    }

    @Benchmark
    public void stampedLock() {
        stampedLock.unlockRead(stampedLock.readLock());
    }
}
