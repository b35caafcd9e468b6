// SPDX-License-Identifier: Apache-2.0
package io.mmubridge;

import io.mmubridge.backend.Backend;
import io.mmubridge.kernel.KernelBackend;
import io.mmubridge.model.SimulatedKernel;
import io.mmubridge.model.SimulatedProcess;
import io.mmubridge.simulated.ModelBackend;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/**
 * The way to mmu notifiers: the kernel's, through an open {@code /dev/mmubridge}, or a simulated machine's.
 *
 * {@snippet lang = java :
 * try (Mmu mmu = Mmu.openKernel();
 *         Subscription subscription = mmu.subsystem("rdma").get(mmu.self())) {
 *     subscription.events().drain(event -> System.out.println(event.copy()));
 * }
 * }
 *
 * <p>Every method but {@link #close()} throws {@link IllegalStateException} after it.
 */
public final class Mmu implements AutoCloseable {
    private final Backend backend;

    Mmu(Backend backend) {
        this.backend = backend;
    }

    /**
     * Opens the kernel's where that can be, else a new simulated machine. {@link #backend()} says which, and
     * {@link #reason()} why: the model is good for seeing how things work, and says nothing of any real process. Whoever
     * relies on what is real takes {@link #openKernel()}.
     *
     * @return the open device, or as {@link #simulated()}
     */
    public static Mmu open() {
        try {
            return openKernel();
        } catch (MmuUnavailableException e) {
            return new Mmu(new ModelBackend(SimulatedKernel.builder().build(), Objects.requireNonNull(e.getMessage())));
        }
    }

    /**
     * Opens {@code /dev/mmubridge}.
     *
     * @return the open device
     * @throws MmuUnavailableException if the module is not loaded, this user has no permission on the device, the versions
     *     do not fit, or this JVM may not call native code
     */
    public static Mmu openKernel() {
        return open(Path.of("/dev/mmubridge"));
    }

    /**
     * Opens the device where a container, say, has it under another name.
     *
     * @param device the module's character device
     * @return the open device
     * @throws MmuUnavailableException as {@link #openKernel()} does, or if it is something else
     */
    public static Mmu open(Path device) {
        return new Mmu(KernelBackend.open(device));
    }

    /**
     * Opens a new simulated machine, which needs neither the module nor native access:
     *
     * {@snippet lang = java :
     * try (Mmu mmu = Mmu.simulated()) {
     *     SimulatedProcess process = mmu.simulatedKernel().orElseThrow().spawn("subject");
     *     Subscription subscription = mmu.subsystem("rdma").get(mmu.process(process));
     *     // What the process does to its memory from here on, the subscription is told.
     * }
     * }
     *
     * <p>The model never vouches for what is real: it takes no process, no command and no native memory of this machine.
     *
     * @return the machine, whose processes are to be had of {@link #simulatedKernel()}
     */
    public static Mmu simulated() {
        return simulated(SimulatedKernel.builder().build());
    }

    /**
     * Opens a simulated machine. Whoever opens the same shares its subsystems.
     *
     * @param kernel the machine, which outlives this
     * @return the way to it
     */
    public static Mmu simulated(SimulatedKernel kernel) {
        return new Mmu(new ModelBackend(kernel, "a simulated machine was asked for"));
    }

    /**
     * What stands behind this.
     *
     * @return {@code kernel} or {@code model}
     */
    public String backend() {
        return backend.name();
    }

    /**
     * Why that backend was taken.
     *
     * @return a sentence for people
     */
    public String reason() {
        return backend.reason();
    }

    /**
     * The simulated machine, where that is what stands behind this.
     *
     * @return the machine; empty if it is the kernel
     */
    public Optional<SimulatedKernel> simulatedKernel() {
        return backend.simulatedKernel();
    }

    /**
     * What it can do.
     *
     * @return as asked for now: limits can be moved while the module is loaded
     */
    public Capabilities capabilities() {
        return backend.capabilities();
    }

    /**
     * The counters of the whole module, or of the simulated machine.
     *
     * @return their values now
     */
    public MmuStatistics statistics() {
        return backend.statistics();
    }

