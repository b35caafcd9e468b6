// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.function.Consumer;

/** What all address spaces of one simulated machine have in common. Thread-safe; nothing is shared between two of them. */
public final class SimulatedKernel {
    private final KernelProfile profile;
    private final Lockdep lockdep;
    private final Srcu srcu;
    private final ExclusiveLock mmAllLocks;
    private final boolean panicOnWarn;
    private final Queue<Throwable> failures = new ConcurrentLinkedQueue<>();

    private SimulatedKernel(Builder builder) {
        profile = builder.profile;
        lockdep = builder.lockdep;
        panicOnWarn = builder.panicOnWarn;
        srcu = builder.srcu.make(lockdep, failures::add);
        mmAllLocks = new ExclusiveLock(lockdep, LockClass.MM_ALL_LOCKS);
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
         * The kernel.
         *
         * @return a new one
         */
        public SimulatedKernel build() {
            return new SimulatedKernel(this);
        }
    }
}
