// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.bench;

import static io.mmubridge.ffi.mmubridge_h.mmub_attach;
import static io.mmubridge.ffi.mmubridge_h.mmub_detach;
import static io.mmubridge.ffi.mmubridge_h.mmub_mem_open;
import static io.mmubridge.ffi.mmubridge_h.mmub_open;
import static io.mmubridge.ffi.mmubridge_h.mmub_synchronize;

import io.mmubridge.ffi.NativeLibrary;
import io.mmubridge.ffi.mmub_attach;
import io.mmubridge.ffi.mmubridge_h;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * A get and its put, nothing around them: get_and_put() of native/bench/watch.c. A descriptor attaches once, so each
 * shot has a supply of them.
 */
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 60, batchSize = GetPut.PAIRS)
@Measurement(iterations = 9, batchSize = GetPut.PAIRS)
public class GetPut {
    static final int PAIRS = 200;

    /**
     * The process to watch, and descriptors that wait for being attached to it. Of the benchmark: of a state of the thread
     * JMH would make one for the method and one more for {@link Holder}.
     */
    @State(Scope.Benchmark)
    public static class Descriptors {
        private final Arena arena = Arena.ofAuto();
        private final Target target;
        private final MemorySegment name;
        private final MemorySegment attached = mmub_attach.allocate(arena);
        private final int memory;
        private final int device;
        private final int[] descriptors = new int[PAIRS];
        private int next;

        public Descriptors() {
            NativeLibrary.require();
            try {
                target = Target.start();
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
            name = arena.allocateFrom(Subscriptions.SUBSYSTEM);
            memory = check(mmub_mem_open(Math.toIntExact(target.pid())));
            device = check(mmub_open(MemorySegment.NULL));
        }

        @Setup(Level.Iteration)
        public void open() {
            for (int i = 0; i < PAIRS; i++) {
                descriptors[i] = check(mmub_open(MemorySegment.NULL));
            }
            next = 0;
        }

        @TearDown(Level.Iteration)
        public void close() {
            for (int descriptor : descriptors) {
                check(mmubridge_h.close(descriptor));
            }
            check(mmub_synchronize(device, 0));
        }

        @TearDown
        public void end() throws IOException {
            check(mmubridge_h.close(device));
            check(mmubridge_h.close(memory));
            target.close();
        }

        void attach(int descriptor, int shared) {
            check(mmub_attach(descriptor, name, memory, 0, attached));
            if (mmub_attach.shared(attached) != shared) {
                throw new IllegalStateException("the notifier is shared where it must be new, or new where shared");
            }
        }

        void attachAndDetach(int shared) {
            int descriptor = descriptors[next++];
            attach(descriptor, shared);
            check(mmub_detach(descriptor));
        }

        private static int check(int result) {
            if (result < 0) {
                throw new IllegalStateException("error " + -result + " from the library");
            }
            return result;
        }
    }

    /** A subscription with which all others share their notifier. */
    @State(Scope.Benchmark)
    public static class Holder {
        private int descriptor;

        @Setup
        public void hold(Descriptors descriptors) {
            descriptor = Descriptors.check(mmub_open(MemorySegment.NULL));
            descriptors.attach(descriptor, 0);
        }

        @TearDown
        public void release() {
            Descriptors.check(mmubridge_h.close(descriptor));
        }
    }

    @Benchmark
    public void newNotifier(Descriptors descriptors) {
        descriptors.attachAndDetach(0);
    }

    @Benchmark
    public void sharedNotifier(Descriptors descriptors, Holder holder) {
        descriptors.attachAndDetach(1);
    }
}
