// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.mmubridge.AddressRange;
import io.mmubridge.Cause;
import io.mmubridge.Filter;
import io.mmubridge.Mmu;
import io.mmubridge.RingOptions;
import io.mmubridge.Subscription;
import io.mmubridge.model.Advice;
import io.mmubridge.model.MapRequest;
import io.mmubridge.model.SimulatedKernel;
import io.mmubridge.model.SimulatedProcess;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.FutureTask;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Looks at a process of the model. */
@Timeout(60)
class ShadowWatchTest {
    private static final long PAGE = 4096;
    private static final Duration SHORT = Duration.ofMillis(1);
    private static final Duration LONG = Duration.ofDays(1);

    private final SimulatedKernel kernel = SimulatedKernel.builder().build();
    private final Mmu mmu = Mmu.simulated(kernel);
    private final SimulatedProcess process = kernel.spawn("subject");
    private final long start = process.mmap(MapRequest.anonymous(4 * PAGE));
    private final AddressRange range = new AddressRange(start, start + 4 * PAGE);
    private final Subscription subscription =
            mmu.subsystem("shadow").get(mmu.process(process), RingOptions.ofRecords(64), Filter.all());
    private final Recorder recorder = new Recorder();
    private Runnable duringLook = () -> {};

    /** What was written; what a test does in between, it does here. */
    private static final class Recorder implements ShadowWriter {
        final BlockingQueue<ShadowLook> looks = new LinkedBlockingQueue<>();
        final List<ShadowSummary> interims = new ArrayList<>();
        final List<Runnable> afterLooks = new ArrayList<>();
        boolean broken;

        @Override
        public void look(ShadowLook look) {
            looks.add(look);
            if (!afterLooks.isEmpty()) {
                afterLooks.removeFirst().run();
            }
        }

        @Override
        public void interim(ShadowSummary summary) {
            interims.add(summary);
        }

        @Override
        public void summary(ShadowSummary summary) {
            throw new AssertionError("that is the command's");
        }

        @Override
        public boolean isBroken() {
            return broken;
        }
    }

    @AfterEach
    void close() {
        mmu.close();
    }

    private ShadowWatch watch(Duration interval, long count) {
        ShadowLooker looker = new ShadowLooker(
                1,
                new SubscriptionShadows(subscription),
                () -> {
                    duringLook.run();
                    return List.of(new ProcMaps.Mapping(range, "rw-p", ""));
                },
                new ShadowLooker.Request(null, null, 0, count > 1, false, 64, 1 << 20));
        return new ShadowWatch(
                1, "shadow", looker, count > 1 ? subscription.events() : null, recorder, interval, count);
    }

    private void write(int pages) {
        for (int i = 0; i < pages; i++) {
            process.write(start + i * PAGE, (byte) 1);
        }
    }

    private ShadowLook next() throws InterruptedException {
        return recorder.looks.take();
    }

    @Test
    void whatAnEventTellsIsBesideWhatHasChanged() throws Exception {
        write(3);
        recorder.afterLooks.add(() -> {
            process.madvise(start, 2 * PAGE, Advice.DONTNEED);
            write(1);
        });
        ShadowWatch watch = watch(SHORT, 3);
        assertThat(watch.run()).isEqualTo(Summary.End.COUNT);

        assertThat(next().now().present()).isEqualTo(3);
        ShadowLook second = next();
        assertThat(second.now().present()).isEqualTo(2);
        assertThat(second.now().moved()).isEqualTo(1);
        assertThat(second.now().gone()).isEqualTo(1);
        assertThat(second.now().mismatched()).isZero();
        assertThat(second.events().byCause()).containsOnlyKeys(Cause.MADV_DONTNEED);
        assertThat(second.events().all().dropped()).isEqualTo(2);
        assertThat(second.areas().getFirst().causes()).containsEntry(Cause.MADV_DONTNEED, 1L);
        ShadowLook third = next();
        assertThat(third.events().all().events()).isZero();
        assertThat(third.now().dropped()).isZero();
        assertThat(third.total().dropped()).isEqualTo(2);
        ShadowSummary summary = watch.summary(Summary.End.COUNT);
        assertThat(summary.last()).isSameAs(third);
        assertThat(summary.events().all().events()).isEqualTo(1);
    }

    @Test
    void whatThereIsToSaySoFarIsSaidWhileItWaits() throws Exception {
        write(3);
        ShadowWatch watch = watch(LONG, 2);
        watch.interim();
        FutureTask<Summary.End> running = new FutureTask<>(watch::run);
        Thread.ofPlatform().start(running);
        ShadowLook first = next();
        process.madvise(start, 2 * PAGE, Advice.DONTNEED);
        while (watch.summary(null).events().all().events() == 0) {
            Thread.onSpinWait();
        }
        watch.interim();
        process.exit();
        running.get();

        assertThat(recorder.interims).hasSize(2);
        assertThat(recorder.interims.getFirst().looks()).isZero();
        ShadowSummary interim = recorder.interims.getLast();
        assertThat(interim.end()).isNull();
        assertThat(interim.last()).isSameAs(first);
        assertThat(interim.events().byCause()).containsOnlyKeys(Cause.MADV_DONTNEED);
    }

    @Test
    void itIsSaidWhileALookGoesOn() throws Exception {
        ShadowWatch watch = watch(LONG, 1);
        // A limit, since join() sees no interrupt: a summary that waits for the look would keep it for ever.
        duringLook = () -> CompletableFuture.runAsync(watch::interim)
                .orTimeout(30, TimeUnit.SECONDS)
                .join();

        assertThat(watch.run()).isEqualTo(Summary.End.COUNT);
        assertThat(recorder.interims).hasSize(1);
    }

    @Test
    void oneLookNeedsNoEvents() throws Exception {
        write(2);
        assertThat(watch(LONG, 1).run()).isEqualTo(Summary.End.COUNT);

        assertThat(next().now().present()).isEqualTo(2);
        assertThat(recorder.looks).isEmpty();
    }

    @Test
    void theEndOfTheProcessEndsTheWait() throws Exception {
        FutureTask<Summary.End> running = new FutureTask<>(watch(LONG, 2)::run);
        Thread.ofPlatform().start(running);
        next();
        process.exit();

        assertThat(running.get()).isEqualTo(Summary.End.RELEASE);
    }

    @Test
    void theEndOfTheProcessEndsALook() throws Exception {
        recorder.afterLooks.add(process::exit);
        // The stream tells first, unless there is no wait at all.
        assertThat(watch(Duration.ofNanos(1), 9).run()).isEqualTo(Summary.End.RELEASE);
        assertThat(recorder.looks).hasSize(1);
    }

    @Test
    void anInterruptEndsTheWait() throws Exception {
        recorder.afterLooks.add(Thread.currentThread()::interrupt);

        assertThat(watch(LONG, 2).run()).isEqualTo(Summary.End.SIGNAL);
        assertThat(recorder.looks).hasSize(1);
    }

    @Test
    void outputThatNobodyReadsIsTheEnd() throws Exception {
        recorder.broken = true;

        assertThat(watch(SHORT, 9).run()).isEqualTo(Summary.End.OUTPUT);
    }
}
