// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.kernel;

import io.mmubridge.backend.BackendShadow;
import io.mmubridge.backend.NativeWord;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.lang.ref.Reference;

/** The words of a shadow, in memory that stays mapped while this can be reached. */
abstract class MappedShadow implements BackendShadow {
    private static final VarHandle WORD = ValueLayout.JAVA_LONG.varHandle();

    // Where the kernel writes.
    private final long chunks;
    private final long states;

    /** 0 where PFNs are not for this process. */
    private final long pfns;

    /** By the addresses of the arrays. */
    MappedShadow(long chunks, long states, long pfns) {
        this.chunks = chunks;
        this.states = states;
        this.pfns = pfns;
    }

    @Override
    public final boolean hasFrames() {
        return pfns != 0;
    }

    @Override
    public final long stateAcquire(int page) {
        try {
            return NativeWord.loadAcquire(states + (long) page * Long.BYTES);
        } finally {
            // It keeps the word mapped.
            Reference.reachabilityFence(this);
        }
    }

    @Override
    public final long state(int page) {
        return word(states + (long) page * Long.BYTES);
    }

    @Override
    public final long frame(int page) {
        return word(pfns + (long) page * Long.BYTES);
    }

    @Override
    public final long dropped(int chunk) {
        return word(chunks + (long) chunk * Long.BYTES);
    }

    /** Any word of what is mapped, without an order. */
    final long word(long address) {
        try {
            return (long) WORD.getOpaque(Memory.ALL, NativeWord.known(address));
        } finally {
            Reference.reachabilityFence(this);
        }
    }
}
