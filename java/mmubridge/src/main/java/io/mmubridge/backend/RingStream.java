// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.backend;

import io.mmubridge.InvalidationEvent;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Draining and waiting on one ring.
 *
 * <p>Three things are kept apart. The {@link Lifetime} keeps the ring mapped while a thread is inside. The {@code reading}
 * flag makes the reader single. And a thread that waits is in neither: it has armed a {@link Wakeup}, which unparks it
 * when the ring becomes readable, and whoever closes the lifetime calls {@link #wake()}.
 */
public final class RingStream {
    private final EventRing ring;
    private final Lifetime lifetime;
    private final Wakeup wakeup;
    private final BooleanSupplier closing;
    private final AtomicBoolean reading = new AtomicBoolean();
    private final AtomicReference<@Nullable Thread> waiting = new AtomicReference<>();

    /** Asks for one call of {@link RingStream#wake()} when the ring is readable, be it so already. */
    @FunctionalInterface
    public interface Wakeup {
        void arm();
    }

    /**
     * The stream of a ring.
     *
     * @param ring read inside {@code lifetime} alone
     * @param lifetime of the ring's mapping and descriptor
     * @param wakeup armed inside {@code lifetime} alone; must not park
     */
    public RingStream(EventRing ring, Lifetime lifetime, Wakeup wakeup) {
        this.ring = ring;
        this.lifetime = lifetime;
        this.wakeup = wakeup;
        this.closing = lifetime::isClosing;
    }

    public int drain(Consumer<? super InvalidationEvent> handler, int limit) {
        if (!startReading()) {
            return 0;
        }
        try {
            return ring.drain(handler, limit, closing);
        } finally {
            stopReading();
        }
    }

    /** Waits until the ring is readable, has ended, or is closed; false if time ran out. */
    public boolean await(long timeoutNanos) throws InterruptedException {
        long deadline = System.nanoTime() + timeoutNanos;
        if (!waiting.compareAndSet(null, Thread.currentThread())) {
            throw new IllegalStateException("another thread waits on this stream");
        }
        try {
            while (true) {
                if (Thread.interrupted()) {
                    throw new InterruptedException();
                }
                long left = deadline - System.nanoTime();
                if (isReadyElseArm(left > 0) || lifetime.isClosed()) {
                    return true;
                }
                if (left <= 0) {
                    return false;
                }
                // A wake since the arming left a permit, with which this returns at once.
                LockSupport.parkNanos(this, left);
            }
        } finally {
            waiting.set(null);
        }
    }

    /** Makes the thread that waits look again; any thread may call it. */
    public void wake() {
        LockSupport.unpark(waiting.get());
    }

    /** Any thread may ask. */
    public boolean isEnded() {
        return ring.isEnded() || lifetime.isClosed();
    }

    private boolean isReadyElseArm(boolean arm) {
        if (!startReading()) {
            return true;
        }
        try {
            if (ring.isReadable() || ring.isEnded()) {
                return true;
            }
            if (arm) {
                wakeup.arm();
            }
            return false;
        } finally {
            stopReading();
        }
    }

    private boolean startReading() {
        if (!reading.compareAndSet(false, true)) {
            throw new IllegalStateException(
                    "this stream is being read already, by another thread or by the handler that reads it again");
        }
        if (lifetime.enter()) {
            return true;
        }
        reading.set(false);
        return false;
    }

    private void stopReading() {
        lifetime.exit();
        reading.set(false);
    }
}
