// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.simulated;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmubridge.AddressRange;
import io.mmubridge.EventPhase;
import io.mmubridge.EventType;
import io.mmubridge.Filter;
import io.mmubridge.InvalidationEvent;
import io.mmubridge.MmuException;
import io.mmubridge.RingOptions;
import io.mmubridge.backend.BackendGuard;
import io.mmubridge.model.Lockdep;
import io.mmubridge.model.MmStruct;
import io.mmubridge.model.MmuNotifier;
import io.mmubridge.model.MmuNotifierEvent;
import io.mmubridge.model.MmuNotifierRange;
import io.mmubridge.model.SimulatedKernel;
import java.lang.foreign.Arena;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The word of a guard at each moment, over a bare address space, where a test can hold an invalidation open. */
@Timeout(60)
class ModelGuardTest {
    private static final AddressRange RANGE = new AddressRange(0x1000, 0x3000);

    private final SimulatedKernel kernel =
            SimulatedKernel.builder().lockdep(Lockdep.on()).build();
    private final ModelBackend backend = new ModelBackend(kernel, "a test");
    private final MmStruct mm = new MmStruct(kernel);
    private final ModelSubscription subscription = get();

    private ModelSubscription get() {
        return backend.attach("test", mm, RingOptions.none(), Filter.all());
    }

    @AfterEach
    void nothingIsBroken() {
        backend.close();
        backend.spaces().synchronize(0);
        assertThat(kernel.failures()).isEmpty();
        kernel.lockdep().assertNothingHeld();
    }

    private BackendGuard guard() {
        return guard(Set.of());
    }

    private BackendGuard guard(Set<EventType> ignored) {
        return subscription.guard(RANGE, ignored);
    }

    private MmuNotifierRange start(MmuNotifierEvent event, long start, long end) {
        MmuNotifierRange range = MmuNotifierRange.of(mm, event, start, end);
        MmuNotifier.invalidateRangeStart(range);
        return range;
    }

    private MmuNotifierRange start() {
        return start(MmuNotifierEvent.CLEAR, RANGE.start(), RANGE.end());
    }

    private static void end(MmuNotifierRange range) {
        MmuNotifier.invalidateRangeEnd(range);
    }

    private static boolean isEven(BackendGuard guard) {
        return guard.word() % 2 == 0;
    }

    private static long seq(BackendGuard guard) {
        InvalidationEvent.Snapshot event = guard.invalidation();
        return event == null ? 0 : event.seq();
    }

    @Test
    void addedWithNothingInFlightItIsEvenAndNotZero() {
        BackendGuard guard = guard();

        assertThat(isEven(guard)).isTrue();
        assertThat(guard.word()).isPositive();
        assertThat(guard.invalidation()).isNull();
    }

    @Test
    void oddWhileAnInvalidationIsOpenAndTheNextEvenAfterIt() {
        BackendGuard guard = guard();
        long before = guard.word();
        MmuNotifierRange open = start();
        assertThat(guard.word()).isEqualTo(before + 1);
        assertThat(seq(guard)).isEqualTo(1);

        end(open);
        assertThat(guard.word()).isEqualTo(before + 2);
        assertThat(seq(guard)).as("the event stays named").isEqualTo(1);
        end(start());
        assertThat(guard.word()).isEqualTo(before + 4);
        assertThat(seq(guard)).isEqualTo(2);
    }

    @Test
    void ofOverlappingInvalidationsTheFirstIsNamedAndTheLastOneOutMakesItEven() {
        BackendGuard guard = guard();
        long before = guard.word();
        MmuNotifierRange first = start();
        MmuNotifierRange second = start(MmuNotifierEvent.UNMAP, RANGE.start(), RANGE.end());
        MmuNotifierRange elsewhere = start(MmuNotifierEvent.CLEAR, 0x8000, 0x9000);
        assertThat(guard.word()).isEqualTo(before + 1);

        end(first);
        end(second);
        assertThat(guard.word()).as("the space counts all that are in flight").isEqualTo(before + 1);
        assertThat(seq(guard)).isEqualTo(1);
        end(elsewhere);
        assertThat(guard.word()).isEqualTo(before + 2);
    }

    @Test
    void whatDoesNotOverlapLeavesItEven() {
        BackendGuard guard = guard();
        long before = guard.word();
        MmuNotifierRange below = start(MmuNotifierEvent.CLEAR, 0, 0x1000);
        MmuNotifierRange above = start(MmuNotifierEvent.CLEAR, 0x3000, 0x4000);
        assertThat(guard.word()).isEqualTo(before);

        end(below);
        end(above);
        assertThat(guard.word()).isEqualTo(before);
    }

