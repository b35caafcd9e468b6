// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cache;

import io.mmubridge.AddressRange;
import io.mmubridge.Interleavings;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** {@link RegistrationCache} in the interleavings that Lincheck's model checker chooses. */
@Timeout(300)
@Tag(Interleavings.TAG)
class RegistrationCacheInterleavingTest {
    private static final AddressRange FIRST = new AddressRange(0x1000, 0x2000);
    private static final AddressRange SECOND = new AddressRange(0x2000, 0x3000);
    private static final AddressRange BOTH = new AddressRange(0x1000, 0x3000);

    /** A registration of the page that lay there then. */
    private static final class Handle {
        final int frame;
        volatile boolean registered = true;

        Handle(int frame) {
            this.frame = frame;
        }
    }

    /** A cache of two entries at most, over memory whose one frame number stands for all of it. */
    private static final class Shared implements Registrar<Handle> {
        final FakeGuards guards = new FakeGuards();
        final RegistrationCache<Handle> cache =
                RegistrationCache.Builder.ofGuards(this).maxEntries(1).build(guards::guard);
        volatile int frame = 1;

        @Override
        public Handle register(AddressRange range) {
            return new Handle(frame);
        }

        @Override
        public void deregister(Handle handle) {
            check(handle.registered, "taken back twice");
            handle.registered = false;
        }

        void use(AddressRange range) {
            // What lay there before the acquire lies there, or something later.
            int before = frame;
            try (Lease<Handle> lease = cache.acquire(range)) {
                check(lease.handle().frame >= before, "stale, and found");
                check(lease.handle().registered, "used, and taken back");
            }
        }

        void assertNothingLeft() {
            cache.close();
            CacheStatistics statistics = cache.statistics();
            check(statistics.leases() == 0, "no lease");
            check(statistics.registrations() == statistics.deregistrations(), "each is taken back");
            check(statistics.deregistrationFailures() == 0, "once");
            check(guards.size() == 0, "no guard is left");
        }
    }

    private static void check(boolean holds, String rule) {
        if (!holds) {
            throw new AssertionError(rule);
        }
    }

    @Test
    void whatIsSharedIsTakenBackOnce() {
        Interleavings.explore(
                Shared::new,
                Shared::assertNothingLeft,
                shared -> shared.use(FIRST),
                shared -> shared.use(FIRST),
                shared -> shared.cache.clear());
    }

    @Test
    void whatIsMergedAndEvictedIsTakenBackOnce() {
        Interleavings.explore(
                Shared::new,
                Shared::assertNothingLeft,
                shared -> shared.use(FIRST),
                shared -> shared.use(SECOND),
                shared -> shared.use(BOTH));
    }

    @Test
    void whatHasChangedIsNotFound() {
        Interleavings.explore(
                () -> {
                    Shared shared = new Shared();
                    shared.use(FIRST);
                    return shared;
                },
                Shared::assertNothingLeft,
                shared -> shared.use(FIRST),
                shared -> {
                    shared.guards.invalidate(BOTH);
                    shared.frame = 2;
                });
    }

    @Test
    void aCloseLeavesNothing() {
        Interleavings.explore(
                Shared::new,
                Shared::assertNothingLeft,
                shared -> {
                    try {
                        shared.use(FIRST);
                    } catch (IllegalStateException e) {
                        // It was closed.
                    }
                },
                shared -> shared.cache.close());
    }
}
