// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmubridge.AddressRange;
import io.mmubridge.Capabilities.Feature;
import io.mmubridge.Cause;
import io.mmubridge.EventPhase;
import io.mmubridge.EventType;
import io.mmubridge.Filter;
import io.mmubridge.Guard;
import io.mmubridge.InvalidationEvent;
import io.mmubridge.Mmu;
import io.mmubridge.MmuException;
import io.mmubridge.RingOptions;
import io.mmubridge.Subscription;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;

/** A guard says stale as soon as the call that made it so has been made, and names the event. */
public abstract class GuardContract extends BackendContract {
    private static final RingOptions RING = RingOptions.ofRecords(64);
    private static final long PAGE = 4096;

    protected GuardContract(Machine machine) {
        super(machine);
    }

    /** The pages of a mapping from one to another. */
    private static AddressRange pages(AddressRange mapping, int from, int to) {
        return new AddressRange(mapping.start() + from * PAGE, mapping.start() + to * PAGE);
    }

    private static InvalidationEvent invalidation(Guard guard) {
        return Objects.requireNonNull(guard.invalidation(), "no event made it stale");
    }

    @Test
    void itIsBuilt() {
        assertThat(mmu.capabilities().features()).contains(Feature.GUARD);
        assertThat(mmu.capabilities().limits().guardsPerSubscription()).isGreaterThanOrEqualTo(1024);
    }

    @Test
    void aGuardIsValidUntilItsRangeIsUnmappedAndNamesTheEvent() {
        AddressRange range = target.map(16);
        try (Subscription subscription = watch(RING, range)) {
            Guard guard = subscription.guard(range);
            assertThat(guard.range()).isEqualTo(range);
            assertThat(guard.isValid()).isTrue();
            assertThat(guard.invalidation()).isNull();
            long before = System.nanoTime();
            target.unmap(range);
            long after = System.nanoTime();

            assertThat(guard.isValid()).isFalse();
            assertThat(guard.isEnded()).isFalse();
            InvalidationEvent event = invalidation(guard);
            assertThat(event.phase()).isEqualTo(EventPhase.START);
            assertThat(event.type()).isEqualTo(EventType.UNMAP);
            assertThat(event.start()).isEqualTo(range.start());
            assertThat(event.end()).isEqualTo(range.end());
            assertThat(event.pid()).isEqualTo(target.pid());
            assertThat(event.tid()).isEqualTo(target.pid());
            assertThat(event.comm()).isNotEmpty();
            assertThat(event.syscall()).isEqualTo("munmap");
            assertThat(event.timeNanos()).isBetween(before, after);
            assertThat(event.n()).isZero();
            InvalidationEvent told = drain(subscription).getFirst();
            assertThat(event.seq()).isEqualTo(told.seq());
            assertThat(event.cause()).isEqualTo(told.cause());
            if (mmu.capabilities().features().contains(Feature.CAUSE)) {
                assertThat(event.cause()).isEqualTo(Cause.MUNMAP);
            }
        }
    }

    @Test
    void aGuardNeedsNoRingAndMindsNoFilter() {
        AddressRange range = target.map(1);
        try (Subscription without = get(SUBSYSTEM);
                Subscription elsewhere = get(SUBSYSTEM, RING, Filter.all().withTypes(Set.of(EventType.EXCLUSIVE)))) {
            Guard first = without.guard(range);
            Guard second = elsewhere.guard(range);
            target.discardAndWrite(range);

            assertThat(first.isValid()).isFalse();
            assertThat(invalidation(first).type()).isEqualTo(EventType.CLEAR);
            assertThat(invalidation(first).cause()).isNull();
            assertThat(second.isValid()).isFalse();
            assertThat(invalidation(second).seq()).isEqualTo(invalidation(first).seq());
            assertThat(drain(elsewhere)).isEmpty();
        }
    }

    @Test
    void whatOverlapsNowhereLeavesItValidAndWhatOverlapsAPageDoesNot() {
        AddressRange mapping = target.map(8);
        try (Subscription subscription = get(SUBSYSTEM)) {
            Guard before = subscription.guard(pages(mapping, 0, 2));
            Guard reachesIn = subscription.guard(pages(mapping, 0, 3));
            Guard inside = subscription.guard(
                    new AddressRange(mapping.start() + 3 * PAGE + 5, mapping.start() + 3 * PAGE + 6));
            Guard around = subscription.guard(mapping);
            Guard after = subscription.guard(pages(mapping, 4, 8));
            target.discard(mapping, 2, 2);

            assertThat(List.of(before, after)).allMatch(Guard::isValid);
            assertThat(List.of(reachesIn, inside, around)).noneMatch(Guard::isValid);
        }
    }

