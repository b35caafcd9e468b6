// SPDX-License-Identifier: Apache-2.0
package io.mmubridge;

import io.mmubridge.backend.BackendLaunch;

/** A command that was started and stopped at its first instruction, by {@link Mmu#launch}. */
public final class Launch implements AutoCloseable {
    private final BackendLaunch backend;

    Launch(BackendLaunch backend) {
        this.backend = backend;
    }

    /**
     * The command's process.
     *
     * @return its pid
     */
    public long pid() {
        return backend.pid();
    }

    /**
     * The command's address space, as the program finds it at its first instruction.
     *
     * @return its name, to be used before {@link #resume()}
     * @throws IllegalStateException after {@link #resume()} or {@link #close()}
     */
    public AddressSpace addressSpace() {
        return backend.addressSpace();
    }

    /**
     * Lets the command run.
     *
     * @throws IllegalStateException after {@link #resume()} or {@link #close()}
     */
    public void resume() {
        backend.resume();
    }

    /**
     * Waits for the end of the command.
     *
     * @return its exit status, or 128 + N if signal N ended it
     * @throws InterruptedException if the thread is interrupted before or while it waits; the command runs on
     * @throws IllegalStateException before {@link #resume()}
     */
    public int waitFor() throws InterruptedException {
        return backend.waitFor();
    }

    /** Kills the command if it was not resumed, else lets it be. Does nothing the second time. */
    @Override
    public void close() {
        backend.close();
    }
}
