// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.bench;

import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * get, put and an invalidation, by the model and by its rivals. With the parallel collector: G1's barriers make every lock
 * that is taken in an old object, which writes its owner there, work for its refinement, and with many address spaces that
 * is what would be measured.
 */
@Fork(jvmArgsAppend = "-XX:+UseParallelGC")
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 150, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 3, time = 100, timeUnit = TimeUnit.MILLISECONDS)
public class Schemes {
    /** As many as are freed together at most, so that the wait for the last of them is nothing to each. */
    private static final int BURST = 1024;

    private static final long SEED = 1;

    /** Who keeps the promise of {@link Notifiers}. */
    public enum Scheme {
        MODEL("the model"),
        MAP("ConcurrentHashMap"),
        MONITOR("synchronized");

        private final String title;

        Scheme(String title) {
            this.title = title;
        }

        String title() {
            return title;
        }

        Notifiers<?> make(int subsystems, int spaces, Notifiers.Callbacks callbacks) {
            return switch (this) {
                case MODEL -> new ModelNotifiers(subsystems, spaces, callbacks);
                case MAP -> new MapNotifiers(subsystems, spaces, callbacks);
                case MONITOR -> new MonitorNotifiers(spaces, callbacks);
            };
        }
    }

    /** Which address spaces are used. */
    public enum Order {
        /** The same all the time; the others are only there. */
        ONE,
        /** All of them, in an order that no cache foresees. */
        ALL
    }

    /** What callbacks do here: nothing that takes time. */
    private static final Notifiers.Callbacks NOTHING = new Notifiers.Callbacks() {
        @Override
        public void invalidated() {}

        @Override
        public void freed() {}
    };

    /** The address spaces, and who is asked for next. */
    @State(Scope.Benchmark)
    public static class Spaces {
        @Param("MODEL")
        public Scheme scheme = Scheme.MODEL;

        @Param("1")
        public int mms;

        /** A power of two. */
        @Param("1")
        public int subsystems;

        @Param("ALL")
        public Order order = Order.ALL;

        private Notifiers<?> notifiers = Scheme.MONITOR.make(0, 0, NOTHING);
        private int[] spaces = {};

        @Setup
        public void make() {
            notifiers = scheme.make(subsystems, mms, NOTHING);
            spaces = order == Order.ONE ? new int[] {mms / 2} : shuffled(mms);
        }

        private static int[] shuffled(int count) {
            int[] numbers = new int[count];
            Random random = new Random(SEED);
            for (int i = 0; i < count; i++) {
                int other = random.nextInt(i + 1);
                numbers[i] = numbers[other];
                numbers[other] = i;
            }
            return numbers;
        }
    }

    /** The same with every subsystem subscribed everywhere already. */
    @State(Scope.Benchmark)
    public static class Subscribed {
        @Setup
        public void subscribe(Spaces spaces) {
            for (int space = 0; space < spaces.mms; space++) {
                for (int subsystem = 0; subsystem < spaces.subsystems; subsystem++) {
                    spaces.notifiers.get(subsystem, space);
                }
            }
        }
    }

    /** The same with all subsystems but the one numbered 0 subscribed. */
    @State(Scope.Benchmark)
    public static class Others {
        @Setup
        public void subscribe(Spaces spaces) {
            for (int space = 0; space < spaces.mms; space++) {
                for (int subsystem = 1; subsystem < spaces.subsystems; subsystem++) {
                    spaces.notifiers.get(subsystem, space);
                }
            }
        }
    }

    /** Whose turn it is. */
    @State(Scope.Thread)
    public static class Turn {
        private int turn;
        private int subsystem;

        private int nextSpace(Spaces spaces) {
            turn = turn + 1 < spaces.spaces.length ? turn + 1 : 0;
            return spaces.spaces[turn];
        }

        private int nextSubsystem(Spaces spaces) {
            return ++subsystem & spaces.subsystems - 1;
        }
    }

    @Benchmark
    public void shared(Spaces spaces, Subscribed subscribed, Turn turn) {
        getAndPut(spaces.notifiers, turn.nextSubsystem(spaces), turn.nextSpace(spaces));
    }

    @Benchmark
    @OperationsPerInvocation(BURST)
    public void fresh(Spaces spaces, Others others, Turn turn) {
        for (int i = 0; i < BURST; i++) {
            getAndPut(spaces.notifiers, 0, turn.nextSpace(spaces));
        }
        spaces.notifiers.drain();
    }

    private static <N> void getAndPut(Notifiers<N> notifiers, int subsystem, int space) {
        notifiers.put(notifiers.get(subsystem, space));
    }

    @Benchmark
    public void invalidate(Spaces spaces, Subscribed subscribed, Turn turn) {
        spaces.notifiers.invalidate(turn.nextSpace(spaces));
    }
}
