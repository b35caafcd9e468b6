// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmubridge.AddressRange;
import io.mmubridge.Cause;
import io.mmubridge.Mmu;
import io.mmubridge.Subscription;
import io.mmubridge.cache.TestDevice.Registration;
import io.mmubridge.model.Advice;
import io.mmubridge.model.MapRequest;
import io.mmubridge.model.SimulatedKernel;
import io.mmubridge.model.SimulatedProcess;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** On a process of the model where memory has to change, on guards of the test's own where it has to be real. */
@Timeout(60)
class RegistrationCacheTest {
    private static final long PAGE = 4096;

    private final SimulatedKernel kernel = SimulatedKernel.builder().build();
    private final Mmu mmu = Mmu.simulated(kernel);
    private final SimulatedProcess process = kernel.spawn("subject");
    private final Subscription subscription = mmu.subsystem("rdma").get(mmu.process(process));
    private final long memory = process.mmap(MapRequest.anonymous(64 * PAGE));
    private final TestDevice device = new TestDevice();
    private final FakeGuards guards = new FakeGuards();
    private final List<RegistrationCache<?>> caches = new ArrayList<>();

    @AfterEach
    void nothingIsLeft() {
        caches.forEach(RegistrationCache::close);
        mmu.close();
        assertThat(device.registered()).isEmpty();
        assertThat(guards.size()).isZero();
    }

    private RegistrationCache<Registration> cache(
            Function<RegistrationCache.Builder<Registration>, RegistrationCache.Builder<Registration>> options) {
        RegistrationCache<Registration> cache =
                options.apply(RegistrationCache.builder(subscription, device)).build();
        caches.add(cache);
        return cache;
    }

    private RegistrationCache<Registration> cache() {
        return cache(builder -> builder);
    }

    /** A cache of real memory, of which the test says when it changes. */
    private RegistrationCache<Registration> realCache() {
        RegistrationCache<Registration> cache =
                RegistrationCache.Builder.ofGuards(device).build(guards::guard);
        caches.add(cache);
        return cache;
    }

    /** Some pages, written to. */
    private AddressRange pages(int from, int count) {
        for (int page = from; page < from + count; page++) {
            process.write(memory + page * PAGE, (byte) 1);
        }
        return new AddressRange(memory + from * PAGE, memory + (from + count) * PAGE);
    }

    private void discard(AddressRange range) {
        process.madvise(range.start(), range.end() - range.start(), Advice.DONTNEED);
    }

    private static Registration touch(RegistrationCache<Registration> cache, AddressRange range) {
        try (Lease<Registration> lease = cache.acquire(range)) {
            return lease.handle();
        }
    }

    // ---------------------------------------------------------------------------------------------- hits and misses

    @Test
    void whatIsThereIsFound() {
        RegistrationCache<Registration> cache = cache();
        Registration first = touch(cache, pages(0, 4));

        assertThat(touch(cache, pages(0, 4))).isSameAs(first);
        assertThat(touch(cache, pages(1, 2))).as("a part of it").isSameAs(first);
        assertThat(device.registrations()).isEqualTo(1);
        CacheStatistics statistics = cache.statistics();
        assertThat(statistics.hits()).isEqualTo(2);
        assertThat(statistics.misses()).isEqualTo(1);
        assertThat(statistics.entries()).isEqualTo(1);
        assertThat(statistics.bytes()).isEqualTo(4 * PAGE);
        assertThat(statistics.leases()).isZero();
        assertThat(cache.refusal()).isEmpty();
    }

    @Test
    void whatHasChangedIsNotFoundAndItsCauseIsCounted() {
        RegistrationCache<Registration> cache = cache();
        AddressRange range = pages(0, 4);
        Registration first = touch(cache, range);
        discard(pages(2, 1));
        Registration second = touch(cache, range);
        process.munmap(range.start(), PAGE);
        process.mmap(MapRequest.anonymous(PAGE).at(range.start()));
        Registration third = touch(cache, range);

        assertThat(List.of(first, second, third)).doesNotHaveDuplicates();
        assertThat(device.registered()).containsExactly(range);
        CacheStatistics statistics = cache.statistics();
        assertThat(statistics.hits()).isZero();
        assertThat(statistics.invalidations()).isEqualTo(2);
        assertThat(statistics.invalidationsByCause())
                .containsEntry(Cause.MADV_DONTNEED, 1L)
                .containsEntry(Cause.MUNMAP, 1L)
                .hasSize(2);
    }

