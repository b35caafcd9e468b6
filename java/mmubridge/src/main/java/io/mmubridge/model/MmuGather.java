// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import java.util.ArrayList;
import java.util.List;

/** What was unmapped and must not be freed before TLBs are flushed: {@code struct mmu_gather}. Of one thread. */
final class MmuGather {
    private final MmStruct mm;
    private final List<Frame> frames = new ArrayList<>();
    private long start = Long.MAX_VALUE;
    private long end;

    /** {@code tlb_gather_mmu()}. */
    MmuGather(MmStruct mm) {
        this.mm = mm;
    }

    /** {@code tlb_remove_tlb_entry()}: something of a range was mapped, and is not, or not as it was. */
    void changed(long from, long to) {
        start = Math.min(start, from);
        end = Math.max(end, to);
    }

    /** {@code tlb_remove_page()}: a reference, to be put. */
    void remove(Frame frame) {
        frames.add(frame);
    }

    /** {@code tlb_finish_mmu()}: flushes, then frees. A simulated processor has no TLB, secondary ones may have. */
    void finish() {
        if (start < end && mm.kernel().profile().secondaryTlbsAtFlush()) {
            MmuNotifier.invalidateRange(mm, start, end);
        }
        start = Long.MAX_VALUE;
        end = 0;
        frames.forEach(Frame::put);
        frames.clear();
    }
}
