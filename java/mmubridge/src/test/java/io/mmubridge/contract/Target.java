// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.contract;

import io.mmubridge.AddressRange;
import io.mmubridge.AddressSpace;

/** A process that changes its memory as a test wants it. When an operation returns, what it raised has been told. */
public interface Target extends AutoCloseable {
    /** Its address space. */
    AddressSpace addressSpace();

    /** Its number, as events name it. */
    int pid();

    /** Maps pages and writes to them. */
    AddressRange map(int pages);

    /** Gives the pages of a mapping back and writes to them: one CLEAR. */
    void discardAndWrite(AddressRange mapping);

    /** Gives some pages of a mapping back, from the one with the number {@code first}: one CLEAR. */
    void discard(AddressRange mapping, int first, int pages);

    /** Writes to each page of a mapping. */
    void write(AddressRange mapping);

    /** Writes to some pages of a mapping. */
    void write(AddressRange mapping, int first, int pages);

    /** Reads each page of a mapping. */
    void read(AddressRange mapping);

    /** Writes ASCII characters into a mapping. */
    void setText(AddressRange mapping, int offset, String text);

    /** Reads ASCII characters off a mapping. */
    String text(AddressRange mapping, int offset, int length);

    /** Maps 2 MiB pages and writes to them. */
    AddressRange mapHuge(int chunks);

    /** Allows, or does not allow, some pages of a mapping to be written to: one PROTECTION_VMA. */
    void protect(AddressRange mapping, int first, int pages, boolean writable);

    /** Moves a mapping to where another one was. */
    AddressRange move(AddressRange mapping);

    /** A process that shares its parent's memory, copy-on-write, and does nothing until this ends it. */
    interface Child extends AutoCloseable {
        @Override
        void close();
    }

    /** Forks. */
    Child fork();

    /** Maps fresh pages over a mapping, at the same address, and writes to them. */
    void mapOver(AddressRange mapping);

    /** Unmaps a mapping: one UNMAP. */
    void unmap(AddressRange mapping);

    /** Unmaps some pages of a mapping. */
    void unmap(AddressRange mapping, int first, int pages);

    /** Ends it, if it has not ended: its address space is released. */
    void exit();

    @Override
    default void close() {
        exit();
    }
}
