// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import static io.mmubridge.model.Machine.BASE;
import static io.mmubridge.model.Machine.HUGE;
import static io.mmubridge.model.Machine.MIB_2;
import static io.mmubridge.model.Machine.PAGE;
import static io.mmubridge.model.Machine.map;
import static io.mmubridge.model.Machine.mapHuge;
import static io.mmubridge.model.Machine.space;
import static io.mmubridge.model.Machine.touch;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmubridge.Cause;
import io.mmubridge.EventEntry;
import org.junit.jupiter.api.Test;

/** What is reclaimed, dropped or reaped, and what comes back. */
class ReclaimTest {
    @Test
    void whatIsSwappedOutComesBack() {
        try (Machine machine = new Machine()) {
            SimulatedProcess process = machine.spawn();
            touch(process, map(process, 8), 8);
            process.clearRefs();
            process.write(BASE + PAGE, (byte) 2);
            assertThat(machine.kernel().reclaim(8)).isEqualTo(8);
            assertThat(machine.kernel().framesAllocated()).isZero();
            assertThat(machine.kernel().swapUsed()).isEqualTo(8);
            for (int i = 0; i < 8; i++) {
                assertThat(process.read(BASE + i * PAGE)).isEqualTo((byte) (i + 1));
            }
            assertThat(machine.kernel().swapUsed()).isZero();
            assertThat(space(process).snapshot().stream()
                            .filter(PageState::isSoftDirty)
                            .map(PageState::address))
                    .containsExactly(BASE + PAGE);
        }
    }

    @Test
    void aSharedPageIsSwappedOutOfAllThatHaveIt() {
        try (Machine machine = new Machine()) {
            SimulatedProcess parent = machine.spawn();
            touch(parent, map(parent, 1), 1);
            SimulatedProcess child = parent.fork();
            SimulatedProcess grandchild = child.fork();
            assertThat(machine.kernel().reclaim(1)).isEqualTo(1);
            assertThat(machine.kernel().swapUsed()).isEqualTo(1);
            child.write(BASE, (byte) 7);
            SimulatedProcess late = parent.fork();
            assertThat(parent.read(BASE)).isEqualTo((byte) 1);
            assertThat(grandchild.read(BASE)).isEqualTo((byte) 1);
            assertThat(child.read(BASE)).isEqualTo((byte) 7);
            late.exit();
            assertThat(machine.kernel().swapUsed()).isZero();
        }
    }

    /** A page of the child is not looked for in the parent. */
    @Test
    void aCopyIsLookedForWhereItCanBe() {
        try (Machine machine = new Machine()) {
            SimulatedProcess parent = machine.spawn();
            touch(parent, map(parent, 1), 1);
            SimulatedProcess child = parent.fork();
            child.write(BASE, (byte) 7);
            EventLog inParent = new EventLog(space(parent));
            EventLog inChild = new EventLog(space(child));
            child.madvise(BASE, PAGE, Advice.PAGEOUT);
            assertThat(inParent.take()).isEmpty();
            assertThat(EventLog.join(inChild.take(), BASE)).containsExactly("young 0-1", "CLEAR 0-1");
            assertThat(child.read(BASE)).isEqualTo((byte) 7);
            parent.madvise(BASE, PAGE, Advice.PAGEOUT);
            // The child might have it, for all that reverse mapping knows.
            assertThat(EventLog.join(inChild.take(), BASE)).containsExactly("CLEAR 0-1");
            assertThat(EventLog.join(inParent.take(), BASE)).containsExactly("young 0-1", "CLEAR 0-1");
            inParent.close();
            inChild.close();
        }
    }

    @Test
    void whatASubscriberUsesIsSpared() {
        try (Machine machine = new Machine()) {
            SimulatedProcess process = machine.spawn();
            touch(process, map(process, 2), 2);
            EventLog log = new EventLog(space(process));
            log.beYoung();
            assertThat(machine.kernel().reclaim(2)).isZero();
            assertThat(log.take()).noneMatch(call -> call.what().equals("start"));
            log.close();
            assertThat(machine.kernel().reclaim(2)).isEqualTo(2);
        }
    }

    @Test
    void kswapdIsAKernelThread() {
        try (Machine machine = new Machine()) {
            SimulatedProcess process = machine.spawn();
            touch(process, map(process, 1), 1);
            EventLog log = new EventLog(space(process));
            machine.kernel().reclaim(1);
            assertThat(log.last())
                    .isEqualTo(new Activity(50, 50, "kswapd0", EventEntry.KTHREAD, null, -1, Cause.RECLAIM));
            log.close();
        }
    }

