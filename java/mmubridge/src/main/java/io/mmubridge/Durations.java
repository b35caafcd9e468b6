// SPDX-License-Identifier: Apache-2.0
package io.mmubridge;

import java.time.Duration;

/** Durations that may be longer than a {@code long} has nanoseconds. */
final class Durations {
    private static final Duration LONGEST = Duration.ofNanos(Long.MAX_VALUE);

    private Durations() {}

    static long toNanos(Duration duration) {
        return duration.compareTo(LONGEST) >= 0 ? Long.MAX_VALUE : duration.toNanos();
    }
}
