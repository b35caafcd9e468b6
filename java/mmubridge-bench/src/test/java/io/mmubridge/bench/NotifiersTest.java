// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.bench;

import static org.assertj.core.api.Assertions.assertThat;

import io.mmubridge.bench.Schemes.Scheme;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What the model is compared with keeps the same promise. */
@Timeout(60)
class NotifiersTest {
    private static final int SUBSYSTEMS = 2;
    private static final int SPACES = 3;

    /** The common pool may have but one, and both that a test starts block. */
    private static final Executor THREADS = task -> Thread.ofPlatform().daemon().start(task);

    private final AtomicInteger invalidated = new AtomicInteger();
    private final AtomicInteger freed = new AtomicInteger();
    private Runnable callback = invalidated::incrementAndGet;

    private final Notifiers.Callbacks callbacks = new Notifiers.Callbacks() {
        @Override
        public void invalidated() {
            callback.run();
        }

        @Override
        public void freed() {
            freed.incrementAndGet();
        }
    };

    private Notifiers<?> make(Scheme scheme) {
        return scheme.make(SUBSYSTEMS, SPACES, callbacks);
    }

    @ParameterizedTest
    @EnumSource
    void theLastPutFrees(Scheme scheme) {
        theLastPutFrees(make(scheme));
    }

    private <N> void theLastPutFrees(Notifiers<N> notifiers) {
        N first = notifiers.get(1, 2);
        assertThat(notifiers.get(1, 2)).isSameAs(first);

        notifiers.put(first);
        notifiers.drain();
        assertThat(freed).hasValue(0);

        notifiers.put(first);
        notifiers.drain();
        assertThat(freed).hasValue(1);
        assertThat(notifiers.get(1, 2)).isNotSameAs(first);
    }

    @ParameterizedTest
    @EnumSource
    void thereIsOneForEachSubsystemAndSpace(Scheme scheme) {
        Notifiers<?> notifiers = make(scheme);

        assertThat(new Object[] {notifiers.get(0, 0), notifiers.get(1, 0), notifiers.get(0, 1), notifiers.get(1, 1)})
                .doesNotHaveDuplicates();
    }

    @ParameterizedTest
    @EnumSource
    void allOfTheSpaceAreTold(Scheme scheme) {
        Notifiers<?> notifiers = make(scheme);
        notifiers.get(0, 1);
        notifiers.get(1, 1);
        notifiers.get(0, 2);

        notifiers.invalidate(0);
        assertThat(invalidated).hasValue(0);
        notifiers.invalidate(1);
        assertThat(invalidated).hasValue(2);
        notifiers.invalidate(2);
        assertThat(invalidated).hasValue(3);
    }

    @ParameterizedTest
    @EnumSource
    void whatWasPutIsNotTold(Scheme scheme) {
        whatWasPutIsNotTold(make(scheme));
    }

    private <N> void whatWasPutIsNotTold(Notifiers<N> notifiers) {
        notifiers.put(notifiers.get(0, 0));

        notifiers.invalidate(0);
        assertThat(invalidated).hasValue(0);
    }

    @ParameterizedTest
    @EnumSource
    void nothingIsFreedUnderItsCallback(Scheme scheme) throws InterruptedException {
        // The monitor has the put itself wait.
        nothingIsFreedUnderItsCallback(make(scheme), scheme != Scheme.MONITOR);
    }

    private <N> void nothingIsFreedUnderItsCallback(Notifiers<N> notifiers, boolean putReturns)
            throws InterruptedException {
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch leave = new CountDownLatch(1);
        callback = () -> {
            inside.countDown();
            try {
                leave.await();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        };
        N notifier = notifiers.get(0, 0);
        CompletableFuture<Void> invalidation = CompletableFuture.runAsync(() -> notifiers.invalidate(0), THREADS);
        inside.await();
        CompletableFuture<Void> put = CompletableFuture.runAsync(() -> notifiers.put(notifier), THREADS);
        if (putReturns) {
            put.join();
        }
        assertThat(freed).hasValue(0);

        leave.countDown();
        invalidation.join();
        put.join();
        notifiers.drain();
        assertThat(freed).hasValue(1);
    }
}
