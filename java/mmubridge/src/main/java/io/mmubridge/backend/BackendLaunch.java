// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.backend;

import io.mmubridge.AddressSpace;

/** What stands behind {@link io.mmubridge.Launch}, whose documentation is the contract. */
public interface BackendLaunch extends AutoCloseable {
    /** The command's process. */
    long pid();

    /** Its address space, before it is resumed. */
    AddressSpace addressSpace();

    /** Lets it run; once. */
    void resume();

    /** Waits for its end and gives its status. */
    int waitFor() throws InterruptedException;

    @Override
    void close();
}
