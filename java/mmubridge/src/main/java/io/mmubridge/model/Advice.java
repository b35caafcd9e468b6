// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import io.mmubridge.Cause;

/** What {@code madvise(2)} is told of a range: the {@code MADV_*}. */
public enum Advice {
    /** {@code MADV_DONTNEED}: the contents are dropped at once. */
    DONTNEED(Cause.MADV_DONTNEED);

    private final Cause cause;

    Advice(Cause cause) {
        this.cause = cause;
    }

    Cause cause() {
        return cause;
    }
}
