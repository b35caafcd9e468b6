// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.kernel;

import static io.mmubridge.ffi.mmubridge_h.*;

import io.mmubridge.AddressSpace;
import io.mmubridge.model.SimulatedProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The descriptor of {@code /proc/PID/mem} that names an address space to the module. To open it is where the kernel
 * checks, {@code mm_access(PTRACE_MODE_ATTACH)}; it is needed for the attach alone. Whether it is open for writing decides
 * whether shadows may write. Who may read may write, as far as that check goes; where something else forbids it, such as
 * a {@code /proc} that is mounted read-only, the descriptor is for reading.
 *
 * @param number the descriptor, or -1 for this process's own address space
 * @param owned whether to close it
 */
record MemoryDescriptor(int number, boolean owned) implements AutoCloseable {
    private static final int SELF = -1;

    static MemoryDescriptor open(AddressSpace space) {
        return switch (space) {
            case AddressSpace.Self() -> new MemoryDescriptor(SELF, false);
            case AddressSpace.OfMemoryDescriptor(int descriptor) -> borrowed(descriptor);
            case AddressSpace.OfProcess(ProcessHandle handle) -> ofProcess(handle);
            case AddressSpace.OfPidfd(int pidfd) -> ofPidfd(pidfd);
            case AddressSpace.OfSimulatedProcess(SimulatedProcess process) -> throw AttachFailures.simulated(process);
        };
    }

    private static MemoryDescriptor borrowed(int descriptor) {
        if (descriptor < 0) {
            // The module would take it for the caller's own address space.
            throw AttachFailures.notAProcess("descriptor " + descriptor);
        }
        return new MemoryDescriptor(descriptor, false);
    }

    private static MemoryDescriptor ofProcess(ProcessHandle handle) {
        int pid = Math.toIntExact(handle.pid());
        int descriptor = mmub_mem_open_writable(pid);
        if (descriptor < 0) {
            descriptor = mmub_mem_open(pid);
        }
        if (descriptor < 0) {
            throw AttachFailures.ofOpen(handle.pid(), -descriptor);
        }
        MemoryDescriptor memory = new MemoryDescriptor(descriptor, true);
        // A handle knows when its process started. Alive now, it was so at the open: the pid was not another's.
        if (!handle.isAlive()) {
            memory.close();
            throw AttachFailures.gone(handle.pid());
        }
        return memory;
    }

    private static MemoryDescriptor ofPidfd(int pidfd) {
        int descriptor = mmub_mem_open_pidfd_writable(pidfd);
        if (descriptor < 0) {
            descriptor = mmub_mem_open_pidfd(pidfd);
        }
        if (descriptor == -EBADF()) {
            throw AttachFailures.notAProcess("descriptor " + pidfd);
        }
        if (descriptor < 0) {
            throw AttachFailures.ofOpen(pidOf(pidfd), -descriptor);
        }
        return new MemoryDescriptor(descriptor, true);
    }

    /** The pid of a pidfd, for the explanation of a refusal alone. */
    private static long pidOf(int pidfd) {
        try {
            return Files.readAllLines(Path.of("/proc/self/fdinfo/" + pidfd)).stream()
                    .filter(line -> line.startsWith("Pid:"))
                    .mapToLong(line ->
                            Long.parseLong(line.substring("Pid:".length()).strip()))
                    .filter(pid -> pid > 0)
                    .findFirst()
                    .orElseThrow(() -> AttachFailures.notAProcess("descriptor " + pidfd + ", whose process is gone"));
        } catch (IOException e) {
            throw AttachFailures.notAProcess("descriptor " + pidfd);
        }
    }

    @Override
    public void close() {
        if (owned) {
            KernelBackend.closeDescriptor(number);
        }
    }
}
