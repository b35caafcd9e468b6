// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import static io.mmubridge.model.Machine.BASE;
import static io.mmubridge.model.Machine.PAGE;
import static io.mmubridge.model.Machine.map;
import static io.mmubridge.model.Machine.space;
import static io.mmubridge.model.Machine.touch;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmubridge.Cause;
import io.mmubridge.EventEntry;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Mappings: how they are made, split, merged, moved and refused. */
class AddressSpaceTest {
    private final Machine machine = new Machine();
    private final SimulatedProcess process = machine.spawn();

    @AfterEach
    void nothingIsLeft() {
        machine.close();
    }

    private List<String> mappings() {
        return space(process).mappings().stream()
                .map(vma -> (vma.start() - BASE) / PAGE + "-" + (vma.end() - BASE) / PAGE + " " + vma.protection())
                .toList();
    }

    private static void assertErrno(Errno errno, ThrowingCallable call) {
        assertThatThrownBy(call)
                .isInstanceOfSatisfying(
                        ErrnoException.class,
                        e -> assertThat(e.errno()).as(e.getMessage()).isEqualTo(errno));
    }

    @Test
    void theKernelChoosesFromTheTop() {
        long first = process.mmap(MapRequest.anonymous(PAGE));
        long second = process.mmap(MapRequest.anonymous(1));
        assertThat(first).isEqualTo(PageTable.TASK_SIZE - PAGE);
        assertThat(second).isEqualTo(first - PAGE);
        // They are neighbours, and alike.
        assertThat(space(process).mappings()).hasSize(1);
        process.munmap(second, PAGE);
        assertThat(process.mmap(MapRequest.anonymous(PAGE))).isEqualTo(second);
    }

    @Test
    void munmapInTheMiddleSplits() {
        map(process, 8);
        process.munmap(BASE + 2 * PAGE, 3 * PAGE);
        assertThat(mappings()).containsExactly("0-2 READ_WRITE", "5-8 READ_WRITE");
    }

    @Test
    void protectionSplitsAndMergesAgain() {
        touch(process, map(process, 8), 8);
        process.mprotect(BASE + 2 * PAGE, 3 * PAGE, Protection.READ);
        assertThat(mappings()).containsExactly("0-2 READ_WRITE", "2-5 READ", "5-8 READ_WRITE");
        assertErrno(Errno.EFAULT, () -> process.write(BASE + 2 * PAGE, (byte) 1));
        process.mprotect(BASE + 2 * PAGE, 3 * PAGE, Protection.READ_WRITE);
        assertThat(mappings()).containsExactly("0-8 READ_WRITE");
        process.write(BASE + 2 * PAGE, (byte) 7);
        assertThat(process.read(BASE + 2 * PAGE)).isEqualTo((byte) 7);
    }

    @Test
    void neighboursMergeAcrossThatWhichFillsTheGap() {
        touch(process, map(process, 8), 8);
        process.munmap(BASE + 3 * PAGE, PAGE);
        process.mmap(MapRequest.anonymous(PAGE).at(BASE + 3 * PAGE));
        assertThat(mappings()).containsExactly("0-8 READ_WRITE");
        assertThat(process.read(BASE + 2 * PAGE)).isEqualTo((byte) 3);
        assertThat(process.read(BASE + 3 * PAGE)).isZero();
        assertThat(process.read(BASE + 4 * PAGE)).isEqualTo((byte) 5);
    }

    @Test
    void protectionStopsAtAHole() {
        map(process, 4);
        process.munmap(BASE + PAGE, PAGE);
        assertErrno(Errno.ENOMEM, () -> process.mprotect(BASE, 4 * PAGE, Protection.READ));
        assertThat(mappings()).containsExactly("0-1 READ", "2-4 READ_WRITE");
    }

    @Test
    void noneIsOutOfReachAndNotForgotten() {
        touch(process, map(process, 1), 1);
        process.mprotect(BASE, PAGE, Protection.NONE);
        assertErrno(Errno.EFAULT, () -> process.read(BASE));
        assertThat(space(process).snapshot())
                .singleElement()
                .satisfies(page -> assertThat(page.isReadable()).isFalse());
        process.mprotect(BASE, PAGE, Protection.READ);
        assertThat(process.read(BASE)).isEqualTo((byte) 1);
    }

    @Test
    void moveTakesThePagesAlong() {
        touch(process, map(process, 4), 4);
        List<Long> frames = pfns();
        long to = process.mremap(BASE, 4 * PAGE, 8 * PAGE);
        assertThat(to).isEqualTo(BASE);
        process.mmap(MapRequest.anonymous(PAGE).at(BASE + 8 * PAGE).with(Protection.READ));
        to = process.mremap(BASE, 8 * PAGE, 16 * PAGE);
        assertThat(to).isNotEqualTo(BASE);
        assertThat(pfns()).isEqualTo(frames);
        assertThat(process.read(to + 3 * PAGE)).isEqualTo((byte) 4);
        assertErrno(Errno.EFAULT, () -> process.read(BASE));
        assertThat(space(process).snapshot()).allMatch(PageState::isSoftDirty);
    }

