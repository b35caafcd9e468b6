// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jetbrains.lincheck.Lincheck;
import org.jetbrains.lincheck.LincheckAssertionError;
import org.jspecify.annotations.Nullable;

/** Runs threads on common state in the interleavings that Lincheck's model checker chooses. */
final class Interleavings {
    /** Enough for every mutant of the core; a search with more of them takes as much longer. */
    private static final int INTERLEAVINGS = Integer.getInteger("mmubridge.interleavings", 120);

    /**
     * The state must be found in the heap. An object that threads have got only from the lambdas that they run is taken for
     * one thread's own, and the checker switches threads at no access to it: every test would pass.
     */
    private static volatile @Nullable Object shared;

    private Interleavings() {}

    /**
     * Waits for SRCU readers without spinning, which the checker would follow round by round.
     */
    static final class Turns implements Srcu.Waiting {
        @Override
        public synchronized void until(BooleanSupplier over) {
            while (!over.getAsBoolean()) {
                try {
                    wait();
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
            }
        }

        @Override
        public synchronized void sectionEnded() {
            notifyAll();
        }
    }

    /**
     * Explores.
     *
     * @param setup makes the state of one invocation
     * @param check what must hold after the threads
     * @param threads what each does
     */
    @SafeVarargs
    @SuppressWarnings("varargs") // copied, not kept
    static <S> void explore(Supplier<S> setup, Consumer<S> check, Consumer<S>... threads) {
        explore(1, setup, check, List.of(threads));
    }

    /**
     * Explores longer, for what takes more than two switches of threads to go wrong.
     *
     * @param times how much longer
     * @param setup makes the state of one invocation
     * @param check what must hold after the threads
     * @param works what each thread does
     */
    static <S> void explore(int times, Supplier<S> setup, Consumer<S> check, List<Consumer<S>> works) {
        Runnable block = () -> {
            shared = setup.get();
            @SuppressWarnings("unchecked")
            S state = (S) shared;
            run(state, works);
            check.accept(state);
        };
        for (int attempts = 3; ; attempts--) {
            try {
                Lincheck.runConcurrentTest(times * INTERLEAVINGS, block);
                return;
            } catch (LincheckAssertionError e) {
                if (attempts == 1 || isAboutInterleavings(e)) {
                    throw e;
                }
            }
        }
    }

    /** Or else an invocation took Lincheck's half minute, on a machine that had no time for it. */
    static boolean isAboutInterleavings(LincheckAssertionError failure) {
        return String.valueOf(failure.getMessage()).contains("The following interleaving leads to the error");
    }

    private static <S> void run(S state, List<Consumer<S>> works) {
        @Nullable Throwable[] thrown = new Throwable[works.size()];
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < works.size(); i++) {
            int mine = i;
            threads.add(new Thread(() -> {
                try {
                    works.get(mine).accept(state);
                } catch (Throwable e) {
                    thrown[mine] = e;
                }
            }));
        }
        threads.forEach(Thread::start);
        for (Thread thread : threads) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }
        for (Throwable each : thrown) {
            rethrow(each);
        }
    }

    private static void rethrow(@Nullable Throwable thrown) {
        if (thrown instanceof Error error) {
            throw error;
        }
        if (thrown instanceof RuntimeException exception) {
            throw exception;
        }
    }
}
