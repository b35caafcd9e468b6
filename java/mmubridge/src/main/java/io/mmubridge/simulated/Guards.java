// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.simulated;

import io.mmubridge.model.IntervalTree;
import java.util.LinkedHashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The guards of a space, of all its subscriptions: kmod/guard.c. Each method is called under the space's lock; readers of the
 * words take none.
 *
 * <p>A word is odd if and only if its guard is {@link #touched}, or in no tree any more.
 */
final class Guards {
    private final IntervalTree<ModelGuard> tree = new IntervalTree<>();

    /** Those whose words become even when nothing is in flight any more, of whatever range. */
    private final Set<ModelGuard> touched = new LinkedHashSet<>();

    /** {@code mmub_guard_insert()}. */
    void add(ModelGuard guard, boolean inFlight) {
        guard.begin(inFlight);
        tree.insert(guard);
        if (inFlight) {
            touched.add(guard);
        }
    }

    /** {@code mmub_guards_start()}. */
    void start(QueuedEvent event) {
        long last = event.end() - 1;
        for (ModelGuard guard = tree.first(event.start(), last);
                guard != null;
                guard = tree.next(guard, event.start(), last)) {
            if (guard.start(event)) {
                touched.add(guard);
            }
        }
    }

    /** {@code mmub_guards_settle()}: the last invalidation in flight has ended. */
    void settle() {
        touched.forEach(ModelGuard::settle);
        touched.clear();
    }

    /** {@code mmub_guards_release()}: all are odd for good. */
    void release(QueuedEvent event) {
        for (ModelGuard guard = first(); guard != null; guard = first()) {
            tree.remove(guard);
            guard.release(event);
        }
        touched.clear();
    }

    private @Nullable ModelGuard first() {
        return tree.first(0, -1);
    }

    /** {@code mmub_guard_erase()}: odd for good; does nothing after the release. */
    void remove(ModelGuard guard) {
        if (guard.isLinked()) {
            tree.remove(guard);
            touched.remove(guard);
            guard.end();
        }
    }
}
