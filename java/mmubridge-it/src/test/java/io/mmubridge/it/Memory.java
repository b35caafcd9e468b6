// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.it;

import io.mmubridge.AddressRange;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** A mapping of this JVM's own, made by mmap(2) and not by the JVM. */
final class Memory {
    private static final MethodHandle MMAP = handle(
            "mmap",
            FunctionDescriptor.of(
                    ValueLayout.ADDRESS,
                    ValueLayout.ADDRESS,
                    ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_INT,
                    ValueLayout.JAVA_INT,
                    ValueLayout.JAVA_INT,
                    ValueLayout.JAVA_LONG));
    private static final MethodHandle MUNMAP =
            handle("munmap", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_LONG));
    private static final MethodHandle MADVISE = handle(
            "madvise",
            FunctionDescriptor.of(
                    ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT));

    private static final long PAGE = 4096;
    private static final int PROT_READ_WRITE = 3;
    private static final int MAP_PRIVATE_ANONYMOUS = 0x22;
    private static final int MADV_DONTNEED = 4;

    private final MemorySegment segment;

    private Memory(MemorySegment segment) {
        this.segment = segment;
    }

    private static MethodHandle handle(String name, FunctionDescriptor descriptor) {
        Linker linker = Linker.nativeLinker();
        return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), descriptor);
    }

    /** Maps pages and writes to them, so that they are there. */
    static Memory map(long bytes) {
        try {
            MemorySegment address = (MemorySegment)
                    MMAP.invokeExact(MemorySegment.NULL, bytes, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0L);
            MemorySegment segment = address.reinterpret(bytes);
            segment.fill((byte) 1);
            return new Memory(segment);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    AddressRange range() {
        return AddressRange.of(segment);
    }

    /** Gives the pages back and keeps the addresses: one CLEAR, however often, once pages are there. */
    void discardAndTouch() {
        discard(segment);
        segment.fill((byte) 1);
    }

    private static void discard(MemorySegment segment) {
        try {
            check((int) MADVISE.invokeExact(segment, segment.byteSize(), MADV_DONTNEED));
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    private MemorySegment page(int number) {
        return segment.asSlice(number * PAGE, PAGE);
    }

    /** Gives a page back. */
    void discard(int page) {
        discard(page(page));
    }

    /** Writes to a page. */
    void write(int page) {
        page(page).fill((byte) 1);
    }

    /** Unmaps it. */
    void unmap() {
        try {
            check((int) MUNMAP.invokeExact(segment, segment.byteSize()));
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    private static void check(int result) {
        if (result != 0) {
            throw new AssertionError("the system call failed");
        }
    }
}
