// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import static io.mmubridge.model.Machine.BASE;
import static io.mmubridge.model.Machine.MIB_2;
import static io.mmubridge.model.Machine.PAGE;
import static io.mmubridge.model.Machine.space;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Threads that do anything at any time, with a shadow of each address space. After each round, at rest, shadows and page
 * tables agree, all counts are right, and nothing was used after it was freed.
 */
class ConcurrencyTest {
    private static final int THREADS = 4;
    private static final int ROUNDS = 6;
    private static final int STEPS = 400;
    private static final int PAGES = 64;
    private static final long HUGE_BASE = BASE + 16 * MIB_2;
    private static final long FILE_BASE = BASE + 64 * MIB_2;
    private static final List<Long> BASES = List.of(BASE, HUGE_BASE, FILE_BASE);
    private static final List<Advice> ADVICE = List.of(Advice.values());

    private final Map<MmStruct, Shadow> shadows = new ConcurrentHashMap<>();
    private final Queue<Throwable> failures = new ConcurrentLinkedQueue<>();
    private final Queue<SimulatedProcess> processes = new ConcurrentLinkedQueue<>();

    private static List<KernelProfile> profiles() {
        return Machine.profiles();
    }

    @ParameterizedTest
    @MethodSource("profiles")
    void shadowsAreTrue(KernelProfile profile) throws InterruptedException {
        Machine machine = new Machine(profile, 1300);
        SimulatedKernel kernel = machine.kernel();
        SimulatedFile file = kernel.file("f", PAGES * PAGE);
        adopt(kernel.spawn("first"));
        adopt(kernel.spawn("second"));
        for (int round = 0; round < ROUNDS; round++) {
            List<Thread> threads = new ArrayList<>();
            for (int i = 0; i < THREADS; i++) {
                Random random = new Random(round * 100L + i);
                threads.add(Thread.ofPlatform().start(() -> run(kernel, file, random)));
            }
            for (Thread thread : threads) {
                thread.join();
            }
            assertThat(failures).isEmpty();
            assertThat(Invariants.check(kernel)).isEmpty();
            shadows.values().forEach(shadow -> assertThat(shadow.check()).isEmpty());
        }
        assertThat(shadows.values().stream().mapToInt(Shadow::size).sum()).isPositive();
        kernel.processes().forEach(SimulatedProcess::exit);
        shadows.values().forEach(shadow -> assertThat(shadow.size()).isZero());
        shadows.values().forEach(Shadow::close);
        kernel.srcu().barrier();
        file.truncate(0);
        assertThat(kernel.framesAllocated()).isZero();
        machine.close();
    }

    private void adopt(SimulatedProcess process) {
        shadows.computeIfAbsent(space(process), Shadow::new);
        processes.add(process);
    }

    private void run(SimulatedKernel kernel, SimulatedFile file, Random random) {
        for (int i = 0; i < STEPS && failures.isEmpty(); i++) {
            SimulatedProcess process = pick(random);
            try {
                step(kernel, file, process, random);
            } catch (ErrnoException e) {
                // What is not there, or not allowed, is part of the game.
                continue;
            } catch (Throwable e) {
                failures.add(e);
            }
            try {
                kernel.lockdep().assertNothingHeld();
            } catch (LockOrderError e) {
                failures.add(e);
            }
        }
    }

    private static <T> T pick(List<T> from, Random random) {
        return from.get(random.nextInt(from.size()));
    }

    private SimulatedProcess pick(Random random) {
        return processes.stream()
                .skip(random.nextInt(processes.size()))
                .findFirst()
                .orElseGet(processes::element);
    }

    private void step(SimulatedKernel kernel, SimulatedFile file, SimulatedProcess process, Random random) {
        long base = pick(BASES, random);
        int page = random.nextInt(PAGES);
        int pages = 1 + random.nextInt(PAGES - page);
        long address = base + page * PAGE;
        long length = pages * PAGE;
        switch (random.nextInt(24)) {
            case 0 -> process.mmap(MapRequest.anonymous(PAGES * PAGE).at(BASE));
            case 1 -> process.mmap(MapRequest.anonymous(MIB_2).at(HUGE_BASE).withHugePages());
            case 2 -> process.mmap(MapRequest.of(file, 0, PAGES * PAGE).at(FILE_BASE));
            case 3 ->
                process.mmap(MapRequest.of(file, 0, PAGES * PAGE).asPrivate().at(FILE_BASE));
            case 4 -> process.munmap(address, length);
            case 5 -> process.mprotect(address, length, random.nextBoolean() ? Protection.READ : Protection.NONE);
            case 6, 7 -> process.mprotect(address, length, Protection.READ_WRITE);
            case 8 -> process.madvise(address, length, pick(ADVICE, random));
            case 9 -> process.mremap(address, length, length, base + (PAGES + random.nextInt(PAGES)) * PAGE);
            case 10 -> process.clearRefs();
            case 11 -> fork(process, random);
            case 12 -> kernel.reclaim(1 + random.nextInt(8));
            case 13 -> {
                file.truncate(random.nextInt(PAGES) * PAGE);
                file.truncate(PAGES * PAGE);
            }
            case 14 -> file.punchHole(page * PAGE, length);
            default -> access(process, address, pages, random);
        }
    }

    private void fork(SimulatedProcess process, Random random) {
        if (processes.size() < 5) {
            adopt(process.fork());
        } else if (random.nextInt(4) == 0) {
            SimulatedProcess last = pick(random);
            if (processes.size() > 2 && processes.remove(last)) {
                last.exit();
            }
        }
    }

    private void access(SimulatedProcess process, long address, int pages, Random random) {
        MmStruct mm = process.mm();
        Shadow shadow = mm == null ? null : shadows.get(mm);
        for (int i = 0; i < pages; i++) {
            long at = address + i * PAGE;
            try {
                if (random.nextBoolean()) {
                    process.write(at, (byte) i);
                } else {
                    process.read(at);
                }
            } catch (ErrnoException e) {
                // No such page; the next one may be there.
                continue;
            }
            if (shadow != null) {
                shadow.fill(at);
                shadow.use(at);
            }
        }
    }
}
