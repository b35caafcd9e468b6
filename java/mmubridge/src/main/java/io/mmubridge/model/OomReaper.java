// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

/** {@code __oom_reap_task_mm()} of {@code mm/oom_kill.c}. */
final class OomReaper {
    private OomReaper() {}

    /**
     * Takes the private memory of a process that is to die.
     *
     * @return false if a subscriber would have had to sleep, so that something was left
     */
    static boolean reap(MmStruct mm) {
        boolean all = true;
        mm.mmapLock().lockRead();
        try {
            // Who finds nothing from here on shall not take it for zeroes.
            mm.makeUnstable();
            for (VmArea vma : mm.vmas().all()) {
                if (vma.isAnonymous() || !vma.isShared()) {
                    all &= reap(vma);
                }
            }
        } finally {
            mm.mmapLock().unlockRead();
        }
        return all;
    }

    private static boolean reap(VmArea vma) {
        MmStruct mm = vma.mm();
        MmuNotifierEvent event =
                mm.kernel().profile().oomReapClears() ? MmuNotifierEvent.CLEAR : MmuNotifierEvent.UNMAP;
        MmuNotifierRange range = new MmuNotifierRange(mm, event, vma.start, vma.end, false);
        if (!MmuNotifier.invalidateRangeStartNonblock(range)) {
            return false;
        }
        MmuGather tlb = new MmuGather(mm);
        try {
            Unmap.range(tlb, vma, vma.start, vma.end, true);
        } finally {
            MmuNotifier.invalidateRangeEnd(range);
            tlb.finish();
        }
        return true;
    }
}
