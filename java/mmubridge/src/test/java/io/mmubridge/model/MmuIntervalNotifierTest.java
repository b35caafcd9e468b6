// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import static io.mmubridge.model.Threads.waiting;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class MmuIntervalNotifierTest {
    private static final long PAGE = 0x1000;

    private final SimulatedKernel kernel = SimulatedKernel.builder()
            .lockdep(Lockdep.on())
            .srcuExecutor(Runnable::run)
            .build();
    private final MmStruct mm = new MmStruct(kernel);
    private final List<String> calls = new ArrayList<>();

    /** Of one page, named by its number. */
    private MmuIntervalNotifier page(long number) {
        return new MmuIntervalNotifier(mm, number * PAGE, PAGE, (notifier, range, seq) -> {
            notifier.setSeq(seq);
            calls.add(number + " " + range.event());
            return true;
        });
    }

    private MmuIntervalNotifier inserted(long number) {
        MmuIntervalNotifier notifier = page(number);
        notifier.insert();
        return notifier;
    }

    private MmuNotifierRange pages(long first, long count) {
        return MmuNotifierRange.of(mm, MmuNotifierEvent.CLEAR, first * PAGE, (first + count) * PAGE);
    }

    private long invalidateSeq() {
        return Objects.requireNonNull(mm.notifierSubscriptions()).invalidateSeq;
    }

    /** A waiter that is woken before that would sleep again, and nobody would wake it. */
    @Test
    void theNumberIsEvenBeforeWaitersAreWoken() throws Exception {
        inserted(0);
        MmuNotifier.invalidateRangeStart(pages(0, 1));
        Thread end = new Thread(() -> MmuNotifier.invalidateRangeEnd(pages(0, 1)));
        synchronized (Objects.requireNonNull(mm.notifierSubscriptions()).wq) {
            end.start();
            while (end.getState() != Thread.State.BLOCKED) {
                Thread.onSpinWait();
            }
            assertThat(invalidateSeq() & 1).isZero();
        }
        end.join();
    }

    @Test
    void toldOfWhatOverlaps() {
        inserted(0);
        inserted(1);
        inserted(3);
        MmuNotifier.invalidateRangeStart(pages(1, 2));
        MmuNotifier.invalidateRangeEnd(pages(1, 2));

        assertThat(calls).containsExactly("1 CLEAR");
        assertThat(mm.count()).isEqualTo(4);
    }

    @Test
    void theRangeEndsBelowTheEndOfAllAddresses() {
        MmuIntervalNotifier.Invalidate ops = (notifier, range, seq) -> true;
        for (long[] bad : new long[][] {{0, 0}, {-PAGE, PAGE + 1}, {-1, 2}, {2, -1}}) {
            ErrnoException refused =
                    catchThrowableOfType(ErrnoException.class, () -> new MmuIntervalNotifier(mm, bad[0], bad[1], ops));
            assertThat(refused.errno()).isEqualTo(Errno.EOVERFLOW);
        }
        assertThat(new MmuIntervalNotifier(mm, -PAGE, PAGE, ops).last()).isEqualTo(-1);
        assertThat(new MmuIntervalNotifier(mm, 0, -1, ops).last()).isEqualTo(-2);
    }

    @Test
    void addressesAreUnsigned() {
        inserted(-2L >>> 12);
        inserted(1);
        MmuNotifierRange high = MmuNotifierRange.of(mm, MmuNotifierEvent.CLEAR, Long.MAX_VALUE, -1);
        MmuNotifier.invalidateRangeStart(high);
        MmuNotifier.invalidateRangeEnd(high);

        assertThat(calls).hasSize(1);
    }

    // --------------------------------------------------------------------------------------- insertion and removal

    @Test
    void anInsertionAmidAnInvalidationIsPutOff() {
        inserted(0);
        MmuNotifier.invalidateRangeStart(pages(0, 2));
        MmuIntervalNotifier late = inserted(1);
        assertThat(late.isLinked()).isFalse();
        assertThat(late.seq()).isEqualTo(invalidateSeq());
        MmuNotifier.invalidateRangeStart(pages(1, 1));
        MmuNotifier.invalidateRangeEnd(pages(1, 1));
        assertThat(late.isLinked()).isFalse();

        MmuNotifier.invalidateRangeEnd(pages(0, 2));
        assertThat(late.isLinked()).isTrue();
        assertThat(late.readRetry(late.readBegin())).isFalse();
        assertThat(calls).containsExactly("0 CLEAR");
    }

    @Test
    void itIsNotIfThatHasMetNobody() throws Exception {
        inserted(0);
        MmuNotifier.invalidateRangeStart(pages(1, 1));
        MmuIntervalNotifier late = inserted(1);
        assertThat(late.isLinked()).isTrue();
        // Its range may be what is invalidated.
        Thread reader = waiting(late::readBegin);

        MmuNotifier.invalidateRangeEnd(pages(1, 1));
        reader.join();
    }

    @Test
    void aRemovalAmidAnInvalidationIsPutOffAndWaitedFor() throws Exception {
        MmuIntervalNotifier notifier = inserted(0);
        MmuNotifier.invalidateRangeStart(pages(0, 1));
        Thread remover = waiting(notifier::remove);
        assertThat(notifier.isLinked()).isTrue();

        MmuNotifier.invalidateRangeEnd(pages(0, 1));
        remover.join();
        assertThat(notifier.isLinked()).isFalse();
        assertThat(mm.count()).isEqualTo(1);
        MmuNotifier.invalidateRangeStart(pages(0, 1));
        assertThat(calls).hasSize(1);
    }

    @Test
    void whatWasPutOffCanBeRemovedWithoutWaiting() {
        inserted(0);
        MmuNotifier.invalidateRangeStart(pages(0, 1));
        MmuIntervalNotifier late = inserted(1);
        late.remove();
        MmuNotifier.invalidateRangeEnd(pages(0, 1));

        assertThat(late.isLinked()).isFalse();
        assertThat(mm.count()).isEqualTo(2);
        late.insert();
        assertThat(late.isLinked()).isTrue();
    }

    @Test
    void aSignalDoesNotEndTheWait() throws Exception {
        MmuIntervalNotifier notifier = inserted(0);
        MmuNotifier.invalidateRangeStart(pages(0, 1));
        boolean[] interrupted = new boolean[1];
        Thread remover = waiting(() -> {
            notifier.remove();
            interrupted[0] = Thread.currentThread().isInterrupted();
        });
        remover.interrupt();
        assertThat(notifier.isLinked()).isTrue();
        MmuNotifier.invalidateRangeEnd(pages(0, 1));
        remover.join();

        assertThat(interrupted[0]).isTrue();
    }

    @Test
    void onceEach() {
        MmuIntervalNotifier notifier = inserted(0);
        assertThatThrownBy(notifier::insert).isInstanceOf(KernelBugError.class);
        notifier.remove();
        assertThatThrownBy(notifier::remove).isInstanceOf(KernelBugError.class);
    }

    @Test
    void notWithoutUsers() {
        SimulatedKernel goesOn = SimulatedKernel.builder().panicOnWarn(false).build();
        MmStruct ended = new MmStruct(goesOn);
        new MmuIntervalNotifier(ended, 0, PAGE, (notifier, range, seq) -> true).insert();
        ended.put();

        MmuIntervalNotifier late = new MmuIntervalNotifier(ended, PAGE, PAGE, (notifier, range, seq) -> true);
        assertThat(catchThrowableOfType(ErrnoException.class, late::insert).errno())
                .isEqualTo(Errno.EINVAL);
        assertThat(goesOn.failures()).singleElement().isInstanceOf(KernelBugError.class);
        assertThat(ended.count()).isEqualTo(1);
    }

    @Test
    void aSignalMakesTheFirstInsertionFail() {
        Thread.currentThread().interrupt();
        try {
            assertThat(catchThrowableOfType(ErrnoException.class, () -> inserted(0))
                            .errno())
                    .isEqualTo(Errno.EINTR);
        } finally {
            assertThat(Thread.interrupted()).isTrue();
        }
        assertThat(mm.count()).isEqualTo(1);
        inserted(0);
    }

    // ------------------------------------------------------------------------------------------------ the sequence

    @Test
    void whoeverReadsAmidAnInvalidationWaitsForItsEnd() throws Exception {
        MmuIntervalNotifier notifier = inserted(0);
        MmuNotifier.invalidateRangeStart(pages(0, 1));
        Thread reader = waiting(notifier::readBegin);

        MmuNotifier.invalidateRangeEnd(pages(0, 1));
        reader.join();
    }

    @Test
    void whoeverIsNotMeantDoesNotWait() {
        inserted(0);
        MmuIntervalNotifier other = inserted(1);
        MmuNotifier.invalidateRangeStart(pages(0, 1));

        assertThat(other.readRetry(other.readBegin())).isFalse();
        MmuNotifier.invalidateRangeEnd(pages(0, 1));
    }

    @Test
    void aReadThatAnInvalidationMetIsRetried() {
        MmuIntervalNotifier notifier = inserted(0);
        long seq = notifier.readBegin();
        assertThat(notifier.readRetry(seq)).isFalse();
        MmuNotifier.invalidateRangeStart(pages(0, 1));
        assertThat(notifier.readRetry(seq)).isTrue();
        MmuNotifier.invalidateRangeEnd(pages(0, 1));
        assertThat(notifier.readRetry(seq)).isTrue();
    }

    @Test
    void theLastOfSeveralEndsMakesTheNumberEven() {
        inserted(0);
        long before = invalidateSeq();
        MmuNotifier.invalidateRangeStart(pages(0, 1));
        MmuNotifier.invalidateRangeStart(pages(0, 4));
        assertThat(invalidateSeq()).isEqualTo(before + 1);
        MmuNotifier.invalidateRangeEnd(pages(0, 1));
        assertThat(invalidateSeq()).isEqualTo(before + 1);
        MmuNotifier.invalidateRangeEnd(pages(0, 4));
        assertThat(invalidateSeq()).isEqualTo(before + 2);

        MmuNotifier.invalidateRangeStart(pages(9, 1));
        MmuNotifier.invalidateRangeEnd(pages(9, 1));
        assertThat(invalidateSeq()).as("nobody was met").isEqualTo(before + 2);
    }

    // --------------------------------------------------------------------------------------------------- refusals

    @Test
    void whoeverRefusesIsOwedNoEnd() {
        MmuIntervalNotifier refuses = new MmuIntervalNotifier(mm, 0, PAGE, (notifier, range, seq) -> {
            notifier.setSeq(seq);
            return range.isBlockable();
        });
        refuses.insert();
        long before = invalidateSeq();

        assertThat(MmuNotifier.invalidateRangeStartNonblock(
                        new MmuNotifierRange(mm, MmuNotifierEvent.UNMAP, 0, PAGE, false)))
                .isFalse();
        assertThat(invalidateSeq()).isEqualTo(before + 2);
        refuses.readBegin();
        assertThat(kernel.failures()).isEmpty();
    }

    @Test
    void whoeverRefusesWhatIsBlockableIsToldOff() {
        SimulatedKernel goesOn = SimulatedKernel.builder().panicOnWarn(false).build();
        MmStruct there = new MmStruct(goesOn);
        new MmuIntervalNotifier(there, 0, PAGE, (notifier, range, seq) -> false).insert();
        MmuNotifier.invalidateRangeStart(MmuNotifierRange.of(there, MmuNotifierEvent.CLEAR, 0, PAGE));

        assertThat(goesOn.failures()).singleElement().isInstanceOf(KernelBugError.class);
    }

    /** As in the kernel, where nobody has both: the intervals were begun before the list was asked. */
    @Test
    void aListThatRefusesLeavesTheIntervalsBegun() {
        inserted(0);
        MmuNotifier.register(
                new MmuNotifier(MmuNotifierOps.builder("refuses")
                        .invalidateRangeStart((notifier, range) -> false)
                        .build()),
                mm);

        assertThat(MmuNotifier.invalidateRangeStartNonblock(
                        new MmuNotifierRange(mm, MmuNotifierEvent.UNMAP, 0, PAGE, false)))
                .isFalse();
        assertThat(invalidateSeq() & 1).isEqualTo(1);
    }

    // --------------------------------------------------------------------------------------------------- the end

    @Test
    void theEndOfTheAddressSpaceIsToldAndUnmapsStillAre() {
        inserted(0);
        MmuNotifier.register(
                new MmuNotifier(MmuNotifierOps.builder("list")
                        .release((notifier, space) -> calls.add("list release"))
                        .invalidateRangeStart((notifier, range) -> calls.add("list start"))
                        .build()),
                mm);
        MmuNotifier.mmuNotifierRelease(mm);
        assertThat(calls).containsExactly("0 RELEASE", "list release");
        assertThat(invalidateSeq() & 1).isZero();

        MmuNotifier.invalidateRangeStart(pages(0, 1));
        MmuNotifier.invalidateRangeEnd(pages(0, 1));
        assertThat(calls).containsExactly("0 RELEASE", "list release", "0 CLEAR");
    }

    @Test
    void itKeepsTheAddressSpaceUntilItsRemoval() {
        MmuIntervalNotifier notifier = inserted(0);
        mm.put();
        assertThat(mm.count()).isEqualTo(1);
        notifier.remove();

        assertThat(mm.count()).isZero();
        assertThatThrownBy(notifier::readBegin).isInstanceOf(UseAfterFreeError.class);
    }

    // ------------------------------------------------------------------------------------------------------ locks

    @Test
    void aCallbackMustNotWaitForInvalidations() {
        MmuIntervalNotifier notifier = new MmuIntervalNotifier(mm, 0, PAGE, (told, range, seq) -> {
            told.remove();
            return true;
        });
        notifier.insert();

        assertThatThrownBy(() -> MmuNotifier.invalidateRangeStart(pages(0, 1))).isInstanceOf(LockOrderError.class);
    }

    @Test
    void norWhoeverHoldsALockThatACallbackTakes() {
        ExclusiveLock userLock = new ExclusiveLock(kernel.lockdep(), LockClass.sleeping("user"));
        MmuIntervalNotifier notifier = new MmuIntervalNotifier(mm, 0, PAGE, (told, range, seq) -> {
            userLock.lock();
            told.setSeq(seq);
            userLock.unlock();
            return true;
        });
        notifier.insert();
        MmuNotifier.invalidateRangeStart(pages(0, 1));
        MmuNotifier.invalidateRangeEnd(pages(0, 1));

        userLock.lock();
        assertThatThrownBy(notifier::readBegin).isInstanceOf(LockOrderError.class);
        assertThatThrownBy(notifier::remove).isInstanceOf(LockOrderError.class);
        userLock.unlock();
    }

    @Test
    void anInsertionMayTakeTheMmapLock() {
        inserted(0);
        mm.mmapLock().lockRead();
        assertThatThrownBy(() -> inserted(1)).isInstanceOf(LockOrderError.class);
        mm.mmapLock().unlockRead();

        mm.mmapLock().lockWrite();
        page(1).insertLocked();
        mm.mmapLock().unlockWrite();
        assertThatThrownBy(() -> page(2).insertLocked()).isInstanceOf(KernelBugError.class);
    }
}
