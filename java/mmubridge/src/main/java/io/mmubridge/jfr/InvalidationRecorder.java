// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.jfr;

import io.mmubridge.Mmu;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * Puts the kernel's invalidations of this JVM's memory into its recordings, beside its garbage collections.
 *
 * {@snippet lang = java :
 * InvalidationRecorder.install();
 * }
 *
 * <p>From then on a recording that enables {@code io.mmubridge.Invalidation}, {@code io.mmubridge.InvalidationLoss} or
 * {@code io.mmubridge.InvalidationStatistics} gets them, however it was started. This JVM is subscribed to itself, with the
 * subsystem {@code jfr}, while a running recording has one of them enabled; a JVM that nobody records so pays nothing. What
 * a recording enables or disables while it runs is noticed when a recording starts or stops, or turns to a new chunk.
 *
 * <p>An event's start time is when it was recorded: {@code delay} says how long after the kernel's callback that was. What
 * happened before a recording, or a chunk of it, ends is in it.
 *
 * <p>Where the device cannot be opened, or this JVM not be subscribed to, a {@link System.Logger} of this class's name says
 * why, once, at the level {@link System.Logger.Level#WARNING}, and recordings go without.
 *
 * <p>{@link RecorderAgent} does the same without a line of code.
 */
public final class InvalidationRecorder implements AutoCloseable {
    private static final Object LOCK = new Object();

    private static int installed;
    private static @Nullable RecordingListener listener;

    private final AtomicBoolean closed = new AtomicBoolean();

    private InvalidationRecorder() {}

    /**
     * Begins to serve recordings, those that run already included. However many are installed, a JVM is watched once.
     *
     * @return to be closed when recordings are to be served no longer; whoever wants them served for good may forget it
     * @throws UnsupportedOperationException if this Java runtime has no module {@code jdk.jfr}, or has not resolved it
     */
    public static InvalidationRecorder install() {
        if (ModuleLayer.boot().findModule("jdk.jfr").isEmpty()) {
            throw new UnsupportedOperationException(
                    "There is no module jdk.jfr here. Run a JDK that has it, and where the "
                            + "program is a module that does not require it, with --add-modules jdk.jfr.");
        }
        RecordingListener opened = null;
        synchronized (LOCK) {
            if (installed++ == 0) {
                opened = new RecordingListener(Mmu::openKernel);
                listener = opened;
            }
        }
        // Outside of the lock, since Flight Recorder calls listeners inside of its own.
        if (opened != null) {
            opened.open();
        }
        return new InvalidationRecorder();
    }

    /** Ceases to serve recordings, if this is the last one that does. Does nothing the second time. */
    @Override
    public void close() {
        if (!closed.compareAndSet(false, true)) {
            return;
        }
        RecordingListener last = null;
        synchronized (LOCK) {
            if (--installed == 0) {
                last = listener;
                listener = null;
            }
        }
        if (last != null) {
            last.close();
        }
    }
}
