// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import java.io.IOException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.jline.utils.Signals;
import org.jspecify.annotations.Nullable;

/** Asks for an interim summary: at SIGUSR1, at the Enter key, or every second, until closed. */
final class InterimRequests {
    private static final String SIGNAL = "USR1";

    private final ScheduledExecutorService executor = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("mmubridge-interim").factory());
    private final @Nullable Object before;
    private final @Nullable Future<?> ticks;

    /**
     * From now on.
     *
     * @param request what to do; run by one thread at a time
     * @param everySecond whether also without being asked
     * @param key whether the Enter key asks too, so that the terminal's input is taken
     */
    InterimRequests(Runnable request, boolean everySecond, boolean key) {
        before = Signals.register(SIGNAL, () -> executor.execute(request));
        if (everySecond) {
            ticks = executor.scheduleAtFixedRate(request, 0, 1, TimeUnit.SECONDS);
        } else {
            ticks = null;
        }
        if (key) {
            Thread.ofPlatform().daemon().name("mmubridge-key").start(() -> readKeys(request));
        }
    }

    private void readKeys(Runnable request) {
        try {
            for (int key = System.in.read(); key >= 0; key = System.in.read()) {
                if (key == '\n') {
                    executor.execute(request);
                }
            }
        } catch (IOException | RejectedExecutionException e) {
            // No keys, or nobody to ask any more.
        }
    }

    /** Asks no more, and waits for what was asked. */
    void close() {
        Signals.unregister(SIGNAL, before);
        if (ticks != null) {
            ticks.cancel(false);
        }
        executor.close();
    }
}
