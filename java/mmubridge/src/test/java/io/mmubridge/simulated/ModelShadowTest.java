// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.simulated;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmubridge.AddressRange;
import io.mmubridge.Filter;
import io.mmubridge.MmuException;
import io.mmubridge.RingOptions;
import io.mmubridge.Shadow;
import io.mmubridge.ShadowAccess;
import io.mmubridge.ShadowChanges;
import io.mmubridge.ShadowEntry;
import io.mmubridge.ShadowMode;
import io.mmubridge.model.Advice;
import io.mmubridge.model.Lockdep;
import io.mmubridge.model.MapRequest;
import io.mmubridge.model.MmStruct;
import io.mmubridge.model.MmuNotifier;
import io.mmubridge.model.MmuNotifierEvent;
import io.mmubridge.model.MmuNotifierRange;
import io.mmubridge.model.SimulatedFile;
import io.mmubridge.model.SimulatedKernel;
import io.mmubridge.model.SimulatedProcess;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A shadow at each moment of an invalidation, which a test can hold open. */
@Timeout(60)
class ModelShadowTest {
    private static final long PAGE = 4096;
    private static final long CHUNK = 512 * PAGE;

    private final SimulatedKernel kernel =
            SimulatedKernel.builder().lockdep(Lockdep.on()).build();
    private final ModelBackend backend = new ModelBackend(kernel, "a test");
    private final SimulatedProcess process = kernel.spawn("subject");
    private final MmStruct mm = Objects.requireNonNull(process.mm());
    private final ModelSubscription subscription = backend.attach("test", mm, RingOptions.none(), Filter.all());
    private final AddressRange range = map(8);
    private final Shadow shadow = shadow(range, ShadowMode.SNAPSHOT);
    private final ShadowEntry entry = new ShadowEntry();

    private AddressRange map(int pages) {
        long start = process.mmap(MapRequest.anonymous(pages * PAGE));
        for (long address = start; address < start + pages * PAGE; address += PAGE) {
            process.write(address, (byte) 1);
        }
        return new AddressRange(start, start + pages * PAGE);
    }

    private Shadow shadow(AddressRange of, ShadowMode mode) {
        return ShadowAccess.of(subscription.shadow(of, mode), of, mode);
    }

    @AfterEach
    void nothingIsBroken() {
        backend.close();
        backend.spaces().synchronize(0);
        assertThat(kernel.failures()).isEmpty();
        kernel.lockdep().assertNothingHeld();
    }

    private MmuNotifierRange start(long start, long end) {
        MmuNotifierRange open = MmuNotifierRange.of(mm, MmuNotifierEvent.CLEAR, start, end);
        MmuNotifier.invalidateRangeStart(open);
        return open;
    }

    private static void end(MmuNotifierRange open) {
        MmuNotifier.invalidateRangeEnd(open);
    }

    private boolean isPresent(int page) {
        return shadow.lookup(range.start() + page * PAGE, entry);
    }

    /** Does it in a thread of its own, and returns when that waits. */
    private static <T> FutureTask<T> waiting(Callable<T> action) {
        FutureTask<T> task = new FutureTask<>(action);
        Thread thread = Thread.ofPlatform().start(task);
        while (thread.getState() != Thread.State.WAITING && thread.isAlive()) {
            Thread.onSpinWait();
        }
        assertThat(task.isDone()).as("it waits").isFalse();
        return task;
    }

    private static Throwable failure(FutureTask<?> task) throws InterruptedException {
        try {
            task.get();
        } catch (ExecutionException e) {
            return Objects.requireNonNull(e.getCause());
        }
        throw new AssertionError("it has not failed");
    }

    @Test
    void theStartDropsBeforeItReturnsAndTheEndBringsNothingBack() {
        shadow.refresh();
        MmuNotifierRange open = start(range.start() + 2 * PAGE, range.start() + 4 * PAGE);
        assertThat(isPresent(1)).isTrue();
        assertThat(isPresent(2)).isFalse();
        assertThat(isPresent(3)).isFalse();
        assertThat(isPresent(4)).isTrue();

        end(open);
        assertThat(isPresent(2)).isFalse();
        assertThat(shadow.refresh().same()).isEqualTo(2);
    }

    @Test
    void refreshWaitsForTheEndOfAllThatIsInFlight() throws Exception {
        MmuNotifierRange open = start(range.start(), range.start() + PAGE);
        MmuNotifierRange another = start(range.end(), range.end() + PAGE);
        FutureTask<ShadowChanges> refresh = waiting(shadow::refresh);
        end(open);
        assertThat(isPresent(0))
                .as("what is in flight is counted, not told apart")
                .isFalse();
        end(another);

        assertThat(refresh.get().added()).isEqualTo(8);
        assertThat(isPresent(0)).isTrue();
    }

