// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.simulated;

import io.mmubridge.AddressSpace;
import io.mmubridge.Capabilities;
import io.mmubridge.Capabilities.Feature;
import io.mmubridge.Filter;
import io.mmubridge.LaunchException;
import io.mmubridge.LaunchOption;
import io.mmubridge.MmuException;
import io.mmubridge.MmuStatistics;
import io.mmubridge.RingOptions;
import io.mmubridge.backend.Backend;
import io.mmubridge.backend.BackendLaunch;
import io.mmubridge.backend.BackendSubscription;
import io.mmubridge.model.MmStruct;
import io.mmubridge.model.SimulatedKernel;
import io.mmubridge.model.SimulatedProcess;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** A simulated machine, and no memory that is real. */
public final class ModelBackend implements Backend {
    private final SimulatedKernel kernel;
    private final String reason;
    private final Spaces spaces;
    private final Set<ModelSubscription> subscriptions = ConcurrentHashMap.newKeySet();
    private volatile boolean closed;

    /**
     * Opens a machine, which others may have open too.
     *
     * @param kernel the machine
     * @param reason why it is this
     */
    public ModelBackend(SimulatedKernel kernel, String reason) {
        this.kernel = kernel;
        this.reason = reason;
        this.spaces = Spaces.of(kernel);
    }

    @Override
    public String name() {
        return "model";
    }

    @Override
    public String reason() {
        return reason;
    }

    @Override
    public Optional<SimulatedKernel> simulatedKernel() {
        return Optional.of(kernel);
    }

    @Override
    public Capabilities capabilities() {
        checkOpen();
        return new Capabilities(
                "model of Linux " + kernel.profile().version(),
                0,
                Set.of(
                        Feature.WATCH,
                        Feature.SYNCHRONIZE,
                        Feature.CAUSE,
                        Feature.GUARD,
                        Feature.SHADOW,
                        Feature.ACCESS),
                "the model speaks of simulated processes alone",
                Spaces.LIMITS);
    }

    @Override
    public MmuStatistics statistics() {
        checkOpen();
        return spaces.counters().sums();
    }

    @Override
    public boolean synchronize(long timeoutNanos) {
        checkOpen();
        return spaces.synchronize(timeoutNanos);
    }

    @Override
    public List<String> frames(int stackId) {
        checkOpen();
        throw new MmuException(
                "The model has no stacks: each of its events has the number 0, and knows its cause itself.");
    }

    @Override
    public AddressSpace process(long pid) {
        throw Refusals.real("process " + pid + ", as any that is named by its number,");
    }

    @Override
    public BackendSubscription attach(String subsystem, AddressSpace space, RingOptions ring, Filter filter) {
        checkOpen();
        return attach(subsystem, mm(space), ring, filter);
    }

    ModelSubscription attach(String subsystem, MmStruct mm, RingOptions ring, Filter filter) {
        ModelSubscription subscription = ModelSubscription.attach(this, subsystem, mm, ring, filter);
        subscriptions.add(subscription);
        if (closed) {
            // close() may not have seen this one.
            subscription.close();
            throw new IllegalStateException("this Mmu was closed meanwhile");
        }
        return subscription;
    }

    @Override
    public BackendLaunch launch(List<String> command, boolean traced, Set<LaunchOption> options) {
        checkOpen();
        throw new LaunchException(
                LaunchException.Reason.SIMULATED,
                "The model starts no command: it speaks of simulated processes alone. " + Refusals.WAY_OUT);
    }

    private MmStruct mm(AddressSpace space) {
        return switch (space) {
            case AddressSpace.OfSimulatedProcess(SimulatedProcess process) -> mm(process);
            case AddressSpace.Self() -> throw Refusals.real("this JVM");
            case AddressSpace.OfProcess(ProcessHandle handle) -> throw Refusals.real("process " + handle.pid());
            case AddressSpace.OfPidfd(int pidfd) -> throw Refusals.real("what descriptor " + pidfd + " names");
            case AddressSpace.OfMemoryDescriptor(int descriptor) ->
                throw Refusals.real("what descriptor " + descriptor + " names");
        };
    }

    private MmStruct mm(SimulatedProcess process) {
        MmStruct mm = process.mm();
        if (mm == null) {
            throw Refusals.gone(process.toString());
        }
        if (!mm.kernel().equals(kernel)) {
            throw new IllegalArgumentException(
                    "The process " + process + " is one of another simulated machine than this Mmu is open on.");
        }
        return mm;
    }

    Spaces spaces() {
        return spaces;
    }

    void forget(ModelSubscription subscription) {
        subscriptions.remove(subscription);
    }

    private void checkOpen() {
        if (closed) {
            throw new IllegalStateException("this Mmu is closed");
        }
    }

    @Override
    public void close() {
        closed = true;
        subscriptions.forEach(ModelSubscription::close);
    }
}
