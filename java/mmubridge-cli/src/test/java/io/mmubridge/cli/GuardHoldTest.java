// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.mmubridge.AddressRange;
import io.mmubridge.EventType;
import io.mmubridge.Guard;
import io.mmubridge.InvalidationEvent;
import io.mmubridge.Mmu;
import io.mmubridge.RingOptions;
import io.mmubridge.Subscription;
import io.mmubridge.model.Advice;
import io.mmubridge.model.MapRequest;
import io.mmubridge.model.MmuNotifier;
import io.mmubridge.model.MmuNotifierEvent;
import io.mmubridge.model.MmuNotifierRange;
import io.mmubridge.model.Protection;
import io.mmubridge.model.SimulatedKernel;
import io.mmubridge.model.SimulatedProcess;
import java.time.Duration;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.FutureTask;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A guard held on a process of the model. */
@Timeout(60)
class GuardHoldTest {
    private static final long PAGE = 4096;

    /** What was written, for a test that waits for it. */
    private static final class Recorder implements EventWriter {
        final BlockingQueue<InvalidationEvent> events = new LinkedBlockingQueue<>();
        volatile boolean broken;
        Runnable reader = () -> {};

        @Override
        public void event(int space, InvalidationEvent event) {
            events.add(event);
            reader.run();
        }

        @Override
        public void interim(Summary summary) {
            throw new AssertionError("nobody asks");
        }

        @Override
        public void summary(Summary summary) {
            throw new AssertionError("that is the command's");
        }

        @Override
        public void flush() {}

        @Override
        public boolean isBroken() {
            return broken;
        }
    }

    private final SimulatedKernel kernel = SimulatedKernel.builder().build();
    private final Mmu mmu = Mmu.simulated(kernel);
    private final SimulatedProcess process = kernel.spawn("subject");
    private final long start = process.mmap(MapRequest.anonymous(4 * PAGE));
    private final AddressRange range = new AddressRange(start, start + 4 * PAGE);
    private final Recorder recorder = new Recorder();

    @AfterEach
    void close() {
        mmu.close();
    }

    private GuardHold hold(Set<EventType> ignored, @Nullable Long count, @Nullable Duration duration) {
        Subscription subscription = mmu.subsystem("guard")
                .get(mmu.process(process), RingOptions.ofRecords(64), GuardHold.filter(range, ignored));
        return new GuardHold(subscription, range, ignored, recorder, count, duration);
    }

    private static FutureTask<Summary.End> run(GuardHold hold) {
        FutureTask<Summary.End> task = new FutureTask<>(hold::run);
        Thread.ofPlatform().start(task);
        return task;
    }

    private void discard() {
        process.write(start, (byte) 1);
        process.madvise(start, PAGE, Advice.DONTNEED);
    }

    @Test
    void eachChangeIsWrittenWithItsEventUntilTheProcessEnds() throws Exception {
        GuardHold hold = hold(Set.of(), null, null);
        assertThat(hold.isValid()).isTrue();
        FutureTask<Summary.End> running = run(hold);
        discard();
        InvalidationEvent first = recorder.events.take();
        assertThat(first.type()).isEqualTo(EventType.CLEAR);
        assertThat(first.n()).isEqualTo(1);
        assertThat(first.syscall()).isEqualTo("madvise");
        process.munmap(start, PAGE);
        InvalidationEvent second = recorder.events.take();
        assertThat(second.type()).isEqualTo(EventType.UNMAP);
        assertThat(second.n()).isEqualTo(2);
        process.exit();

        assertThat(running.get()).isEqualTo(Summary.End.RELEASE);
        assertThat(recorder.events.take().type()).isEqualTo(EventType.RELEASE);
        assertThat(hold.tally().events()).isEqualTo(3);
    }

    /** At the earliest moment: before the write of the first returns. */
    @Test
    void whatWhoeverReadsOfAChangeDoesIsTheNext() throws Exception {
        GuardHold hold = hold(Set.of(), 3L, null);
        recorder.reader = this::discard;
        discard();

        assertThat(hold.run()).isEqualTo(Summary.End.COUNT);
        assertThat(recorder.events).hasSize(3);
    }

    private MmuNotifierRange startInvalidation() {
        MmuNotifierRange held =
                MmuNotifierRange.of(Objects.requireNonNull(process.mm()), MmuNotifierEvent.CLEAR, start, start + PAGE);
        MmuNotifier.invalidateRangeStart(held);
        return held;
    }

    @Test
    void aChangeIsWrittenWhenItIsOver() throws Exception {
        GuardHold hold = hold(Set.of(), 2L, null);
        FutureTask<Summary.End> task = new FutureTask<>(hold::run);
        MmuNotifierRange held = startInvalidation();
        Thread thread = Thread.ofPlatform().start(task);
        while (!(LockSupport.getBlocker(thread) instanceof Guard)) {
            assertThat(thread.isAlive()).isTrue();
        }
        assertThat(recorder.events).isEmpty();
        MmuNotifier.invalidateRangeEnd(held);
        assertThat(recorder.events.take().type()).isEqualTo(EventType.CLEAR);
        discard();

        assertThat(task.get()).isEqualTo(Summary.End.COUNT);
        assertThat(recorder.events).hasSize(1);
    }

    @Test
    void oneThatIsNotOverInTimeIsWrittenOnce() throws Exception {
        GuardHold hold = hold(Set.of(), null, Duration.ofMillis(1));
        MmuNotifierRange held = startInvalidation();

        assertThat(hold.run()).isEqualTo(Summary.End.DURATION);
        assertThat(recorder.events).hasSize(1);
        MmuNotifier.invalidateRangeEnd(held);
    }

    @Test
    void itStopsAfterSoManyChanges() throws Exception {
        GuardHold hold = hold(Set.of(), 1L, null);
        discard();

        assertThat(hold.run()).isEqualTo(Summary.End.COUNT);
        assertThat(recorder.events).hasSize(1);
    }

    @Test
    void whatIsIgnoredIsNoChange() throws Exception {
        GuardHold hold = hold(Set.of(EventType.CLEAR), 1L, null);
        FutureTask<Summary.End> running = run(hold);
        discard();
        process.mprotect(start, PAGE, Protection.READ);

        assertThat(running.get()).isEqualTo(Summary.End.COUNT);
        assertThat(recorder.events.take().type()).isEqualTo(EventType.PROTECTION_VMA);
    }

    @Test
    void itStopsWhenTimeIsUp() throws Exception {
        assertThat(hold(Set.of(), null, Duration.ofMillis(1)).run()).isEqualTo(Summary.End.DURATION);
        assertThat(recorder.events).isEmpty();
    }

    @Test
    void anInterruptIsASignalAndWhatHadComeIsWritten() throws Exception {
        GuardHold hold = hold(Set.of(), null, null);
        discard();
        Thread.currentThread().interrupt();

        assertThat(hold.run()).isEqualTo(Summary.End.SIGNAL);
        assertThat(recorder.events).hasSize(1);
    }

    @Test
    void outputThatNobodyReadsIsTheEnd() throws Exception {
        GuardHold hold = hold(Set.of(), null, null);
        recorder.broken = true;
        discard();

        assertThat(hold.run()).isEqualTo(Summary.End.OUTPUT);
    }
}
