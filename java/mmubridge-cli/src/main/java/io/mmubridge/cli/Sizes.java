// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import java.util.Locale;

/** Sizes for people, in binary units. */
final class Sizes {
    private static final String UNITS = "BKMGTPE";

    private Sizes() {}

    /** In the largest unit of which it is one or more, such as 1.4G; no digit after the point where that is exact. */
    static String about(long bytes) {
        int unit = 0;
        double size = bytes;
        while (size >= 1024 && unit < UNITS.length() - 1) {
            size /= 1024;
            unit++;
        }
        String number = String.format(Locale.ROOT, size == Math.rint(size) ? "%.0f" : "%.1f", size);
        return number + UNITS.charAt(unit);
    }

    /** Exactly, such as 4K, 2M, 12K; unsigned. */
    static String text(long bytes) {
        int unit = 0;
        long size = bytes;
        while (size != 0 && (size & 1023) == 0 && unit < UNITS.length() - 1) {
            size >>>= 10;
            unit++;
        }
        return Long.toUnsignedString(size) + UNITS.charAt(unit);
    }
}
