// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import io.mmubridge.Cause;

/** What {@code madvise(2)} is told of a range: the {@code MADV_*}. */
public enum Advice {
    /** {@code MADV_DONTNEED}: the contents are dropped at once. */
    DONTNEED(Cause.MADV_DONTNEED),
    /** {@code MADV_FREE}: the contents may be dropped, until the next write. Of private anonymous memory alone. */
    FREE(Cause.MADV_FREE),
    /** {@code MADV_PAGEOUT}: to be reclaimed now. */
    PAGEOUT(Cause.MADV_PAGEOUT),
    /** {@code MADV_COLD}: to be reclaimed before others. */
    COLD(Cause.UNKNOWN);

    private final Cause cause;

    Advice(Cause cause) {
        this.cause = cause;
    }

    Cause cause() {
        return cause;
    }
}
