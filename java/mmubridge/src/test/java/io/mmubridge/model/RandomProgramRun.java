// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import io.mmubridge.model.RandomProgram.Step;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;

/** Runs a {@link RandomProgram} on a machine of its own, and says what broke. */
final class RandomProgramRun {
    private static final int AREAS = 6;
    private static final int PAGES = 24;
    private static final long AREA = 2 * PageTable.PMD_SIZE;
    /** Few enough that huge pages, and what they take to be copied, often find none. */
    private static final int FRAMES = 1600;

    private final SimulatedKernel kernel;
    private final List<SimulatedFile> files;
    private final List<SimulatedProcess> processes = new CopyOnWriteArrayList<>();
    private final List<ShadowSubscriber.Subsystem> subsystems;
    private final Map<MmStruct, Queue<Subscriber>> subscribers = new ConcurrentHashMap<>();
    private final Queue<String> broken = new ConcurrentLinkedQueue<>();

    private RandomProgramRun(KernelProfile profile, long largestIgnored) {
        kernel = SimulatedKernel.builder()
                .profile(profile)
                .frames(FRAMES)
                .lockdep(Lockdep.on())
                .build();
        files = List.of(kernel.file("first", PAGES * PageTable.PAGE_SIZE), kernel.file("second", PageTable.PAGE_SIZE));
        subsystems = List.of(
                new ShadowSubscriber.Subsystem("first", largestIgnored),
                new ShadowSubscriber.Subsystem("second", 0),
                new ShadowSubscriber.Subsystem("third", 0));
        spawn();
    }

    /**
     * Runs a program.
     *
     * @param largestIgnored 0, or the size of invalidations that one subsystem wrongly ignores
     * @return what broke; empty if nothing did
     */
    static List<String> run(RandomProgram program, KernelProfile profile, long largestIgnored) {
        RandomProgramRun run = new RandomProgramRun(profile, largestIgnored);
        for (RandomProgram.Round round : program.rounds()) {
            run.run(round);
            run.check();
            if (!run.broken.isEmpty()) {
                return List.copyOf(run.broken);
            }
        }
        run.end();
        return List.copyOf(run.broken);
    }

    private void spawn() {
        SimulatedProcess process = kernel.spawn("random");
        watch(process);
        processes.add(process);
    }

    private void watch(SimulatedProcess process) {
        MmStruct mm = process.mm();
        if (mm != null) {
            mm.pageTable()
                    .watch((address, old, entry) -> subscribers(mm)
                            .forEach(subscriber -> broken.addAll(subscriber.change(address, old, entry))));
        }
    }

    private Queue<Subscriber> subscribers(MmStruct mm) {
        return subscribers.computeIfAbsent(mm, absent -> new ConcurrentLinkedQueue<>());
    }

