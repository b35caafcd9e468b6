// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

/** Sizes for people, in the binary units that divide them. */
final class Sizes {
    private static final String UNITS = "BKMGTPE";

    private Sizes() {}

    /** Such as 4K, 2M, 12K; unsigned. */
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
