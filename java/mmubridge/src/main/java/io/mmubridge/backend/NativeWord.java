// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.backend;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;

/**
 * A word in native memory, by address. Whoever loads it has to know that it is mapped; nothing else checks that.
 *
 * <p>A check of a guard is to be this and little else. The way through a backend of one kind or another costs as much again.
 */
public final class NativeWord {
    /** A constant, so that its class, bounds and lifetime are known when the code is compiled. */
    private static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

    private static final VarHandle LONG = ValueLayout.JAVA_LONG.varHandle();

    /** What the address of a word in a process can be. */
    private static final long ADDRESSES = (1L << 56) - Long.BYTES;

    private NativeWord() {}

    /**
     * The same address, of which the compiler sees that no access there is out of bounds or not aligned, so that it leaves
     * out the checks.
     *
     * @param address a multiple of 8
     */
    public static long known(long address) {
        return address & ADDRESSES;
    }

    /**
     * The word, by an acquire load.
     *
     * @param address a multiple of 8
     */
    public static long loadAcquire(long address) {
        return (long) LONG.getAcquire(ALL, known(address));
    }
}