    private void run(RandomProgram.Round round) {
        List<Thread> threads = round.threads().stream()
                .map(steps -> Thread.ofPlatform().start(() -> steps.forEach(this::attempt)))
                .toList();
        for (Thread thread : threads) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }
    }

    private void attempt(Step step) {
        try {
            try {
                perform(step);
            } catch (ErrnoException e) {
                // What was asked for was not there: no harm done, and nothing left behind.
            }
            kernel.lockdep().assertNothingHeld();
        } catch (Throwable e) {
            broken.add(step + " threw " + stackTrace(e));
        }
    }

    private static String stackTrace(Throwable e) {
        StringWriter text = new StringWriter();
        e.printStackTrace(new PrintWriter(text));
        return text.toString();
    }

    private static long address(Step step) {
        return Machine.BASE + step.place() % AREAS * AREA + step.place() / AREAS % PAGES * PageTable.PAGE_SIZE;
    }

    private void perform(Step step) {
        // Another thread may take one out meanwhile.
        List<SimulatedProcess> alive = List.copyOf(processes);
        SimulatedProcess process = alive.get(step.process() % alive.size());
        SimulatedFile file = files.get(step.choice() % files.size());
        long address = address(step);
        long length = step.count() * PageTable.PAGE_SIZE;
        switch (step.op()) {
            case MMAP ->
                process.mmap(request(MapRequest.anonymous(length * 3), step).at(address));
            case MMAP_HUGE ->
                process.mmap(
                        MapRequest.anonymous(PageTable.PMD_SIZE).withHugePages().at(address & -PageTable.PMD_SIZE));
            case MMAP_FILE ->
                process.mmap(request(MapRequest.of(file, 0, length * 3), step).at(address));
            case MUNMAP -> process.munmap(address, length);
            case MREMAP -> {
                long to = Machine.BASE + (step.choice() + 1) % AREAS * AREA;
                process.mremap(address, length, length + step.choice() % 3 * PageTable.PAGE_SIZE, to);
            }
            case MPROTECT -> process.mprotect(address, length, protection(step));
            case MADVISE -> {
                Advice[] advices = Advice.values();
                process.madvise(address, length, advices[step.choice() % advices.length]);
            }
            case FORK -> fork(process);
            case EXEC -> {
                process.exec("executed");
                watch(process);
            }
            case EXIT -> exit(process);
            case CLEAR_REFS -> process.clearRefs();
            case READ -> process.read(address);
            case WRITE -> process.write(address, (byte) step.choice());
            case TRUNCATE -> file.truncate(step.place() % PAGES * PageTable.PAGE_SIZE);
            case PUNCH_HOLE -> file.punchHole(step.place() % PAGES * PageTable.PAGE_SIZE, length);
            case RECLAIM -> kernel.reclaim(step.count() * 4);
            case OOM_REAP -> {
                if (step.choice() % 4 == 0) {
                    kernel.oomReap(process);
                    exit(process);
                }
            }
            case GET -> get(process, subsystems.get(step.choice() % subsystems.size()));
            case INSERT -> insert(process, address, length * 8);
            case PUT -> put(process);
            case FAULT -> fault(process, address, step.count());
        }
    }

    private static MapRequest request(MapRequest request, Step step) {
        MapRequest shared = step.choice() % 3 == 0 ? request.asShared() : request.asPrivate();
        return shared.with(step.choice() % 5 == 0 ? Protection.READ : Protection.READ_WRITE);
    }

    private static Protection protection(Step step) {
        return switch (step.choice() % 4) {
            case 0 -> Protection.NONE;
            case 1 -> Protection.READ;
            default -> Protection.READ_WRITE;
        };
    }

    private void fork(SimulatedProcess process) {
        if (processes.size() < 8) {
            SimulatedProcess child = process.fork();
            watch(child);
            processes.add(child);
        }
    }

    /** Another takes its place, so that there is something to do. */
    private void exit(SimulatedProcess process) {
        process.exit();
        spawn();
        processes.remove(process);
    }

    private void get(SimulatedProcess process, ShadowSubscriber.Subsystem subsystem) {
        MmStruct mm = process.mm();
        if (mm != null && mm.getNotZero()) {
            try {
                subscribers(mm).add(subsystem.get(mm));
            } finally {
                mm.put();
            }
        }
    }

    private void insert(SimulatedProcess process, long address, long length) {
        MmStruct mm = process.mm();
        if (mm != null && mm.getNotZero()) {
            try {
                subscribers(mm).add(new IntervalSubscriber(mm, address, length));
            } finally {
                mm.put();
            }
        }
    }

    private void put(SimulatedProcess process) {
        MmStruct mm = process.mm();
        Subscriber subscriber = mm == null ? null : subscribers(mm).poll();
        if (subscriber != null) {
            subscriber.unsubscribe();
        }
    }

    /** Takes it off the list meanwhile, so that nobody unsubscribes it. */
    private void fault(SimulatedProcess process, long address, int pages) {
        MmStruct mm = process.mm();
        @Nullable Subscriber subscriber = mm == null ? null : subscribers(mm).poll();
        if (mm == null || subscriber == null) {
            return;
        }
        try {
            for (int i = 0; i < pages; i++) {
                subscriber.fault(address + i * PageTable.PAGE_SIZE);
            }
        } finally {
            subscribers(mm).add(subscriber);
        }
    }

    private void check() {
        broken.addAll(Invariants.check(kernel));
        subscribers.values().forEach(all -> all.forEach(subscriber -> broken.addAll(subscriber.compare())));
        kernel.failures().forEach(failure -> broken.add(failure.toString()));
    }

    private void end() {
        processes.forEach(SimulatedProcess::exit);
        subscribers.values().forEach(all -> all.forEach(Subscriber::unsubscribe));
        files.forEach(file -> file.truncate(0));
        try {
            kernel.srcu().barrier();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
        List<String> wrong = new ArrayList<>(Invariants.check(kernel));
        for (ShadowSubscriber.Subsystem subsystem : subsystems) {
            if (subsystem.allocated() != subsystem.freed()) {
                wrong.add(subsystem.allocated() + " notifiers were allocated and " + subsystem.freed() + " freed");
            }
        }
        if (kernel.framesAllocated() != 0) {
            wrong.add(kernel.framesAllocated() + " frames are left");
        }
        if (kernel.swapUsed() != 0) {
            wrong.add(kernel.swapUsed() + " swap slots are left");
        }
        subscribers.keySet().forEach(mm -> {
            if (mm.count() != 0) {
                wrong.add(mm.count() + " references to an mm are left");
            }
        });
        kernel.failures().forEach(failure -> wrong.add(failure.toString()));
        broken.addAll(wrong);
    }
}
