// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmubridge.AddressRange;
import io.mmubridge.AttachException;
import io.mmubridge.EventPhase;
import io.mmubridge.Filter;
import io.mmubridge.InvalidationEvent;
import io.mmubridge.Mmu;
import io.mmubridge.RingOptions;
import io.mmubridge.Subscription;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;

/** One notifier for each subsystem and address space, however often it is got; freed after the last put. */
public abstract class SharingContract extends BackendContract {
    protected SharingContract(Machine machine) {
        super(machine);
    }

    @Test
    void aSecondGetSharesTheNotifier() {
        try (Subscription first = get(SUBSYSTEM);
                Subscription second = get(SUBSYSTEM)) {
            assertThat(first.sharedNotifier()).isFalse();
            assertThat(second.sharedNotifier()).isTrue();
            assertThat(second.spaceId()).isEqualTo(first.spaceId());
            assertThat(first.statistics().users()).isEqualTo(2);
            assertThat(since().allocations()).isEqualTo(1);
        }
    }

    @Test
    void anotherSubsystemHasANotifierOfItsOwn() {
        try (Subscription first = get(SUBSYSTEM);
                Subscription other = get("contract-other")) {
            assertThat(other.sharedNotifier()).isFalse();
            assertThat(other.spaceId()).isNotEqualTo(first.spaceId());
            assertThat(first.statistics().users()).isEqualTo(1);
            assertThat(since().allocations()).isEqualTo(2);
        }
    }

    @Test
    void anotherAddressSpaceHasANotifierOfItsOwn() {
        AddressRange range = target.map(1);
        Filter filter = Filter.all().withRange(range);
        try (Target another = startTarget();
                Subscription first = get(SUBSYSTEM, RingOptions.none(), filter);
                Subscription other = mmu.subsystem(SUBSYSTEM).get(another.addressSpace(), RingOptions.none(), filter)) {
            assertThat(other.sharedNotifier()).isFalse();
            assertThat(other.spaceId()).isNotEqualTo(first.spaceId());
            target.unmap(range);
            assertThat(first.statistics().events()).isEqualTo(1);
            assertThat(other.statistics().events()).isZero();
        }
    }

    @Test
    void theNotifierIsFreedAfterTheLastPutAlone() {
        Subscription first = get(SUBSYSTEM);
        Subscription second = get(SUBSYSTEM);
        first.close();
        first.close();
        assertThat(mmu.synchronize(Duration.ofMinutes(1))).isTrue();
        assertThat(since().frees()).isZero();
        assertThat(second.statistics().users()).isEqualTo(1);

        second.detach();
        mmu.synchronize();
        assertThat(since().frees()).isEqualTo(since().allocations()).isEqualTo(1);
        assertThat(since().liveSpaces()).isZero();
        second.close();
        assertThat(since().puts()).isEqualTo(2);
    }

    @Test
    void aGetAfterTheLastPutMakesANewNotifier() {
        Subscription first = get(SUBSYSTEM);
        long space = first.spaceId();
        first.close();
        try (Subscription second = get(SUBSYSTEM)) {
            assertThat(second.sharedNotifier()).isFalse();
            assertThat(second.spaceId()).isNotEqualTo(space);
        }
    }

    @Test
    void getsAndPutsFromManyThreadsBalance() throws Exception {
        List<FutureTask<Void>> tasks = new ArrayList<>();
        for (int thread = 0; thread < 8; thread++) {
            String subsystem = "contract-storm-" + thread % 2;
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

        assertThat(since().gets()).isEqualTo(400);
        assertThat(since().puts()).isEqualTo(400);
        assertThat(since().frees()).isEqualTo(since().allocations());
        assertThat(since().liveSpaces()).isZero();
    }

    @Test
    void closingTheDevicePutsWhatWasForgotten() {
        try (Mmu careless = openMmu()) {
            Subscription forgotten = careless.subsystem(SUBSYSTEM).get(target.addressSpace());
            assertThat(forgotten.statistics().users()).isEqualTo(1);
        }
        mmu.synchronize();

        assertThat(since().users()).isZero();
        assertThat(since().frees()).isEqualTo(1);
    }

    @Test
    void theEndOfTheProcessIsToldAndThePutIsOwedStill() {
        try (Subscription subscription = get(SUBSYSTEM, RingOptions.ofRecords(64), Filter.all())) {
            target.exit();
            List<InvalidationEvent> events = untilTheEnd(subscription);

            InvalidationEvent last = events.getLast();
            assertThat(last.phase()).isEqualTo(EventPhase.RELEASE);
            assertThat(last.end()).isEqualTo(-1);
            assertThat(last.pid()).isEqualTo(target.pid());
            assertThat(subscription.statistics().users()).isEqualTo(1);
            assertThat(since().releases()).isEqualTo(1);
            assertThat(since().puts()).isZero();
            assertThatExceptionOfType(AttachException.class)
                    .isThrownBy(() -> get(SUBSYSTEM))
                    .satisfies(e -> assertThat(e.reason()).isEqualTo(AttachException.Reason.GONE));

            subscription.detach();
            mmu.synchronize();
            assertThat(since().frees()).isEqualTo(1);
            assertThat(since().liveSpaces()).isZero();
        }
    }

    private static List<InvalidationEvent> untilTheEnd(Subscription subscription) {
        List<InvalidationEvent> events = new ArrayList<>();
        try {
            while (subscription.events().poll(event -> events.add(event.copy()), Duration.ofMinutes(2)) > 0) {
                assertThat(events).isNotEmpty();
            }
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
        assertThat(subscription.events().isEnded()).isTrue();
        return events;
    }

    @Test
    void whatIsClosedSaysSo() {
        Mmu another = openMmu();
        Subscription subscription = another.subsystem(SUBSYSTEM).get(target.addressSpace());
        another.close();
        another.close();

        assertThatThrownBy(another::statistics).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(another::capabilities).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(another::synchronize).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> another.subsystem(SUBSYSTEM).get(target.addressSpace()))
                .isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(subscription::statistics).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> subscription.filter(Filter.all())).isInstanceOf(IllegalStateException.class);
        assertThat(subscription.events().drain(event -> {})).isZero();
        assertThat(subscription.events().isEnded()).isTrue();
    }
}
