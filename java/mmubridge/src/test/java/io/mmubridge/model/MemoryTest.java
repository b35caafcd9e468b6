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

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Pages: what is in them, who has them, and what their entries say. */
class MemoryTest {
    private static final long USED = Pte.PRESENT | Pte.US | Pte.ACCESSED | Pte.NX;

    private static List<KernelProfile> profiles() {
        return Machine.profiles();
    }

    @Test
    void entriesAreThoseOfTheProcessor() {
        try (Machine machine = new Machine()) {
            SimulatedProcess process = machine.spawn();
            map(process, 3);
            PageTable table = space(process).pageTable();
            assertThat(table.get(BASE)).isZero();
            process.read(BASE);
            assertThat(table.get(BASE)).isEqualTo(1 << 12 | USED | Pte.SPECIAL);
            process.write(BASE + PAGE, (byte) 1);
            long entry = table.get(BASE + PAGE);
            assertThat(entry).isEqualTo(Pte.pfn(entry) << 12 | USED | Pte.RW | Pte.DIRTY | Pte.SOFT_DIRTY);
            process.mprotect(BASE, 2 * PAGE, Protection.NONE);
            assertThat(Pte.isPresent(table.get(BASE))).isTrue();
            assertThat(table.get(BASE) & Pte.PRESENT).isZero();
        }
    }

    @Test
    void swappedEntriesAreNotPresentAndKeepTheirSlot() {
        for (long slot : new long[] {1, 2, 0x1234_5678L, (1L << 50) - 2}) {
            long entry = Pte.swap(slot);
            assertThat(Pte.isSwap(entry)).isTrue();
            assertThat(Pte.swapSlot(entry)).isEqualTo(slot);
            assertThat(Pte.swapSlot(entry | Pte.SWP_SOFT_DIRTY | Pte.SWP_EXCLUSIVE))
                    .isEqualTo(slot);
            assertThat(entry & (Pte.PRESENT | Pte.PROTNONE)).isZero();
        }
    }

    @Test
    void childAndParentEachHaveTheirOwnAfterAWrite() {
        try (Machine machine = new Machine()) {
            SimulatedProcess parent = machine.spawn();
            touch(parent, map(parent, 2), 2);
            SimulatedProcess child = parent.fork();
            assertThat(machine.kernel().framesAllocated()).isEqualTo(2);
            parent.write(BASE, (byte) 10);
            assertThat(machine.kernel().framesAllocated()).isEqualTo(3);
            child.write(BASE, (byte) 20);
            // The only owner does not copy.
            assertThat(machine.kernel().framesAllocated()).isEqualTo(3);
            assertThat(parent.read(BASE)).isEqualTo((byte) 10);
            assertThat(child.read(BASE)).isEqualTo((byte) 20);
            assertThat(child.read(BASE + PAGE)).isEqualTo((byte) 2);
            parent.exit();
            assertThat(machine.kernel().framesAllocated()).isEqualTo(2);
            assertThat(child.read(BASE)).isEqualTo((byte) 20);
        }
    }

    @Test
    void aReferenceFromElsewhereForbidsReuse() {
        try (Machine machine = new Machine()) {
            SimulatedProcess process = machine.spawn();
            touch(process, map(process, 1), 1);
            process.fork().exit();
            Frame frame = machine.kernel().memory().frame(pfn(process, BASE));
            frame.get();
            process.write(BASE, (byte) 5);
            assertThat(pfn(process, BASE)).isNotEqualTo(frame.pfn());
            assertThat(frame.read(0)).isEqualTo((byte) 1);
            frame.put();
        }
    }

    @Test
    void grandchildrenShareUntilTheyWrite() {
        try (Machine machine = new Machine()) {
            SimulatedProcess first = machine.spawn();
            touch(first, map(first, 1), 1);
            List<SimulatedProcess> all = new ArrayList<>(List.of(first));
            for (int i = 0; i < 4; i++) {
                all.add(all.getLast().fork());
            }
            assertThat(machine.kernel().framesAllocated()).isEqualTo(1);
            for (int i = 0; i < all.size(); i++) {
                all.get(i).write(BASE, (byte) i);
            }
            assertThat(machine.kernel().framesAllocated()).isEqualTo(5);
            for (int i = 0; i < all.size(); i++) {
                assertThat(all.get(i).read(BASE)).isEqualTo((byte) i);
            }
        }
    }

    @Test
    void sharedMemoryIsShared() {
        try (Machine machine = new Machine()) {
            SimulatedProcess parent = machine.spawn();
            parent.mmap(MapRequest.anonymous(2 * PAGE).asShared().at(BASE));
            parent.write(BASE, (byte) 1);
            SimulatedProcess child = parent.fork();
            child.write(BASE + PAGE, (byte) 2);
            assertThat(parent.read(BASE + PAGE)).isEqualTo((byte) 2);
            parent.munmap(BASE, 2 * PAGE);
            assertThat(machine.kernel().framesAllocated()).isEqualTo(2);
            assertThat(child.read(BASE)).isEqualTo((byte) 1);
            child.munmap(BASE, 2 * PAGE);
            // Nobody can have it any more.
            assertThat(machine.kernel().framesAllocated()).isZero();
        }
    }

    @Test
    void dontneedForgets() {
        try (Machine machine = new Machine()) {
            SimulatedProcess process = machine.spawn();
            touch(process, map(process, 4), 4);
            long pfn = pfn(process, BASE + PAGE);
            Frame frame = machine.kernel().memory().frame(pfn);
            process.madvise(BASE + PAGE, PAGE, Advice.DONTNEED);
            assertThat(process.read(BASE + PAGE)).isZero();
            assertThat(process.read(BASE)).isEqualTo((byte) 1);
            assertThat(machine.kernel().framesAllocated()).isEqualTo(3);
            // Poisoned: whoever kept it is found out.
            assertThatThrownBy(() -> frame.read(0)).isInstanceOf(UseAfterFreeError.class);
            assertThatThrownBy(frame::get).isInstanceOf(UseAfterFreeError.class);
            assertThatThrownBy(() -> machine.kernel().memory().frame(pfn)).isInstanceOf(UseAfterFreeError.class);
        }
    }

