// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.simulated;

import io.mmubridge.AddressRange;
import io.mmubridge.EventType;
import io.mmubridge.Filter;
import io.mmubridge.RingOptions;
import io.mmubridge.backend.BackendGuard;
import io.mmubridge.backend.Interleavings;
import io.mmubridge.model.MmStruct;
import io.mmubridge.model.MmuNotifier;
import io.mmubridge.model.MmuNotifierEvent;
import io.mmubridge.model.MmuNotifierRange;
import io.mmubridge.model.SimulatedKernel;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Guards in the interleavings that Lincheck's model checker chooses: callbacks, users, and slots that are used again. */
@Timeout(600)
class GuardInterleavingTest {
    private static final int INTERLEAVINGS = 120;
    private static final long PAGE = 0x1000;
    private static final AddressRange RANGE = new AddressRange(0, PAGE);

    /** An address space whose first page has the frame {@link #frame}, and a subscription on it. */
    private static final class Shared {
        final SimulatedKernel kernel = SimulatedKernel.builder().build();
        final MmStruct mm = new MmStruct(kernel);
        final ModelBackend backend = new ModelBackend(kernel, "a test");
        final ModelSubscription subscription = backend.attach("test", mm, RingOptions.none(), Filter.all());

        /** What lies at the page. It changes within invalidations alone. */
        volatile int frame = 1;

        BackendGuard guard;
        long valid;

        Shared() {
            renewed();
        }

        final void renewed() {
            guard = subscription.guard(RANGE, Set.of());
            valid = guard.word();
        }

        @SuppressWarnings("NonAtomicVolatileUpdate") // one thread replaces it
        void replace() {
            MmuNotifierRange range = MmuNotifierRange.of(mm, MmuNotifierEvent.CLEAR, 0, PAGE);
            MmuNotifier.invalidateRangeStart(range);
            frame++;
            MmuNotifier.invalidateRangeEnd(range);
        }

        void elsewhere() {
            MmuNotifierRange range = MmuNotifierRange.of(mm, MmuNotifierEvent.UNMAP, 8 * PAGE, 9 * PAGE);
            MmuNotifier.invalidateRangeStart(range);
            MmuNotifier.invalidateRangeEnd(range);
        }

        /** A user of a new guard: what it finds, and whether the guard says so still once the page is known to be another. */
        void use() {
            BackendGuard mine = subscription.guard(RANGE, Set.of());
            use(mine);
            mine.remove();
        }

        void use(BackendGuard mine) {
            long word = mine.word();
            if (isOdd(word)) {
                // One attempt: whoever loses tries again later.
                return;
            }
            int made = frame;
            int now = frame;
            boolean stillValid = mine.word() == word;
            check(!stillValid || now == made, "valid, and the page is another");
        }
    }

    private static boolean isOdd(long word) {
        return (word & 1) != 0;
    }

    private static void check(boolean holds, String rule) {
        if (!holds) {
            throw new AssertionError(rule);
        }
    }

    private static void quiescent(Shared shared) {
        check(shared.kernel.failures().isEmpty(), "nothing failed");
        check(shared.subscription.statistics().active() == 0, "nothing is in flight");
    }

    @Test
    void noCheckAfterTheChangeSaysValid() {
        Interleavings.explore(
                INTERLEAVINGS, Shared::new, GuardInterleavingTest::quiescent, Shared::use, Shared::replace);
    }

    @Test
    void noCheckSaysValidWhateverElseIsInFlight() {
        Interleavings.explore(
                INTERLEAVINGS,
                Shared::new,
                shared -> {
                    quiescent(shared);
                    check(shared.guard.word() == shared.valid + 2, "even again, and not what it was");
                },
                shared -> shared.use(shared.guard),
                Shared::replace,
                Shared::elsewhere);
    }

    @Test
    void theWordOnlyGrowsAndASlotThatIsUsedAgainStartsAbove() {
        Interleavings.explore(
                INTERLEAVINGS,
                Shared::new,
                GuardInterleavingTest::quiescent,
                shared -> {
                    shared.guard.remove();
                    BackendGuard next = shared.subscription.guard(RANGE, Set.of());
                    check(next.word() > shared.valid + 1, "above what the one before it ended with");
                },
                shared -> {
                    BackendGuard old = shared.guard;
                    long last = shared.valid;
                    for (int i = 0; i < 3; i++) {
                        long word = old.word();
                        check(word >= last, "it falls");
                        last = word;
                    }
                },
                Shared::replace);
    }

    @Test
    void whoeverIsAddedAmidAnInvalidationBecomesEvenWithItsEnd() {
        Interleavings.explore(
                INTERLEAVINGS,
                Shared::new,
                shared -> {
                    quiescent(shared);
                    check(!isOdd(shared.guard.word()), "nothing is in flight, and it is odd");
                },
                Shared::renewed,
                Shared::elsewhere,
                Shared::replace);
    }

    @Test
    void removedOrDetachedItIsOddForGood() {
        Interleavings.explore(
                INTERLEAVINGS,
                Shared::new,
                shared -> {
                    check(shared.kernel.failures().isEmpty(), "nothing failed");
                    check(shared.guard.isEnded(), "ended");
                    check(isOdd(shared.guard.word()), "odd for good");
                },
                shared -> shared.guard.remove(),
                Shared::replace,
                shared -> shared.subscription.detach());
    }

    @Test
    void theReleaseMakesItOddForGood() {
        Interleavings.explore(
                INTERLEAVINGS,
                Shared::new,
                shared -> {
                    check(shared.guard.isEnded(), "ended");
                    check(isOdd(shared.guard.word()), "odd for good");
                },
                Shared::replace,
                shared -> {
                    shared.mm.put();
                    check(isOdd(shared.guard.word()), "odd at once");
                });
    }

    /** While an invalidation that the guard ignores is in flight, and one that it does not. */
    @Test
    void anIgnoredEventKeepsNobodyFromTheOthers() {
        Interleavings.explore(
                INTERLEAVINGS,
                () -> {
                    Shared shared = new Shared();
                    shared.guard.remove();
                    shared.guard = shared.subscription.guard(RANGE, Set.of(EventType.SOFT_DIRTY));
                    return shared;
                },
                GuardInterleavingTest::quiescent,
                shared -> shared.use(shared.guard),
                shared -> {
                    MmuNotifierRange range = MmuNotifierRange.of(shared.mm, MmuNotifierEvent.SOFT_DIRTY, 0, 4 * PAGE);
                    MmuNotifier.invalidateRangeStart(range);
                    MmuNotifier.invalidateRangeEnd(range);
                },
                Shared::replace);
    }
}
