// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.simulated;

import io.mmubridge.AddressRange;
import io.mmubridge.AddressSpace;
import io.mmubridge.Mmu;
import io.mmubridge.contract.Target;
import io.mmubridge.model.Advice;
import io.mmubridge.model.MapRequest;
import io.mmubridge.model.SimulatedKernel;
import io.mmubridge.model.SimulatedProcess;

/** A process of the model. */
final class SimulatedTarget implements Target {
    private static final long PAGE = 4096;

    private final Mmu mmu;
    private final SimulatedProcess process;

    SimulatedTarget(Mmu mmu, SimulatedKernel kernel) {
        this.mmu = mmu;
        process = kernel.spawn("target");
    }

    @Override
    public AddressSpace addressSpace() {
        return mmu.process(process);
    }

    @Override
    public int pid() {
        return process.pid();
    }

    @Override
    public AddressRange map(int pages) {
        long start = process.mmap(MapRequest.anonymous(pages * PAGE));
        AddressRange range = new AddressRange(start, start + pages * PAGE);
        write(range);
        return range;
    }

    @Override
    public void write(AddressRange range) {
        for (long address = range.start(); address < range.end(); address += PAGE) {
            process.write(address, (byte) 1);
        }
    }

    @Override
    public void discardAndWrite(AddressRange mapping) {
        process.madvise(mapping.start(), mapping.end() - mapping.start(), Advice.DONTNEED);
        write(mapping);
    }

    @Override
    public void discard(AddressRange mapping, int first, int pages) {
        process.madvise(mapping.start() + first * PAGE, pages * PAGE, Advice.DONTNEED);
    }

    @Override
    public void mapOver(AddressRange mapping) {
        process.mmap(MapRequest.anonymous(mapping.end() - mapping.start()).at(mapping.start()));
        write(mapping);
    }

    @Override
    public void unmap(AddressRange mapping) {
        process.munmap(mapping.start(), mapping.end() - mapping.start());
    }

    @Override
    public void exit() {
        if (process.mm() != null) {
            process.exit();
        }
    }
}