    @Test
    void whatIsMappedAtTheSameAddressAgainIsNotTheSame() {
        AddressRange range = target.map(4);
        try (Subscription subscription = get(SUBSYSTEM)) {
            for (int i = 0; i < 50; i++) {
                Guard guard = subscription.guard(range);
                assertThat(guard.isValid()).isTrue();
                target.mapOver(range);
                assertThat(guard.isValid()).isFalse();
                guard.close();
            }
        }
    }

    @Test
    void pagesThatComeLeaveItValid() {
        AddressRange range = target.map(4);
        target.discard(range, 0, 4);
        try (Subscription subscription = get(SUBSYSTEM)) {
            Guard guard = subscription.guard(range);
            target.write(range);

            assertThat(guard.isValid()).isTrue();
        }
    }

    @Test
    void whatIsGuardedAnewIsValidAndTheOldOneStaysStale() {
        AddressRange range = target.map(1);
        try (Subscription subscription = get(SUBSYSTEM)) {
            Guard first = subscription.guard(range);
            target.discardAndWrite(range);
            Guard second = first.renew();
            assertThat(second.isValid()).isTrue();
            assertThat(second.invalidation()).isNull();
            assertThat(first.isValid()).isFalse();

            target.discardAndWrite(range);
            Guard third = second.renew();
            assertThat(List.of(first, second)).noneMatch(Guard::isValid);
            assertThat(third.isValid()).isTrue();
            assertThat(third.range()).isEqualTo(range);

            third.close();
            assertThat(List.of(first, second, third)).allMatch(Guard::isEnded).noneMatch(Guard::isValid);
        }
    }

    @Test
    void awaitingOneThatWasValidReturnsAtOnce() throws InterruptedException {
        AddressRange range = target.map(1);
        try (Subscription subscription = get(SUBSYSTEM)) {
            Guard guard = subscription.guard(range);
            assertThat(guard.awaitValid(Duration.ZERO)).isTrue();
            target.discardAndWrite(range);

            assertThat(guard.awaitValid(Duration.ofDays(1))).isFalse();
            guard.close();
            assertThat(guard.renew().awaitValid(Duration.ofDays(1))).isFalse();
        }
    }

