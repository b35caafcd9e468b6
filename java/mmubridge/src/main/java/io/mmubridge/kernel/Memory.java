// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.kernel;

import java.lang.foreign.MemorySegment;

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
}
