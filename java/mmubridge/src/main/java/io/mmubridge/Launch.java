// SPDX-License-Identifier: Apache-2.0
package io.mmubridge;

import io.mmubridge.backend.BackendLaunch;
import java.util.function.Consumer;

/**
 * A command that was started and stopped at its first instruction, by {@link Mmu#launch}; or one that runs already, by
 * {@link Mmu#launchUntraced}.
 *
 * {@snippet lang = java :
 * try (Launch launch = mmu.launch(List.of("sh", "-c", "exec true"))) {
 *     watch(launch.addressSpace());
 *     launch.follow(event -> {
 *         if (event instanceof LaunchEvent.Exec exec) {
 *             watch(exec.addressSpace());
 *         }
 *     });
 *     launch.waitFor();
 * }
 * }
 */
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
     * Whether the command ran before anybody could subscribe to it.
     *
     * @return true of {@link Mmu#launchUntraced}
     */
    public boolean isStartMissed() {
        return backend.isStartMissed();
    }

    /**
     * The command's address space, as the program finds it at its first instruction.
     *
     * @return its name, to be used before {@link #resume()} and its siblings
     * @throws IllegalStateException after one of them, or {@link #close()}
     */
    public AddressSpace addressSpace() {
        return backend.addressSpace();
    }

    /**
     * Lets the command run, untraced. A further exec ends its address space, and the streams of who has subscribed to it.
     *
     * @throws IllegalStateException if it was let run before, or after {@link #close()}
     */
    public void resume() {
        backend.resume();
    }

    /**
     * Lets the command run, and stops it at each exec until the handler has returned.
     *
     * <p>The handler is called on the thread that traces the command, with one event at a time. It may subscribe; while it
     * runs, nobody whom it is told of does, and others may be kept waiting. It must not wait for the command. If it throws,
     * all run on untraced, and the thread's uncaught exception handler gets what was thrown.
     *
     * <p>Signals, stops and threads of the command are as if nobody traced. A set-uid program gains nothing, and no other
     * debugger can attach. If this JVM ends, the command runs on.
     *
     * <p>A command that could not be traced is not followed: {@link LaunchEvent.Exit} and {@link LaunchEvent.End} come.
     *
     * @param handler told of each {@link LaunchEvent.Exec} and of the end
     * @throws IllegalStateException as {@link #resume()} does
     */
    public void follow(Consumer<? super LaunchEvent> handler) {
        backend.follow(false, handler);
    }

    /**
     * Does so for the command, its children, and theirs. They may outlive the command; {@link LaunchEvent.End} comes when
     * all have ended.
     *
     * @param handler as for {@link #follow}, told of each {@link LaunchEvent.Child} too
     * @throws IllegalStateException as {@link #resume()} does
     */
    public void followWithChildren(Consumer<? super LaunchEvent> handler) {
        backend.follow(true, handler);
    }

    /**
     * Waits for the end of the command.
     *
     * @return its exit status, or 128 + N if signal N ended it
     * @throws InterruptedException if the thread is interrupted before or while it waits; the command runs on
     * @throws IllegalStateException before {@link #resume()} and its siblings
     */
    public int waitFor() throws InterruptedException {
        return backend.waitFor();
    }

    /** Kills the command if it was not let run, else lets it be. Does nothing the second time. */
    @Override
    public void close() {
        backend.close();
    }
}
