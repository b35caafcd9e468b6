// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import static io.mmubridge.Interleavings.explore;

import io.mmubridge.Interleavings;
import java.util.Objects;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** {@link MmuIntervalNotifier} in the interleavings that Lincheck's model checker chooses. */
@Tag(Interleavings.TAG)
@Timeout(600)
class MmuIntervalNotifierInterleavingTest {
    /** A shadow's entry that is not there. */
    private static final int NONE = 0;

    /**
     * Two pages and a driver that shadows each. A page's frame has the number {@code frame}, and one that was replaced must
     * not be found in a shadow once the invalidation that replaced it is over.
     */
    private static final class Shadowed extends SmallMachine {
        final Page first = new Page(0);
        final Page second = new Page(1);

        final class Page {
            final long start;
            final Object userLock = new Object();
            final MmuIntervalNotifier notifier;
            volatile int frame = 1;
            volatile int shadow = NONE;
            volatile boolean removed;

            Page(int index) {
                start = index * PAGE;
                notifier = new MmuIntervalNotifier(mm, start, PAGE, (told, range, seq) -> invalidated(seq));
            }

            private boolean invalidated(long seq) {
                if (removed) {
                    throw new UseAfterFreeError("interval notifier");
                }
                synchronized (userLock) {
                    notifier.setSeq(seq);
                    shadow = NONE;
                }
                return true;
            }

            /** A fault through the shadow, with one attempt: whoever loses tries again later. */
            void fault() {
                long seq = notifier.readBegin();
                int found = frame;
                synchronized (userLock) {
                    if (!notifier.readRetry(seq)) {
                        shadow = found;
                    }
                }
            }

            @SuppressWarnings("NonAtomicVolatileUpdate") // one thread replaces it
            void replace() {
                invalidate(start, () -> {
                    if (shadow == frame) {
                        throw new AssertionError("a page is replaced that is shadowed");
                    }
                    frame++;
                });
            }

            void remove() {
                notifier.remove();
                if (notifier.isLinked()) {
                    throw new AssertionError("removed, and in the tree");
                }
                removed = true;
            }

            void check() {
                if (shadow != NONE && shadow != frame) {
                    throw new AssertionError("the shadow has frame " + shadow + ", the page " + frame);
                }
            }
        }

        Shadowed both() {
            first.notifier.insert();
            second.notifier.insert();
            return this;
        }

        Shadowed one() {
            first.notifier.insert();
            return this;
        }

        void check() {
            first.check();
            second.check();
            MmuNotifierSubscriptions subscriptions = Objects.requireNonNull(mm.notifierSubscriptions());
            if ((subscriptions.invalidateSeq & 1) != 0) {
                throw new AssertionError("something is being invalidated still");
            }
        }
    }

    @Test
    void nothingStaleIsInstalled() {
        explore(
                () -> new Shadowed().one(),
                Shadowed::check,
                machine -> machine.first.fault(),
                machine -> machine.first.replace());
    }

    @Test
    void invalidationsOverlap() {
        explore(
                8,
                () -> new Shadowed().both(),
                Shadowed::check,
                machine -> machine.first.fault(),
                machine -> machine.first.replace(),
                machine -> machine.second.replace());
    }

    /** One that was not counted would end the other, or one to come. */
    @Test
    void invalidationsAreCounted() {
        explore(
                () -> new Shadowed().both(),
                machine -> {
                    machine.first.replace();
                    machine.check();
                },
                machine -> machine.first.replace(),
                machine -> machine.second.replace());
    }

    @Test
    void whoeverIsInsertedAmidAnInvalidationWaitsForIt() {
        explore(
                () -> new Shadowed().one(),
                machine -> {
                    machine.check();
                    if (!machine.second.notifier.isLinked()) {
                        throw new AssertionError("an insertion that was put off is lost");
                    }
                },
                machine -> {
                    machine.second.notifier.insert();
                    machine.second.fault();
                },
                machine -> {
                    // Of both pages, so that the tree has to stand still.
                    MmuNotifierRange range =
                            MmuNotifierRange.of(machine.mm, MmuNotifierEvent.CLEAR, 0, 2 * SmallMachine.PAGE);
                    MmuNotifier.invalidateRangeStart(range);
                    machine.second.frame = 2;
                    MmuNotifier.invalidateRangeEnd(range);
                });
    }

    @Test
    void whoeverIsInsertedAmidAnInvalidationThatMeetsNobodyWaitsForIt() {
        explore(
                () -> new Shadowed().one(),
                Shadowed::check,
                machine -> {
                    machine.second.notifier.insert();
                    machine.second.fault();
                },
                machine -> machine.second.replace());
    }

    @Test
    void whenRemoveReturnsNothingIsCalled() {
        explore(
                () -> new Shadowed().both(),
                Shadowed::check,
                machine -> machine.first.remove(),
                machine -> machine.first.replace());
    }

    /** The number changes before the tree does. */
    @Test
    void whoeverRemovesWaitsForTheTree() {
        MmuNotifierEvent event = MmuNotifierEvent.CLEAR;
        explore(
                () -> {
                    Shadowed machine = new Shadowed().one();
                    MmuNotifier.invalidateRangeStart(MmuNotifierRange.of(machine.mm, event, 0, SmallMachine.PAGE));
                    return machine;
                },
                Shadowed::check,
                machine -> machine.first.remove(),
                machine ->
                        MmuNotifier.invalidateRangeEnd(MmuNotifierRange.of(machine.mm, event, 0, SmallMachine.PAGE)));
    }

    @Test
    void whatIsInsertedCanBeRemovedBeforeItIsCarriedOut() {
        explore(
                () -> new Shadowed().one(),
                machine -> {
                    machine.check();
                    if (machine.second.notifier.isLinked()) {
                        throw new AssertionError("removed, and in the tree");
                    }
                },
                machine -> {
                    machine.second.notifier.insert();
                    machine.second.remove();
                },
                machine -> machine.first.replace());
    }

    @Test
    void removedAtOnce() {
        explore(
                () -> new Shadowed().both(),
                Shadowed::check,
                machine -> machine.first.remove(),
                machine -> machine.second.remove(),
                machine -> machine.first.replace());
    }

    @Test
    void theEndOfTheAddressSpaceIsAnInvalidation() {
        explore(
                () -> new Shadowed().one(),
                machine -> {
                    machine.check();
                    if (machine.first.shadow != NONE) {
                        throw new AssertionError("shadowed after the end");
                    }
                },
                machine -> machine.first.replace(),
                machine -> {
                    MmuNotifier.mmuNotifierRelease(machine.mm);
                    machine.first.frame = 99;
                });
    }
}