    @Test
    void addedAmidAnInvalidationItIsOddUntilNothingIsInFlight() {
        MmuNotifierRange elsewhere = start(MmuNotifierEvent.CLEAR, 0x8000, 0x9000);
        BackendGuard guard = guard();
        assertThat(isEven(guard)).isFalse();
        assertThat(guard.invalidation()).as("it was before").isNull();
        long odd = guard.word();
        MmuNotifierRange second = start();
        end(elsewhere);
        assertThat(guard.word()).isEqualTo(odd);
        assertThat(guard.invalidation()).as("no event made it odd").isNull();

        end(second);
        assertThat(guard.word()).isEqualTo(odd + 1);
    }

    @Test
    void removedItIsOddForGoodAndItsSlotStartsAbove() {
        BackendGuard first = guard();
        long valid = first.word();
        first.remove();
        assertThat(first.word()).isEqualTo(valid + 1);
        assertThat(first.isEnded()).isTrue();
        end(start());
        assertThat(first.word()).isEqualTo(valid + 1);

        BackendGuard second = guard();
        assertThat(first.word()).as("the same slot").isEqualTo(second.word()).isGreaterThan(valid + 1);
        first.remove();
        assertThat(isEven(second)).isTrue();
        assertThat(second.isEnded()).isFalse();
    }

    @Test
    void removedAmidAnInvalidationItStaysOddAndItsSlotStartsAbove() {
        BackendGuard first = guard();
        MmuNotifierRange open = start();
        long odd = first.word();
        first.remove();
        BackendGuard second = guard();
        assertThat(second.word()).isGreaterThan(odd).isOdd();

        end(open);
        assertThat(second.word()).isEven();
        second.remove();
        MmuNotifierRange again = start();
        end(again);
        assertThat(second.word()).isOdd();
    }

    @Test
    void removedAmidAnInvalidationNothingMakesItEven() {
        BackendGuard guard = guard();
        MmuNotifierRange open = start();
        guard.remove();
        end(open);

        assertThat(guard.word()).isOdd();
        assertThat(guard.isEnded()).isTrue();
    }

    @Test
    void detachedItIsOddForGoodWhateverIsInFlight() {
        BackendGuard even = guard();
        MmuNotifierRange open = start(MmuNotifierEvent.CLEAR, 0x8000, 0x9000);
        BackendGuard odd = guard();
        ModelSubscription other = get();
        BackendGuard others = other.guard(RANGE, Set.of());
        subscription.detach();
        end(open);

        assertThat(even.word()).isOdd();
        assertThat(odd.word()).isOdd();
        assertThat(even.isEnded()).isTrue();
        assertThat(odd.isEnded()).isTrue();
        assertThat(others.word()).isEven();
        even.remove();
    }

    @Test
    void theReleaseMakesAllOddForGood() {
        BackendGuard even = guard();
        BackendGuard ignoring = guard(Set.of(EventType.CLEAR, EventType.UNMAP));
        MmuNotifierRange open = start(MmuNotifierEvent.CLEAR, 0x8000, 0x9000);
        BackendGuard odd = guard();
        MmuNotifierRange second = start();
        mm.put();
        end(open);
        end(second);

        assertThat(even.word()).isOdd();
        assertThat(seq(even)).as("stale before").isEqualTo(2);
        assertThat(ignoring.word()).isOdd();
        assertThat(Objects.requireNonNull(ignoring.invalidation()).phase()).isEqualTo(EventPhase.RELEASE);
        assertThat(odd.word()).isOdd();
        assertThat(odd.isEnded()).isTrue();
        assertThatThrownBy(this::guard).isInstanceOf(MmuException.class).hasMessageContaining("released");
        even.remove();
        assertThat(even.word()).isOdd();
    }

    @Test
    void anIgnoredTypeNeitherMakesItOddNorIsNamed() {
        BackendGuard guard = guard(Set.of(EventType.CLEAR));
        long before = guard.word();
        MmuNotifierRange ignored = start();
        assertThat(guard.word()).isEqualTo(before);
        MmuNotifierRange minded = start(MmuNotifierEvent.PROTECTION_VMA, RANGE.start(), RANGE.end());
        assertThat(guard.word()).isEqualTo(before + 1);

        assertThat(seq(guard)).isEqualTo(2);
        end(ignored);
        end(minded);
        assertThat(guard.word()).isEqualTo(before + 2);
    }

    @Test
    void addedAmidAnIgnoredInvalidationItIsOddAllTheSame() {
        MmuNotifierRange open = start();
        BackendGuard guard = guard(Set.of(EventType.CLEAR));
        assertThat(guard.word()).isOdd();

        end(open);
        assertThat(guard.word()).isEven();
    }

    @Test
    void realMemoryIsRefused() {
        try (Arena arena = Arena.ofConfined()) {
            AddressRange range = AddressRange.of(arena.allocate(64));
            assertThatThrownBy(() -> subscription.guard(range, Set.of()))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContainingAll("native memory", "modprobe", "--vm");
        }
        assertThat(backend.capabilities().limits().guardsPerSubscription()).isPositive();
    }
}
