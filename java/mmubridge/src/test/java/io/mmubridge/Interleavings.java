// SPDX-License-Identifier: Apache-2.0
package io.mmubridge;

import java.lang.instrument.Instrumentation;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jetbrains.lincheck.Lincheck;
import org.jetbrains.lincheck.LincheckAssertionError;
import org.jetbrains.lincheck.jvm.agent.InstrumentationMode;
import org.jetbrains.lincheck.jvm.agent.LincheckInstrumentation;
import org.jspecify.annotations.Nullable;

/**
 * Runs threads on common state in the interleavings that Lincheck's model checker chooses.
 *
 * <p>Its JVM stays instrumented, so tests that use it have {@link #TAG}, which has them run in one of their own.
 */
public final class Interleavings {
    /** Of the tests, which have a JVM of their own. */
    public static final String TAG = "interleavings";

    /** Enough for every mutant of the core; a search with more of them takes as much longer. */
    private static final int INTERLEAVINGS = Integer.getInteger("mmubridge.interleavings", 150);

    /** The first invocations take longest, and what they instrument stays so. */
    private static final int ATTEMPTS = 6;

    /** An invocation took Lincheck's half minute, each time: it hangs, or the machine has no time for it. */
    public static final class OutOfTimeException extends RuntimeException {
        private static final long serialVersionUID = 1;

        OutOfTimeException(@Nullable Throwable cause) {
            super("an invocation took half a minute, again and again", cause);
        }
    }

    /**
     * The state must be found in the heap. An object that threads have got only from the lambdas that they run is taken for
     * one thread's own, and the checker switches threads at no access to it: every test would pass.
     */
    private static volatile @Nullable Object shared;

    static {
        // Otherwise Lincheck instruments classes, the JDK's included, for each exploration and takes it back after it,
        // and
        // that takes several times as long as to explore.
        LincheckInstrumentation.INSTANCE.attachJavaAgentStatically(instrumentation());
        LincheckInstrumentation.INSTANCE.install(InstrumentationMode.MODEL_CHECKING);
    }

    private Interleavings() {}

    /** Of Byte Buddy's agent, as Lincheck itself gets it; its class file has annotations that javac warns of. */
    private static Instrumentation instrumentation() {
        try {
            return (Instrumentation) Class.forName("net.bytebuddy.agent.ByteBuddyAgent")
                    .getMethod("install")
                    .invoke(null);
        } catch (ReflectiveOperationException e) {
            throw new LinkageError(e.getMessage(), e);
        }
    }

    /**
     * Explores.
     *
     * @param <S> the state
     * @param setup makes the state of one invocation
     * @param check what must hold after the threads
     * @param threads what each does
     */
    @SafeVarargs
    @SuppressWarnings("varargs") // copied, not kept
    public static <S> void explore(Supplier<S> setup, Consumer<S> check, Consumer<S>... threads) {
        explore(1, setup, check, threads);
    }

    /**
     * Explores longer, for what takes more than two switches of threads to go wrong.
     *
     * @param <S> the state
     * @param times how much longer
     * @param setup makes the state of one invocation
     * @param check what must hold after the threads
     * @param threads what each does
     */
    @SafeVarargs
    @SuppressWarnings("varargs") // copied, not kept
    public static <S> void explore(int times, Supplier<S> setup, Consumer<S> check, Consumer<S>... threads) {
        List<Consumer<S>> works = List.of(threads);
        Runnable block = () -> {
            shared = setup.get();
            @SuppressWarnings("unchecked")
            S state = (S) shared;
            run(state, works);
            check.accept(state);
        };
        LincheckAssertionError last = null;
        for (int i = 0; i < ATTEMPTS; i++) {
            try {
                Lincheck.runConcurrentTest(times * INTERLEAVINGS, block);
                return;
            } catch (LincheckAssertionError e) {
                if (isAboutInterleavings(e)) {
                    throw e;
                }
                last = e;
            }
        }
        throw new OutOfTimeException(last);
    }

    /** Or else an invocation took Lincheck's half minute. */
    private static boolean isAboutInterleavings(LincheckAssertionError failure) {
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