    @Test
    void aLeaseKnowsWhetherItIsOfWhatIsThere() {
        RegistrationCache<Registration> cache = cache();
        AddressRange range = pages(0, 2);
        Lease<Registration> lease = cache.acquire(range);
        assertThat(lease.isValid()).isTrue();
        assertThat(lease.range()).isEqualTo(range);
        discard(range);
        assertThat(lease.isValid()).isFalse();

        try (Lease<Registration> second = cache.acquire(range)) {
            assertThat(second.isValid()).isTrue();
            assertThat(device.registered()).as("the first is in use").hasSize(2);
            device.use(lease.handle());
            lease.close();
            lease.close();
            assertThat(device.registered()).hasSize(1);
            assertThat(cache.statistics().leases()).isEqualTo(1);
            assertThat(lease.isValid()).isFalse();
            assertThatThrownBy(lease::handle).isInstanceOf(IllegalStateException.class);
        }
    }

    @Test
    void whatWasRetiredIsTakenBackByItsLastUser() {
        RegistrationCache<Registration> cache = cache();
        AddressRange range = pages(0, 1);
        Lease<Registration> first = cache.acquire(range);
        Lease<Registration> second = cache.acquire(range);
        cache.clear();
        first.close();
        device.use(second.handle());
        assertThat(second.isValid()).as("nothing has happened to it").isTrue();
        second.close();

        assertThat(device.registered()).isEmpty();
    }

    @Test
    void memoryThatChangesWhileItIsRegisteredIsRegisteredAgain() {
        RegistrationCache<Registration> cache = cache();
        AddressRange range = pages(0, 1);
        AtomicInteger changes = new AtomicInteger(2);
        device.before(registering -> {
            if (changes.getAndDecrement() > 0) {
                discard(pages(0, 1));
            }
        });
        try (Lease<Registration> lease = cache.acquire(range)) {
            assertThat(lease.isValid()).isTrue();
        }
        assertThat(device.registrations()).isEqualTo(3);
        assertThat(cache.statistics().misses()).isEqualTo(1);
        assertThat(device.registered()).hasSize(1);
    }

    @Test
    void memoryThatAlwaysChangesIsNotKept() {
        RegistrationCache<Registration> cache = cache();
        device.before(registering -> discard(pages(0, 1)));
        try (Lease<Registration> lease = cache.acquire(pages(0, 1))) {
            device.use(lease.handle());
            assertThat(lease.isValid()).isFalse();
        }
        assertThat(device.registered()).isEmpty();
        assertThat(cache.statistics().uncached()).isEqualTo(1);
        assertThat(cache.statistics().entries()).isZero();
    }

    @Test
    void whatIsGuardedAmidAnInvalidationThatDoesNotEndIsNotKept() {
        RegistrationCache<Registration> cache = realCache();
        guards.busy(true);
        AddressRange range = new AddressRange(0, PAGE);
        touch(cache, range);
        assertThat(cache.statistics().uncached()).isEqualTo(1);
        assertThat(cache.statistics().entries()).isZero();
        guards.busy(false);
        touch(cache, range);

        assertThat(cache.statistics().entries()).isEqualTo(1);
    }

    @Test
    void aRegistrationThatFailsIsSaidAndLeavesNothing() {
        RegistrationCache<Registration> cache = cache();
        device.before(range -> {
            throw new IllegalStateException("no room");
        });
        assertThatThrownBy(() -> cache.acquire(pages(0, 1))).hasMessage("no room");
        assertThat(cache.statistics().entries()).isZero();
        assertThat(cache.statistics().leases()).isZero();
        device.before(range -> {});

        assertThat(touch(cache, pages(0, 1))).isNotNull();
    }

