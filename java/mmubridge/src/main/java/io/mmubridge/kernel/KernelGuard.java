// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.kernel;

import io.mmubridge.InvalidationEvent;
import io.mmubridge.backend.BackendGuard;
import io.mmubridge.backend.NativeWord;
import io.mmubridge.ffi.mmubridge_h;
import java.lang.ref.Reference;
import org.jspecify.annotations.Nullable;

/** A slot of a {@link GuardTable}. */
final class KernelGuard implements BackendGuard {
    private final KernelSubscription subscription;
    private final GuardTable table;
    private final int slot;
    private final long address;

    /** Set under the table's lock, before the slot is given back and so before it can be another's. */
    private volatile boolean removed;

    KernelGuard(KernelSubscription subscription, GuardTable table, int slot) {
        this.subscription = subscription;
        this.table = table;
        this.slot = slot;
        address = table.wordAddress(slot);
    }

    @Override
    public long word() {
        try {
            return NativeWord.loadAcquire(address);
        } finally {
            // The table keeps the word mapped.
            Reference.reachabilityFence(table);
        }
    }

    @Override
    public long wordAddress() {
        return address;
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
