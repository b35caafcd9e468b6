// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cache;

import io.mmubridge.AddressRange;
import io.mmubridge.Guard;
import io.mmubridge.model.IntervalTree;
import java.lang.foreign.MemorySegment;
import java.lang.ref.WeakReference;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A registration: made by one thread, used by many, taken back by the last of them.
 *
 * <pre>
 *   PENDING ----> READY     in the index from its making on, until it is dropped
 *      |
 *      +--------> FAILED    in no index
 * </pre>
 */
final class Entry<H> extends IntervalTree.Node {
    /** How far its making is. */
    enum State {
        PENDING,
        READY,
        FAILED
    }

    private final AddressRange range;

    /** Weak, since to know of it must not keep memory of an automatic arena; null for a range without a segment. */
    private final @Nullable WeakReference<MemorySegment.Scope> scope;

    /** Who makes it. */
    final Thread maker = Thread.currentThread();

    // Written once, before the state: by the maker, who publishes them with it under the lock.
    @Nullable
    Guard guard;

    /** Whether the guard was valid before the handle was made, so that it speaks for it. */
    boolean guarded;

    @Nullable
    H handle;

    // Under the cache's lock.
    State state = State.PENDING;

    /** Found stale, and so of a cause. */
    boolean stale;

    /** Leases, the maker, and whoever has just dropped it. */
    int users;

    Entry(AddressRange range, MemorySegment.@Nullable Scope scope) {
        super(range.start(), range.end() - 1);
        this.range = range;
        this.scope = scope == null ? null : new WeakReference<>(scope);
    }

    AddressRange range() {
        return range;
    }

    long bytes() {
        return range.end() - range.start();
    }

    H handle() {
        return Objects.requireNonNull(handle, "a lease is of an entry that is ready");
    }

    boolean contains(AddressRange other) {
        return Long.compareUnsigned(range.start(), other.start()) <= 0
                && Long.compareUnsigned(other.end(), range.end()) <= 0;
    }

    boolean isOf(MemorySegment.@Nullable Scope other) {
        return scope == null ? other == null : other != null && other.equals(scope.get());
    }

    boolean isSameScope(Entry<H> other) {
        return scope == null ? other.scope == null : other.scope != null && isOf(other.scope.get());
    }

    /** Whether the memory was freed by whoever had allocated it, which need not change the address space. */
    boolean isScopeClosed() {
        if (scope == null) {
            return false;
        }
        MemorySegment.Scope of = scope.get();
        return of == null || !of.isAlive();
    }

    boolean isGuarded() {
        return guarded && guard != null && guard.isValid();
    }

    boolean isValid() {
        return isGuarded() && !isScopeClosed();
    }
}
