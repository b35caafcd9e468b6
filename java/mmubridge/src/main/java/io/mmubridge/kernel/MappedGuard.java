// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.kernel;

import io.mmubridge.backend.BackendGuard;
import io.mmubridge.backend.NativeWord;
import java.lang.ref.Reference;

/** The word of a guard, in memory that stays mapped while something can be reached. */
abstract class MappedGuard implements BackendGuard {
    private final Object mapping;
    private final long address;

    /** By what keeps the word mapped, and its address. */
    MappedGuard(Object mapping, long address) {
        this.mapping = mapping;
        this.address = address;
    }

    @Override
    public final long word() {
        try {
            return NativeWord.loadAcquire(address);
        } finally {
            Reference.reachabilityFence(mapping);
        }
    }

    @Override
    public final long wordAddress() {
        return address;
    }
}
