// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import io.mmubridge.Cause;
import io.mmubridge.EventEntry;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Function;

/** What all address spaces of one simulated machine have in common. Thread-safe; nothing is shared between two of them. */
public final class SimulatedKernel {
    private static final int FIRST_PID = 1000;
    private static final int KSWAPD_PID = 50;
    private static final int OOM_REAPER_PID = 51;
    private static final int KWORKER_PID = 52;

    private final KernelProfile profile;
    private final Lockdep lockdep;
    private final Srcu srcu;
    private final ExclusiveLock mmAllLocks;
    private final boolean panicOnWarn;
    private final Map<Class<?>, Object> modules = new ConcurrentHashMap<>();
    private final Queue<Throwable> failures = new ConcurrentLinkedQueue<>();
    private final SimulatedMemory memory;
    private final Swap swap;
    private final Reclaim reclaim;
    private final Set<MmStruct> mms = ConcurrentHashMap.newKeySet();
    private final Map<Integer, SimulatedProcess> processes = new ConcurrentHashMap<>();
    private final AtomicInteger nextPid = new AtomicInteger(FIRST_PID);

    private SimulatedKernel(Builder builder) {
        profile = builder.profile;
        lockdep = builder.lockdep;
        panicOnWarn = builder.panicOnWarn;
        srcu = builder.srcu.make(lockdep, failures::add);
        mmAllLocks = new ExclusiveLock(lockdep, LockClass.MM_ALL_LOCKS);
        memory = new SimulatedMemory(this, builder.frames);
        swap = new Swap(lockdep);
        reclaim = new Reclaim(this);
    }

    /**
     * A kernel to be configured.
     *
     * @return a builder with the defaults: 6.1, no lock checks, warnings thrown
     */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * Which kernel this mirrors.
     *
     * @return its data
     */
    public KernelProfile profile() {
        return profile;
    }

    /**
     * Checks the order of locks.
     *
     * @return the checker, for locks of callbacks
     */
    public Lockdep lockdep() {
        return lockdep;
    }

    /**
     * The one SRCU domain of all mmu notifiers.
     *
     * @return the domain
     */
    public Srcu srcu() {
        return srcu;
    }

    /**
     * What went wrong so far where nobody was there to be told: what SRCU callbacks threw, and warnings that were not
     * thrown.
     *
     * @return a copy; empty if all is well
     */
    public List<Throwable> failures() {
        List<Throwable> all = new ArrayList<>(failures);
        all.addAll(lockdep.errors());
        return all;
    }

    /**
     * What a driver keeps for the whole machine, as a module of the kernel has variables: loaded when it is first asked for,
     * and there as long as the machine.
     *
     * @param <T> the driver's type
     * @param type names it
     * @param load makes it; called once
     * @return the one of this machine
     */
    public <T> T module(Class<T> type, Function<? super SimulatedKernel, ? extends T> load) {
        return type.cast(modules.computeIfAbsent(type, absent -> load.apply(this)));
    }

    // ------------------------------------------------------------------------------------------------- processes

    /**
     * A new process with nothing mapped, as if {@code fork(2)} and {@code execve(2)} had made it.
     *
     * @param comm its name
     * @return the process
     */
    public SimulatedProcess spawn(String comm) {
        return adopt(comm, new MmStruct(this));
    }

    SimulatedProcess adopt(String comm, MmStruct mm) {
        SimulatedProcess process = new SimulatedProcess(this, newPid(), comm, mm);
        processes.put(process.pid(), process);
        return process;
    }

    /** {@code alloc_pid()}: of a process, or of a thread. */
    int newPid() {
        return nextPid.getAndIncrement();
    }

    void reap(SimulatedProcess process) {
        processes.remove(process.pid());
    }

    /**
     * {@code find_get_pid()}.
     *
     * @param pid of a process
     * @return the process, if it has not exited
     */
    public Optional<SimulatedProcess> process(int pid) {
        return Optional.ofNullable(processes.get(pid));
    }

    /**
     * All processes that have not exited.
     *
     * @return a copy
     */
    public List<SimulatedProcess> processes() {
        return List.copyOf(processes.values());
    }

    // --------------------------------------------------------------------------------------------------- memory

    /**
     * A new file of zeroes.
     *
     * @param name for reports
     * @param bytes its length
     * @return the file
     * @throws ErrnoException EINVAL if the length is negative
     */
    public SimulatedFile file(String name, long bytes) {
        if (bytes < 0) {
            throw new ErrnoException(Errno.EINVAL, "the length of a file is not negative, as this is: " + bytes);
        }
        return new SimulatedFile(this, name, bytes, false);
    }

    /**
     * The frames.
     *
     * @return all memory of this machine
     */
    public SimulatedMemory memory() {
        return memory;
    }