    /**
     * The address space of this JVM.
     *
     * @return its name
     */
    public AddressSpace self() {
        return new AddressSpace.Self();
    }

    /**
     * The address space of a process.
     *
     * @param pid as this JVM's {@code /proc} names it
     * @return its name
     * @throws AttachException if there is no such process, or this is the model
     */
    public AddressSpace process(long pid) {
        return backend.process(pid);
    }

    /**
     * The address space of a process.
     *
     * @param handle the process
     * @return its name
     */
    public AddressSpace process(ProcessHandle handle) {
        return new AddressSpace.OfProcess(handle);
    }

    /**
     * The address space of a process.
     *
     * @param pidfd a descriptor of {@code pidfd_open(2)}, which stays the caller's
     * @return its name
     */
    public AddressSpace pidfd(int pidfd) {
        return new AddressSpace.OfPidfd(pidfd);
    }

    /**
     * The address space of a simulated process.
     *
     * @param process of {@link #simulatedKernel()}
     * @return its name
     */
    public AddressSpace process(SimulatedProcess process) {
        return new AddressSpace.OfSimulatedProcess(process);
    }

    /**
     * A key: who wants to know.
     *
     * <p>Subscriptions of one subsystem on one address space share one notifier of the kernel. Names belong to the user who
     * opened the device: another user's subsystem of the same name is another one. The module binds one of its
     * {@code struct mmu_notifier_ops} to the name while it has subscriptions.
     *
     * @param name 1 to 31 of the characters A-Z, a-z, 0-9, dot, underscore and hyphen
     * @return the subsystem
     * @throws IllegalArgumentException if the name is not such
     */
    public Subsystem subsystem(String name) {
        return new Subsystem(backend, name);
    }

    /**
     * Starts a command and stops it at its first instruction, so that it can be subscribed to before it has done anything.
     * It has this JVM's environment, directory, and standard input, output and error.
     *
     * @param command a program, looked up in {@code PATH}, and its arguments
     * @param options what is not as ever
     * @return the stopped command
     * @throws LaunchException if there is no such program, or it cannot be executed, or this process may not stop it
     */
    public Launch launch(List<String> command, LaunchOption... options) {
        return new Launch(backend.launch(command, true, Set.copyOf(List.of(options))));
    }

    /**
     * Starts a command without stopping it, for where that is {@link LaunchException.Reason#NOT_TRACEABLE}. It runs already:
     * what it does before the get is missed, and it may have ended, which the get says as
     * {@link AttachException.Reason#GONE}. It is not started if its memory could not be subscribed to.
     *
     * @param command as for {@link #launch}
     * @param options likewise
     * @return the command, which cannot be followed
     * @throws LaunchException if there is no such program, or it cannot be executed or watched
     */
    public Launch launchUntraced(List<String> command, LaunchOption... options) {
        return new Launch(backend.launch(command, false, Set.copyOf(List.of(options))));
    }

    /**
     * The kernel's stack of an event, the callback first, each frame as the kernel prints it: function, offset, size, module.
     *
     * @param stackId see {@link InvalidationEvent#stackId()}
     * @return its frames
     * @throws MmuException if there is no such stack, or whoever opened the device had no {@code CAP_SYS_ADMIN} in the
     *     initial user namespace
     */
    public List<String> frames(int stackId) {
        return backend.frames(stackId);
    }

    /**
     * Waits until every notifier whose last reference was put before this call has been freed: the kernel's
     * {@code mmu_notifier_synchronize()}, and then for each {@code free_notifier()}. An interrupt does not end it.
     */
    public void synchronize() {
        boolean done = backend.synchronize(0);
        assert done : "without a deadline there is none to miss";
    }

    /**
     * The same, with a limit.
     *
     * @param timeout more than zero
     * @return false if time ran out
     * @throws IllegalArgumentException if {@code timeout} is zero or less
     */
    public boolean synchronize(Duration timeout) {
        long nanos = Durations.toNanos(timeout);
        if (nanos <= 0) {
            throw new IllegalArgumentException("timeout must be more than zero, not " + timeout);
        }
        return backend.synchronize(nanos);
    }

    /** Closes every subscription made from here, and the device. Does nothing the second time. */
    @Override
    public void close() {
        backend.close();
    }
}
