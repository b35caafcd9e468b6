// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.backend;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * Keeps a resource until nobody uses it and it was closed, whichever comes last.
 *
 * <p>A thread enters before it touches the resource and exits after; closing never waits. Closing with nobody inside
 * releases at once; else the last one out releases. So a resource that is unmapped, or a descriptor whose number goes to
 * somebody else, is never touched.
 *
 * <pre>
 *   bit 31      closed
 *   bits 0-30   how many are inside
 * </pre>
 *
 * <p>Once the closed bit is set the count only falls, so the word becomes {@link #CLOSED} alone exactly once.
 */
public final class Lifetime {
    private static final int CLOSED = 1 << 31;

    private final AtomicInteger state = new AtomicInteger();
    private final Runnable release;

    /**
     * A resource that is open.
     *
     * @param release gives the resource back; run once, by the thread that closes or by the last one out
     */
    public Lifetime(Runnable release) {
        this.release = release;
    }

    /** Goes inside; false if it is closed. Each true is owed one {@link #exit()}. */
    public boolean enter() {
        int seen = state.get();
        while (seen >= 0) {
            int witness = state.compareAndExchange(seen, seen + 1);
            if (witness == seen) {
                return true;
            }
            seen = witness;
        }
        return false;
    }

    /** Goes inside, or says that {@code what} is closed. */
    public void enterOrThrow(String what) {
        if (!enter()) {
            throw new IllegalStateException(what + " is closed");
        }
    }

    public void exit() {
        if (state.decrementAndGet() == CLOSED) {
            release.run();
        }
    }

    /** Lets nobody in any more; false if that was so already. */
    public boolean close() {
        int before = state.getAndUpdate(word -> word | CLOSED);
        if (before == 0) {
            release.run();
        }
        return before >= 0;
    }

    public boolean isClosed() {
        return state.get() < 0;
    }

    /**
     * The same, for who is inside and asks again and again: true at once where this thread has closed, and some time after
     * another has. It orders nothing, so that it costs a loop next to nothing.
     */
    boolean isClosing() {
        return state.getPlain() < 0;
    }
}
