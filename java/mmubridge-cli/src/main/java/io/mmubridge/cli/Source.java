// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import io.mmubridge.InvalidationEvent;
import io.mmubridge.Subscription;
import java.time.Duration;
import java.util.function.Consumer;

/** The events of one address space: a {@link Subscription}, whose documentation is the contract. */
interface Source extends AutoCloseable {
    /** Names the address space. */
    long spaceId();

    /** Hands over at most {@code limit} of what is there. */
    int drain(Consumer<? super InvalidationEvent> handler, int limit);

    /** Waits until there is something to drain, or the end. */
    void await() throws InterruptedException;

    /** Whether nothing more is to come. */
    boolean isEnded();

    /** Lets no more events come. */
    void detach();

    @Override
    void close();

    /** What a subscription is told. */
    static Source of(Subscription subscription) {
        return new Source() {
            private static final Duration LONG = Duration.ofDays(365);

            @Override
            public long spaceId() {
                return subscription.spaceId();
            }

            @Override
            public int drain(Consumer<? super InvalidationEvent> handler, int limit) {
                return subscription.events().drain(handler, limit);
            }

            @Override
            public void await() throws InterruptedException {
                boolean more;
                do {
                    more = subscription.events().await(LONG);
                } while (!more);
            }

            @Override
            public boolean isEnded() {
                return subscription.events().isEnded();
            }

            @Override
            public void detach() {
                subscription.detach();
            }

            @Override
            public void close() {
                subscription.close();
            }
        };
    }
}
