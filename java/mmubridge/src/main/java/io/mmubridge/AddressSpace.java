// SPDX-License-Identifier: Apache-2.0
package io.mmubridge;

import io.mmubridge.model.SimulatedProcess;

/**
 * Names an address space to subscribe to, the kernel's {@code struct mm_struct}. It is looked up at each
 * {@link Subsystem#get(AddressSpace)}; made by {@link Mmu#self()} and its siblings.
 */
public sealed interface AddressSpace {
    /** The one of this JVM. */
    record Self() implements AddressSpace {}

    /**
     * The one that a process has at the time of the get.
     *
     * @param handle names the process beyond reuse of its pid
     */
    record OfProcess(ProcessHandle handle) implements AddressSpace {}

    /**
     * The one that a process has at the time of the get.
     *
     * @param pidfd a descriptor of {@code pidfd_open(2)}, which stays the caller's
     */
    record OfPidfd(int pidfd) implements AddressSpace {}

    /**
     * The one that a descriptor names for good.
     *
     * @param descriptor of {@code /proc/PID/mem}, open for reading, which stays the caller's. Whoever could open it may
     *     attach, and may pass it to a process that could not
     */
    record OfMemoryDescriptor(int descriptor) implements AddressSpace {}

    /**
     * The one that a process of the model has at the time of the get. The kernel takes none of these, and the model no other.
     *
     * @param process of the same simulated machine
     */
    record OfSimulatedProcess(SimulatedProcess process) implements AddressSpace {}
}
