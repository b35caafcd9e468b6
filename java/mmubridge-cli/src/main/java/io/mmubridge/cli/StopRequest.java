// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import java.util.concurrent.CompletableFuture;

/**
 * Turns the signals that end a JVM, SIGINT and SIGTERM, into an interrupt of the thread that works, and keeps the JVM until
 * that thread has said its last word. The exit status is then the one that it gives, not the signal's.
 */
final class StopRequest implements AutoCloseable {
    private final Thread worker;
    private final Thread hook = new Thread(this::onShutdown, "mmubridge-stop");
    private final CompletableFuture<Integer> status = new CompletableFuture<>();

    private StopRequest(Thread worker) {
        this.worker = worker;
    }

    /** Signals interrupt the calling thread from now on, until {@link #close()}. */
    static StopRequest onSignals() {
        StopRequest request = new StopRequest(Thread.currentThread());
        Runtime.getRuntime().addShutdownHook(request.hook);
        return request;
    }

    /** The work is done: the status that a JVM in shutdown exits with. */
    void finish(int exitStatus) {
        status.complete(exitStatus);
    }

    private void onShutdown() {
        worker.interrupt();
        Runtime.getRuntime().halt(status.join());
    }

    /** From now on signals end the JVM as they do. */
    @Override
    public void close() {
        status.complete(ExitCode.FAILURE);
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // A signal came: the hook is running, and exits with the status that was given.
        }
    }
}
