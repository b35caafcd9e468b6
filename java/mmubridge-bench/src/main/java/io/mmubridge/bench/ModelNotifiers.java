// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.bench;

import io.mmubridge.model.MmStruct;
import io.mmubridge.model.MmuNotifier;
import io.mmubridge.model.MmuNotifierEvent;
import io.mmubridge.model.MmuNotifierOps;
import io.mmubridge.model.MmuNotifierRange;
import io.mmubridge.model.SimulatedKernel;

/** The model's, as it is in use: without checks of the order of locks. */
final class ModelNotifiers implements Notifiers<MmuNotifier> {
    private static final long PAGE = 4096;

    private final SimulatedKernel kernel = SimulatedKernel.builder().build();
    private final MmuNotifierOps[] subsystems;
    private final MmStruct[] spaces;

    ModelNotifiers(int subsystems, int spaces, Callbacks callbacks) {
        this.subsystems = new MmuNotifierOps[subsystems];
        for (int i = 0; i < subsystems; i++) {
            this.subsystems[i] = MmuNotifierOps.builder("subsystem " + i)
                    .notifiers(mm -> new MmuNotifier(), notifier -> callbacks.freed())
                    .invalidateRangeStart((notifier, range) -> {
                        callbacks.invalidated();
                        return true;
                    })
                    .build();
        }
        this.spaces = new MmStruct[spaces];
        for (int i = 0; i < spaces; i++) {
            this.spaces[i] = new MmStruct(kernel);
        }
    }

    @Override
    public MmuNotifier get(int subsystem, int space) {
        return MmuNotifier.get(subsystems[subsystem], spaces[space]);
    }

    @Override
    public void put(MmuNotifier notifier) {
        MmuNotifier.put(notifier);
    }

    /** The start alone, since the others have no end either: one walk over the list, in one section. */
    @Override
    public void invalidate(int space) {
        MmuNotifier.invalidateRangeStart(MmuNotifierRange.of(spaces[space], MmuNotifierEvent.UNMAP, PAGE, 2 * PAGE));
    }

    @Override
    public void drain() {
        try {
            kernel.srcu().barrier();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while notifiers were being freed", e);
        }
        if (!kernel.failures().isEmpty()) {
            throw new IllegalStateException("the model failed: " + kernel.failures());
        }
    }
}
