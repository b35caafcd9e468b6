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

    /** Unmaps a mapping: one UNMAP. */
    void unmap(AddressRange mapping);

    /** Ends it, if it has not ended: its address space is released. */
    void exit();

    @Override
    default void close() {
        exit();
    }
}
