// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import static io.mmubridge.model.Machine.BASE;
import static io.mmubridge.model.Machine.HUGE;
import static io.mmubridge.model.Machine.MIB_2;
import static io.mmubridge.model.Machine.PAGE;
import static io.mmubridge.model.Machine.map;
import static io.mmubridge.model.Machine.mapHuge;
import static io.mmubridge.model.Machine.touch;
import static org.assertj.core.api.Assertions.assertThat;

import io.mmubridge.Cause;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Which operation of which kernel raises what, with the range in pages from the base on, in order, and nothing else. */
class EventsByOperationTest {
    private static final long FAR = BASE + (1L << 30);

    /** What a case works with. */
    record Scene(SimulatedKernel kernel, SimulatedProcess process, SimulatedFile file) {}

    /**
     * A row of the table.
     *
     * @param name the operation
     * @param prepare what comes before, and is not looked at
     * @param operate the operation
     * @param cause of each event
     * @param expected what it raises: {@code UNMAP 0-4} for a start and an end, else the call itself
     */
    record Row(String name, Consumer<Scene> prepare, Consumer<Scene> operate, Set<Cause> cause, Expectation expected) {
        @Override
        public String toString() {
            return name;
        }
    }

    @FunctionalInterface
    interface Expectation {
        List<String> of(KernelProfile profile);
    }

    record Case(Row row, KernelProfile profile) {
        @Override
        public String toString() {
            return row + ", " + profile;
        }
    }

    private static final List<Row> ROWS = new ArrayList<>();

    private static void row(
            String name, Consumer<Scene> prepare, Consumer<Scene> operate, Cause cause, String... expected) {
        ROWS.add(new Row(name, prepare, operate, Set.of(cause), profile -> List.of(expected)));
    }

    private static void row(
            String name, Consumer<Scene> prepare, Consumer<Scene> operate, Set<Cause> causes, Expectation expected) {
        ROWS.add(new Row(name, prepare, operate, causes, expected));
    }

    private static void four(Scene scene) {
        map(scene.process, 4);
    }

    private static void fourTouched(Scene scene) {
        touch(scene.process, map(scene.process, 4), 4);
    }

    private static void leaf(Scene scene) {
        touch(scene.process, mapHuge(scene.process, 1), 1);
    }

    static {
        simple();
        changesOfProtection();
        moves();
        forkAndCopies();
        endOfAll();
        hugeLeaves();
        files();
        reclaims();
    }

    private static void simple() {
        row("first touch", EventsByOperationTest::four, scene -> touch(scene.process, BASE, 4), Cause.UNKNOWN);
        row("first read", EventsByOperationTest::four, scene -> scene.process.read(BASE), Cause.UNKNOWN);
        row("mmap", scene -> {}, EventsByOperationTest::four, Cause.MMAP);
        row(
                "munmap",
                EventsByOperationTest::fourTouched,
                scene -> scene.process.munmap(BASE, 4 * PAGE),
                Cause.MUNMAP,
                "UNMAP 0-4");
        row(
                "munmap, untouched",
                EventsByOperationTest::four,
                scene -> scene.process.munmap(BASE, 4 * PAGE),
                Cause.MUNMAP,
                "UNMAP 0-4");
        row(
                "munmap, a part",
                EventsByOperationTest::four,
                scene -> scene.process.munmap(BASE + PAGE, PAGE),
                Cause.MUNMAP,
                "UNMAP 1-2");
        row("munmap of nothing", EventsByOperationTest::four, scene -> scene.process.munmap(FAR, PAGE), Cause.MUNMAP);
        row(
                "munmap over a hole",
                scene -> {
                    map(scene.process, 8);
                    scene.process.munmap(BASE + 2 * PAGE, 3 * PAGE);
                },
                scene -> scene.process.munmap(BASE, 8 * PAGE),
                Cause.MUNMAP,
                "UNMAP 0-8");
        row(
                "mmap, MAP_FIXED over",
                EventsByOperationTest::fourTouched,
                scene -> scene.process.mmap(MapRequest.anonymous(2 * PAGE).at(BASE + PAGE)),
                Cause.MMAP,
                "UNMAP 1-3");
        row(
                "MADV_DONTNEED",
                EventsByOperationTest::fourTouched,
                scene -> scene.process.madvise(BASE + PAGE, 2 * PAGE, Advice.DONTNEED),
                Cause.MADV_DONTNEED,
                "CLEAR 1-3");
        row(
                "clear_refs",
                EventsByOperationTest::fourTouched,
                scene -> scene.process.clearRefs(),
                Cause.CLEAR_REFS,
                "SOFT_DIRTY 0--1");
        row(
                "write after clear_refs",
                scene -> {
                    fourTouched(scene);
                    scene.process.clearRefs();
                },
                scene -> touch(scene.process, BASE, 4),
                Cause.UNKNOWN);
    }

