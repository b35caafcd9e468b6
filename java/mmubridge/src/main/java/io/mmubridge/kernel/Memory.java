// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.kernel;

import io.mmubridge.backend.NativeWord;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** The memory of this process. */
final class Memory {
    /**
     * All of it, by address. Whoever uses this has to know that the memory is mapped and stays so meanwhile; nothing else
     * checks that.
     *
     * <p>It is for what is read again and again. The class, the bounds and the lifetime of a constant are known when the
     * code is compiled, and an access becomes the machine's own. Of a segment in a field none of them is, and the profile
     * of what is called to find them out is shared with all other code in the JVM: once that has used segments of several
     * classes, an access is a row of virtual calls.
     */
    static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

    private Memory() {}

    /**
     * A long of a structure.
     *
     * @param address of the structure, a multiple of 8
     * @param offset best a constant
     */
    static long getLong(long address, long offset) {
        return ALL.get(ValueLayout.JAVA_LONG, NativeWord.known(address) + offset);
    }

    /** An int of a structure, likewise. */
    static int getInt(long address, long offset) {
        return ALL.get(ValueLayout.JAVA_INT, NativeWord.known(address) + offset);
    }
}
