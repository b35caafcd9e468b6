// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import io.mmubridge.Cause;
import java.util.List;

/** Makes frames free that somebody has: {@code mm/vmscan.c}, with one list where the kernel has four. */
final class Reclaim {
    /** {@code SWAP_CLUSTER_MAX}. */
    private static final int BATCH = 32;

    /** {@code DEF_PRIORITY}: how often all of the list may be looked at. */
    private static final int ROUNDS = 12;

    private final SimulatedKernel kernel;

    Reclaim(SimulatedKernel kernel) {
        this.kernel = kernel;
    }

    /**
     * {@code balance_pgdat()}, {@code do_try_to_free_pages()}: the first look makes a page old, another one takes it.
     *
     * @param wanted how many frames
     * @return how many were freed
     */
    int shrink(int wanted) {
        int freed = 0;
        for (int round = 0; round < ROUNDS && freed < wanted; round++) {
            int left = kernel.memory().lruSize();
            while (left > 0 && freed < wanted) {
                List<Frame> batch = kernel.memory().isolate(Math.min(BATCH, Math.min(left, wanted - freed)));
                if (batch.isEmpty()) {
                    break;
                }
                left -= batch.size();
                freed += shrinkList(batch, false);
            }
        }
        return freed;
    }

    /** {@code try_to_free_pages()}: of a thread that needs a frame now. */
    int direct() {
        int[] freed = {0};
        Activity.because(Cause.RECLAIM_DIRECT, () -> freed[0] = shrink(1));
        return freed[0];
    }

    /**
     * {@code shrink_folio_list()}: of frames that are on no list, with a reference to each, which is put.
     *
     * @return how many were freed
     */
    int shrinkList(List<Frame> frames, boolean ignoreReferences) {
        int freed = 0;
        for (Frame frame : frames) {
            if ((ignoreReferences || isOld(frame)) && free(frame)) {
                freed++;
            }
        }
        return freed;
    }

    /** {@code folio_check_references()}; one that stays is put back. */
    private boolean isOld(Frame frame) {
        int references = Rmap.referenced(frame);
        boolean before = frame.referenced;
        frame.referenced = references > 0;
        // PAGEREF_RECLAIM_CLEAN: one of a file that was used lately, and would have to be written.
        if (references > 0 || (before && frame.file != null && frame.dirty)) {
            putBack(frame);
            return false;
        }
        return true;
    }

    private boolean free(Frame frame) {
        SimulatedFile file = frame.file;
        if (!new Rmap.Unmapper(frame, kernel).run()) {
            putBack(frame);
            return false;
        }
        if (frame.isAnonymous()) {
            frame.put();
            return true;
        }
        if (file != null && file.removeMapping(frame)) {
            return true;
        }
        putBack(frame);
        return false;
    }

    /** {@code folio_putback_lru()}: if it is the last reference, it leaves the list again. */
    private void putBack(Frame frame) {
        kernel.memory().addLru(frame);
        frame.put();
    }
}
