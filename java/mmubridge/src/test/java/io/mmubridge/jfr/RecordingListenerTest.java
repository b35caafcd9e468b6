// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.jfr;

import static org.assertj.core.api.Assertions.assertThat;

import io.mmubridge.Cause;
import io.mmubridge.MmuUnavailableException;
import io.mmubridge.MmuUnavailableException.Reason;
import io.mmubridge.fake.Events;
import io.mmubridge.fake.FakeDevice;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.stream.LongStream;
import jdk.jfr.Event;
import jdk.jfr.FlightRecorder;
import jdk.jfr.Recording;
import jdk.jfr.RecordingState;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** When this JVM is watched on behalf of its recordings, and what of it they have. */
@Timeout(60)
class RecordingListenerTest {
    @TempDir
    private Path directory;

    private final FakeDevice device = new FakeDevice();
    private final RecordingListener listener = new RecordingListener(device::open);

    @BeforeEach
    void open() {
        listener.open();
    }

    @AfterEach
    void close() {
        listener.close();
        assertThat(device.isOpen()).isFalse();
    }

    private static Recording start(Class<? extends Event> wanted) {
        Recording recording = new Recording();
        recording.enable(wanted);
        recording.start();
        return recording;
    }

    private static List<Long> numbers(List<RecordedEvent> events) {
        return events.stream().map(event -> event.getLong("n")).sorted().toList();
    }

    @Test
    void aRecordingThatWantsNothingStartsNoWatch() {
        try (Recording recording = new Recording()) {
            recording.start();

            assertThat(FlightRecorder.isInitialized()).isTrue();
            assertThat(device.attaches()).isZero();
        }
    }

    @ParameterizedTest
    @ValueSource(classes = {Invalidation.class, InvalidationLoss.class, InvalidationStatistics.class})
    void aRecordingIsWatchedForFromItsStartToItsStop(Class<? extends Event> wanted) {
        try (Recording recording = start(wanted)) {
            assertThat(device.isAttached()).isTrue();
            recording.stop();
            assertThat(device.isAttached()).isFalse();
        }
    }

    @Test
    void eventsAreWantedByTheirNames() {
        try (Recording recording = new Recording()) {
            recording.enable("io.mmubridge.Invalidation");
            recording.start();

            assertThat(device.isAttached()).isTrue();
        }
    }

    @Test
    void allThatWasToldBeforeTheStopIsInTheRecording() throws IOException {
        try (Recording recording = start(Invalidation.class)) {
            for (long n = 1; n <= 1000; n++) {
                device.tell(Events.start(n, Cause.COW));
            }
            recording.stop();

            assertThat(numbers(Recordings.ours(recording, directory)))
                    .containsExactlyElementsOf(
                            LongStream.rangeClosed(1, 1000).boxed().toList());
        }
    }

    @Test
    void allThatWasToldBeforeADumpIsInIt() throws IOException {
        try (Recording recording = start(Invalidation.class)) {
            for (long n = 1; n <= 100; n++) {
                device.tell(Events.start(n, Cause.COW));
            }

            assertThat(Recordings.ours(recording, directory)).hasSize(100);
            assertThat(device.isAttached()).isTrue();
        }
    }

    @Test
    void aSecondRecordingSharesTheWatchAndOutlivesTheFirst() throws IOException {
        try (Recording first = start(Invalidation.class);
                Recording second = start(Invalidation.class)) {
            device.tell(Events.start(1, Cause.COW));
            first.stop();
            assertThat(device.isAttached()).isTrue();
            device.tell(Events.start(2, Cause.COW));
            second.stop();

            assertThat(device.isAttached()).isFalse();
            assertThat(device.attaches()).isEqualTo(1);
            assertThat(numbers(Recordings.ours(first, directory))).containsExactly(1L);
            assertThat(numbers(Recordings.ours(second, directory))).containsExactly(1L, 2L);
        }
    }

    @Test
    void aRecordingWithoutTheEventsDoesNotKeepTheWatch() {
        try (Recording other = new Recording();
                Recording recording = start(Invalidation.class)) {
            other.start();
            recording.stop();

            assertThat(device.isAttached()).isFalse();
        }
    }

    @Test
    void whatARunningRecordingDisablesEndsTheWatch() throws InterruptedException {
        try (Recording recording = start(Invalidation.class)) {
            recording.disable(Invalidation.class);

            device.awaitDetached();
        }
    }

    @Test
    void whatARunningRecordingEnablesStartsTheWatchAtItsNextChunk() throws IOException {
        try (Recording recording = start(InvalidationOfAnother.class)) {
            recording.enable(Invalidation.class);
            Recordings.ours(recording, directory);

            assertThat(device.isAttached()).isTrue();
        }
    }

    /** An event that is nothing to us. */
    static final class InvalidationOfAnother extends Event {}

    @Test
    void aRecordingThatRunsAlreadyIsServed() {
        listener.close();
        try (Recording recording = start(Invalidation.class)) {
            RecordingListener late = new RecordingListener(device::open);
            late.open();
            try {
                assertThat(device.isAttached()).isTrue();
            } finally {
                late.close();
            }
            assertThat(device.isAttached()).isFalse();
            assertThat(recording.getState()).isEqualTo(RecordingState.RUNNING);
        }
    }

    @Test
    void aStreamGetsThemAsTheyCome() throws InterruptedException {
        CountDownLatch come = new CountDownLatch(1);
        try (RecordingStream stream = new RecordingStream()) {
            stream.enable("io.mmubridge.Invalidation");
            stream.onEvent("io.mmubridge.Invalidation", event -> come.countDown());
            stream.startAsync();
            device.tell(Events.start(1, Cause.COW));

            come.await();
        }
        assertThat(device.isAttached()).isFalse();
    }

    @Test
    void statisticsComeWithTheirPeriod() throws IOException {
        try (Recording recording = new Recording()) {
            recording.enable(InvalidationStatistics.class).with("period", "endChunk");
            recording.start();
            device.tell(Events.start(1, Cause.COW));
            device.tell(Events.start(2, Cause.COW));
            recording.stop();

            assertThat(Recordings.ours(recording, directory)).singleElement().satisfies(event -> {
                assertThat(event.getString("cause")).isEqualTo("cow");
                assertThat(event.getLong("count")).isEqualTo(2);
            });
        }
    }

    @Test
    void whereThereIsNoDeviceRecordingsGoOnAndAreToldOnce() {
        listener.close();
        RecordingListener without = new RecordingListener(() -> {
            throw new MmuUnavailableException(Reason.NO_DEVICE, "There is no device.");
        });
        List<LogRecord> warnings = capture(() -> {
            without.open();
            for (int i = 0; i < 2; i++) {
                try (Recording recording = start(Invalidation.class)) {
                    recording.stop();
                }
            }
            without.close();
        });

        assertThat(warnings).singleElement().satisfies(warning -> {
            assertThat(warning.getLevel()).isEqualTo(Level.WARNING);
            assertThat(warning.getMessage()).contains("There is no device.");
        });
    }

    private static List<LogRecord> capture(Runnable work) {
        List<LogRecord> records = new ArrayList<>();
        Handler handler = new Handler() {
            @Override
            public void publish(LogRecord record) {
                records.add(record);
            }

            @Override
            public void flush() {}

            @Override
            public void close() {}
        };
        Logger logger = Logger.getLogger(InvalidationRecorder.class.getName());
        logger.addHandler(handler);
        logger.setUseParentHandlers(false);
        try {
            work.run();
        } finally {
            logger.setUseParentHandlers(true);
            logger.removeHandler(handler);
        }
        return records;
    }
}
