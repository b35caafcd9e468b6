// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cache;

import static org.assertj.core.api.Assertions.assertThat;

import io.mmubridge.AddressRange;
import io.mmubridge.Cause;
import io.mmubridge.Mmu;
import io.mmubridge.Subscription;
import io.mmubridge.model.Advice;
import io.mmubridge.model.MapRequest;
import io.mmubridge.model.SimulatedKernel;
import io.mmubridge.model.SimulatedProcess;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The worked example of docs/registration-cache.md: a process sends 1000 times from 8 buffers of 256 KiB each, and every 50th
 * time gives a page of one of them back and writes it anew. What that costs and what is sent, without a cache, with
 * one that nobody tells of changes, and with one on guards.
 */
@Timeout(60)
class StandInDeviceTest {
    private static final int SENDS = 1000;
    private static final int BUFFERS = 8;
    private static final long PAGE = 4096;
    private static final long SIZE = 64 * PAGE;

    private final SimulatedKernel kernel = SimulatedKernel.builder().build();
    private final Mmu mmu = Mmu.simulated(kernel);
    private final SimulatedProcess process = kernel.spawn("sender");
    private final Subscription subscription = mmu.subsystem("rdma").get(mmu.process(process));
    private final StandInDevice device = new StandInDevice(Objects.requireNonNull(process.mm()));
    private final List<AddressRange> buffers = new ArrayList<>();

    @AfterEach
    void close() {
        mmu.close();
    }

    /** Sends from a buffer. */
    private interface Sender {
        void send(AddressRange buffer);
    }

    private void run(Sender sender) {
        for (int i = 0; i < BUFFERS; i++) {
            // A page lies between any two, which is not written.
            long start = process.mmap(MapRequest.anonymous(SIZE + PAGE));
            buffers.add(new AddressRange(start, start + SIZE));
            write(start, SIZE);
        }
        Random random = new Random(1);
        for (int i = 1; i <= SENDS; i++) {
            sender.send(buffers.get(random.nextInt(BUFFERS)));
            if (i % 50 == 0) {
                long page = buffers.get(random.nextInt(BUFFERS)).start() + random.nextInt(64) * PAGE;
                process.madvise(page, PAGE, Advice.DONTNEED);
                write(page, PAGE);
            }
        }
    }

    private void write(long start, long length) {
        for (long address = start; address < start + length; address += PAGE) {
            process.write(address, (byte) 1);
        }
    }

    private CacheStatistics runWith(RegistrationCache<StandInDevice.Key> cache) {
        try (cache) {
            run(buffer -> {
                try (Lease<StandInDevice.Key> lease = cache.acquire(buffer)) {
                    device.send(lease.handle(), buffer);
                }
            });
        }
        assertThat(device.live()).isZero();
        return cache.statistics();
    }

    @Test
    void withoutACacheEachSendPaysForARegistration() {
        runWith(RegistrationCache.builder(subscription, device).enabled(false).build());

        assertThat(device.registrations()).isEqualTo(SENDS);
        assertThat(device.micros()).isEqualTo(31_729);
        assertThat(device.wrong()).isZero();
    }

    /** What a cache does that hears of frees alone, or is told late. */
    @Test
    void withACacheThatNobodyTellsTheWrongBytesAreSent() {
        Map<AddressRange, StandInDevice.Key> keys = new HashMap<>();
        run(buffer -> device.send(keys.computeIfAbsent(buffer, device::register), buffer));

        assertThat(device.registrations()).isEqualTo(BUFFERS);
        assertThat(device.micros()).isEqualTo(254);
        assertThat(device.wrong()).isEqualTo(620);
    }

    @Test
    void onGuardsAlmostNothingIsPaidAndNothingWrongIsSent() {
        CacheStatistics statistics =
                runWith(RegistrationCache.builder(subscription, device).build());

        assertThat(device.wrong()).isZero();
        assertThat(statistics.hits() + statistics.misses()).isEqualTo(SENDS);
        assertThat(statistics.misses()).isEqualTo(device.registrations());
        // One for each buffer, and one for each change that was found.
        assertThat(statistics.misses()).isEqualTo(BUFFERS + statistics.invalidations());
        assertThat(device.registrations()).isEqualTo(27);
        assertThat(statistics.invalidationsByCause())
                .containsExactly(Map.entry(Cause.MADV_DONTNEED, statistics.invalidations()));
        assertThat(device.micros()).isEqualTo(857);
    }
}
