// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import io.mmubridge.AddressSpace;
import io.mmubridge.Mmu;
import java.io.IOException;

/** A subject that says that it has a child and has none. */
record ForgetfulSubject(Subject subject) implements Subject {
    @Override
    public String description() {
        return subject.description();
    }

    @Override
    public AddressSpace addressSpace(Mmu mmu) {
        return subject.addressSpace(mmu);
    }

    @Override
    public String map(int pages) throws IOException {
        return subject.map(pages);
    }

    @Override
    public String write(int first, int pages) throws IOException {
        return subject.write(first, pages);
    }

    @Override
    public String protect(boolean writable) throws IOException {
        return subject.protect(writable);
    }

    @Override
    public String discard(int first, int pages) throws IOException {
        return subject.discard(first, pages);
    }

    @Override
    public String fork() {
        return NO_SYSCALL;
    }

    @Override
    public String unmap() throws IOException {
        return subject.unmap();
    }

    @Override
    public void close() throws IOException {
        subject.close();
    }
}