    private static void changesOfProtection() {
        row(
                "mprotect",
                EventsByOperationTest::fourTouched,
                scene -> scene.process.mprotect(BASE + PAGE, 2 * PAGE, Protection.READ),
                Cause.MPROTECT,
                "PROTECTION_VMA 1-3");
        row(
                "mprotect, untouched",
                EventsByOperationTest::four,
                scene -> scene.process.mprotect(BASE, PAGE, Protection.READ),
                Cause.MPROTECT);
        row(
                "mprotect, the same",
                EventsByOperationTest::fourTouched,
                scene -> scene.process.mprotect(BASE, 4 * PAGE, Protection.READ_WRITE),
                Cause.MPROTECT);
        row(
                "mprotect, touched in the second 2 MiB alone",
                scene -> {
                    map(scene.process, 2 * HUGE);
                    touch(scene.process, BASE + MIB_2, 1);
                },
                scene -> scene.process.mprotect(BASE, 2 * MIB_2, Protection.READ),
                Set.of(Cause.MPROTECT),
                profile -> List.of(profile.protectsByPud() ? "PROTECTION_VMA 0-1024" : "PROTECTION_VMA 512-1024"));
        row(
                "mprotect across a gigabyte",
                scene -> {
                    scene.process.mmap(MapRequest.anonymous(2 * PAGE).at(FAR - PAGE));
                    touch(scene.process, FAR - PAGE, 2);
                },
                scene -> scene.process.mprotect(FAR - PAGE, 2 * PAGE, Protection.READ),
                Set.of(Cause.MPROTECT),
                profile -> profile.protectsByPud()
                        ? List.of("PROTECTION_VMA 262143-262145")
                        : List.of("PROTECTION_VMA 262143-262144", "PROTECTION_VMA 262144-262145"));
    }

    private static void moves() {
        row(
                "mremap, the same length",
                EventsByOperationTest::fourTouched,
                scene -> scene.process.mremap(BASE, 4 * PAGE, 4 * PAGE),
                Cause.MREMAP);
        row(
                "mremap, larger",
                EventsByOperationTest::fourTouched,
                scene -> scene.process.mremap(BASE, 4 * PAGE, 8 * PAGE),
                Cause.MREMAP);
        row(
                "mremap, smaller",
                EventsByOperationTest::fourTouched,
                scene -> scene.process.mremap(BASE, 4 * PAGE, 2 * PAGE),
                Cause.MREMAP,
                "UNMAP 2-4");
        row(
                "mremap, elsewhere",
                EventsByOperationTest::fourTouched,
                scene -> scene.process.mremap(BASE, 4 * PAGE, 4 * PAGE, FAR),
                Cause.MREMAP,
                // At the move of the pages, and at the unmap of where they were.
                "UNMAP 0-4",
                "UNMAP 0-4");
        row(
                "mremap over something",
                scene -> {
                    fourTouched(scene);
                    scene.process.mmap(MapRequest.anonymous(4 * PAGE).at(BASE + 8 * PAGE));
                },
                scene -> scene.process.mremap(BASE, 4 * PAGE, 2 * PAGE, BASE + 9 * PAGE),
                Cause.MREMAP,
                "UNMAP 9-11",
                "UNMAP 2-4",
                "UNMAP 0-2",
                "UNMAP 0-2");
    }