    /**
     * How many frames are in use, those of page tables left out.
     *
     * @return the count
     */
    public int framesAllocated() {
        return memory.allocated();
    }

    /**
     * How many pages are swapped out.
     *
     * @return the count, each once however many processes share it
     */
    public int swapUsed() {
        return swap.used();
    }

    /**
     * {@code balance_pgdat()}: kswapd is woken. Pages that were used since the last look are spared in the first round.
     *
     * @param pages how many frames are to become free
     * @return how many did
     */
    public int reclaim(int pages) {
        return thread(KSWAPD_PID, "kswapd0", Cause.RECLAIM).call(() -> reclaim.shrink(pages));
    }

    /**
     * {@code oom_reap_task_mm()}: the OOM reaper takes the private memory of a process that was chosen to die. Whatever it
     * looks at afterwards, and was taken, is SIGBUS.
     *
     * @param victim the process
     * @return false if the reaper gave up on something, since a subscriber would have had to sleep
     * @throws ErrnoException ESRCH if it has exited
     */
    public boolean oomReap(SimulatedProcess victim) {
        MmStruct mm = victim.mm();
        if (mm == null || !mm.getNotZero()) {
            throw new ErrnoException(Errno.ESRCH, victim + " has exited");
        }
        Activity reaper = thread(OOM_REAPER_PID, "oom_reaper", Cause.OOM_REAPER);
        try {
            return reaper.call(() -> OomReaper.reap(mm));
        } finally {
            reaper.with(Cause.LAST_REFERENCE).run(mm::put);
        }
    }

    /** What is left to a work queue. */
    void work(Cause cause, Runnable work) {
        thread(KWORKER_PID, "kworker/0:1", cause).run(work);
    }

    private static Activity thread(int pid, String comm, Cause cause) {
        return new Activity(pid, pid, comm, EventEntry.KTHREAD, null, -1, cause);
    }

    Reclaim reclaimer() {
        return reclaim;
    }

    Swap swap() {
        return swap;
    }

    /** Address spaces that are not torn down yet. */
    Set<MmStruct> mms() {
        return mms;
    }

    void add(MmStruct mm) {
        mms.add(mm);
    }

    void remove(MmStruct mm) {
        mms.remove(mm);
    }

    ExclusiveLock mmAllLocks() {
        return mmAllLocks;
    }

    /** {@code WARN_ON()}: a rule was broken, and the kernel goes on unless {@code panic_on_warn} is set. */
    void warnOn(boolean broken, String rule) {
        if (broken) {
            KernelBugError warning = new KernelBugError(rule);
            if (panicOnWarn) {
                throw warning;
            }
            failures.add(warning);
        }
    }

    /** {@code BUG_ON()}. */
    static void bugOn(boolean broken, String rule) {
        if (broken) {
            throw new KernelBugError(rule);
        }
    }

    /** Makes the domain of a kernel. */
    @FunctionalInterface
    interface SrcuMaker {
        Srcu make(Lockdep lockdep, Consumer<Throwable> failures);
    }

    /** Makes a {@link SimulatedKernel}. */
    public static final class Builder {
        private KernelProfile profile = KernelProfile.LINUX_6_1;
        private Lockdep lockdep = Lockdep.off();
        private boolean panicOnWarn = true;
        private SrcuMaker srcu = Srcu::new;
        private int frames = 1 << 20;

        private Builder() {}

        /**
         * Which kernel to mirror.
         *
         * @param newProfile its data
         * @return this
         */
        public Builder profile(KernelProfile newProfile) {
            profile = newProfile;
            return this;
        }

        /**
         * Checks the order of locks.
         *
         * @param newLockdep the checker
         * @return this
         */
        public Builder lockdep(Lockdep newLockdep) {
            lockdep = newLockdep;
            return this;
        }

        /**
         * What {@code WARN_ON()} does.
         *
         * @param panic true to throw, false to note it among the {@link SimulatedKernel#failures()} and go on
         * @return this
         */
        public Builder panicOnWarn(boolean panic) {
            panicOnWarn = panic;
            return this;
        }

        /**
         * Where notifiers are freed.
         *
         * @param executor see {@link Srcu}
         * @return this
         */
        public Builder srcuExecutor(Executor executor) {
            srcu = (checker, failed) -> new Srcu(checker, failed, executor);
            return this;
        }

        /** For those who need another domain than users do. */
        Builder srcu(SrcuMaker maker) {
            srcu = maker;
            return this;
        }

        /**
         * How much memory it has.
         *
         * @param count in frames of 4 KiB
         * @return this
         */
        public Builder frames(int count) {
            frames = count;
            return this;
        }

        /**
         * The kernel.
         *
         * @return a new one
         */
        public SimulatedKernel build() {
            return new SimulatedKernel(this);
        }
    }
}
