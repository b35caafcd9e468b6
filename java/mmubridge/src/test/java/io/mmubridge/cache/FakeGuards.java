// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cache;

import io.mmubridge.AddressRange;
import io.mmubridge.EventType;
import io.mmubridge.Guard;
import io.mmubridge.GuardAccess;
import io.mmubridge.InvalidationEvent;
import io.mmubridge.backend.BackendGuard;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Guards of ranges that a test invalidates, of whatever memory, which is none of theirs. */
final class FakeGuards {
    private final List<Slot> slots = new ArrayList<>();
    private boolean busy;

    private final class Slot implements BackendGuard {
        final AddressRange range;
        private volatile long word;
        private volatile boolean ended;

        Slot(AddressRange range, boolean odd) {
            this.range = range;
            word = odd ? 3 : 2;
        }

        void invalidate() {
            word = (word | 1) + 1;
        }

        @Override
        public long word() {
            return word;
        }

        @Override
        public boolean isEnded() {
            return ended;
        }

        @Override
        public InvalidationEvent.@Nullable Snapshot invalidation() {
            return null;
        }

        @Override
        public void remove() {
            synchronized (FakeGuards.this) {
                if (!ended) {
                    word |= 1;
                    ended = true;
                    slots.remove(this);
                }
            }
        }
    }

    /** What a subscription does. */
    synchronized Guard guard(AddressRange range, Set<EventType> ignored) {
        Slot slot = new Slot(range, busy);
        slots.add(slot);
        return GuardAccess.of(slot, range);
    }

    synchronized void invalidate(AddressRange range) {
        for (Slot slot : slots) {
            if (slot.range.overlaps(range.start(), range.end())) {
                slot.invalidate();
            }
        }
    }

    /** Whether an invalidation is in flight wherever guards are made from now on. */
    synchronized void busy(boolean newBusy) {
        busy = newBusy;
    }

    synchronized int size() {
        return slots.size();
    }
}
