// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.backend;

import io.mmubridge.AddressSpace;
import io.mmubridge.Capabilities;
import io.mmubridge.Filter;
import io.mmubridge.LaunchOption;
import io.mmubridge.MmuStatistics;
import io.mmubridge.RingOptions;
import io.mmubridge.model.SimulatedKernel;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** What stands behind {@link io.mmubridge.Mmu}, whose documentation is the contract. */
public interface Backend extends AutoCloseable {
    /** One word. */
    String name();

    /** Why this one was taken, a sentence. */
    String reason();

    /** The simulated machine that it speaks of, if that is what it does. */
    Optional<SimulatedKernel> simulatedKernel();

    /** What it can do. */
    Capabilities capabilities();

    /** Its counters. */
    MmuStatistics statistics();

    /**
     * Waits for notifiers that were put to be freed.
     *
     * @param timeoutNanos 0 for no limit
     * @return false if time ran out
     */
    boolean synchronize(long timeoutNanos);

    /** The frames of a stack. */
    List<String> frames(int stackId);

    /** The address space of a process of this machine. */
    AddressSpace process(long pid);

    /** Makes a subscription. */
    BackendSubscription attach(String subsystem, AddressSpace space, RingOptions ring, Filter filter);

    /**
     * Starts a command.
     *
     * @param traced whether to stop it at its first instruction
     */
    BackendLaunch launch(List<String> command, boolean traced, Set<LaunchOption> options);

    @Override
    void close();
}
