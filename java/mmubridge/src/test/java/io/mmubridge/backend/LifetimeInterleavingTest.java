// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.backend;

import io.mmubridge.Interleavings;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** {@link Lifetime} in the interleavings that Lincheck's model checker chooses. */
@Tag(Interleavings.TAG)
@Timeout(300)
class LifetimeInterleavingTest {
    private static final int TIMES = 4;

    /** Knows whether it is there, and minds being used when it is not. */
    private static final class Resource {
        private volatile boolean mapped = true;
        private volatile int releases;

        void use() {
            if (!mapped) {
                throw new AssertionError("used after its release");
            }
        }

        @SuppressWarnings("NonAtomicVolatileUpdate") // two releases at once are what must not be
        void release() {
            mapped = false;
            releases++;
        }
    }

    /** A resource and its lifetime. */
    private static final class Shared {
        final Resource resource = new Resource();
        final Lifetime lifetime = new Lifetime(resource::release);

        void use() {
            if (lifetime.enter()) {
                resource.use();
                resource.use();
                lifetime.exit();
            }
        }

        void close() {
            lifetime.close();
        }

        void assertReleasedOnce() {
            if (resource.releases != 1) {
                throw new AssertionError(resource.releases + " releases");
            }
        }
    }

    @Test
    void theLastOneOutReleasesOnce() {
        Interleavings.explore(TIMES, Shared::new, Shared::assertReleasedOnce, Shared::use, Shared::use, Shared::close);
    }

    @Test
    void ofTwoThatCloseOneDoes() {
        Interleavings.explore(
                TIMES, Shared::new, Shared::assertReleasedOnce, Shared::use, Shared::close, Shared::close);
    }
}
