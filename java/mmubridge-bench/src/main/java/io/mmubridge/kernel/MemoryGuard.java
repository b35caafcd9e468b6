// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.kernel;

import io.mmubridge.InvalidationEvent;
import io.mmubridge.backend.BackendGuard;
import io.mmubridge.backend.NativeWord;
import io.mmubridge.ffi.mmub_guard;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.NullMarked;
import org.jspecify.annotations.Nullable;

/**
 * A slot in a memfd: what native/bench/guard.c has in C. {@link KernelGuard} is like it.
 *
 * <p>Here, among classes that are hidden elsewhere.
 */
@NullMarked
public final class MemoryGuard implements BackendGuard {
    private final MemorySegment slots;
    private final long address;

    private MemoryGuard(MemorySegment slots, int slot) {
        this.slots = slots;
        address = slots.address() + slot * mmub_guard.sizeof() + mmub_guard.word$offset();
        mmub_guard.word(slots.asSlice(slot * mmub_guard.sizeof()), 2 * (slot + 1L));
    }

    /** Makes slots with even words. */
    public static List<MemoryGuard> map(int count) throws IOException {
        MemorySegment slots = Memfd.map(count * mmub_guard.sizeof());
        List<MemoryGuard> guards = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            guards.add(new MemoryGuard(slots, i));
        }
        return guards;
    }

    @Override
    public long word() {
        try {
            return NativeWord.loadAcquire(address);
        } finally {
            Reference.reachabilityFence(slots);
        }
    }

    @Override
    public long wordAddress() {
        return address;
    }

    @Override
    public boolean isEnded() {
        return false;
    }

    @Override
    public InvalidationEvent.@Nullable Snapshot invalidation() {
        return null;
    }

    @Override
    public void remove() {}
}
