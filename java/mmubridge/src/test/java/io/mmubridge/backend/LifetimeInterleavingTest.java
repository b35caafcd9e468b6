// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.backend;

import java.util.Arrays;
import java.util.List;
import org.jetbrains.lincheck.Lincheck;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** {@link Lifetime} in the interleavings that Lincheck's model checker chooses. */
@Timeout(300)
class LifetimeInterleavingTest {
    private static final int INTERLEAVINGS = 3_000;

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

    private static void use(Lifetime lifetime, Resource resource) {
        if (lifetime.enter()) {
            resource.use();
            resource.use();
            lifetime.exit();
        }
    }

    @Test
    void theLastOneOutReleasesOnce() {
        Lincheck.runConcurrentTest(INTERLEAVINGS, () -> {
            Resource resource = new Resource();
            Lifetime lifetime = new Lifetime(resource::release);
            run(() -> use(lifetime, resource), () -> use(lifetime, resource), lifetime::close);
            if (resource.releases != 1) {
                throw new AssertionError(resource.releases + " releases");
            }
        });
    }

    @Test
    void ofTwoThatCloseOneDoes() {
        Lincheck.runConcurrentTest(INTERLEAVINGS, () -> {
            Resource resource = new Resource();
            Lifetime lifetime = new Lifetime(resource::release);
            run(() -> use(lifetime, resource), lifetime::close, lifetime::close);
            if (resource.releases != 1) {
                throw new AssertionError(resource.releases + " releases");
            }
        });
    }

    private static void run(Runnable... works) {
        List<Thread> threads =
                Arrays.stream(works).map(work -> new Thread(work)).toList();
        threads.forEach(Thread::start);
        for (Thread thread : threads) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }
    }
}