    @Test
    void anInterruptDoesNotEndTheWait() throws Exception {
        MmuNotifierRange open = start(range.start(), range.end());
        boolean[] interrupted = new boolean[1];
        Thread[] thread = new Thread[1];
        FutureTask<ShadowChanges> refresh = waiting(() -> {
            thread[0] = Thread.currentThread();
            ShadowChanges changes = shadow.refresh();
            interrupted[0] = Thread.interrupted();
            return changes;
        });
        thread[0].interrupt();
        end(open);

        assertThat(refresh.get().present()).isEqualTo(8);
        assertThat(interrupted[0]).isTrue();
    }

    @Test
    void whatIsInFlightElsewhereKeepsNobodyWaiting() {
        MmuNotifierRange below = start(range.start() - PAGE, range.start());
        assertThat(shadow.refresh().added()).isEqualTo(8);
        MmuNotifierRange above = start(range.end(), range.end() + PAGE);
        // From the lowest to the highest, all may be in flight.
        assertThat(shadow.tryRefresh(range).busy()).isEqualTo(8);
        end(below);
        end(above);
        above = start(range.end(), range.end() + PAGE);
        assertThat(shadow.tryRefresh(range).busy()).isZero();
        below = start(range.start() - PAGE, range.start());
        assertThat(shadow.tryRefresh(range).busy()).isEqualTo(8);
        end(above);
        assertThat(shadow.tryRefresh(range).busy()).isEqualTo(8);
        end(below);
    }

    @Test
    void tryRefreshLeavesAloneWhatIsInFlight() {
        Shadow large = shadow(map(3 * 512), ShadowMode.SNAPSHOT);
        long boundary = (large.range().start() + CHUNK - 1) & -CHUNK;
        long before = (boundary - large.range().start()) / PAGE;
        MmuNotifierRange open = start(boundary, boundary + PAGE);
        ShadowChanges changes = large.tryRefresh(large.range());
        assertThat(changes.busy()).isEqualTo(512);
        assertThat(changes.added()).isEqualTo(2 * 512);
        assertThat(large.lookup(boundary - PAGE, entry)).isEqualTo(before > 0);
        assertThat(large.lookup(boundary, entry)).isFalse();
        assertThat(large.lookup(boundary + CHUNK, entry)).isTrue();

        end(open);
        changes = large.tryRefresh(large.range());
        assertThat(changes.busy()).isZero();
        assertThat(changes.added()).isEqualTo(512);
        assertThat(changes.present()).isEqualTo(3 * 512);
    }

    /** Between the look at the page table and the install: who holds the mmap lock keeps the look from beginning. */
    @Test
    void nothingIsInstalledIfAnythingCameBetween() throws Exception {
        mm.mmapLock().lockWrite();
        FutureTask<ShadowChanges> attempt;
        FutureTask<ShadowChanges> refresh;
        try {
            attempt = waiting(() -> shadow.tryRefresh(range));
            refresh = waiting(shadow::refresh);
            end(start(range.start() + 3 * PAGE, range.start() + 4 * PAGE));
        } finally {
            mm.mmapLock().unlockWrite();
        }

        assertThat(attempt.get().busy()).isEqualTo(8);
        assertThat(refresh.get().present()).isEqualTo(8);
    }

    @Test
    void whatCameBetweenElsewhereIsNoMatter() throws Exception {
        Shadow large = shadow(map(2 * 512 + 8), ShadowMode.SNAPSHOT);
        long boundary = (large.range().start() + CHUNK) & -CHUNK;
        AddressRange first = new AddressRange(boundary - PAGE, boundary);
        mm.mmapLock().lockWrite();
        FutureTask<ShadowChanges> attempt;
        try {
            attempt = waiting(() -> large.tryRefresh(first));
            end(start(boundary, boundary + PAGE));
        } finally {
            mm.mmapLock().unlockWrite();
        }

        assertThat(attempt.get().added()).as("of another chunk").isEqualTo(1);
    }

    /** Neither overlaps, so the sequence stays; but what is in flight is known from its lowest to its highest address alone. */
    @Test
    void nothingIsInstalledThatMayBeInFlight() throws Exception {
        mm.mmapLock().lockWrite();
        MmuNotifierRange below;
        MmuNotifierRange above;
        FutureTask<ShadowChanges> attempt;
        try {
            attempt = waiting(() -> shadow.tryRefresh(range));
            below = start(range.start() - PAGE, range.start());
            above = start(range.end(), range.end() + PAGE);
        } finally {
            mm.mmapLock().unlockWrite();
        }
        assertThat(attempt.get().busy()).isEqualTo(8);
        end(below);
        end(above);
    }