    @Test
    void aDeregistrationThatFailsIsCounted() {
        RegistrationCache<String> cache = RegistrationCache.builder(subscription, new Registrar<String>() {
                    @Override
                    public String register(AddressRange range) {
                        return range.toString();
                    }

                    @Override
                    public void deregister(String handle) {
                        throw new IllegalStateException("the device is gone");
                    }
                })
                .build();
        cache.acquire(pages(0, 1)).close();
        cache.close();

        assertThat(cache.statistics().deregistrations()).isEqualTo(1);
        assertThat(cache.statistics().deregistrationFailures()).isEqualTo(1);
    }

    // ------------------------------------------------------------------------------------------------- merging

    @Test
    void whatOverlapsOrAdjoinsIsMerged() {
        RegistrationCache<Registration> cache = cache();
        touch(cache, pages(0, 2));
        touch(cache, pages(5, 2));
        Registration both = touch(cache, pages(1, 4));

        assertThat(both.range).isEqualTo(pages(0, 7));
        assertThat(device.registered()).containsExactly(pages(0, 7));
        assertThat(cache.statistics().merges()).isEqualTo(2);
        assertThat(cache.statistics().entries()).isEqualTo(1);
        assertThat(touch(cache, pages(6, 1))).isSameAs(both);
        touch(cache, pages(8, 1));
        assertThat(device.registered()).as("a page lies between").hasSize(2);
    }

    @Test
    void whatIsMergedWhileInUseIsTakenBackAfterIt() {
        RegistrationCache<Registration> cache = cache();
        Lease<Registration> first = cache.acquire(pages(0, 2));
        touch(cache, pages(2, 2));
        assertThat(device.registered()).containsExactlyInAnyOrder(pages(0, 2), pages(0, 4));
        device.use(first.handle());
        first.close();

        assertThat(device.registered()).containsExactly(pages(0, 4));
    }

    @Test
    void whatCannotBeRegisteredTogetherIsRegisteredAlone() {
        RegistrationCache<Registration> cache = cache();
        touch(cache, pages(0, 2));
        device.before(range -> {
            if (range.end() - range.start() > 2 * PAGE) {
                throw new IllegalStateException("of two mappings");
            }
        });
        touch(cache, pages(2, 2));

        assertThat(device.registered()).containsExactlyInAnyOrder(pages(0, 2), pages(2, 2));
        assertThat(cache.statistics().misses()).isEqualTo(2);
        assertThat(cache.statistics().merges()).isZero();
    }

    @Test
    void staleNeighboursAreNotMerged() {
        RegistrationCache<Registration> cache = cache();
        touch(cache, pages(0, 2));
        discard(pages(0, 1));
        touch(cache, pages(2, 2));

        assertThat(device.registered()).contains(pages(2, 2)).doesNotContain(pages(0, 4));
    }

    @Test
    void withoutMergingEachRangeIsItsOwn() {
        RegistrationCache<Registration> cache = cache(builder -> builder.merging(false));
        touch(cache, pages(0, 2));
        touch(cache, pages(1, 2));
        touch(cache, pages(2, 2));

        assertThat(device.registered()).containsExactly(pages(0, 2), pages(1, 2), pages(2, 2));
        assertThat(touch(cache, pages(2, 1))).isNotNull();
        assertThat(cache.statistics().hits()).isEqualTo(1);
    }

    // ------------------------------------------------------------------------------------------------- limits

    @Test
    void theLeastRecentlyUsedMakesRoom() {
        RegistrationCache<Registration> cache = cache(builder -> builder.maxEntries(3));
        touch(cache, pages(0, 1));
        touch(cache, pages(2, 1));
        touch(cache, pages(4, 1));
        touch(cache, pages(0, 1));
        touch(cache, pages(6, 1));

        assertThat(device.registered()).containsExactlyInAnyOrder(pages(0, 1), pages(4, 1), pages(6, 1));
        assertThat(cache.statistics().evictions()).isEqualTo(1);
    }