    private static void forkAndCopies() {
        row(
                "fork",
                EventsByOperationTest::fourTouched,
                scene -> scene.process.fork(),
                Cause.FORK,
                "PROTECTION_PAGE 0-4");
        row("fork, untouched", EventsByOperationTest::four, scene -> scene.process.fork(), Cause.FORK);
        row(
                "fork, shared",
                scene -> {
                    scene.process.mmap(MapRequest.anonymous(4 * PAGE).asShared().at(BASE));
                    touch(scene.process, BASE, 4);
                },
                scene -> scene.process.fork(),
                Cause.FORK);
        row(
                "copy on write after fork",
                scene -> {
                    fourTouched(scene);
                    scene.process.fork();
                },
                scene -> scene.process.write(BASE + PAGE, (byte) 9),
                Set.of(Cause.COW),
                profile -> profile.changePte()
                        ? List.of("start CLEAR 1-2", "change 1-2", "end CLEAR 1-2")
                        : List.of("CLEAR 1-2"));
        row(
                "write of the only owner",
                scene -> {
                    fourTouched(scene);
                    scene.process.fork().exit();
                },
                scene -> scene.process.write(BASE + PAGE, (byte) 9),
                Cause.UNKNOWN);
        row(
                "copy of the zero page",
                scene -> {
                    four(scene);
                    scene.process.read(BASE);
                },
                scene -> scene.process.write(BASE, (byte) 9),
                Set.of(Cause.COW),
                profile -> profile.changePte()
                        ? List.of("start CLEAR 0-1", "change 0-1", "end CLEAR 0-1")
                        : List.of("CLEAR 0-1"));
    }

    private static void endOfAll() {
        row("exit", EventsByOperationTest::fourTouched, scene -> scene.process.exit(), Cause.EXIT, "release");
        row("exec", EventsByOperationTest::fourTouched, scene -> scene.process.exec("other"), Cause.EXEC, "release");
    }

    private static void hugeLeaves() {
        row(
                "first touch, 2 MiB",
                scene -> mapHuge(scene.process, 1),
                scene -> scene.process.write(BASE, (byte) 1),
                Cause.UNKNOWN);
        row(
                "munmap, 2 MiB",
                EventsByOperationTest::leaf,
                scene -> scene.process.munmap(BASE, MIB_2),
                Cause.MUNMAP,
                "UNMAP 0-512");
        row(
                "munmap, a part of 2 MiB",
                EventsByOperationTest::leaf,
                scene -> scene.process.munmap(BASE + PAGE, PAGE),
                Set.of(Cause.THP_SPLIT, Cause.MUNMAP),
                // The mapping is split, and the leaf with it, before anything is unmapped.
                profile -> List.of("CLEAR 0-512", "UNMAP 1-2"));
        row(
                "mprotect, a part of 2 MiB",
                EventsByOperationTest::leaf,
                scene -> scene.process.mprotect(BASE + PAGE, PAGE, Protection.READ),
                Set.of(Cause.THP_SPLIT, Cause.MPROTECT),
                profile -> List.of("CLEAR 0-512", "PROTECTION_VMA 1-2"));
        row(
                "MADV_DONTNEED, a part of 2 MiB",
                EventsByOperationTest::leaf,
                scene -> scene.process.madvise(BASE + PAGE, PAGE, Advice.DONTNEED),
                Set.of(Cause.THP_SPLIT, Cause.MADV_DONTNEED),
                profile -> List.of("start CLEAR 1-2", "CLEAR 0-512", "end CLEAR 1-2"));
        row(
                "mremap of 2 MiB",
                EventsByOperationTest::leaf,
                scene -> scene.process.mremap(BASE, MIB_2, MIB_2, FAR),
                Cause.MREMAP,
                "UNMAP 0-512",
                "UNMAP 0-512");
        row(
                "mremap of 2 MiB to where it does not fit",
                EventsByOperationTest::leaf,
                scene -> scene.process.mremap(BASE, MIB_2, MIB_2, FAR + PAGE),
                Set.of(Cause.THP_SPLIT, Cause.MREMAP),
                profile -> List.of("start UNMAP 0-512", "CLEAR 0-512", "end UNMAP 0-512", "UNMAP 0-512"));
        row(
                "fork, 2 MiB",
                EventsByOperationTest::leaf,
                scene -> scene.process.fork(),
                Cause.FORK,
                "PROTECTION_PAGE 0-512");
        row(
                "copy on write of 2 MiB",
                scene -> {
                    leaf(scene);
                    scene.process.fork();
                },
                scene -> scene.process.write(BASE + PAGE, (byte) 9),
                Set.of(Cause.THP_SPLIT, Cause.COW),
                profile -> profile.changePte()
                        ? List.of("CLEAR 0-512", "start CLEAR 1-2", "change 1-2", "end CLEAR 1-2")
                        : List.of("CLEAR 0-512", "CLEAR 1-2"));
        row(
                "copy of the huge zero page",
                scene -> {
                    mapHuge(scene.process, 1);
                    scene.process.read(BASE);
                },
                scene -> scene.process.write(BASE + PAGE, (byte) 9),
                Set.of(Cause.THP_SPLIT, Cause.COW),
                profile -> {
                    if (profile.hugeCopyOfHugeZeroPage()) {
                        return List.of("CLEAR 0-512");
                    }
                    return profile.changePte()
                            ? List.of("CLEAR 0-512", "start CLEAR 1-2", "change 1-2", "end CLEAR 1-2")
                            : List.of("CLEAR 0-512", "CLEAR 1-2");
                });
        row("exit, 2 MiB", EventsByOperationTest::leaf, scene -> scene.process.exit(), Cause.EXIT, "release");
    }

