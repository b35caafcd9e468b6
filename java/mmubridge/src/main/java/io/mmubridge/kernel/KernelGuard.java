// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.kernel;

import io.mmubridge.InvalidationEvent;
import io.mmubridge.ffi.mmubridge_h;
import org.jspecify.annotations.Nullable;

/** A slot of a {@link GuardTable}. */
final class KernelGuard extends MappedGuard {
    private final KernelSubscription subscription;
    private final GuardTable table;
    private final int slot;

    /** Set under the table's lock, before the slot is given back and so before it can be another's. */
    private volatile boolean removed;

    KernelGuard(KernelSubscription subscription, GuardTable table, int slot) {
        super(table, table.wordAddress(slot));
        this.subscription = subscription;
        this.table = table;
        this.slot = slot;
    }

    @Override
    public boolean isEnded() {
        return removed || (word() & mmubridge_h.MMUB_GUARD_ENDED()) != 0;
    }

    @Override
    public InvalidationEvent.@Nullable Snapshot invalidation() {
        return subscription.ifOpen(() -> {
            synchronized (table) {
                return removed ? null : table.event(slot);
            }
        });
    }

    @Override
    public void remove() {
        subscription.ifOpen(() -> {
            synchronized (table) {
                if (!removed) {
                    removed = true;
                    table.remove(slot);
                }
                return null;
            }
        });
    }
}
