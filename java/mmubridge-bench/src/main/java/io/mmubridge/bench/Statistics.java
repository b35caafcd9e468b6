// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.bench;

import java.util.Arrays;

/** What is said of many numbers. */
final class Statistics {
    private Statistics() {}

    /** The middle one, or the mean of the two there. */
    static double median(double... values) {
        return quantile(0.5, values);
    }

    /** What {@code part} of the values lie below, from 0 to 1; between two values it is interpolated. */
    static double quantile(double part, double... values) {
        if (values.length == 0) {
            throw new IllegalArgumentException("no values");
        }
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        double place = part * (sorted.length - 1);
        int below = (int) place;
        int above = Math.min(below + 1, sorted.length - 1);
        return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
    }

    /** One of the first {@code count} values, which get sorted: percentile() of native/bench/main.c. */
    static long percentile(long[] values, int count, double part) {
        if (count == 0) {
            throw new IllegalArgumentException("no values");
        }
        Arrays.sort(values, 0, count);
        return values[(int) ((count - 1) * part + 0.5)];
    }
}
