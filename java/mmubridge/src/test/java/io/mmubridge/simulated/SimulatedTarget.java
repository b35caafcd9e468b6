// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.simulated;

import io.mmubridge.AddressRange;
import io.mmubridge.AddressSpace;
import io.mmubridge.Mmu;
import io.mmubridge.contract.Target;
import io.mmubridge.model.Advice;
import io.mmubridge.model.MapRequest;
import io.mmubridge.model.PageTable;
import io.mmubridge.model.Protection;
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
    public void write(AddressRange mapping, int first, int pages) {
        write(pages(mapping, first, pages));
    }

    private static AddressRange pages(AddressRange mapping, int first, int pages) {
        long start = mapping.start() + first * PAGE;
        return new AddressRange(start, start + pages * PAGE);
    }

    @Override
    public void read(AddressRange mapping) {
        for (long address = mapping.start(); address < mapping.end(); address += PAGE) {
            process.read(address);
        }
    }

    @Override
    public void setText(AddressRange mapping, int offset, String text) {
        for (int i = 0; i < text.length(); i++) {
            process.write(mapping.start() + offset + i, (byte) text.charAt(i));
        }
    }

    @Override
    public String text(AddressRange mapping, int offset, int length) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < length; i++) {
            text.append((char) process.read(mapping.start() + offset + i));
        }
        return text.toString();
    }

    @Override
    public AddressRange mapHuge(int chunks) {
        long size = chunks * PageTable.PMD_SIZE;
        long start = process.mmap(MapRequest.anonymous(size).withHugePages());
        AddressRange range = new AddressRange(start, start + size);
        write(range);
        return range;
    }

    @Override
    public void protect(AddressRange mapping, int first, int pages, boolean writable) {
        process.mprotect(
                mapping.start() + first * PAGE, pages * PAGE, writable ? Protection.READ_WRITE : Protection.READ);
    }

    @Override
    public AddressRange move(AddressRange mapping) {
        long size = mapping.end() - mapping.start();
        long to = process.mmap(MapRequest.anonymous(size));
        process.mremap(mapping.start(), size, size, to);
        return new AddressRange(to, to + size);
    }

    @Override
    public Child fork() {
        return process.fork()::exit;
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
    public void unmap(AddressRange mapping, int first, int pages) {
        process.munmap(mapping.start() + first * PAGE, pages * PAGE);
    }

    @Override
    public void exit() {
        if (process.mm() != null) {
            process.exit();
        }
    }
}