    @Test
    void whatIsIgnoredLeavesItValid() {
        AddressRange range = target.map(1);
        try (Subscription subscription = get(SUBSYSTEM)) {
            Guard guard = subscription.guard(range, Set.of(EventType.CLEAR));
            assertThat(guard.ignored()).containsExactly(EventType.CLEAR);
            target.discardAndWrite(range);
            assertThat(guard.isValid()).isTrue();

            target.unmap(range);
            assertThat(guard.isValid()).isFalse();
            assertThat(invalidation(guard).type()).isEqualTo(EventType.UNMAP);
            assertThatThrownBy(() -> subscription.guard(range, Set.of(EventType.RELEASE)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("RELEASE");
        }
    }

    @Test
    void aSlotThatIsUsedAgainNeverMakesAnOldGuardValid() {
        AddressRange range = target.map(1);
        AddressRange other = target.map(1);
        List<Guard> old = new ArrayList<>();
        try (Subscription subscription = get(SUBSYSTEM)) {
            for (int i = 0; i < 50; i++) {
                Guard guard = subscription.guard(i % 2 == 0 ? range : other);
                assertThat(guard.isValid()).isTrue();
                if (i % 3 == 0) {
                    target.discardAndWrite(guard.range());
                }
                guard.close();
                guard.close();
                old.add(guard);
                old.add(guard.renew());
                assertThat(old).noneMatch(Guard::isValid).allMatch(Guard::isEnded);
            }
            Guard last = subscription.guard(range);
            old.forEach(Guard::close);
            assertThat(last.isValid()).as("it is not theirs to close").isTrue();
            assertThat(old).noneMatch(Guard::isValid).allMatch(guard -> guard.invalidation() == null);
        }
    }

    @Test
    void theDetachEndsItsGuardsAndNoOthers() {
        AddressRange range = target.map(1);
        try (Subscription first = get(SUBSYSTEM);
                Subscription second = get(SUBSYSTEM)) {
            Guard guard = first.guard(range);
            Guard stale = first.guard(range);
            Guard other = second.guard(range);
            first.detach();

            assertThat(guard.isValid()).isFalse();
            assertThat(guard.isEnded()).isTrue();
            assertThat(guard.invalidation()).isNull();
            assertThat(guard.renew().isValid()).isFalse();
            assertThat(other.isValid()).isTrue();
            guard.close();
            assertThatThrownBy(() -> first.guard(range)).isInstanceOf(IllegalStateException.class);

            target.discardAndWrite(range);
            assertThat(List.of(guard, stale, other)).noneMatch(Guard::isValid);
        }
    }

    @Test
    void whatIsClosedIsNeverValidAgain() {
        AddressRange range = target.map(1);
        Mmu another = openMmu();
        Subscription closed = another.subsystem(SUBSYSTEM).get(target.addressSpace());
        Subscription forgotten = another.subsystem(SUBSYSTEM).get(target.addressSpace());
        Guard first = closed.guard(range);
        Guard second = forgotten.guard(range);
        closed.close();
        assertThat(first.isValid()).isFalse();
        assertThat(second.isValid()).isTrue();
        another.close();

        assertThat(List.of(first, second, first.renew(), second.renew()))
                .noneMatch(Guard::isValid)
                .allMatch(Guard::isEnded);
        assertThatThrownBy(() -> closed.guard(range)).isInstanceOf(IllegalStateException.class);
        first.close();
    }

    @Test
    void theEndOfTheProcessEndsItsGuards() throws InterruptedException {
        AddressRange range = target.map(1);
        try (Subscription subscription = get(SUBSYSTEM)) {
            Guard guard = subscription.guard(range);
            target.exit();

            assertThat(guard.isValid()).isFalse();
            assertThat(guard.isEnded()).isTrue();
            assertThat(guard.renew().awaitValid(Duration.ofDays(1))).isFalse();
            assertThat(invalidation(guard).phase()).isEqualTo(EventPhase.RELEASE);
            assertThatThrownBy(() -> subscription.guard(range))
                    .isInstanceOf(MmuException.class)
                    .hasMessageContaining("released");
            guard.close();
        }
    }

    @Test
    void theLimitIsSaidAndWhatIsClosedComesBack() {
        AddressRange mapping = target.map(8);
        try (Subscription subscription = get(SUBSYSTEM)) {
            int limit = mmu.capabilities().limits().guardsPerSubscription();
            List<Guard> guards = new ArrayList<>();
            for (int i = 0; i < limit; i++) {
                guards.add(subscription.guard(pages(mapping, i % 8, i % 8 + 1)));
            }
            assertThatThrownBy(() -> subscription.guard(mapping))
                    .isInstanceOf(MmuException.class)
                    .hasMessageContaining(Integer.toString(limit));

            target.discard(mapping, 3, 1);
            Set<Integer> stale = new HashSet<>();
            for (int i = 0; i < limit; i++) {
                if (!guards.get(i).isValid()) {
                    stale.add(i % 8);
                } else {
                    assertThat(i % 8).isNotEqualTo(3);
                }
            }
            assertThat(stale).containsExactly(3);
            guards.getFirst().close();
            assertThat(subscription.guard(mapping).isValid()).isTrue();
        }
    }

    @Test
    void wrongRangesAreRefused() {
        try (Subscription subscription = get(SUBSYSTEM)) {
            assertThatThrownBy(() -> subscription.guard(new AddressRange(0x2000, 0x2000)))
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }

    /** Checks from other threads, while this one makes the target invalidate. */
    @Test
    void noCheckAfterTheCallSaysValid() throws Exception {
        AddressRange range = target.map(4);
        try (Subscription subscription = get(SUBSYSTEM)) {
            List<FutureTask<Integer>> checkers = new ArrayList<>();
            Round[] present = {new Round(subscription.guard(range))};
            Object lock = new Object();
            for (int i = 0; i < 2; i++) {
                FutureTask<Integer> checker = new FutureTask<>(() -> {
                    int wrong = 0;
                    while (true) {
                        Round round;
                        synchronized (lock) {
                            round = present[0];
                        }
                        if (round == null) {
                            return wrong;
                        }
                        // Looked at first: if the call is over, the guard is stale.
                        boolean over = round.over;
                        if (over && round.guard.isValid()) {
                            wrong++;
                        }
                    }
                });
                checkers.add(checker);
                Thread.ofPlatform().start(checker);
            }
            for (int i = 0; i < 200; i++) {
                Round round = present[0];
                target.discardAndWrite(range);
                round.over = true;
                assertThat(round.guard.isValid()).isFalse();
                synchronized (lock) {
                    present[0] = new Round(round.guard.renew());
                }
            }
            synchronized (lock) {
                present[0] = null;
            }
            for (FutureTask<Integer> checker : checkers) {
                assertThat(checker.get()).isZero();
            }
        }
    }

    private static final class Round {
        final Guard guard;
        volatile boolean over;

        Round(Guard guard) {
            this.guard = guard;
        }
    }
}