    @Test
    void whoNeedsAFrameMakesRoom() {
        try (Machine machine = new Machine(KernelProfile.LINUX_6_1, 4)) {
            SimulatedProcess process = machine.spawn();
            map(process, 64);
            EventLog log = new EventLog(space(process));
            touch(process, BASE, 64);
            assertThat(log.take()).isNotEmpty().allMatch(call -> call.cause() == Cause.RECLAIM_DIRECT);
            for (int i = 0; i < 64; i++) {
                assertThat(process.read(BASE + i * PAGE)).isEqualTo((byte) (i + 1));
            }
            assertThat(machine.kernel().framesAllocated()).isLessThanOrEqualTo(4);
            log.close();
        }
    }

    @Test
    void whereNothingCanGoThereIsNoMemory() {
        try (Machine machine = new Machine(KernelProfile.LINUX_6_1, 2)) {
            SimulatedProcess process = machine.spawn();
            touch(process, map(process, 3), 2);
            EventLog log = new EventLog(space(process));
            log.beYoung();
            assertThatThrownBy(() -> process.write(BASE + 2 * PAGE, (byte) 1))
                    .isInstanceOfSatisfying(
                            ErrnoException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ENOMEM));
            machine.kernel().lockdep().assertNothingHeld();
            assertThat(Invariants.check(machine.kernel())).isEmpty();
            log.close();
            process.write(BASE + 2 * PAGE, (byte) 1);
        }
    }

    @Test
    void aPageThatIsFreeToGoIsDroppedUnlessWrittenAgain() {
        try (Machine machine = new Machine()) {
            SimulatedProcess process = machine.spawn();
            touch(process, map(process, 2), 2);
            process.madvise(BASE, 2 * PAGE, Advice.FREE);
            assertThat(process.read(BASE)).isEqualTo((byte) 1);
            process.write(BASE + PAGE, (byte) 9);
            assertThat(machine.kernel().reclaim(1)).isEqualTo(1);
            assertThat(machine.kernel().swapUsed()).isZero();
            assertThat(process.read(BASE)).isZero();
            assertThat(process.read(BASE + PAGE)).isEqualTo((byte) 9);
            // Written since, it is like any other.
            assertThat(machine.kernel().reclaim(2)).isEqualTo(1);
            assertThat(process.read(BASE + PAGE)).isEqualTo((byte) 9);
        }
    }

    @Test
    void freeOfAFileIsRefused() {
        try (Machine machine = new Machine()) {
            SimulatedProcess process = machine.spawn();
            process.mmap(
                    MapRequest.of(machine.kernel().file("f", PAGE), 0, PAGE).at(BASE));
            assertThatThrownBy(() -> process.madvise(BASE, PAGE, Advice.FREE))
                    .isInstanceOfSatisfying(
                            ErrnoException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EINVAL));
        }
    }

    @Test
    void adviceOnPartsOfHugeLeaves() {
        for (Advice advice : Advice.values()) {
            try (Machine machine = new Machine()) {
                SimulatedProcess process = machine.spawn();
                mapHuge(process, 2);
                touch(process, BASE, 2 * HUGE);
                process.madvise(BASE + PAGE, MIB_2, advice);
                machine.kernel().reclaim(HUGE);
                assertThat(process.read(BASE)).isEqualTo((byte) 1);
                assertThat(process.read(BASE + MIB_2 + PAGE)).isEqualTo((byte) 2);
                boolean lost = advice == Advice.DONTNEED || advice == Advice.FREE;
                // All that is free to go does before the other pages, which are younger.
                assertThat(process.read(BASE + PAGE)).isIn((byte) 2, lost ? (byte) 0 : (byte) 2);
            }
        }
    }

    @Test
    void anOutOfMemoryVictimLosesWhatIsItsOwn() {
        try (Machine machine = new Machine()) {
            SimulatedProcess process = machine.spawn();
            touch(process, map(process, 4), 4);
            process.mmap(MapRequest.anonymous(PAGE).asShared().at(BASE + MIB_2));
            touch(process, BASE + MIB_2, 1);
            assertThat(machine.kernel().oomReap(process)).isTrue();
            assertThat(machine.kernel().framesAllocated()).isEqualTo(1);
            assertThat(process.read(BASE + MIB_2)).isEqualTo((byte) 1);
            // Not zeroes: that would be a lie.
            assertThatThrownBy(() -> process.read(BASE))
                    .isInstanceOfSatisfying(
                            ErrnoException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EBUS));
            process.exit();
            assertThatThrownBy(() -> machine.kernel().oomReap(process)).isInstanceOf(ErrnoException.class);
        }
    }

    @Test
    void theReaperGivesUpWhereASubscriberWouldSleep() {
        try (Machine machine = new Machine()) {
            SimulatedProcess process = machine.spawn();
            touch(process, map(process, 4), 4);
            EventLog log = new EventLog(space(process), false);
            log.refuse();
            assertThat(machine.kernel().oomReap(process)).isFalse();
            assertThat(machine.kernel().framesAllocated()).isEqualTo(4);
            assertThat(process.read(BASE)).isEqualTo((byte) 1);
            log.close();
        }
    }
}
