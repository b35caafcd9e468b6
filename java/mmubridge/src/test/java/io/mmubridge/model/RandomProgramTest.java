// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.function.Predicate;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Random programs of several threads. After each round page tables and shadows agree, whatever changed was told before, and
 * at the end nothing is left.
 *
 * <p>{@code -Dmmubridge.seeds=N} runs N of them, {@code -Dmmubridge.seed=S} the one that a failure has named.
 */
@Timeout(600)
class RandomProgramTest {
    private static final int ROUNDS = 6;
    private static final int THREADS = 3;
    private static final int STEPS = 60;

    /** A race does not show each time. */
    private static final int ATTEMPTS = 5;

    private static final int SHRINKS = 400;

    static LongStream seeds() {
        Long seed = Long.getLong("mmubridge.seed");
        return seed == null ? LongStream.rangeClosed(1, Long.getLong("mmubridge.seeds", 60)) : LongStream.of(seed);
    }

    private static KernelProfile profile(long seed) {
        List<KernelProfile> profiles = Machine.profiles();
        return profiles.get((int) (seed % profiles.size()));
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void holds(long seed) {
        RandomProgram program = RandomProgram.ofSeed(seed, ROUNDS, THREADS, STEPS);
        List<String> broken = RandomProgramRun.run(program, profile(seed), 0);
        if (!broken.isEmpty()) {
            throw new AssertionError(report(seed, program, broken, 0));
        }
    }

    private static String report(long seed, RandomProgram program, List<String> broken, long largestIgnored) {
        RandomProgram shrunk = program.shrink(fails(seed, largestIgnored), SHRINKS);
        return "seed " + seed + ", Linux " + profile(seed).version() + ": " + String.join("\n", broken) + "\nof "
                + program.size() + " steps these are enough:\n" + shrunk;
    }

    private static Predicate<RandomProgram> fails(long seed, long largestIgnored) {
        return program -> {
            for (int i = 0; i < ATTEMPTS; i++) {
                if (!RandomProgramRun.run(program, profile(seed), largestIgnored)
                        .isEmpty()) {
                    return true;
                }
            }
            return false;
        };
    }

    /** A subscriber that ignores invalidations of one page is found out, and by a program of a few steps. */
    @Test
    void aDefectIsFoundAndShrunk() {
        for (long seed = 1; ; seed++) {
            RandomProgram program = RandomProgram.ofSeed(seed, ROUNDS, THREADS, STEPS);
            if (fails(seed, PageTable.PAGE_SIZE).test(program)) {
                RandomProgram shrunk = program.shrink(fails(seed, PageTable.PAGE_SIZE), SHRINKS);
                // Map, subscribe, touch, and one thing that invalidates a page; races may need some more.
                assertThat(shrunk.size()).as("steps of\n" + shrunk).isLessThan(20);
                assertThat(fails(seed, 0).test(shrunk))
                        .as("fails without the defect")
                        .isFalse();
                return;
            }
        }
    }
}
