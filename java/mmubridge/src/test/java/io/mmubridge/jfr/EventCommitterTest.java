// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.jfr;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import io.mmubridge.Cause;
import io.mmubridge.EventType;
import io.mmubridge.InvalidationEvent;
import io.mmubridge.fake.Events;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import jdk.jfr.Event;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What of the stream's events becomes which event of a recording. */
@Timeout(60)
class EventCommitterTest {
    @TempDir
    private Path directory;

    private final EventCommitter committer = new EventCommitter(4096);

    private List<RecordedEvent> record(Class<? extends Event> wanted, Runnable work) throws IOException {
        try (Recording recording = new Recording()) {
            recording.enable(wanted);
            recording.start();
            work.run();
            recording.stop();
            return Recordings.ours(recording, directory);
        }
    }

    @Test
    void anInvalidationHasAllThatTheStreamSaysOfIt() throws IOException {
        InvalidationEvent told = Events.start(7, EventType.UNMAP, Cause.MUNMAP, 0x7f0000001000L, 0x7f0000004000L);
        Instant before = Instant.now();
        List<RecordedEvent> events = record(Invalidation.class, () -> committer.accept(told));
        Instant after = Instant.now();

        assertThat(events).hasSize(1);
        RecordedEvent event = events.getFirst();
        assertThat(event.getEventType().getName()).isEqualTo("io.mmubridge.Invalidation");
        assertThat(event.getStartTime()).isBetween(before, after);
        assertThat(event.getDuration()).isZero();
        assertThat(event.getStackTrace()).isNull();
        assertThat(event.getString("type")).isEqualTo("UNMAP");
        assertThat(event.getString("cause")).isEqualTo("munmap");
        assertThat(event.getLong("start")).isEqualTo(0x7f0000001000L);
        assertThat(event.getLong("end")).isEqualTo(0x7f0000004000L);
        assertThat(event.getLong("size")).isEqualTo(0x3000);
        assertThat(event.getLong("pages")).isEqualTo(3);
        assertThat(event.getString("task")).isEqualTo("fake");
        assertThat(event.getInt("pid")).isEqualTo(42);
        assertThat(event.getInt("tid")).isEqualTo(43);
        assertThat(event.getString("entry")).isEqualTo("syscall");
        assertThat(event.getString("syscall")).isEqualTo("madvise");
        assertThat(event.getBoolean("blockable")).isTrue();
        assertThat(event.getLong("seq")).isEqualTo(14);
        assertThat(event.getLong("n")).isEqualTo(7);
        assertThat(event.getLong("monotonicTime")).isEqualTo(told.timeNanos());
        assertThat(event.getDuration("delay")).isPositive();
        assertThat(event.getStartTime().minus(event.getDuration("delay"))).isBefore(after);
    }

    @Test
    void withoutACauseThereIsNone() throws IOException {
        assertThat(record(Invalidation.class, () -> committer.accept(Events.start(1, null))))
                .singleElement()
                .satisfies(event -> assertThat(event.getString("cause")).isNull());
    }

    @Test
    void aRangeThatSpansTheAddressSpaceHasNoSize() throws IOException {
        InvalidationEvent told = Events.start(1, EventType.SOFT_DIRTY, Cause.CLEAR_REFS, 0, -1);

        assertThat(record(Invalidation.class, () -> committer.accept(told)))
                .singleElement()
                .satisfies(event -> {
                    assertThat(event.getLong("end")).isEqualTo(-1);
                    assertThat(event.getLong("size")).isZero();
                });
    }

    @Test
    void aLossIsAnEventOfItsOwn() throws IOException {
        List<RecordedEvent> events = record(InvalidationLoss.class, () -> {
            committer.accept(Events.start(1, Cause.COW));
            committer.accept(Events.lost(3, 7));
        });

        assertThat(events).hasSize(1);
        RecordedEvent event = events.getFirst();
        assertThat(event.getEventType().getName()).isEqualTo("io.mmubridge.InvalidationLoss");
        assertThat(event.getLong("from")).isEqualTo(3);
        assertThat(event.getLong("to")).isEqualTo(7);
        assertThat(event.getLong("count")).isEqualTo(5);
    }

    @Test
    void marksOfTheStreamAreNoInvalidations() throws IOException {
        List<RecordedEvent> events = record(Invalidation.class, () -> {
            committer.accept(Events.lost(1, 1));
            committer.accept(Events.release(2));
            committer.accept(Events.detached(2));
        });

        assertThat(events).isEmpty();
    }

    @Test
    void statisticsAreByCauseAndCountWhatNoRecordingWanted() throws IOException {
        committer.accept(Events.start(1, Cause.COW));
        committer.accept(Events.start(2, Cause.COW));
        committer.accept(Events.start(3, EventType.UNMAP, Cause.MUNMAP, 0x1000, 0x4000));
        committer.accept(Events.start(4, null));
        List<RecordedEvent> events = record(InvalidationStatistics.class, committer::commitStatistics);

        assertThat(events)
                .extracting(
                        event -> event.getString("cause"),
                        event -> event.getLong("count"),
                        event -> event.getLong("size"))
                .containsExactlyInAnyOrder(
                        tuple("cow", 2L, 0x2000L), tuple("munmap", 1L, 0x3000L), tuple(null, 1L, 0x1000L));
    }

    @Test
    void noneIsEnabledUnlessARecordingSaysSo() throws IOException {
        try (Recording recording = new Recording()) {
            recording.start();
            committer.accept(Events.start(1, Cause.COW));
            committer.accept(Events.lost(2, 3));
            committer.commitStatistics();
            recording.stop();

            assertThat(Recordings.ours(recording, directory)).isEmpty();
        }
    }
}