    @Test
    void bytesAreLimitedToo() {
        RegistrationCache<Registration> cache = cache(builder -> builder.maxBytes(4 * PAGE));
        touch(cache, pages(0, 2));
        touch(cache, pages(4, 2));
        touch(cache, pages(8, 1));
        assertThat(device.registered()).containsExactlyInAnyOrder(pages(4, 2), pages(8, 1));
        assertThat(cache.statistics().bytes()).isEqualTo(3 * PAGE);

        touch(cache, pages(16, 5));
        assertThat(cache.statistics().uncached()).as("larger than all").isEqualTo(1);
        assertThat(device.registered()).hasSize(2);
        touch(cache, pages(9, 3));
        assertThat(device.registered()).as("merged as far as the limit").containsExactly(pages(8, 4));
    }

    @Test
    void whatIsInUseIsNotEvictedAndCounts() {
        RegistrationCache<Registration> cache = cache(builder -> builder.maxEntries(1));
        Lease<Registration> first = cache.acquire(pages(0, 1));
        Lease<Registration> second = cache.acquire(pages(2, 1));
        assertThat(cache.statistics().entries()).isEqualTo(2);
        second.close();
        assertThat(device.registered()).containsExactly(pages(0, 1));
        first.close();

        assertThat(cache.statistics().entries()).isEqualTo(1);
    }

    @Test
    void whatIsStaleMakesRoomFirst() {
        RegistrationCache<Registration> cache = cache(builder -> builder.maxEntries(2));
        touch(cache, pages(0, 1));
        touch(cache, pages(2, 1));
        discard(pages(2, 1));
        touch(cache, pages(4, 1));

        assertThat(device.registered()).containsExactly(pages(0, 1), pages(4, 1));
        assertThat(cache.statistics().evictions()).isZero();
        assertThat(cache.statistics().invalidations()).isEqualTo(1);
    }

    @Test
    void staleOnesArePruned() {
        RegistrationCache<Registration> cache = cache();
        touch(cache, pages(0, 1));
        touch(cache, pages(2, 1));
        discard(pages(2, 1));
        cache.prune();

        assertThat(device.registered()).containsExactly(pages(0, 1));
    }

    // --------------------------------------------------------------------------------------------------- forks

    @Test
    void aForkMakesRegistrationsStale() {
        RegistrationCache<Registration> cache = cache();
        Registration first = touch(cache, pages(0, 1));
        process.fork();

        assertThat(touch(cache, new AddressRange(memory, memory + PAGE))).isNotSameAs(first);
        assertThat(cache.statistics().invalidationsByCause()).containsExactly(Map.entry(Cause.FORK, 1L));
    }

    @Test
    void aForkIsSurvivedAndCopyOnWriteIsNot() {
        RegistrationCache<Registration> cache = cache(builder -> builder.forkPolicy(ForkPolicy.SURVIVE));
        AddressRange range = pages(0, 1);
        Registration first = touch(cache, range);
        process.fork();
        assertThat(touch(cache, range)).isSameAs(first);
        process.write(memory, (byte) 2);

        assertThat(touch(cache, range)).isNotSameAs(first);
        assertThat(cache.statistics().invalidationsByCause()).containsExactly(Map.entry(Cause.COW, 1L));
    }

    // --------------------------------------------------------------------------------------- off, and without the
    // kernel

    @Test
    void offItKeepsNothing() {
        RegistrationCache<Registration> cache = cache();
        touch(cache, pages(0, 1));
        Lease<Registration> held = cache.acquire(pages(2, 1));
        cache.setEnabled(false);
        assertThat(device.registered()).as("it is in use").containsExactly(pages(2, 1));
        held.close();
        touch(cache, pages(0, 1));
        touch(cache, pages(0, 1));
        assertThat(device.registered()).isEmpty();
        assertThat(cache.statistics().hits()).isZero();
        cache.setEnabled(true);
        touch(cache, pages(0, 1));
        touch(cache, pages(0, 1));

        assertThat(cache.statistics().hits()).isEqualTo(1);
    }

    @Test
    void thePropertyTurnsItOff() {
        System.setProperty(RegistrationCache.PROPERTY, "off");
        try {
            RegistrationCache<Registration> cache = cache();
            touch(cache, pages(0, 1));
            assertThat(device.registered()).isEmpty();
        } finally {
            System.clearProperty(RegistrationCache.PROPERTY);
        }
    }

