// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.stress;

import io.mmubridge.model.MmStruct;
import io.mmubridge.model.MmuNotifier;
import io.mmubridge.model.MmuNotifierEvent;
import io.mmubridge.model.MmuNotifierRange;
import io.mmubridge.model.SimulatedKernel;

/** A kernel with one address space. SRCU callbacks run on the thread that calls for them, or that runs others. */
class Machine {
    static final long PAGE = 0x1000;

    private static final int FRAMES = 1;

    final SimulatedKernel kernel =
            SimulatedKernel.builder().frames(FRAMES).srcuExecutor(Runnable::run).build();
    final MmStruct mm = new MmStruct(kernel);

    final MmuNotifierRange range(long firstPage, long pages) {
        return MmuNotifierRange.of(mm, MmuNotifierEvent.CLEAR, firstPage * PAGE, (firstPage + pages) * PAGE);
    }

    final void invalidate(MmuNotifierRange range, Runnable change) {
        MmuNotifier.invalidateRangeStart(range);
        change.run();
        MmuNotifier.invalidateRangeEnd(range);
    }

    /** Asks every notifier, with no lock that keeps registrations out. */
    final void ask() {
        MmuNotifier.clearYoung(mm, 0, PAGE);
    }
}
