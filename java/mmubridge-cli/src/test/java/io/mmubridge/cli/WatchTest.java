// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.mmubridge.AddressSpace;
import io.mmubridge.AttachException;
import io.mmubridge.InvalidationEvent;
import io.mmubridge.LaunchEvent;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** One stream of many: of a process's address spaces one after the other, of several processes side by side. */
@Timeout(60)
class WatchTest {
    private static final long COMMAND = 100;

    /** What was written, a word a line: the space, the phase, n and what else counts. */
    private static final class Recorder implements EventWriter {
        private final List<String> lines = new ArrayList<>();
        private boolean broken;
        private @Nullable IOException failure;

        @Override
        public void event(int space, InvalidationEvent event) throws IOException {
            if (failure != null) {
                throw failure;
            }
            String line = space + " " + event.phase().label() + " " + event.n() + "/" + event.seq();
            lines.add(
                    switch (event.phase()) {
                        case EXEC -> line + " " + event.comm() + " " + event.tid();
                        case LOST -> line + " " + event.lostFrom() + "-" + event.lostTo();
                        default -> line;
                    });
        }

        @Override
        public void interim(Summary summary) {
            lines.add("interim " + summary.tally().events());
        }

        @Override
        public void summary(Summary summary) {}

        @Override
        public void flush() {}

        @Override
        public boolean isBroken() {
            return broken;
        }

        List<String> of(int space) {
            return lines.stream().filter(line -> line.startsWith(space + " ")).toList();
        }
    }

    private final Recorder recorder = new Recorder();
    private final StringWriter err = new StringWriter();
    private final Map<AddressSpace, Source> sources = new HashMap<>();

    private Watch watch(@Nullable Long count) {
        return new Watch(recorder, "watch", count, null);
    }

    private Follower follower(Watch watch, Source first) {
        Trail command = watch.begin(COMMAND, true);
        command.begin(first);
        return new Follower(watch, command, this::get, new PrintWriter(err, true));
    }

    private Source get(AddressSpace space) {
        Source source = sources.get(space);
        if (source == null) {
            throw new AttachException(AttachException.Reason.LIMIT, "There are too many.");
        }
        return source;
    }

    private AddressSpace space(Source source) {
        AddressSpace space = new AddressSpace.OfMemoryDescriptor(sources.size());
        sources.put(space, source);
        return space;
    }

    private LaunchEvent exec(long pid, String comm, Source source) {
        return new LaunchEvent.Exec(pid, comm, 0, space(source));
    }

    private LaunchEvent child(long pid, Source source) {
        return new LaunchEvent.Child(pid, COMMAND, space(source));
    }

    @Test
    void numbersGoOnThroughEachExec() throws IOException {
        Watch watch = watch(null);
        FakeSource first = new FakeSource(1, Events.munmap(1, "sh"), Events.munmap(2, "sh"), Events.release(3));
        FakeSource second = new FakeSource(2, Events.munmap(1, "nice"), Events.lost(2, 4), Events.release(5));
        FakeSource third = new FakeSource(3, Events.release(1));
        Follower follower = follower(watch, first);
        follower.accept(exec(COMMAND, "nice", second));
        follower.accept(exec(COMMAND, "true", third));
        follower.accept(new LaunchEvent.Exit(COMMAND, 0));
        follower.accept(new LaunchEvent.End());

        assertThat(watch.run()).isEqualTo(Summary.End.RELEASE);
        assertThat(recorder.lines)
                .containsExactly(
                        "1 start 1/6",
                        "1 start 2/7",
                        "1 release 3/3",
                        "1 exec 3/3 nice 100",
                        "1 start 4/9",
                        "1 lost 7/7 5-7",
                        "1 release 8/8",
                        "1 exec 8/8 true 100",
                        "1 release 9/9",
                        "1 detached 9/9");
        Summary summary = watch.summary(COMMAND, Summary.End.RELEASE, 0, false);
        assertThat(summary.tally().events()).isEqualTo(6);
        assertThat(summary.tally().lost()).isEqualTo(3);
        assertThat(List.of(first, second, third)).allMatch(FakeSource::isClosed);
    }

    @Test
    void anAddressSpaceThatOthersKeepIsLeft() throws IOException {
        Watch watch = watch(null);
        Follower follower = follower(watch, new FakeSource(1, Events.munmap(1, "sh")));
        follower.accept(exec(COMMAND, "true", new FakeSource(2, Events.release(1))));
        follower.accept(new LaunchEvent.Exit(COMMAND, 0));
        follower.accept(new LaunchEvent.End());

        watch.run();
        assertThat(recorder.lines)
                .containsExactly(
                        "1 start 1/6", "1 detached 1/1", "1 exec 1/1 true 100", "1 release 2/2", "1 detached 2/2");
    }