    @Test
    void withoutTheKernelItMissesEveryTimeAndSaysWhy() {
        RegistrationCache<Registration> cache =
                RegistrationCache.builder(mmu, device).build();
        caches.add(cache);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(PAGE);
            for (int i = 0; i < 3; i++) {
                try (Lease<Registration> lease = cache.acquire(buffer)) {
                    assertThat(lease.isValid()).isFalse();
                    device.use(lease.handle());
                }
                assertThat(device.registered()).isEmpty();
            }
        }
        assertThat(cache.statistics().hits()).isZero();
        assertThat(cache.statistics().misses()).isEqualTo(3);
        assertThat(cache.statistics().uncached()).isEqualTo(3);
        assertThat(cache.refusal()).hasValueSatisfying(text -> assertThat(text).contains("model"));
    }

    @Test
    void theModelVouchesForNoRealMemory() {
        RegistrationCache<Registration> cache = cache();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(PAGE);
            cache.acquire(buffer).close();
            cache.acquire(buffer).close();
        }
        assertThat(device.registrations()).isEqualTo(2);
        assertThat(cache.refusal()).hasValueSatisfying(text -> assertThat(text).contains("native memory", "--vm"));
    }

    // -------------------------------------------------------------------------------------------------- arenas

    @Test
    void slicesOfOneArenaShareARegistration() {
        RegistrationCache<Registration> cache = realCache();
        try (Arena arena = Arena.ofShared()) {
            MemorySegment buffer = arena.allocate(PAGE);
            cache.acquire(buffer).close();
            cache.acquire(buffer.asSlice(64, 128)).close();
        }
        assertThat(cache.statistics().hits()).isEqualTo(1);
    }

    /** As malloc hands a block out again: the same address, another arena, and nothing that a guard could see. */
    @Test
    void memoryOfAClosedArenaIsNeverFoundAgain() {
        RegistrationCache<Registration> cache = realCache();
        try (Arena memory = Arena.ofConfined()) {
            long address = memory.allocate(PAGE).address();
            Lease<Registration> held;
            try (Arena first = Arena.ofConfined()) {
                held = cache.acquire(at(address, first));
                assertThat(held.isValid()).isTrue();
            }
            assertThat(held.isValid()).isFalse();
            try (Arena second = Arena.ofConfined();
                    Lease<Registration> again = cache.acquire(at(address, second))) {
                assertThat(again.handle()).isNotSameAs(held.handle());
                held.close();
                assertThat(device.registered()).hasSize(1);
            }
            assertThat(cache.statistics().scopesClosed()).isEqualTo(1);
            assertThat(cache.statistics().invalidations()).isZero();
            cache.prune();
            assertThat(device.registered()).isEmpty();
        }
    }

    @SuppressWarnings("restricted")
    private static MemorySegment at(long address, Arena arena) {
        return MemorySegment.ofAddress(address).reinterpret(PAGE, arena, null);
    }

    @Test
    void arenasAreNotMerged() {
        RegistrationCache<Registration> cache = realCache();
        try (Arena memory = Arena.ofConfined();
                Arena first = Arena.ofConfined();
                Arena second = Arena.ofConfined()) {
            long address = memory.allocate(2 * PAGE).address();
            cache.acquire(at(address, first)).close();
            cache.acquire(at(address + PAGE, second)).close();
            cache.acquire(at(address, second)).close();
        }
        assertThat(device.registrations()).isEqualTo(3);
        assertThat(cache.statistics().merges()).as("those of the second").isEqualTo(1);
    }

    @Test
    void aClosedArenaIsRefused() {
        RegistrationCache<Registration> cache = realCache();
        MemorySegment buffer;
        try (Arena arena = Arena.ofConfined()) {
            buffer = arena.allocate(PAGE);
        }
        assertThatThrownBy(() -> cache.acquire(buffer))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("closed");
        assertThatThrownBy(() -> cache.acquire(MemorySegment.ofArray(new byte[8])))
                .isInstanceOf(IllegalArgumentException.class);
    }

    /** The cache does not keep the memory of an automatic arena, and a lease does. */
    @Test
    void anUnreachableArenaIsAClosedOne() {
        RegistrationCache<Registration> cache = realCache();
        Lease<Registration> lease = cache.acquire(Arena.ofAuto().allocate(PAGE));
        System.gc();
        assertThat(lease.isValid()).as("the lease reaches it").isTrue();
        lease.close();
        while (cache.statistics().entries() == 1) {
            System.gc();
            cache.prune();
        }
        assertThat(cache.statistics().scopesClosed()).isEqualTo(1);
    }

    // -------------------------------------------------------------------------------------------------- threads

    @Test
    void whoeverNeedsWhatAnotherRegistersWaitsForIt() throws Exception {
        RegistrationCache<Registration> cache = cache();
        AddressRange range = pages(0, 4);
        CountDownLatch registering = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        device.before(registered -> {
            registering.countDown();
            try {
                goOn.await();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        });
        FutureTask<Registration> first = new FutureTask<>(() -> touch(cache, range));
        Thread.ofPlatform().start(first);
        registering.await();
        FutureTask<Registration> second = new FutureTask<>(() -> touch(cache, pages(1, 1)));
        Thread waiter = Thread.ofPlatform().start(second);
        while (waiter.getState() != Thread.State.WAITING) {
            Thread.onSpinWait();
        }
        goOn.countDown();

        assertThat(second.get()).isSameAs(first.get());
        assertThat(device.registrations()).isEqualTo(1);
    }

    @Test
    void theRegistrarMustNotAcquireWhatItRegisters() {
        RegistrationCache<Registration> cache = cache();
        AddressRange range = pages(0, 1);
        device.before(registering -> cache.acquire(range));
        assertThatThrownBy(() -> cache.acquire(range))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("registrar");
    }

    @Test
    void closedItRefuses() {
        RegistrationCache<Registration> cache = cache();
        Lease<Registration> lease = cache.acquire(pages(0, 1));
        cache.close();
        cache.close();
        assertThatThrownBy(() -> cache.acquire(pages(0, 1))).isInstanceOf(IllegalStateException.class);
        device.use(lease.handle());
        lease.close();

        assertThat(device.registered()).isEmpty();
    }

    /** Real threads: some use, one changes the memory, one turns it all over. */
    @Test
    void everyRegistrationIsTakenBackOnceAndNoneIsUsedAfter() throws Exception {
        RegistrationCache<Registration> cache =
                cache(builder -> builder.maxEntries(4).maxBytes(24 * PAGE));
        pages(0, 32);
        CountDownLatch end = new CountDownLatch(3);
        List<FutureTask<Void>> tasks = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            int seed = i;
            tasks.add(new FutureTask<>(
                    () -> {
                        Random random = new Random(seed);
                        for (int round = 0; round < 3000; round++) {
                            long start = memory + random.nextInt(28) * PAGE;
                            try (Lease<Registration> lease =
                                    cache.acquire(new AddressRange(start, start + (1 + random.nextInt(4)) * PAGE))) {
                                device.use(lease.handle());
                            }
                        }
                        end.countDown();
                    },
                    null));
        }
        tasks.add(new FutureTask<>(
                () -> {
                    Random random = new Random(7);
                    while (end.getCount() > 0) {
                        discard(new AddressRange(
                                memory + random.nextInt(8) * PAGE, memory + (9 + random.nextInt(20)) * PAGE));
                        if (random.nextInt(20) == 0) {
                            cache.clear();
                        }
                    }
                },
                null));
        tasks.forEach(task -> Thread.ofPlatform().start(task));
        for (FutureTask<Void> task : tasks) {
            task.get();
        }
        CacheStatistics statistics = cache.statistics();
        assertThat(statistics.leases()).isZero();
        assertThat(statistics.hits() + statistics.misses()).isEqualTo(9000);
        assertThat(statistics.entries()).isLessThanOrEqualTo(4);
        assertThat(device.registered()).hasSize(statistics.entries());
        assertThat(statistics.registrations() - statistics.deregistrations()).isEqualTo(statistics.entries());
    }
}