    @Test
    void theCloseEndsTheWait() throws Exception {
        MmuNotifierRange open = start(range.start(), range.end());
        FutureTask<ShadowChanges> refresh = waiting(shadow::refresh);
        FutureTask<Long> read = waiting(() -> shadow.read(range.start(), MemorySegment.ofArray(new byte[1])));
        shadow.close();

        assertThat(failure(refresh)).isInstanceOf(IllegalStateException.class).hasMessageContaining("closed");
        assertThat(failure(read)).isInstanceOf(IllegalStateException.class).hasMessageContaining("closed");
        end(open);
        assertThat(isPresent(0)).isFalse();
    }

    @Test
    void theDetachEndsTheWait() throws Exception {
        MmuNotifierRange open = start(range.start(), range.end());
        FutureTask<ShadowChanges> refresh = waiting(shadow::refresh);
        subscription.detach();

        assertThat(failure(refresh)).isInstanceOf(IllegalStateException.class).hasMessageContaining("detached");
        end(open);
        assertThat(isPresent(0)).isFalse();
    }

    @Test
    void theReleaseEndsTheWait() throws Exception {
        MmuNotifierRange open = start(range.start(), range.end());
        FutureTask<ShadowChanges> refresh = waiting(shadow::refresh);
        process.exit();

        assertThat(failure(refresh)).isInstanceOf(MmuException.class).hasMessageContaining("released");
        end(open);
        assertThat(isPresent(0)).isFalse();
    }

    @Test
    void theExecEndsItToo() {
        shadow.refresh();
        process.exec("another");
        assertThat(shadow.isEnded()).isTrue();
        assertThat(isPresent(0)).isFalse();
        assertThatThrownBy(shadow::refresh).isInstanceOf(MmuException.class);
    }

    @Test
    void whatIsReclaimedIsGoneUntilItIsAccessed() {
        shadow.refresh();
        Shadow other = shadow(map(2), ShadowMode.READ);
        other.refresh();
        // Spared in the first round.
        assertThat(kernel.reclaim(10)).isEqualTo(10);
        assertThat(shadow.statistics().dropped()).isEqualTo(8);
        assertThat(shadow.refresh().gone()).isEqualTo(8);
        assertThat(kernel.swapUsed()).isEqualTo(10);

        byte[] bytes = new byte[1];
        assertThat(other.read(other.range().start(), MemorySegment.ofArray(bytes)))
                .isEqualTo(1);
        assertThat(bytes[0]).isEqualTo((byte) 1);
        assertThat(kernel.swapUsed()).isEqualTo(9);
    }

    /** MADV_FREE gives a page up unless it is written to, which no entry of the page table tells of here. */
    @Test
    void whatIsWrittenThroughTheShadowIsNotGivenUp() {
        process.madvise(range.start(), 2 * PAGE, Advice.FREE);
        shadow.refresh();
        assertThat(shadow.write(range.start(), MemorySegment.ofArray(new byte[] {7})))
                .isEqualTo(1);
        kernel.reclaim(8);
        assertThat(shadow.statistics().present()).isZero();

        assertThat(process.read(range.start())).isEqualTo((byte) 7);
        assertThat(process.read(range.start() + PAGE)).isEqualTo((byte) 0);
    }

    @Test
    void aFileThatIsMadeShorterTakesItsPagesAway() {
        SimulatedFile file = kernel.file("data", 4 * PAGE);
        long start = process.mmap(MapRequest.of(file, 0, 6 * PAGE));
        Shadow mapped = shadow(new AddressRange(start, start + 6 * PAGE), ShadowMode.WRITE);
        ShadowChanges changes = mapped.refresh();
        assertThat(changes.present())
                .as("beyond the end of the file nothing is to be had")
                .isEqualTo(4);
        assertThat(changes.writable()).isEqualTo(4);
        process.truncate(file, 2 * PAGE);

        assertThat(mapped.lookup(start + 2 * PAGE, entry)).isFalse();
        assertThat(mapped.lookup(start + PAGE, entry)).isTrue();
        assertThat(mapped.refresh().gone()).isEqualTo(2);
    }

    @Test
    void whoeverAccessesMemoryKeepsItFromBeingFreed() throws Exception {
        Shadow write = shadow(map(4), ShadowMode.WRITE);
        FutureTask<Integer> accesses = new FutureTask<>(() -> {
            MemorySegment buffer = MemorySegment.ofArray(new byte[(int) (4 * PAGE)]);
            int done = 0;
            for (int i = 0; i < 300; i++) {
                done += write.read(write.range().start(), buffer) == 4 * PAGE ? 1 : 0;
                done += write.write(write.range().start(), buffer) == 4 * PAGE ? 1 : 0;
            }
            return done;
        });
        Thread.ofPlatform().start(accesses);
        while (!accesses.isDone()) {
            process.madvise(write.range().start(), 4 * PAGE, Advice.DONTNEED);
            process.write(write.range().start() + PAGE, (byte) 1);
        }

        // A frame that is used once it is free is an error.
        assertThat(accesses.get()).isEqualTo(600);
    }
}
