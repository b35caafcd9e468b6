// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.kernel;

import io.mmubridge.InvalidationEvent;
import io.mmubridge.ffi.mmub_guard;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.NullMarked;
import org.jspecify.annotations.Nullable;

/**
 * A slot in a memfd: what native/bench/guard.c has in C. {@link KernelGuard} reads its word the same way.
 *
 * <p>Here, among classes that are hidden elsewhere.
 */
@NullMarked
public final class MemoryGuard extends MappedGuard {
    private MemoryGuard(MemorySegment slots, int slot) {
        super(slots, slots.address() + slot * mmub_guard.sizeof() + mmub_guard.word$offset());
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