    @Test
    void anEmptyPageTableIsGivenBack() {
        long tables = machine.kernel().memory().tables();
        touch(process, map(process, 1), 1);
        process.mmap(MapRequest.anonymous(PAGE).at(BASE + 2 * PAGE));
        assertThat(machine.kernel().memory().tables()).isEqualTo(tables + 3);
        process.munmap(BASE, PAGE);
        // The neighbour may need it.
        assertThat(machine.kernel().memory().tables()).isEqualTo(tables + 3);
        process.munmap(BASE + 2 * PAGE, PAGE);
        assertThat(machine.kernel().memory().tables()).isEqualTo(tables);
    }

    private List<Long> pfns() {
        return space(process).snapshot().stream().map(PageState::pfn).toList();
    }

    @Test
    void badArgumentsAreNamed() {
        map(process, 1);
        assertErrno(Errno.EINVAL, () -> process.mmap(MapRequest.anonymous(0)));
        assertErrno(Errno.EINVAL, () -> process.mmap(MapRequest.anonymous(-1)));
        assertErrno(Errno.EINVAL, () -> process.mmap(MapRequest.anonymous(PAGE).at(BASE + 1)));
        assertErrno(Errno.EINVAL, () -> process.mmap(MapRequest.anonymous(PAGE).at(0)));
        assertErrno(Errno.EINVAL, () -> process.mmap(MapRequest.anonymous(PAGE).at(PageTable.TASK_SIZE)));
        assertErrno(Errno.ENOMEM, () -> process.mmap(MapRequest.anonymous(PageTable.TASK_SIZE)));
        assertErrno(Errno.EINVAL, () -> process.munmap(BASE + 5, PAGE));
        assertErrno(Errno.EINVAL, () -> process.munmap(-PAGE, PAGE));
        assertErrno(Errno.EINVAL, () -> process.mremap(BASE, PAGE, PAGE, BASE));
        assertErrno(Errno.EFAULT, () -> process.mremap(BASE, 2 * PAGE, PAGE));
        assertErrno(Errno.ENOMEM, () -> process.madvise(BASE, 2 * PAGE, Advice.DONTNEED));
        assertErrno(Errno.EFAULT, () -> process.read(0));
        assertErrno(Errno.EFAULT, () -> process.read(-1));
        assertThat(mappings()).containsExactly("0-1 READ_WRITE");
    }

    @Test
    void afterItsExitAProcessIsGone() {
        SimulatedProcess other = machine.spawn();
        assertThat(machine.kernel().process(other.pid())).containsSame(other);
        other.exit();
        assertThat(machine.kernel().process(other.pid())).isEmpty();
        assertThat(other.mm()).isNull();
        assertErrno(Errno.ESRCH, other::exit);
        assertErrno(Errno.ESRCH, () -> other.exec("x"));
        assertErrno(Errno.ESRCH, () -> other.read(BASE));
        assertErrno(Errno.ESRCH, () -> other.mmap(MapRequest.anonymous(1)));
    }

    @Test
    void execBeginsWithNothing() {
        touch(process, map(process, 4), 4);
        MmStruct before = space(process);
        process.exec("other");
        assertThat(process.comm()).isEqualTo("other");
        assertThat(space(process)).isNotSameAs(before);
        assertThat(before.users()).isZero();
        assertThat(mappings()).isEmpty();
        assertThat(machine.kernel().framesAllocated()).isZero();
    }

    @Test
    void callbacksKnowWhoDoesWhat() {
        touch(process, map(process, 1), 1);
        EventLog log = new EventLog(space(process));
        process.mprotect(BASE, PAGE, Protection.READ);
        assertThat(log.last())
                .isEqualTo(new Activity(
                        process.pid(), process.pid(), "test", EventEntry.SYSCALL, "mprotect", 10, Cause.MPROTECT));
        process.mprotect(BASE, PAGE, Protection.READ_WRITE);
        process.fork();
        process.write(BASE, (byte) 2);
        assertThat(log.last())
                .isEqualTo(
                        new Activity(process.pid(), process.pid(), "test", EventEntry.EXCEPTION, null, -1, Cause.COW));
        log.close();
        assertThat(Activity.current().pid()).isZero();
    }

    @Test
    void whoeverLetsGoLastTearsItDown() {
        touch(process, map(process, 1), 1);
        SimulatedProcess other = process.fork();
        MmStruct space = space(other);
        EventLog log = new EventLog(space);
        assertThat(space.getNotZero()).isTrue();
        other.exit();
        assertThat(log.take()).isEmpty();
        space.put();
        assertThat(EventLog.join(log.take(), 0)).containsExactly("release");
        assertThat(space.getNotZero()).isFalse();
        log.close();
    }
}
