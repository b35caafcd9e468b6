// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import io.mmubridge.AddressSpace;
import io.mmubridge.Mmu;
import io.mmubridge.model.Advice;
import io.mmubridge.model.MapRequest;
import io.mmubridge.model.Protection;
import io.mmubridge.model.SimulatedKernel;
import io.mmubridge.model.SimulatedProcess;
import java.util.ArrayList;
import java.util.List;

/** A process of the model. */
final class SimulatedSubject implements Subject {
    private static final long PAGE = 4096;

    private final SimulatedProcess process;
    private final List<SimulatedProcess> children = new ArrayList<>();
    private long start;
    private long length;

    /** Starts one. */
    SimulatedSubject(SimulatedKernel kernel) {
        process = kernel.spawn("subject");
    }

    @Override
    public String description() {
        return "a simulated process (pid " + process.pid() + " of the model)";
    }

    @Override
    public AddressSpace addressSpace(Mmu mmu) {
        return mmu.process(process);
    }

    @Override
    public String map(int pages) {
        length = pages * PAGE;
        start = process.mmap(MapRequest.anonymous(length));
        return "mmap";
    }

    @Override
    public String write(int first, int pages) {
        for (int page = first; page < first + pages; page++) {
            process.write(start + page * PAGE, (byte) 1);
        }
        return NO_SYSCALL;
    }

    @Override
    public String protect(boolean writable) {
        process.mprotect(start, length, writable ? Protection.READ_WRITE : Protection.READ);
        return "mprotect";
    }

    @Override
    public String discard(int first, int pages) {
        process.madvise(start + first * PAGE, pages * PAGE, Advice.DONTNEED);
        return "madvise";
    }

    @Override
    public String fork() {
        children.add(process.fork());
        return "fork";
    }

    @Override
    public String unmap() {
        process.munmap(start, length);
        return "munmap";
    }

    @Override
    public void close() {
        children.forEach(SimulatedProcess::exit);
        process.exit();
    }
}
