// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cache;

import io.mmubridge.AddressRange;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * The use of a registration. It is not taken back before the lease is closed, whatever becomes of it in the cache. Safe for use
 * by several threads.
 *
 * @param <H> what a registration is known by
 */
public final class Lease<H> implements AutoCloseable {
    private final RegistrationCache<H> cache;
    private final Entry<H> entry;
    private final AtomicBoolean open = new AtomicBoolean(true);

    /** Keeps the memory of an arena that is freed when nobody reaches it, as long as this is open. */
    @SuppressWarnings("UnusedVariable") // to hold it is its use
    private volatile MemorySegment.@Nullable Scope scope;

    Lease(RegistrationCache<H> cache, Entry<H> entry, MemorySegment.@Nullable Scope scope) {
        this.cache = cache;
        this.entry = entry;
        this.scope = scope;
    }

    /**
     * The registration.
     *
     * @return what the registrar made
     * @throws IllegalStateException after {@link #close()}
     */
    public H handle() {
        if (!open.get()) {
            throw new IllegalStateException("this lease is closed: the handle may have been taken back");
        }
        return entry.handle();
    }

    /**
     * What is registered.
     *
     * @return a range that contains what was acquired
     */
    public AddressRange range() {
        return entry.range();
    }

    /**
     * Whether the registration is still of what lies in the range, for who keeps a lease long: one acquire load, and one look at
     * the segment's scope.
     *
     * @return false if something may have changed, after {@link #close()}, and where nobody can tell since there is no guard
     */
    public boolean isValid() {
        return open.get() && entry.isValid();
    }

    /** Lets go. Does nothing the second time. */
    @Override
    public void close() {
        if (open.compareAndSet(true, false)) {
            scope = null;
            cache.letGo(entry);
        }
    }
}
