// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import io.mmubridge.AddressSpace;
import io.mmubridge.Mmu;
import java.io.IOException;

/**
 * A process that does what it is told to its memory, to a range of pages that it maps. Each operation gives the system call
 * that it made, or {@link #NO_SYSCALL}.
 */
interface Subject extends AutoCloseable {
    String NO_SYSCALL = "-";

    /** What it is, for people. */
    String description();

    /** Its address space, as it is when it is subscribed to. */
    AddressSpace addressSpace(Mmu mmu);

    /** Maps the range, of so many pages. */
    String map(int pages) throws IOException;

    /** Writes to pages of it. */
    String write(int first, int pages) throws IOException;

    /** Makes it read-only, or writable. */
    String protect(boolean writable) throws IOException;

    /** Gives pages of it back: MADV_DONTNEED. */
    String discard(int first, int pages) throws IOException;

    /** Makes a child that shares it, copy-on-write, and ends when this does. */
    String fork() throws IOException;

    /** Unmaps it. */
    String unmap() throws IOException;

    /** Ends it. */
    @Override
    void close() throws IOException;
}
