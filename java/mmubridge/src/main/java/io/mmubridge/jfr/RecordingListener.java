// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.jfr;

import io.mmubridge.Mmu;
import io.mmubridge.MmuException;
import java.lang.System.Logger.Level;
import java.util.function.Supplier;
import jdk.jfr.FlightRecorder;
import jdk.jfr.FlightRecorderListener;
import jdk.jfr.Recording;
import org.jspecify.annotations.Nullable;

/**
 * Has a {@link Watch} while a running recording enables one of the events, and none otherwise.
 *
 * <p>Flight Recorder calls this where its settings may have changed. Some of these calls come inside of a lock of its own,
 * within which recordings are started and stopped, so nothing here takes one of its locks inside of this monitor.
 *
 * <p>Until Flight Recorder is first used, this does no more than to wait for that.
 */
final class RecordingListener implements FlightRecorderListener {
    private static final System.Logger LOGGER = System.getLogger(InvalidationRecorder.class.getName());

    private final Supplier<Mmu> device;

    /** Flight Recorder knows hooks by identity. */
    private final Runnable flush = this::flush;

    private final Runnable statistics = this::statistics;

    private @Nullable Watch watch;
    private boolean closed;
    private boolean warned;

    /**
     * Does nothing yet.
     *
     * @param device opened for each watch, which closes it
     */
    RecordingListener(Supplier<Mmu> device) {
        this.device = device;
    }

    void open() {
        FlightRecorder.addListener(this);
    }

    @Override
    public void recorderInitialized(FlightRecorder recorder) {
        FlightRecorder.register(Invalidation.class);
        FlightRecorder.register(InvalidationLoss.class);
        FlightRecorder.register(InvalidationStatistics.class);
        FlightRecorder.addPeriodicEvent(Invalidation.class, flush);
        FlightRecorder.addPeriodicEvent(InvalidationStatistics.class, statistics);
        update();
    }

    @Override
    public void recordingStateChanged(Recording recording) {
        update();
    }

    /** At the end of a chunk, before it is too late for what happened within it. */
    private void flush() {
        Watch current = update();
        if (current != null) {
            current.flush();
        }
    }

    private void statistics() {
        Watch current = update();
        if (current != null) {
            current.flush();
            current.commitStatistics();
        }
    }

    /** Starts or ends the watch, as the recordings want it now. */
    private synchronized @Nullable Watch update() {
        boolean wanted = !closed && isWanted();
        if (wanted && watch == null) {
            watch = start();
        } else if (!wanted && watch != null) {
            watch.close();
            watch = null;
        }
        return watch;
    }

    private static boolean isWanted() {
        return new Invalidation().isEnabled()
                || new InvalidationLoss().isEnabled()
                || new InvalidationStatistics().isEnabled();
    }

    private @Nullable Watch start() {
        try {
            return Watch.start(device, this::update);
        } catch (MmuException e) {
            if (!warned) {
                warned = true;
                LOGGER.log(Level.WARNING, "Recordings go without the kernel's invalidations. " + e.getMessage());
            }
            return null;
        }
    }

    void close() {
        FlightRecorder.removeListener(this);
        if (FlightRecorder.isInitialized()) {
            FlightRecorder.removePeriodicEvent(flush);
            FlightRecorder.removePeriodicEvent(statistics);
        }
        synchronized (this) {
            closed = true;
            if (watch != null) {
                watch.close();
                watch = null;
            }
        }
    }
}
