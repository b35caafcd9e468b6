// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Where anonymous pages go: {@code mm/swapfile.c}. A slot is counted once for each page table entry that names it, and once
 * by who fills it. Numbers of slots are given out once.
 */
final class Swap {
    private static final class Slot {
        final byte @Nullable [] content;
        int count = 1;

        Slot(byte @Nullable [] content) {
            this.content = content;
        }
    }

    private final ExclusiveLock lock;

    // Under the lock.
    private final Map<Long, Slot> slots = new HashMap<>();
    private long next = 1;

    Swap(Lockdep lockdep) {
        lock = new ExclusiveLock(lockdep, LockClass.SWAP);
    }

    /** {@code folio_alloc_swap()}, {@code swap_writepage()}: a slot with a page's content, counted once. */
    long store(byte @Nullable [] content) {
        lock.lock();
        try {
            long slot = next++;
            slots.put(slot, new Slot(content));
            return slot;
        } finally {
            lock.unlock();
        }
    }

    /** {@code swap_duplicate()}: one more entry names it. */
    void duplicate(long slot) {
        lock.lock();
        try {
            live(slot).count++;
        } finally {
            lock.unlock();
        }
    }

    /** {@code swap_free()}: one entry less names it. */
    void free(long slot) {
        lock.lock();
        try {
            if (--live(slot).count == 0) {
                slots.remove(slot);
            }
        } finally {
            lock.unlock();
        }
    }

    private Slot live(long slot) {
        Slot found = slots.get(slot);
        if (found == null) {
            throw new UseAfterFreeError("swap slot " + slot);
        }
        return found;
    }

    /** {@code swap_readpage()}: into a new frame; false if the slot was freed meanwhile. */
    boolean read(long slot, Frame into) {
        lock.lock();
        try {
            Slot found = slots.get(slot);
            if (found == null) {
                return false;
            }
            into.setBytes(found.content == null ? null : found.content.clone());
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** How many slots are in use. */
    int used() {
        lock.lock();
        try {
            return slots.size();
        } finally {
            lock.unlock();
        }
    }
}
