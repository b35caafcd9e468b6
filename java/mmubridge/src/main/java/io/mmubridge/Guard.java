// SPDX-License-Identifier: Apache-2.0
package io.mmubridge;

import io.mmubridge.backend.BackendGuard;
import io.mmubridge.backend.NativeWord;
import java.lang.ref.Reference;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Says whether a range of addresses is still what it was.
 *
 * <p>Whoever caches something made of a range, such as a registration with a device, guards the range <em>first</em>, makes the
 * thing, and asks {@link #isValid()} before each use:
 *
 * {@snippet lang = java :
 * Guard guard = subscription.guard(buffer);
 * long key = device.register(buffer);
 * // ...
 * if (guard.isValid()) {
 *     device.send(key);
 * } else {
 *     System.err.println(guard.invalidation());
 * }
 * }
 *
 * <p>If a call that invalidates an overlapping range happened before the check, the check says so: whichever thread, process
 * or kernel thread made that call, and also while it still runs. No more than that can be had: the answer was true when it
 * was given, and an invalidation may begin right after it. And a guard says that something <em>may</em> have changed, since
 * that is all that the kernel tells. Faults that only bring pages in are not told, and leave it valid.
 *
 * <p>A guard that is stale stays so. {@link #renew()} gives another one of the same range, for what is made anew; so a check of
 * what was made before can never be answered by what came after. Where an invalidation is in flight as a guard is made, be it
 * of whatever range, it is not valid: what is made of the range meanwhile may be of before or after. Then
 * {@link #awaitValid} waits, before anything is made.
 *
 * <pre>
 *   moment                                            isValid
 *
 *   made, or renewed, with nothing in flight          true
 *   made, or renewed, amid an invalidation            false, until awaitValid() gives true
 *   an overlapping invalidation has started           false, for good
 *   close, detach, release of the address space       false, for good, and every guard renewed from it
 * </pre>
 *
 * <p>Any thread may call any method at any time. {@link #isValid()} is one acquire load and allocates nothing; what a thread
 * does after it is ordered behind it.
 */
public final class Guard implements AutoCloseable {
    /** No word is the same: none is 0. */
    private static final long PENDING = 0;

    private static final long FIRST_PAUSE_NANOS = 1_000;
    private static final long LONGEST_PAUSE_NANOS = 1_000_000;

    private final BackendGuard backend;

    /** The backend's: {@link #isValid()} is not to look for it. */
    private final long wordAddress;

    private final AddressRange range;
    private final Set<EventType> ignored;

    /**
     * The word with which this is valid. Set by the constructor, or once by who awaits it; another thread that does not see that
     * takes this for not valid yet, which it may. Volatile, since a long is to be read in one piece.
     */
    private volatile long validWord;

    /** Guards what the slot guards, from now on. */
    Guard(BackendGuard backend, AddressRange range, Set<EventType> ignored) {
        this.backend = backend;
        wordAddress = backend.wordAddress();
        this.range = range;
        this.ignored = ignored;
        validWord = presentWord();
    }

    /** The word if it is even and the slot's is this guard's. */
    private long presentWord() {
        long word = backend.word();
        // In this order: while it has not ended, nobody else has the slot.
        return (word & 1) == 0 && !backend.isEnded() ? word : PENDING;
    }

    /**
     * What this guards.
     *
     * @return the range, of the subscription's address space
     */
    public AddressRange range() {
        return range;
    }

    /**
     * Invalidations of which types leave this valid.
     *
     * @return as it was asked for
     */
    public Set<EventType> ignored() {
        return ignored;
    }

    /**
     * Whether nothing has invalidated the range since this was valid first.
     *
     * @return false where something has, or does, or may have: see above
     */
    public boolean isValid() {
        if (wordAddress == 0) {
            return backend.word() == validWord;
        }
        try {
            return NativeWord.loadAcquire(wordAddress) == validWord;
        } finally {
            // The backend keeps the word mapped.
            Reference.reachabilityFence(this);
        }
    }

    /**
     * Waits for the end of the invalidations that were in flight as this was made, so that it can become valid. What is guarded is
     * made after that. Returns at once where this has been valid before, or never will be.
     *
     * @param timeout how long to wait at most; zero or less does not wait
     * @return {@link #isValid()} now; false if time ran out
     * @throws InterruptedException if the thread is interrupted before or while it waits
     */
    public boolean awaitValid(Duration timeout) throws InterruptedException {
        long deadline = System.nanoTime() + Durations.toNanos(timeout);
        long pause = FIRST_PAUSE_NANOS;
        while (!settle()) {
            if (Thread.interrupted()) {
                throw new InterruptedException();
            }
            long left = deadline - System.nanoTime();
            if (left <= 0 || backend.isEnded()) {
                return false;
            }
            // The kernel wakes nobody for this: an invalidation takes microseconds, unless somebody is held up in it.
            LockSupport.parkNanos(this, Math.min(left, pause));
            pause = Math.min(2 * pause, LONGEST_PAUSE_NANOS);
        }
        return isValid();
    }

    /** Takes the word for the valid one if it is the first that can be; false if there is none yet. */
    private boolean settle() {
        if (validWord != PENDING) {
            return true;
        }
        long word = presentWord();
        if (word == PENDING) {
            return false;
        }
        synchronized (this) {
            // Of two who await this the first decides: the other may have seen a later one.
            if (validWord == PENDING) {
                validWord = word;
            }
        }
        return true;
    }

    /**
     * Guards the same range from now on, for what is made of it anew. It takes no more room: this one and the new one are one
     * guard of the subscription, and closing either closes both.
     *
     * @return a guard that is valid, unless an invalidation is in flight or {@link #isEnded()}
     */
    public Guard renew() {
        return new Guard(backend, range, ignored);
    }

    /**
     * Whether neither this nor what is renewed from it is ever valid again: it is closed, its subscription detached, or its
     * address space released.
     *
     * @return true if so
     */
    public boolean isEnded() {
        return backend.isEnded();
    }

    /**
     * What made this stale: who, when, and why. Of invalidations that overlap in time it is the first; and if the range was
     * invalidated again later, it is that. It is there whatever the filter of the subscription, and whether or not its ring had
     * room; its {@link InvalidationEvent#n()} is 0. It has a cause where the subscription's
     * {@link RingOptions#causes() ring} has.
     *
     * @return the event; null while this is valid, after {@link #close()}, and where no event made this stale
     */
    public InvalidationEvent.@Nullable Snapshot invalidation() {
        return isValid() ? null : backend.invalidation();
    }

    /** Guards no more, and never is valid again. Does nothing the second time, or after the subscription's detach. */
    @Override
    public void close() {
        backend.remove();
    }

    @Override
    public String toString() {
        return "Guard[" + range + (isValid() ? ", valid]" : ", not valid]");
    }
}