    private static void fileTouched(Scene scene) {
        scene.process.mmap(MapRequest.of(scene.file, 0, 8 * PAGE).at(BASE));
        touch(scene.process, BASE, 8);
    }

    /** Of four pages: two read, two written. */
    private static void privateFile(Scene scene) {
        scene.process.mmap(MapRequest.of(scene.file, 0, 4 * PAGE).asPrivate().at(BASE));
        scene.process.read(BASE);
        scene.process.read(BASE + PAGE);
        touch(scene.process, BASE + 2 * PAGE, 2);
    }

    private static void files() {
        row(
                "first touch of a file",
                scene -> scene.process.mmap(
                        MapRequest.of(scene.file, 0, 8 * PAGE).at(BASE)),
                scene -> touch(scene.process, BASE, 8),
                Cause.UNKNOWN);
        row(
                "copy of a file's page",
                EventsByOperationTest::privateFile,
                scene -> scene.process.write(BASE + PAGE, (byte) 9),
                Set.of(Cause.COW),
                profile -> profile.changePte()
                        ? List.of("start CLEAR 1-2", "change 1-2", "end CLEAR 1-2")
                        : List.of("CLEAR 1-2"));
        row("fork, a file shared", EventsByOperationTest::fileTouched, scene -> scene.process.fork(), Cause.FORK);
        row(
                "fork, a file private and written",
                EventsByOperationTest::privateFile,
                scene -> scene.process.fork(),
                Cause.FORK,
                "PROTECTION_PAGE 0-4");
        row(
                "fork, a file private and read",
                scene -> {
                    scene.process.mmap(
                            MapRequest.of(scene.file, 0, 4 * PAGE).asPrivate().at(BASE));
                    scene.process.read(BASE);
                },
                scene -> scene.process.fork(),
                Cause.FORK);
        row(
                "ftruncate",
                EventsByOperationTest::fileTouched,
                scene -> scene.process.truncate(scene.file, 3 * PAGE + 1),
                Cause.TRUNCATE,
                "CLEAR 4-8",
                "CLEAR 4-8");
        row(
                "ftruncate of what is not mapped",
                scene -> scene.process.mmap(
                        MapRequest.of(scene.file, 0, 2 * PAGE).at(BASE)),
                scene -> scene.process.truncate(scene.file, 2 * PAGE),
                Cause.TRUNCATE);
        row(
                "ftruncate, longer",
                EventsByOperationTest::fileTouched,
                scene -> scene.process.truncate(scene.file, 9 * PAGE),
                Cause.TRUNCATE);
        row(
                "ftruncate, mapped twice",
                scene -> {
                    fileTouched(scene);
                    scene.process.mmap(MapRequest.of(scene.file, 6 * PAGE, 2 * PAGE)
                            .asPrivate()
                            .at(BASE + 16 * PAGE));
                },
                scene -> scene.file.truncate(7 * PAGE),
                Cause.TRUNCATE,
                "CLEAR 7-8",
                "CLEAR 17-18",
                "CLEAR 7-8",
                "CLEAR 17-18");
        row(
                "hole punch",
                EventsByOperationTest::fileTouched,
                scene -> scene.process.punchHole(scene.file, PAGE - 1, 2 * PAGE + 2),
                Cause.HOLE_PUNCH,
                "CLEAR 1-3");
        row(
                "hole punch inside a page",
                EventsByOperationTest::fileTouched,
                scene -> scene.process.punchHole(scene.file, PAGE + 1, PAGE),
                Cause.HOLE_PUNCH);
        row(
                "MADV_DONTNEED, shared",
                EventsByOperationTest::fileTouched,
                scene -> scene.process.madvise(BASE, 8 * PAGE, Advice.DONTNEED),
                Cause.MADV_DONTNEED,
                "CLEAR 0-8");
    }