    @Test
    void softDirtyIsWhatWasWrittenSince() {
        try (Machine machine = new Machine()) {
            SimulatedProcess process = machine.spawn();
            touch(process, map(process, 4), 4);
            assertThat(space(process).snapshot()).allMatch(PageState::isSoftDirty);
            process.clearRefs();
            assertThat(space(process).snapshot())
                    .noneMatch(PageState::isSoftDirty)
                    .noneMatch(PageState::isWritable);
            process.write(BASE + PAGE, (byte) 9);
            process.read(BASE + 2 * PAGE);
            assertThat(space(process).snapshot().stream()
                            .filter(PageState::isSoftDirty)
                            .map(PageState::address))
                    .containsExactly(BASE + PAGE);
        }
    }

    // ------------------------------------------------------------------------------------------------ huge leaves

    @Test
    void aHugeLeafIsOneEntry() {
        try (Machine machine = new Machine()) {
            SimulatedProcess process = machine.spawn();
            mapHuge(process, 2);
            process.write(BASE + 5 * PAGE + 7, (byte) 1);
            long leaf = space(process).pageTable().get(BASE);
            assertThat(Pte.isHuge(leaf)).isTrue();
            assertThat(Pte.pfn(leaf) % HUGE).isZero();
            assertThat(space(process).pageTable().get(BASE + 511 * PAGE)).isEqualTo(leaf);
            assertThat(space(process).pageTable().get(BASE + MIB_2)).isZero();
            assertThat(machine.kernel().framesAllocated()).isEqualTo(HUGE);
            assertThat(machine.kernel().memory().frame(Pte.pfn(leaf) + 5).read(7))
                    .isEqualTo((byte) 1);
            assertThat(space(process).snapshot()).hasSize(HUGE).allMatch(PageState::isHuge);
        }
    }

    @Test
    void aSplitKeepsFramesAndWhatTheyHold() {
        try (Machine machine = new Machine()) {
            SimulatedProcess process = machine.spawn();
            mapHuge(process, 1);
            touch(process, BASE, HUGE);
            List<Long> before =
                    space(process).snapshot().stream().map(PageState::pfn).toList();
            process.mprotect(BASE + PAGE, PAGE, Protection.READ);
            List<PageState> after = space(process).snapshot();
            assertThat(after).noneMatch(PageState::isHuge);
            assertThat(after.stream().map(PageState::pfn).toList()).isEqualTo(before);
            assertThat(after.get(0).isWritable()).isTrue();
            assertThat(after.get(1).isWritable()).isFalse();
            assertThat(process.read(BASE + 300 * PAGE)).isEqualTo((byte) 301);
            process.munmap(BASE, MIB_2 / 2);
            assertThat(machine.kernel().framesAllocated()).isEqualTo(HUGE / 2);
        }
    }

    @Test
    void aLeafThatDoesNotFitIsSmallPages() {
        try (Machine machine = new Machine(KernelProfile.LINUX_6_1, HUGE - 1)) {
            SimulatedProcess process = machine.spawn();
            mapHuge(process, 1);
            process.write(BASE, (byte) 1);
            assertThat(machine.kernel().framesAllocated()).isEqualTo(1);
            assertThat(Pte.isHuge(space(process).pageTable().get(BASE))).isFalse();
        }
    }

    @ParameterizedTest
    @MethodSource("profiles")
    void theHugeZeroPageIsCopiedAsTheKernelDoes(KernelProfile profile) {
        try (Machine machine = new Machine(profile, 1 << 16)) {
            SimulatedProcess process = machine.spawn();
            mapHuge(process, 1);
            assertThat(process.read(BASE)).isZero();
            assertThat(Pte.isHuge(space(process).pageTable().get(BASE))).isTrue();
            assertThat(machine.kernel().framesAllocated()).isZero();
            process.write(BASE + PAGE, (byte) 3);
            assertThat(machine.kernel().framesAllocated()).isEqualTo(profile.hugeCopyOfHugeZeroPage() ? HUGE : 1);
            assertThat(process.read(BASE + PAGE)).isEqualTo((byte) 3);
            assertThat(process.read(BASE)).isZero();
        }
    }

    @Test
    void aForkedLeafIsCopiedPageByPage() {
        try (Machine machine = new Machine()) {
            SimulatedProcess parent = machine.spawn();
            mapHuge(parent, 1);
            touch(parent, BASE, HUGE);
            SimulatedProcess child = parent.fork();
            child.write(BASE, (byte) 77);
            assertThat(machine.kernel().framesAllocated()).isEqualTo(HUGE + 1);
            assertThat(Pte.isHuge(space(parent).pageTable().get(BASE))).isTrue();
            assertThat(Pte.isHuge(space(child).pageTable().get(BASE))).isFalse();
            assertThat(parent.read(BASE)).isEqualTo((byte) 1);
            child.exit();
            // Its own again, as one leaf.
            parent.write(BASE, (byte) 5);
            assertThat(Pte.isHuge(space(parent).pageTable().get(BASE))).isTrue();
            assertThat(parent.read(BASE + 8 * PAGE)).isEqualTo((byte) 9);
        }
    }

    private static long pfn(SimulatedProcess process, long address) {
        return Pte.pfn(space(process).pageTable().get(address));
    }
}
