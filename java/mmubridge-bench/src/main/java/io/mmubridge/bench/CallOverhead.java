// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.bench;

import static io.mmubridge.ffi.mmubridge_h.EBADF;
import static io.mmubridge.ffi.mmubridge_h.mmub_detach;
import static io.mmubridge.ffi.mmubridge_h.mmub_version;

import io.mmubridge.ffi.NativeLibrary;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** Calling libmmubridge, which does next to nothing here: native/bench/call.c. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 300, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 300, timeUnit = TimeUnit.MILLISECONDS)
public class CallOverhead {
    @Setup
    public void load() {
        NativeLibrary.require();
    }

    @Benchmark
    public long empty() {
        return mmub_version().address();
    }

    @Benchmark
    public void ioctl() {
        if (mmub_detach(-1) != -EBADF()) {
            throw new IllegalStateException("an ioctl of no descriptor has not failed as it must");
        }
    }
}
