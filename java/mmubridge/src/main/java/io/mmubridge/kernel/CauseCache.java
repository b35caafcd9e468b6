// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.kernel;

import io.mmubridge.Cause;
import java.util.Arrays;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * Causes by the number of a stack. Stacks are few and numbered from 1, and what one says never changes, so each is asked for
 * once. Used by one thread at a time.
 */
final class CauseCache {
    private static final int FIRST_SIZE = 256;

    private final IntFunction<Cause> source;
    private @Nullable Cause[] known = {};

    /** A cache that asks {@code source}, which may throw, for what it does not know. */
    CauseCache(IntFunction<Cause> source) {
        this.source = source;
    }

    /** The cause; {@link Cause#UNKNOWN} for 0, an event whose stack found no place. */
    Cause get(int stackId) {
        if (stackId <= 0) {
            return Cause.UNKNOWN;
        }
        if (stackId >= known.length) {
            known = Arrays.copyOf(known, Math.max(Math.max(stackId + 1, FIRST_SIZE), 2 * known.length));
        }
        Cause cause = known[stackId];
        if (cause == null) {
            cause = source.apply(stackId);
            known[stackId] = cause;
        }
        return cause;
    }
}
