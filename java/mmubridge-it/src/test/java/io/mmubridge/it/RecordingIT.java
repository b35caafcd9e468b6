// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import io.mmubridge.AddressRange;
import io.mmubridge.Mmu;
import io.mmubridge.jfr.InvalidationRecorder;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A recording of a JVM shows what the kernel does to its memory. */
@KernelTest
class RecordingIT {
    @TempDir
    private Path directory;

    private InvalidationRecorder recorder;

    @BeforeEach
    void install() {
        recorder = InvalidationRecorder.install();
    }

    @AfterEach
    void close() {
        recorder.close();
    }

    /** A program with two system calls to look for, and the range they are on as its output. */
    static final class TwoCalls {
        private TwoCalls() {}

        public static void main(String[] arguments) {
            System.out.println(make());
        }

        static AddressRange make() {
            Memory memory = Memory.map(4 * 4096);
            memory.discardAndTouch();
            memory.unmap();
            return memory.range();
        }
    }

    private List<RecordedEvent> read(Recording recording) throws IOException {
        Path file = directory.resolve(recording.getId() + ".jfr");
        recording.dump(file);
        return read(file);
    }

    private static List<RecordedEvent> read(Path file) throws IOException {
        return RecordingFile.readAllEvents(file).stream()
                .filter(event -> event.getEventType().getName().equals("io.mmubridge.Invalidation"))
                .sorted(Comparator.comparingLong(event -> event.getLong("n")))
                .toList();
    }

    /** The two calls, before whatever comes to those addresses after them. */
    private static List<RecordedEvent> twoCalls(List<RecordedEvent> events, String start, String end) {
        return events.stream()
                .filter(event -> address(event, "start").equals(start)
                        && address(event, "end").equals(end))
                .limit(2)
                .toList();
    }

    private static String address(RecordedEvent event, String field) {
        return "0x" + Long.toHexString(event.getLong(field));
    }

    private static void assertTwoCalls(List<RecordedEvent> events, String range) {
        String[] bounds = range.split("-", -1);
        assertThat(twoCalls(events, bounds[0], bounds[1]))
                .extracting(
                        event -> event.getString("type"),
                        event -> event.getString("cause"),
                        event -> event.getString("syscall"),
                        event -> event.getLong("pages"))
                .containsExactly(
                        tuple("CLEAR", "madv_dontneed", "madvise", 4L), tuple("UNMAP", "munmap", "munmap", 4L));
    }

    @Test
    void aRecordingHasWhatWasDoneWhileItRan() throws IOException {
        try (Recording recording = new Recording()) {
            recording.enable("io.mmubridge.Invalidation");
            recording.start();
            AddressRange range = TwoCalls.make();
            recording.stop();

            List<RecordedEvent> events = read(recording);
            assertTwoCalls(events, range.toString());
            Path self = Files.readSymbolicLink(Path.of("/proc/thread-self"));
            assertThat(events).anySatisfy(event -> {
                assertThat(event.getLong("start")).isEqualTo(range.start());
                assertThat(event.getInt("pid"))
                        .isEqualTo(Math.toIntExact(ProcessHandle.current().pid()));
                assertThat(Path.of(Integer.toString(event.getInt("tid")))).isEqualTo(self.getFileName());
                assertThat(event.getStartTime().minus(event.getDuration("delay")))
                        .isBetween(recording.getStartTime(), recording.getStopTime());
            });
        }
    }

    @Test
    void statisticsCountThemByTheirCauses() throws IOException {
        try (Recording recording = new Recording()) {
            recording.enable("io.mmubridge.InvalidationStatistics").with("period", "endChunk");
            recording.start();
            TwoCalls.make();
            recording.stop();

            Path file = directory.resolve("statistics.jfr");
            recording.dump(file);
            assertThat(RecordingFile.readAllEvents(file).stream()
                            .filter(event ->
                                    event.getEventType().getName().equals("io.mmubridge.InvalidationStatistics"))
                            .map(event -> event.getString("cause")))
                    .contains("madv_dontneed", "munmap");
        }
    }

    @Test
    void onlyARecordingThatWantsThemHasThemAndASubscription() throws IOException {
        try (Mmu mmu = Mmu.openKernel()) {
            long users = mmu.statistics().users();
            try (Recording recording = new Recording()) {
                recording.start();
                assertThat(mmu.statistics().users()).isEqualTo(users);
                TwoCalls.make();
                recording.stop();
                assertThat(read(recording)).isEmpty();
            }
            try (Recording recording = new Recording()) {
                recording.enable("io.mmubridge.Invalidation");
                recording.start();
                assertThat(mmu.statistics().users()).isEqualTo(users + 1);
                recording.stop();
                assertThat(mmu.statistics().users()).isEqualTo(users);
            }
        }
    }

    @Test
    void howeverManyAreInstalledTheJvmIsWatchedOnce() {
        InvalidationRecorder second = InvalidationRecorder.install();
        try (Mmu mmu = Mmu.openKernel();
                Recording recording = new Recording()) {
            long users = mmu.statistics().users();
            recording.enable("io.mmubridge.Invalidation");
            recording.start();
            assertThat(mmu.statistics().users()).isEqualTo(users + 1);
            second.close();
            second.close();
            assertThat(mmu.statistics().users()).isEqualTo(users + 1);
            recorder.close();
            assertThat(mmu.statistics().users()).isEqualTo(users);
        } finally {
            second.close();
        }
    }

    @Test
    void anAgentDoesItForAProgramThatKnowsNothingOfIt() throws Exception {
        Path file = directory.resolve("agent.jfr");
        Process process = new ProcessBuilder(Jvm.command(
                        List.of(),
                        List.of(
                                "-Xlog:jfr*=error",
                                "-javaagent:" + whereIs(InvalidationRecorder.class),
                                "-XX:StartFlightRecording:filename=" + file
                                        + ",+io.mmubridge.Invalidation#enabled=true",
                                "-cp",
                                whereIs(TwoCalls.class).toString(),
                                TwoCalls.class.getName())))
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        List<String> output = process.inputReader(UTF_8).lines().toList();

        assertThat(process.waitFor()).isZero();
        assertThat(output).hasSize(1);
        assertTwoCalls(read(file), output.getFirst());
    }

    private static Path whereIs(Class<?> type) throws URISyntaxException {
        return Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI());
    }
}
