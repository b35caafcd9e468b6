// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.simulated;

import io.mmubridge.AddressRange;
import io.mmubridge.EventType;
import io.mmubridge.MmuException;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.function.Consumer;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;

/** The slots of one subscription: {@code MMUB_IOC_GUARD_SETUP}. Its methods are called under the subscription's lock. */
final class GuardTable {
    private final int limit;
    private final boolean causes;
    private final IntSupplier shadowed;
    private final Consumer<ModelGuard> remover;

    /** Words by slot, which readers load without any lock; made for the first guard. */
    private @Nullable AtomicLongArray page;

    /** How many slots were ever had: these have words to start above. */
    private int used;

    private final Deque<Integer> free = new ArrayDeque<>();
    private final Map<Integer, ModelGuard> guards = new HashMap<>();

    /**
     * A table whose slots are free.
     *
     * @param limit how many slots it has
     * @param causes whether guards keep causes
     * @param shadowed how many pages the event that is told has taken from the subscription's shadows
     * @param remover what a guard that is to be removed calls, without the lock
     */
    GuardTable(int limit, boolean causes, IntSupplier shadowed, Consumer<ModelGuard> remover) {
        this.limit = limit;
        this.causes = causes;
        this.shadowed = shadowed;
        this.remover = remover;
    }

    /** A guard in a free slot, which is to be inserted into its space. */
    ModelGuard take(AddressRange range, Set<EventType> ignored) {
        AtomicLongArray words = page;
        if (words == null) {
            words = new AtomicLongArray(limit);
            page = words;
        }
        Integer slot = free.poll();
        if (slot == null) {
            if (used == limit) {
                throw new MmuException("The subscription has as many guards as it may have, " + limit
                        + ". Close some, or guard several ranges as one.");
            }
            slot = used++;
        }
        ModelGuard guard = new ModelGuard(words, slot, range, ignored, causes, shadowed, remover);
        guards.put(slot, guard);
        return guard;
    }

    /** Whether the slot is the guard's still. */
    boolean has(ModelGuard guard) {
        return guards.get(guard.slot()) == guard;
    }

    /** Gives the slot of a guard back that is in no space any more. */
    void giveBack(ModelGuard guard) {
        guards.remove(guard.slot());
        guard.forget();
        free.push(guard.slot());
    }

    Collection<ModelGuard> guards() {
        return guards.values();
    }
}
