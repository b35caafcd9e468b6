// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import static io.mmubridge.model.Machine.BASE;
import static io.mmubridge.model.Machine.PAGE;
import static io.mmubridge.model.Machine.space;
import static io.mmubridge.model.Machine.touch;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmubridge.Cause;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Files: their cache, their mappings, and what happens when they become shorter. */
class FileTest {
    private static final int PAGES = 8;

    private final Machine machine = new Machine();
    private final SimulatedFile file = machine.kernel().file("f", PAGES * PAGE);
    private final SimulatedProcess process = machine.spawn();

    @BeforeEach
    void map() {
        process.mmap(MapRequest.of(file, 0, PAGES * PAGE).at(BASE));
    }

    @AfterEach
    void nothingIsLeft() {
        file.truncate(0);
        assertThat(file.cachedPages()).isZero();
        machine.close();
        assertThat(machine.kernel().framesAllocated()).isZero();
    }

    private void assertBus(long address) {
        assertThatThrownBy(() -> process.read(address))
                .isInstanceOfSatisfying(
                        ErrnoException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EBUS));
    }

    @Test
    void oneCacheForAll() {
        SimulatedProcess other = machine.spawn();
        long there = other.mmap(MapRequest.of(file, 2 * PAGE, 2 * PAGE));
        process.write(BASE + 3 * PAGE, (byte) 5);
        assertThat(other.read(there + PAGE)).isEqualTo((byte) 5);
        other.write(there, (byte) 6);
        assertThat(process.read(BASE + 2 * PAGE)).isEqualTo((byte) 6);
        assertThat(file.cachedPages()).isEqualTo(2);
        assertThat(machine.kernel().framesAllocated()).isEqualTo(2);
    }

    @Test
    void privateCopiesAreSeenByNobody() {
        SimulatedProcess other = machine.spawn();
        other.mmap(MapRequest.of(file, 0, PAGES * PAGE).asPrivate().at(BASE));
        process.write(BASE, (byte) 1);
        assertThat(other.read(BASE)).isEqualTo((byte) 1);
        other.write(BASE, (byte) 2);
        other.write(BASE + PAGE, (byte) 3);
        assertThat(process.read(BASE)).isEqualTo((byte) 1);
        assertThat(process.read(BASE + PAGE)).isZero();
        SimulatedProcess child = other.fork();
        assertThat(child.read(BASE)).isEqualTo((byte) 2);
        child.write(BASE, (byte) 4);
        assertThat(other.read(BASE)).isEqualTo((byte) 2);
    }

    @Test
    void behindItsEndThereIsNoMemory() {
        process.mmap(MapRequest.of(file, 0, 2 * PAGES * PAGE).at(BASE));
        assertThat(process.read(BASE + (PAGES - 1) * PAGE)).isZero();
        assertBus(BASE + PAGES * PAGE);
        process.truncate(file, PAGES * PAGE + 1);
        assertThat(process.read(BASE + PAGES * PAGE)).isZero();
    }

    @Test
    void whatIsTruncatedIsGoneForGood() {
        touch(process, BASE, PAGES);
        process.write(BASE + 2 * PAGE + 100, (byte) 42);
        process.truncate(file, 2 * PAGE + 50);
        assertBus(BASE + 3 * PAGE);
        assertThat(process.read(BASE + 2 * PAGE)).isEqualTo((byte) 3);
        assertThat(process.read(BASE + 2 * PAGE + 100)).isZero();
        assertThat(file.cachedPages()).isEqualTo(3);
        process.truncate(file, PAGES * PAGE);
        assertThat(process.read(BASE + 3 * PAGE)).isZero();
    }

    @Test
    void truncationTakesPrivateCopiesAndAHoleLeavesThem() {
        process.mmap(MapRequest.of(file, 0, PAGES * PAGE).asPrivate().at(BASE));
        touch(process, BASE, PAGES);
        file.punchHole(PAGE, 2 * PAGE);
        assertThat(process.read(BASE + PAGE)).isEqualTo((byte) 2);
        file.truncate(PAGE);
        assertThat(process.read(BASE)).isEqualTo((byte) 1);
        assertBus(BASE + PAGE);
    }

    @Test
    void aHoleIsZeroes() {
        for (int i = 0; i < 4 * PAGE; i++) {
            process.write(BASE + i, (byte) 1);
        }
        process.punchHole(file, PAGE - 10, 2 * PAGE + 20);
        assertThat(file.cachedPages()).isEqualTo(2);
        for (int i = 0; i < 4 * PAGE; i++) {
            boolean hole = i >= PAGE - 10 && i < 3 * PAGE + 10;
            assertThat(process.read(BASE + i)).as("byte %d", i).isEqualTo((byte) (hole ? 0 : 1));
        }
    }

    @Test
    void aReclaimedPageIsReadAgain() {
        touch(process, BASE, PAGES);
        assertThat(machine.kernel().reclaim(PAGES)).isEqualTo(PAGES);
        assertThat(file.cachedPages()).isZero();
        assertThat(machine.kernel().swapUsed()).isZero();
        process.punchHole(file, 10, 1);
        for (int i = 0; i < PAGES; i++) {
            assertThat(process.read(BASE + i * PAGE)).isEqualTo((byte) (i + 1));
        }
        machine.kernel().reclaim(PAGES);
        process.truncate(file, PAGE);
        process.truncate(file, PAGES * PAGE);
        assertThat(process.read(BASE + PAGE)).isZero();
    }

    @Test
    void everySpaceThatMapsItIsToldWithoutItsMmapLock() {
        SimulatedProcess other = machine.spawn();
        other.mmap(MapRequest.of(file, 4 * PAGE, 4 * PAGE).at(BASE));
        EventLog log = new EventLog(space(process));
        EventLog others = new EventLog(space(other));
        // Else this would wait for itself, and lockdep would say so.
        space(other).mmapLock().lockRead();
        other.truncate(file, 6 * PAGE);
        space(other).mmapLock().unlockRead();
        assertThat(EventLog.join(log.take(), BASE)).containsExactly("CLEAR 6-8", "CLEAR 6-8");
        assertThat(log.last().pid()).isEqualTo(other.pid());
        assertThat(log.last().cause()).isEqualTo(Cause.TRUNCATE);
        assertThat(EventLog.join(others.take(), BASE)).containsExactly("CLEAR 2-4", "CLEAR 2-4");
        log.close();
        others.close();
    }

    @Test
    void aMovedPartIsStillFound() {
        touch(process, BASE, PAGES);
        long to = BASE + 64 * PAGE;
        process.mremap(BASE + 2 * PAGE, 2 * PAGE, 2 * PAGE, to);
        EventLog log = new EventLog(space(process));
        file.punchHole(0, PAGES * PAGE);
        assertThat(EventLog.join(log.take(), BASE)).containsExactlyInAnyOrder("CLEAR 0-2", "CLEAR 4-8", "CLEAR 64-66");
        assertThat(process.read(to)).isZero();
        log.close();
    }

    @Test
    void subscribersComeUnderAllLocksOfAllMappings() {
        process.mmap(MapRequest.of(file, 0, PAGE).asPrivate().at(BASE + 32 * PAGE));
        process.mmap(MapRequest.anonymous(PAGE).at(BASE + 64 * PAGE));
        process.write(BASE + 32 * PAGE, (byte) 1);
        process.write(BASE + 64 * PAGE, (byte) 1);
        // The file twice, two anon_vmas, each taken once: lockdep would complain of a second time.
        EventLog log = new EventLog(space(process));
        Thread.currentThread().interrupt();
        assertThatThrownBy(() -> new EventLog(space(process)))
                .isInstanceOfSatisfying(
                        ErrnoException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EINTR));
        assertThat(Thread.interrupted()).isTrue();
        machine.kernel().lockdep().assertNothingHeld();
        log.close();
    }

    @Test
    void badArgumentsAreNamed() {
        assertThatThrownBy(() -> file.truncate(-1)).isInstanceOf(ErrnoException.class);
        assertThatThrownBy(() -> file.punchHole(0, 0)).isInstanceOf(ErrnoException.class);
        assertThatThrownBy(() -> file.punchHole(-1, 10)).isInstanceOf(ErrnoException.class);
        assertThatThrownBy(() -> machine.kernel().file("g", -1)).isInstanceOf(ErrnoException.class);
        assertThatThrownBy(() -> process.mmap(MapRequest.of(file, 1, PAGE))).isInstanceOf(ErrnoException.class);
    }
}