    private static void two(Scene scene) {
        touch(scene.process, map(scene.process, 2), 2);
    }

    private static void reclaims() {
        row("MADV_FREE", EventsByOperationTest::two, advise(Advice.FREE), Cause.MADV_FREE, "CLEAR 0-2");
        row("MADV_COLD", EventsByOperationTest::two, advise(Advice.COLD), Cause.UNKNOWN);
        row(
                "MADV_PAGEOUT",
                EventsByOperationTest::two,
                advise(Advice.PAGEOUT),
                Set.of(Cause.MADV_PAGEOUT),
                profile -> profile.pageoutIgnoresReferences()
                        ? List.of("CLEAR 0-1", "CLEAR 1-2")
                        : List.of("young 0-1", "CLEAR 0-1", "young 1-2", "CLEAR 1-2"));
        row(
                "MADV_PAGEOUT of what another process has",
                scene -> {
                    two(scene);
                    scene.process.fork();
                },
                advise(Advice.PAGEOUT),
                Cause.MADV_PAGEOUT);
        row(
                "kswapd",
                EventsByOperationTest::two,
                scene -> assertThat(scene.kernel.reclaim(2)).isEqualTo(2),
                Cause.RECLAIM,
                "young 0-1",
                "young 1-2",
                "young 0-1",
                "CLEAR 0-1",
                "young 1-2",
                "CLEAR 1-2");
        row(
                "kswapd, a file",
                scene -> {
                    scene.process.mmap(MapRequest.of(scene.file, 0, PAGE).at(BASE));
                    touch(scene.process, BASE, 1);
                },
                scene -> assertThat(scene.kernel.reclaim(1)).isEqualTo(1),
                Cause.RECLAIM,
                "young 0-1",
                "young 0-1",
                "CLEAR 0-1");
        row(
                "kswapd, a page of 2 MiB",
                EventsByOperationTest::leaf,
                scene -> {
                    scene.process.madvise(BASE, MIB_2, Advice.COLD);
                    assertThat(scene.kernel.reclaim(1)).isEqualTo(1);
                },
                Set.of(Cause.RECLAIM, Cause.THP_SPLIT),
                profile -> List.of("young 0-512", "CLEAR 0-512", "CLEAR 0-1"));
        row(
                "page fault on what was swapped out",
                scene -> {
                    two(scene);
                    scene.process.madvise(BASE, 2 * PAGE, Advice.PAGEOUT);
                },
                scene -> assertThat(scene.process.read(BASE + PAGE)).isEqualTo((byte) 2),
                Cause.UNKNOWN);
        row(
                "OOM reaper",
                scene -> {
                    two(scene);
                    scene.process.mmap(MapRequest.anonymous(PAGE).asShared().at(BASE + 8 * PAGE));
                    touch(scene.process, BASE + 8 * PAGE, 1);
                },
                scene -> assertThat(scene.kernel.oomReap(scene.process)).isTrue(),
                Set.of(Cause.OOM_REAPER),
                profile -> {
                    String event = profile.oomReapClears() ? "CLEAR" : "UNMAP";
                    return List.of(event + " 0-2 nonblock");
                });
    }

    private static Consumer<Scene> advise(Advice advice) {
        return scene -> scene.process.madvise(BASE, 2 * PAGE, advice);
    }

    static Stream<Case> cases() {
        return ROWS.stream().flatMap(row -> Machine.profiles().stream().map(profile -> new Case(row, profile)));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void raises(Case each) {
        Row row = each.row();
        try (Machine machine = new Machine(each.profile(), 1 << 16)) {
            Scene scene = new Scene(
                    machine.kernel(), machine.spawn(), machine.kernel().file("f", 8 * PAGE));
            EventLog log = new EventLog(Machine.space(scene.process));
            row.prepare().accept(scene);
            log.take();
            row.operate().accept(scene);
            List<EventLog.Call> calls = log.take();
            assertThat(EventLog.join(calls, BASE)).isEqualTo(row.expected().of(each.profile()));
            assertThat(calls).allMatch(call -> row.cause().contains(call.cause()));
            log.close();
        }
    }
}
