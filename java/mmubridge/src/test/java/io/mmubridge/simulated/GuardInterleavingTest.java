// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.simulated;

import io.mmubridge.AddressRange;
import io.mmubridge.EventPhase;
import io.mmubridge.EventType;
import io.mmubridge.Guard;
import io.mmubridge.GuardAccess;
import io.mmubridge.Interleavings;
import java.time.Duration;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * {@link Guards} and {@link Guard} in the interleavings that Lincheck's model checker chooses: callbacks, users, and slots that
 * are used again.
 */
@Timeout(300)
@Tag(Interleavings.TAG)
class GuardInterleavingTest {
    private static final long PAGE = 0x1000;
    private static final AddressRange RANGE = new AddressRange(0, PAGE);

    /** What a space does to its guards under its lock, and a page that changes within invalidations alone. */
    private static final class Shared {
        final Object lock = new Object();

        // Under the lock.
        final Guards guards = new Guards();
        final GuardTable table = new GuardTable(2, true, () -> 0, this::remove);
        final QueuedEvent event = new QueuedEvent();
        long seq;
        int active;

        /** What lies at the page. */
        volatile int frame = 1;

        ModelGuard slot = add(Set.of());
        Guard guard = GuardAccess.of(slot, RANGE);
        final long valid = slot.word();

        final ModelGuard add(Set<EventType> ignored) {
            synchronized (lock) {
                ModelGuard added = table.take(RANGE, ignored);
                guards.add(added, active != 0);
                return added;
            }
        }

        private void remove(ModelGuard removed) {
            synchronized (lock) {
                if (table.has(removed)) {
                    guards.remove(removed);
                    table.giveBack(removed);
                }
            }
        }

        void start(EventType type, long start, long end) {
            synchronized (lock) {
                active++;
                guards.start(event.begin(EventPhase.START, type)
                        .range(start, end, true)
                        .at(0, ++seq));
            }
        }

        void end() {
            synchronized (lock) {
                active--;
                if (active == 0) {
                    guards.settle();
                }
            }
        }

        @SuppressWarnings("NonAtomicVolatileUpdate") // one thread replaces it
        void replace() {
            start(EventType.CLEAR, 0, PAGE);
            frame++;
            end();
        }

        void elsewhere() {
            start(EventType.UNMAP, 8 * PAGE, 9 * PAGE);
            end();
        }

        void release() {
            synchronized (lock) {
                guards.release(event.begin(EventPhase.RELEASE, EventType.RELEASE)
                        .range(0, -1, true)
                        .at(0, ++seq));
            }
        }

        /** Makes something of the page, and looks whether the guard says so still once the page is another. */
        void use(Guard mine) {
            if (mine.isValid()) {
                int made = frame;
                int now = frame;
                check(now == made || !mine.isValid(), "valid, and the page is another");
            }
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

    private static boolean awaited(Guard guard) {
        try {
            return guard.awaitValid(Duration.ZERO);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void noCheckAfterTheChangeSaysValid() {
        Interleavings.explore(
                Shared::new,
                shared -> {
                    check(!shared.guard.isValid(), "it is another page");
                    check(shared.slot.word() == shared.valid + 2, "even again, and not what it was");
                },
                shared -> shared.use(shared.guard),
                Shared::replace,
                Shared::elsewhere);
    }

    @Test
    void whatIsAddedAmidAnInvalidationIsValidForWhatIsMadeAfterIt() {
        Interleavings.explore(
                Shared::new,
                shared -> check(!isOdd(shared.slot.word()), "nothing is in flight, and it is odd"),
                shared -> {
                    shared.slot.remove();
                    shared.slot = shared.add(Set.of());
                    Guard mine = GuardAccess.of(shared.slot, RANGE);
                    awaited(mine);
                    shared.use(mine);
                },
                Shared::elsewhere,
                Shared::replace);
    }

    @Test
    void ofTwoWhoAwaitTheSameGuardNeitherIsDeceived() {
        Interleavings.explore(
                () -> {
                    Shared shared = new Shared();
                    shared.start(EventType.CLEAR, 0, PAGE);
                    shared.guard = shared.guard.renew();
                    return shared;
                },
                shared -> {},
                shared -> {
                    shared.frame = 2;
                    shared.end();
                    shared.replace();
                },
                shared -> {
                    awaited(shared.guard);
                    shared.use(shared.guard);
                },
                shared -> {
                    awaited(shared.guard);
                    shared.use(shared.guard);
                });
    }

    @Test
    void theWordOnlyGrowsAndASlotThatIsUsedAgainStartsAbove() {
        Interleavings.explore(
                Shared::new,
                shared -> check(!shared.guard.isValid(), "closed"),
                shared -> {
                    shared.guard.close();
                    ModelGuard next = shared.add(Set.of());
                    check(next.slot() == shared.slot.slot(), "the same slot");
                    check(next.word() > shared.valid + 1, "above what the one before it ended with");
                },
                shared -> {
                    long last = shared.valid;
                    for (int i = 0; i < 3; i++) {
                        long word = shared.slot.word();
                        check(word >= last, "it falls");
                        last = word;
                    }
                    boolean ended = shared.guard.isEnded();
                    Guard renewed = shared.guard.renew();
                    awaited(renewed);
                    check(!ended || !renewed.isValid(), "by another's word");
                },
                Shared::replace);
    }

    @Test
    void removedItIsOddForGood() {
        Interleavings.explore(
                Shared::new,
                shared -> {
                    check(shared.guard.isEnded() && !shared.guard.renew().isValid(), "ended");
                    check(isOdd(shared.slot.word()), "odd for good");
                },
                shared -> {
                    shared.guard.close();
                    check(isOdd(shared.slot.word()), "odd at once");
                },
                Shared::replace,
                shared -> shared.guard.close());
    }

    @Test
    void theReleaseMakesItOddForGood() {
        Interleavings.explore(
                Shared::new,
                shared -> {
                    check(shared.guard.isEnded(), "ended");
                    check(isOdd(shared.slot.word()), "odd for good");
                    check(shared.guard.invalidation() != null, "by an event");
                },
                Shared::replace,
                shared -> {
                    shared.release();
                    check(isOdd(shared.slot.word()), "odd at once");
                });
    }

    /** While an invalidation that the guard ignores is in flight, and one that it does not. */
    @Test
    void anIgnoredEventKeepsNobodyFromTheOthers() {
        Interleavings.explore(
                () -> {
                    Shared shared = new Shared();
                    shared.slot.remove();
                    shared.slot = shared.add(Set.of(EventType.SOFT_DIRTY));
                    shared.guard = GuardAccess.of(shared.slot, RANGE);
                    return shared;
                },
                shared -> check(!shared.guard.isValid(), "it is another page"),
                shared -> shared.use(shared.guard),
                shared -> {
                    shared.start(EventType.SOFT_DIRTY, 0, 4 * PAGE);
                    shared.end();
                },
                Shared::replace);
    }
}
