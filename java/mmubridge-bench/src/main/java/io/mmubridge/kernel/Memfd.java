// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.kernel;

import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Path;
import org.jspecify.annotations.NullMarked;

/** Shared memory of a file without a name, in place of what the module would map: map_memfd() of native/bench/main.c. */
@NullMarked
final class Memfd {
    private Memfd() {}

    static MemorySegment map(long size) throws IOException {
        int descriptor = open();
        try (FileChannel file = FileChannel.open(Path.of("/proc/self/fd/" + descriptor), READ, WRITE)) {
            return file.map(MapMode.READ_WRITE, 0, size, Arena.ofAuto());
        } finally {
            KernelBackend.closeDescriptor(descriptor);
        }
    }

    private static int open() {
        Linker linker = Linker.nativeLinker();
        try (Arena arena = Arena.ofConfined()) {
            int descriptor = (int) linker.downcallHandle(
                            linker.defaultLookup().findOrThrow("memfd_create"),
                            FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_INT))
                    .invokeExact(arena.allocateFrom("bench"), 0);
            if (descriptor < 0) {
                throw new IllegalStateException("memfd_create failed");
            }
            return descriptor;
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }
}
