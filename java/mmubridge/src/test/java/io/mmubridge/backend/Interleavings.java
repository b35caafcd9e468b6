// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.backend;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jetbrains.lincheck.Lincheck;
import org.jspecify.annotations.Nullable;

/** Threads on common state, in the interleavings that Lincheck's model checker chooses. */
public final class Interleavings {
    /**
     * The state must be found in the heap. An object that threads have got only from the lambdas that they run is taken for
     * one thread's own, and the checker switches threads at no access to it: every test would pass.
     */
    private static volatile @Nullable Object shared;

    private Interleavings() {}

    /**
     * Explores.
     *
     * @param count how many interleavings
     * @param setup makes the state of one of them
     * @param check what must hold after the threads
     * @param threads what each does
     */
    @SafeVarargs
    @SuppressWarnings("varargs") // copied, not kept
    public static <S> void explore(int count, Supplier<S> setup, Consumer<S> check, Consumer<S>... threads) {
        List<Consumer<S>> works = List.of(threads);
        Lincheck.runConcurrentTest(count, () -> {
            shared = setup.get();
            @SuppressWarnings("unchecked")
            S state = (S) shared;
            run(state, works);
            check.accept(state);
        });
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
            if (each != null) {
                throw new AssertionError(each);
            }
        }
    }
}
