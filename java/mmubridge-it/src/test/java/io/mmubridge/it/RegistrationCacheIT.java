// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.mmubridge.AddressRange;
import io.mmubridge.Cause;
import io.mmubridge.Mmu;
import io.mmubridge.Subscription;
import io.mmubridge.cache.CacheStatistics;
import io.mmubridge.cache.ForkPolicy;
import io.mmubridge.cache.Lease;
import io.mmubridge.cache.RegistrationCache;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The registration cache on real memory: the worked example of docs/registration-cache.md, and what a model cannot show. */
@KernelTest
class RegistrationCacheIT {
    private static final int SENDS = 1000;
    private static final int BUFFERS = 8;
    private static final int PAGES = 64;
    private static final long PAGE = 4096;

    private final Mmu mmu = Mmu.openKernel();
    private final FrameDevice device = new FrameDevice();

    @AfterEach
    void close() {
        mmu.close();
    }

    /** Sends from a buffer. */
    private interface Sender {
        void send(AddressRange buffer) throws IOException;
    }

    /** As StandInDeviceTest does on the model: every 50th time a page is given back, and is another when it is written anew. */
    private static void run(Sender sender) throws IOException {
        List<Memory> buffers = new ArrayList<>();
        List<Memory> thieves = new ArrayList<>();
        for (int i = 0; i < BUFFERS; i++) {
            // The last page keeps buffers that lie side by side apart.
            buffers.add(Memory.map((PAGES + 1) * PAGE));
        }
        Random random = new Random(1);
        for (int i = 1; i <= SENDS; i++) {
            AddressRange mapping = buffers.get(random.nextInt(BUFFERS)).range();
            sender.send(new AddressRange(mapping.start(), mapping.end() - PAGE));
            if (i % 50 == 0) {
                Memory buffer = buffers.get(random.nextInt(BUFFERS));
                int page = random.nextInt(PAGES);
                buffer.discard(page);
                // Takes the frame that has become free, which is the likeliest to be taken.
                thieves.add(Memory.map(PAGES * PAGE));
                buffer.write(page);
            }
        }
        buffers.forEach(Memory::unmap);
        thieves.forEach(Memory::unmap);
    }

    @Test
    void aCacheThatNobodyTellsSendsTheWrongFrames() throws IOException {
        Map<AddressRange, FrameDevice.Key> keys = new HashMap<>();
        run(buffer -> device.send(keys.computeIfAbsent(buffer, device::register), buffer));

        assertThat(device.registrations()).isEqualTo(BUFFERS);
        assertThat(device.wrong()).isPositive();
    }

    @Test
    void onGuardsNothingWrongIsSentAndAlmostNothingRegistered() throws IOException {
        CacheStatistics statistics;
        try (RegistrationCache<FrameDevice.Key> cache =
                RegistrationCache.builder(mmu, device).build()) {
            run(buffer -> {
                try (Lease<FrameDevice.Key> lease = cache.acquire(buffer)) {
                    device.send(lease.handle(), buffer);
                }
            });
            assertThat(cache.refusal()).isEmpty();
            cache.prune();
            statistics = cache.statistics();
        }

        assertThat(device.wrong()).isZero();
        assertThat(device.live()).isZero();
        assertThat(statistics.hits() + statistics.misses()).isEqualTo(SENDS);
        assertThat(statistics.registrations()).isEqualTo(device.registrations());
        assertThat(statistics.registrations()).isLessThan(SENDS / 10);
        assertThat(statistics.invalidationsByCause()).containsKey(Cause.MADV_DONTNEED);
        // The buffers were unmapped at the end.
        assertThat(statistics.invalidationsByCause()).containsEntry(Cause.MUNMAP, (long) BUFFERS);
        assertThat(statistics.entries()).isZero();
    }

    @Test
    void switchedOffEachSendRegisters() throws IOException {
        try (RegistrationCache<FrameDevice.Key> cache =
                RegistrationCache.builder(mmu, device).enabled(false).build()) {
            run(buffer -> {
                try (Lease<FrameDevice.Key> lease = cache.acquire(buffer)) {
                    device.send(lease.handle(), buffer);
                }
            });
        }

        assertThat(device.registrations()).isEqualTo(SENDS);
        assertThat(device.wrong()).isZero();
        assertThat(device.live()).isZero();
    }

    /** So large that malloc maps it, and so small that it does not: freed memory is never found again, whatever lies there. */
    @Test
    void memoryOfAClosedArenaIsNeverFoundAgain() {
        try (RegistrationCache<FrameDevice.Key> cache =
                RegistrationCache.builder(mmu, device).build()) {
            int same = 0;
            long before = 0;
            for (int i = 1; i <= 100; i++) {
                try (Arena arena = Arena.ofConfined()) {
                    MemorySegment buffer = arena.allocate(i % 2 == 0 ? 4 << 20 : 4096, 4096);
                    buffer.fill((byte) i);
                    same += buffer.address() == before ? 1 : 0;
                    before = buffer.address();
                    try (Lease<FrameDevice.Key> lease = cache.acquire(buffer)) {
                        device.send(lease.handle(), AddressRange.of(buffer));
                    }
                    cache.acquire(buffer).close();
                }
                MemorySegment again = Arena.ofAuto().allocate(4096, 4096);
                same += again.address() == before ? 1 : 0;
                cache.acquire(again).close();
                assertThat(cache.statistics().misses()).isEqualTo(2L * i);
                assertThat(cache.statistics().hits()).isEqualTo(i);
            }

            assertThat(same).as("addresses that were handed out again").isPositive();
            assertThat(device.wrong()).isZero();
        }
        assertThat(device.live()).isZero();
    }

    /** Of another process, since a JVM cannot fork. */
    @Test
    void aForkIsWhatThePolicySays() {
        for (ForkPolicy policy : ForkPolicy.values()) {
            try (ProgramTarget target = ProgramTarget.start(mmu);
                    Subscription subscription = mmu.subsystem("fork").get(target.addressSpace())) {
                AddressRange range = target.map(16);
                try (RegistrationCache<AddressRange> cache = RegistrationCache.builder(subscription, new RangeDevice())
                        .forkPolicy(policy)
                        .build()) {
                    cache.acquire(range).close();
                    target.fork();
                    cache.acquire(range).close();
                    long found = policy == ForkPolicy.SURVIVE ? 1 : 0;
                    assertThat(cache.statistics().hits()).as(policy.name()).isEqualTo(found);
                    // Both copy each page as they write it, and the parent's mapping is another page then.
                    target.write(range);
                    cache.acquire(range).close();

                    assertThat(cache.statistics().hits()).as(policy.name()).isEqualTo(found);
                    assertThat(cache.statistics().invalidationsByCause())
                            .isEqualTo(
                                    policy == ForkPolicy.SURVIVE
                                            ? Map.of(Cause.COW, 1L)
                                            : Map.of(Cause.FORK, 1L, Cause.COW, 1L));
                }
            }
        }
    }
}