    @Test
    void processesAreMergedAndNumberedEachByItself() throws IOException {
        Watch watch = watch(null);
        Follower follower = follower(watch, new FakeSource(1, Events.munmap(1, "sh"), Events.release(2)));
        follower.accept(child(101, new FakeSource(2, Events.munmap(1, "sh"), Events.release(2))));
        follower.accept(exec(101, "nice", new FakeSource(3, Events.release(1))));
        follower.accept(new LaunchEvent.Exit(101, 1));
        follower.accept(new LaunchEvent.Exit(COMMAND, 0));
        follower.accept(new LaunchEvent.End());

        watch.run();
        assertThat(recorder.of(1)).containsExactly("1 start 1/6", "1 release 2/2", "1 detached 2/2");
        assertThat(recorder.of(2))
                .containsExactly(
                        "2 start 1/6", "2 release 2/2", "2 exec 2/2 nice 101", "2 release 3/3", "2 detached 3/3");
        Summary summary = watch.summary(COMMAND, Summary.End.RELEASE, 0, false);
        assertThat(summary.tally().events()).isEqualTo(5);
        assertThat(summary.spaces())
                .containsExactly(new Summary.Space(1, COMMAND, 2, 0), new Summary.Space(2, 101, 3, 0));
    }

    @Test
    void aChildThatSharesItsParentsAddressSpaceBeginsWithItsExec() throws IOException {
        Watch watch = watch(null);
        FakeSource again = new FakeSource(1, Events.munmap(1, "sh"));
        Follower follower = follower(watch, new FakeSource(1, Events.munmap(1, "sh"), Events.release(2)));
        follower.accept(child(101, again));
        follower.accept(exec(101, "true", new FakeSource(2, Events.release(1))));
        follower.accept(new LaunchEvent.Exit(101, 0));
        follower.accept(new LaunchEvent.Exit(COMMAND, 0));
        follower.accept(new LaunchEvent.End());

        watch.run();
        assertThat(recorder.of(1)).hasSize(3);
        assertThat(recorder.of(2)).containsExactly("2 exec 0/0 true 101", "2 release 1/1", "2 detached 1/1");
        assertThat(again.isClosed()).isTrue();
    }

    @Test
    void whoCannotBeWatchedIsNamedAndTheOthersGoOn() throws IOException {
        Watch watch = watch(null);
        Follower follower = follower(watch, new FakeSource(1, Events.release(1)));
        follower.accept(new LaunchEvent.Child(101, COMMAND, new AddressSpace.Self()));
        follower.accept(exec(101, "true", new FakeSource(2, Events.release(1))));
        follower.accept(new LaunchEvent.Exit(101, 0));
        follower.accept(new LaunchEvent.Exit(COMMAND, 0));
        follower.accept(new LaunchEvent.End());

        watch.run();
        assertThat(err.toString()).isEqualTo("mmubridge: process 101 is not watched: There are too many.\n");
        assertThat(recorder.of(1)).hasSize(2);
        assertThat(recorder.of(2)).hasSize(3);
    }

    @Test
    void aCountIsOfAllStreamsAndExact() throws IOException {
        Watch watch = watch(3L);
        Follower follower = follower(watch, new FakeSource(1, Events.munmap(1, "sh"), Events.release(2)));
        follower.accept(exec(
                COMMAND, "true", new FakeSource(2, Events.munmap(1, "x"), Events.munmap(2, "x"), Events.release(3))));

        assertThat(watch.run()).isEqualTo(Summary.End.COUNT);
        assertThat(recorder.lines)
                .containsExactly("1 start 1/6", "1 release 2/2", "1 exec 2/2 true 100", "1 start 3/8");

        // What comes later is let run.
        follower.accept(child(101, new FakeSource(3, Events.munmap(1, "x"))));
        follower.accept(new LaunchEvent.Exit(COMMAND, 0));
        assertThat(recorder.lines).hasSize(4);
    }

    @Test
    void aProcessThatIsNotFollowedEndsWithItsAddressSpace() throws IOException {
        Watch watch = watch(null);
        FakeSource source = new FakeSource(1, Events.munmap(1, "sh"));
        watch.begin(COMMAND, false).begin(source);
        watch.complete();
        source.give(Events.release(2));

        assertThat(watch.run()).isEqualTo(Summary.End.RELEASE);
        assertThat(recorder.lines).containsExactly("1 start 1/6", "1 release 2/2", "1 detached 2/2");
    }

    @Test
    void whenTimeIsUpWhatHadComeIsWritten() throws IOException {
        Watch watch = new Watch(recorder, "watch", null, Duration.ofMillis(1));
        follower(watch, new FakeSource(1, Events.munmap(1, "sh")));

        assertThat(watch.run()).isEqualTo(Summary.End.DURATION);
        assertThat(recorder.lines).containsExactly("1 start 1/6", "1 detached 1/1");
    }

    @Test
    void anInterruptIsASignal() throws IOException {
        Watch watch = watch(null);
        follower(watch, new FakeSource(1, Events.munmap(1, "sh")));
        Thread.currentThread().interrupt();

        assertThat(watch.run()).isEqualTo(Summary.End.SIGNAL);
        assertThat(recorder.lines).containsExactly("1 start 1/6", "1 detached 1/1");
    }

    @Test
    void outputThatNobodyReadsIsTheEnd() throws IOException {
        recorder.broken = true;
        Watch watch = watch(null);
        follower(watch, new FakeSource(1, Events.munmap(1, "sh")));

        assertThat(watch.run()).isEqualTo(Summary.End.OUTPUT);
        assertThat(recorder.lines).isEmpty();
    }

    @Test
    void outputThatFailsIsThrown() {
        recorder.failure = new IOException("no space");
        Watch watch = watch(null);
        follower(watch, new FakeSource(1, Events.munmap(1, "sh")));

        assertThatExceptionOfType(IOException.class).isThrownBy(watch::run).withMessage("no space");
    }
}
