// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.mmubridge.Filter;
import io.mmubridge.Mmu;
import io.mmubridge.MmuStatistics;
import io.mmubridge.RingOptions;
import io.mmubridge.Subscription;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** One notifier for each subsystem and address space, however often it is got; freed after the last put. */
@KernelTest
class SharingIT {
    private Mmu mmu;
    private MmuStatistics before;

    @BeforeEach
    void open() {
        mmu = Mmu.openKernel();
        mmu.synchronize();
        before = mmu.statistics();
    }

    @AfterEach
    void close() {
        mmu.close();
    }

    private Subscription get(String subsystem) {
        return mmu.subsystem(subsystem).get(mmu.self(), RingOptions.none(), Filter.all());
    }

    private long allocations() {
        return mmu.statistics().allocations() - before.allocations();
    }

    private long frees() {
        return mmu.statistics().frees() - before.frees();
    }

    @Test
    void aSecondGetSharesTheNotifier() {
        try (Subscription first = get("it-share");
                Subscription second = get("it-share")) {
            assertThat(first.sharedNotifier()).isFalse();
            assertThat(second.sharedNotifier()).isTrue();
            assertThat(second.spaceId()).isEqualTo(first.spaceId());
            assertThat(first.statistics().users()).isEqualTo(2);
            assertThat(allocations()).isEqualTo(1);
        }
    }

    @Test
    void anotherSubsystemHasANotifierOfItsOwn() {
        try (Subscription first = get("it-share");
                Subscription other = get("it-other")) {
            assertThat(other.sharedNotifier()).isFalse();
            assertThat(other.spaceId()).isNotEqualTo(first.spaceId());
            assertThat(first.statistics().users()).isEqualTo(1);
            assertThat(allocations()).isEqualTo(2);
        }
    }

    @Test
    void theNotifierIsFreedAfterTheLastPutAlone() {
        Subscription first = get("it-share");
        Subscription second = get("it-share");
        first.close();
        first.close();
        assertThat(mmu.synchronize(Duration.ofMinutes(1))).isTrue();
        assertThat(frees()).isZero();
        assertThat(second.statistics().users()).isEqualTo(1);

        second.detach();
        mmu.synchronize();
        assertThat(frees()).isEqualTo(allocations()).isEqualTo(1);
        assertThat(mmu.statistics().liveSpaces()).isEqualTo(before.liveSpaces());
        second.close();
        assertThat(mmu.statistics().puts() - before.puts()).isEqualTo(2);
    }

    @Test
    void aGetAfterTheLastPutMakesANewNotifier() {
        Subscription first = get("it-share");
        long space = first.spaceId();
        first.close();
        try (Subscription second = get("it-share")) {
            assertThat(second.sharedNotifier()).isFalse();
            assertThat(second.spaceId()).isNotEqualTo(space);
        }
    }

    @Test
    void getsAndPutsFromManyThreadsBalance() throws Exception {
        List<FutureTask<Void>> tasks = new ArrayList<>();
        for (int thread = 0; thread < 8; thread++) {
            String subsystem = "it-storm-" + thread % 2;
            FutureTask<Void> task = new FutureTask<>(
                    () -> {
                        for (int i = 0; i < 50; i++) {
                            get(subsystem).close();
                        }
                    },
                    null);
            tasks.add(task);
            Thread.ofVirtual().start(task);
        }
        for (FutureTask<Void> task : tasks) {
            task.get();
        }
        mmu.synchronize();

        MmuStatistics after = mmu.statistics();
        assertThat(after.gets() - before.gets()).isEqualTo(400);
        assertThat(after.puts() - before.puts()).isEqualTo(400);
        assertThat(frees()).isEqualTo(allocations());
        assertThat(after.liveSpaces()).isEqualTo(before.liveSpaces());
    }

    @Test
    void closingTheDevicePutsWhatWasForgotten() {
        try (Mmu careless = Mmu.openKernel()) {
            Subscription forgotten = careless.subsystem("it-share").get(careless.self());
            assertThat(forgotten.statistics().users()).isEqualTo(1);
        }
        mmu.synchronize();

        assertThat(mmu.statistics().users()).isEqualTo(before.users());
        assertThat(frees()).isEqualTo(1);
    }
}
