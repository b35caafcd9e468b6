// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Objects;

/** A simulated machine with lockdep on, which is checked when it is closed. */
final class Machine implements AutoCloseable {
    static final long PAGE = PageTable.PAGE_SIZE;
    static final long MIB_2 = PageTable.PMD_SIZE;
    static final int HUGE = PageTable.ENTRIES;

    /** Where tests map what they want to compute with. */
    static final long BASE = 0x4000_0000L;

    private final SimulatedKernel kernel;

    Machine() {
        this(KernelProfile.LINUX_6_1, 1 << 16);
    }

    Machine(KernelProfile profile, int frames) {
        kernel = SimulatedKernel.builder()
                .profile(profile)
                .frames(frames)
                .lockdep(Lockdep.on())
                .build();
    }

    static List<KernelProfile> profiles() {
        return List.of(KernelProfile.LINUX_6_1, KernelProfile.LINUX_6_12, KernelProfile.LINUX_7_3);
    }

    SimulatedKernel kernel() {
        return kernel;
    }

    SimulatedProcess spawn() {
        return kernel.spawn("test");
    }

    static MmStruct space(SimulatedProcess process) {
        return Objects.requireNonNull(process.mm());
    }

    /** Private anonymous pages at the base. */
    static long map(SimulatedProcess process, int pages) {
        return process.mmap(MapRequest.anonymous(pages * PAGE).at(BASE));
    }

    static long mapHuge(SimulatedProcess process, int leaves) {
        return process.mmap(MapRequest.anonymous(leaves * MIB_2).at(BASE).withHugePages());
    }

    /** Writes to each of them. */
    static void touch(SimulatedProcess process, long address, int pages) {
        for (int i = 0; i < pages; i++) {
            process.write(address + i * PAGE, (byte) (i + 1));
        }
    }

    /** That nothing is left when all have exited. */
    @Override
    public void close() {
        assertThat(Invariants.check(kernel)).isEmpty();
        kernel.lockdep().assertNothingHeld();
        kernel.processes().forEach(SimulatedProcess::exit);
        assertThat(Invariants.check(kernel)).isEmpty();
        assertThat(kernel.memory().tables()).as("page tables").isZero();
        assertThat(kernel.swapUsed()).as("swap").isZero();
        kernel.lockdep().assertNothingHeld();
        assertThat(kernel.failures()).isEmpty();
    }
}
