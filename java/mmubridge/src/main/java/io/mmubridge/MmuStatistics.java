// SPDX-License-Identifier: Apache-2.0
package io.mmubridge;

/**
 * Counters of the whole module since it was loaded, over all users, subsystems and address spaces; or of a simulated machine.
 * They are summed over processors, so exact only while nothing runs.
 *
 * @param gets successful {@code mmu_notifier_get_locked()}
 * @param puts {@code mmu_notifier_put()}
 * @param allocations notifiers made, {@code alloc_notifier()}
 * @param frees notifiers freed, {@code free_notifier()}
 * @param liveSpaces notifiers made and not yet freed
 * @param invalidations {@code invalidate_range_start} callbacks
 * @param nonblockable of these, how many must not sleep
 * @param releases address spaces that went away, {@code mmu_notifier_ops.release()}
 * @param records written to rings, the marks of the stream included
 * @param lost events that found a ring full
 */
public record MmuStatistics(
        long gets,
        long puts,
        long allocations,
        long frees,
        long liveSpaces,
        long invalidations,
        long nonblockable,
        long releases,
        long records,
        long lost) {
    /**
     * References held now: a get that has not been put.
     *
     * @return gets without puts
     */
    public long users() {
        return gets - puts;
    }

    /**
     * What has happened since an earlier reading.
     *
     * @param earlier of the same module or machine
     * @return the difference of each counter; of {@link #liveSpaces()} it can be negative
     */
    public MmuStatistics since(MmuStatistics earlier) {
        return new MmuStatistics(
                gets - earlier.gets,
                puts - earlier.puts,
                allocations - earlier.allocations,
                frees - earlier.frees,
                liveSpaces - earlier.liveSpaces,
                invalidations - earlier.invalidations,
                nonblockable - earlier.nonblockable,
                releases - earlier.releases,
                records - earlier.records,
                lost - earlier.lost);
    }
}
