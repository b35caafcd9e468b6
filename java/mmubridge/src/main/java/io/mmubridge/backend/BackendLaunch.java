// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.backend;

import io.mmubridge.AddressSpace;
import io.mmubridge.LaunchEvent;
import java.util.function.Consumer;

/** What stands behind {@link io.mmubridge.Launch}, whose documentation is the contract. */
public interface BackendLaunch extends AutoCloseable {
    /** The command's process. */
    long pid();

    /** Whether it ran before it could be subscribed to. */
    boolean isStartMissed();

    /** Its address space, before it is let run. */
    AddressSpace addressSpace();

    /** Lets it run; this or the other, once. */
    void resume();

    /**
     * Lets it run and follows it.
     *
     * @param children whether to follow them too
     * @param handler told of what they do
     */
    void follow(boolean children, Consumer<? super LaunchEvent> handler);

    /** Waits for its end and gives its status. */
    int waitFor() throws InterruptedException;

    @Override
    void close();
}
