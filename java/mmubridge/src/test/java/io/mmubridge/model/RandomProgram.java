// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What several threads do to a machine: rounds, between which nothing runs. A step is data, and means something whatever
 * happened before it, so that a program without some of its steps is a program.
 *
 * @param rounds one after the other
 */
record RandomProgram(List<Round> rounds) {
    /** What a step does. */
    enum Op {
        MMAP(8),
        MMAP_HUGE(2),
        MMAP_FILE(3),
        MUNMAP(5),
        MREMAP(4),
        MPROTECT(6),
        MADVISE(8),
        FORK(2),
        EXEC(1),
        EXIT(1),
        CLEAR_REFS(2),
        READ(12),
        WRITE(20),
        TRUNCATE(2),
        PUNCH_HOLE(2),
        RECLAIM(4),
        OOM_REAP(1),
        GET(5),
        INSERT(4),
        PUT(4),
        FAULT(16);

        private static final int WEIGHTS =
                Stream.of(values()).mapToInt(op -> op.weight).sum();

        private final int weight;

        Op(int weight) {
            this.weight = weight;
        }

        private static Op random(SplittableRandom random) {
            int left = random.nextInt(WEIGHTS);
            for (Op op : values()) {
                left -= op.weight;
                if (left < 0) {
                    return op;
                }
            }
            throw new AssertionError("weights add up");
        }
    }

    /**
     * One step.
     *
     * @param op what
     * @param process whose, by its place among those that there are
     * @param place where
     * @param count how much
     * @param choice which of several ways
     */
    record Step(Op op, int process, int place, int count, int choice) {
        private static Step random(SplittableRandom random) {
            return new Step(
                    Op.random(random),
                    random.nextInt(4),
                    random.nextInt(1 << 12),
                    1 + random.nextInt(8),
                    random.nextInt(1 << 8));
        }

        @Override
        public String toString() {
            return op + "(process " + process + ", place " + place + ", count " + count + ", choice " + choice + ")";
        }
    }

    /**
     * What threads do at the same time.
     *
     * @param threads the steps of each, in order
     */
    record Round(List<List<Step>> threads) {}

    static RandomProgram ofSeed(long seed, int rounds, int threads, int steps) {
        SplittableRandom random = new SplittableRandom(seed);
        return new RandomProgram(repeat(
                rounds, () -> new Round(repeat(threads, () -> repeat(steps, () -> Step.random(random))))));
    }

    private static <T> List<T> repeat(int count, Supplier<T> make) {
        return Stream.generate(make).limit(count).toList();
    }

    int size() {
        return rounds.stream()
                .flatMap(round -> round.threads().stream())
                .mapToInt(List::size)
                .sum();
    }

    /**
     * A program that fails, made of fewer of the steps of this one: delta debugging. First halves are left out, then ever
     * smaller parts, as long as what is left fails.
     *
     * @param fails whether a program fails; asked at most {@code limit} times
     */
    RandomProgram shrink(Predicate<RandomProgram> fails, int limit) {
        RandomProgram smallest = this;
        int asked = 0;
        int part = Math.max(1, size() / 2);
        while (asked < limit) {
            boolean shrunk = false;
            for (int from = 0; from < smallest.size() && asked < limit; ) {
                RandomProgram without = smallest.without(from, from + part);
                asked++;
                if (fails.test(without)) {
                    smallest = without;
                    shrunk = true;
                } else {
                    from += part;
                }
            }
            if (part == 1 && !shrunk) {
                break;
            }
            part = Math.max(1, part / 2);
        }
        return smallest;
    }

    /** Without the steps from one to another, counted through all rounds and threads; nor rounds that have none. */
    private RandomProgram without(int from, int to) {
        int index = 0;
        List<Round> left = new ArrayList<>();
        for (Round round : rounds) {
            List<List<Step>> threads = new ArrayList<>();
            for (List<Step> thread : round.threads()) {
                List<Step> steps = new ArrayList<>();
                for (Step step : thread) {
                    if (index < from || index >= to) {
                        steps.add(step);
                    }
                    index++;
                }
                if (!steps.isEmpty()) {
                    threads.add(List.copyOf(steps));
                }
            }
            if (!threads.isEmpty()) {
                left.add(new Round(List.copyOf(threads)));
            }
        }
        return new RandomProgram(List.copyOf(left));
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < rounds.size(); i++) {
            List<List<Step>> threads = rounds.get(i).threads();
            for (int j = 0; j < threads.size(); j++) {
                text.append("  round ").append(i).append(", thread ").append(j).append(": ");
                text.append(threads.get(j).stream().map(Step::toString).collect(Collectors.joining(" ")));
                text.append('\n');
            }
        }
        return text.toString();
    }
}
