// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.simulated;

import io.mmubridge.MmuStatistics;
import java.util.concurrent.atomic.LongAdder;

/** Events of the whole machine, {@code struct mmub_counters}; {@link MmuStatistics} says what each counts. */
final class Counters {
    final LongAdder gets = new LongAdder();
    final LongAdder puts = new LongAdder();
    final LongAdder allocations = new LongAdder();
    final LongAdder frees = new LongAdder();
    final LongAdder liveSpaces = new LongAdder();
    final LongAdder invalidations = new LongAdder();
    final LongAdder nonblockable = new LongAdder();
    final LongAdder releases = new LongAdder();
    final LongAdder records = new LongAdder();
    final LongAdder lost = new LongAdder();

    MmuStatistics sums() {
        return new MmuStatistics(
                gets.sum(),
                puts.sum(),
                allocations.sum(),
                frees.sum(),
                liveSpaces.sum(),
                invalidations.sum(),
                nonblockable.sum(),
                releases.sum(),
                records.sum(),
                lost.sum());
    }
}
