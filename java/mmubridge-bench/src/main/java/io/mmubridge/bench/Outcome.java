// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.bench;

import io.mmubridge.bench.Samples.Side;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What came of a row. Ratios are made within a round, where both sides had the machine in the same state, and only then
 * summed up.
 *
 * @param row of the table
 * @param rounds how many there were
 * @param c the median of C's rounds, null if C does not measure this
 * @param java the median of Java's rounds, null if Java does not measure this
 * @param ratio of Java to C, or to the row's base on the same side; null if there is nothing to compare with
 */
record Outcome(
        Row row,
        int rounds,
        @Nullable Double c,
        @Nullable Double java,
        @Nullable Ratio ratio) {
    /** JMH makes a small fraction of a byte of nothing. */
    private static final double NO_BYTE = 0.05;

    /** The middle of the rounds, and the quartiles around it. */
    record Ratio(double median, double low, double high) {
        private static Ratio of(double[] ratios) {
            return new Ratio(
                    Statistics.median(ratios), Statistics.quantile(0.25, ratios), Statistics.quantile(0.75, ratios));
        }
    }

    /** Null if the row was not measured. */
    static @Nullable Outcome of(Row row, Samples samples) {
        Map<Integer, Double> c = samples.rounds(row.id(), Side.C);
        Map<Integer, Double> java = samples.rounds(row.id(), Side.JAVA);
        if (c.isEmpty() && java.isEmpty()) {
            return null;
        }
        Map<Integer, Double> measured = row.base() == null ? java : samples.rounds(row.id(), row.side());
        Map<Integer, Double> base = row.base() == null ? c : samples.rounds(row.base(), row.side());
        return new Outcome(row, Math.max(c.size(), java.size()), median(c), median(java), ratio(measured, base));
    }

    private static @Nullable Double median(Map<Integer, Double> rounds) {
        return rounds.isEmpty() ? null : Statistics.median(array(rounds));
    }

    private static @Nullable Ratio ratio(Map<Integer, Double> measured, Map<Integer, Double> base) {
        Map<Integer, Double> ratios = new TreeMap<>();
        measured.forEach((round, value) -> {
            Double other = base.get(round);
            if (other != null) {
                ratios.put(round, value / other);
            }
        });
        return ratios.isEmpty() ? null : Ratio.of(array(ratios));
    }

    private static double[] array(Map<Integer, Double> rounds) {
        return rounds.values().stream().mapToDouble(Double::doubleValue).toArray();
    }

    /** Whether the row's aim is met; null if it has none, or nothing was compared. */
    @Nullable
    Boolean met() {
        Double aim = row.aim();
        if (aim == null) {
            return null;
        }
        if (row.isGarbage()) {
            return Objects.requireNonNull(java) <= aim + NO_BYTE;
        }
        return ratio == null ? null : ratio.median() <= aim;
    }
}
