// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.backend;

import io.mmubridge.InvalidationEvent;
import org.jspecify.annotations.Nullable;

/** What stands behind {@link io.mmubridge.Guard}, whose documentation is the contract: a slot, and its range. */
public interface BackendGuard {
    /**
     * The slot's word, by an acquire load. Even: nothing that overlaps the range is in flight, and nothing has been since the
     * word was that number. It is never 0, and only grows, whoever has the slot, so the same even number again means that nothing was between.
     * After {@link #remove()} it may be another guard's.
     */
    long word();

    /**
     * Where the word is, if in native memory: there {@link NativeWord#loadAcquire} finds it for as long as this can be reached.
     * Else 0.
     */
    default long wordAddress() {
        return 0;
    }

    /**
     * Whether the word was made odd for good: removed, detached, or the address space released. If this is false, then the word
     * that was read before is this guard's.
     */
    boolean isEnded();

    /** The event that made the word odd the last time; null if none did, and after {@link #remove()}. */
    InvalidationEvent.@Nullable Snapshot invalidation();

    /** Gives the slot back; does nothing the second time. */
    void remove();
}
