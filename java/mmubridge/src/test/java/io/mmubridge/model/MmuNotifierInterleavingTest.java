// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import static io.mmubridge.Interleavings.explore;

import io.mmubridge.Interleavings;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * {@link MmuNotifier} in the interleavings that Lincheck's model checker chooses. Whoever touches a freed notifier gets a
 * {@link UseAfterFreeError}.
 */
@SuppressWarnings("ReferenceEquality") // a notifier, or an address space, is itself
@Tag(Interleavings.TAG)
@Timeout(600)
class MmuNotifierInterleavingTest {
    // ------------------------------------------------------------------------------------------------- get and put

    /** A subsystem whose every operation uses its notifier, which has one user from the begin. */
    private static final class Got extends SmallMachine {
        final MmuNotifierOps ops = counted("got")
                .invalidateRangeStart((notifier, range) -> {
                    use(notifier);
                    return true;
                })
                .invalidateRangeEnd((notifier, range) -> use(notifier))
                .release((notifier, space) -> use(notifier))
                .build();
        final MmuNotifier notifier = MmuNotifier.get(ops, mm);

        private void use(MmuNotifier used) {
            if (used.mm() != mm) {
                throw new AssertionError("a notifier of another mm");
            }
        }

        void put() {
            step(() -> MmuNotifier.put(notifier));
        }

        void getAndPut() {
            step(() -> {
                MmuNotifier got = MmuNotifier.get(ops, mm);
                use(got);
                MmuNotifier.put(got);
            });
        }

        void invalidate() {
            step(() -> invalidate(0, () -> {}));
        }

        void exit() {
            step(mm::put);
        }

        void check() {
            checkQuiescent();
        }
    }

    @Test
    void theLastPutFreesOnceWhileOthersGet() {
        explore(Got::new, Got::check, Got::put, Got::getAndPut);
    }

    @Test
    void usersAreCountedOneByOne() {
        explore(
                Got::new,
                got -> {
                    if (got.notifier.users() != 1 || got.allocs.get() != 1) {
                        throw new AssertionError(got.notifier.users() + " users, " + got.allocs + " notifiers");
                    }
                    got.put();
                    got.check();
                },
                Got::getAndPut,
                Got::getAndPut);
    }

    @Test
    void nothingIsFreedUnderAnInvalidation() {
        explore(Got::new, Got::check, Got::put, Got::invalidate);
    }

    @Test
    void theEndOfTheAddressSpaceAndTheLastPut() {
        explore(Got::new, Got::check, Got::put, Got::exit);
    }

    /** Two that get what is not there yet. */
    private static final class Two extends SmallMachine {
        final MmuNotifierOps ops = counted("got").build();
        volatile @Nullable MmuNotifier first;
        volatile @Nullable MmuNotifier second;

        void check() {
            if (first == null || first != second || allocs.get() != 1) {
                throw new AssertionError(allocs + " notifiers");
            }
        }
    }

    @Test
    void whoGetsAtOnceSharesOne() {
        explore(
                Two::new,
                Two::check,
                two -> two.first = MmuNotifier.get(two.ops, two.mm),
                two -> two.second = MmuNotifier.get(two.ops, two.mm));
    }

    // --------------------------------------------------------------------------------------------------- the list

    /** Three registered notifiers, of which readers ask the outer two whatever happens to the one between. */
    private static final class Listed extends SmallMachine {
        final Told last = registered(new Told());
        final MmuNotifier between = registered(new MmuNotifier(plain()));
        final Told head = registered(new Told());

        private static final class Told extends MmuNotifier {
            volatile int asked;

            Told() {
                super(MmuNotifierOps.builder("told")
                        .clearYoung((notifier, space, start, end) -> ((Told) notifier).ask())
                        .build());
            }

            /** Asked by one thread at a time. */
            @SuppressWarnings("NonAtomicVolatileUpdate")
            boolean ask() {
                mm();
                asked++;
                return false;
            }
        }

        private static MmuNotifierOps plain() {
            return MmuNotifierOps.builder("plain")
                    .clearYoung((notifier, space, start, end) -> {
                        notifier.mm();
                        return false;
                    })
                    .build();
        }

        private <N extends MmuNotifier> N registered(N notifier) {
            MmuNotifier.register(notifier, mm);
            return notifier;
        }

        /** As the harvest of accessed bits does it, with no lock that keeps registrations out. */
        void read() {
            step(() -> MmuNotifier.clearYoung(mm, 0, PAGE));
        }

        void unregister(MmuNotifier notifier) {
            step(() -> {
                MmuNotifier.unregister(notifier, mm);
                // It is the caller's, who frees it.
                notifier.free(notifier.ops());
            });
        }

        void check(int readers) {
            if (last.asked != readers || head.asked != readers) {
                throw new AssertionError("asked " + last.asked + " and " + head.asked + " times");
            }
        }

        /** That it is on the list still, and nothing that was freed. */
        void checkLast() {
            MmuNotifier.clearYoung(mm, 0, PAGE);
            if (last.asked != 1) {
                throw new AssertionError("the list is broken");
            }
        }
    }

    @Test
    void readersDoNotMissWhatStandsBehindTheRemoved() {
        explore(Listed::new, listed -> listed.check(1), Listed::read, listed -> {
            listed.unregister(listed.between);
        });
    }

    @Test
    void readersDoNotMissWhatStandsBehindTheAdded() {
        explore(Listed::new, listed -> listed.check(1), Listed::read, listed -> {
            listed.registered(new MmuNotifier(Listed.plain()));
        });
    }

    @Test
    void neighboursAreRemovedAtOnce() {
        explore(
                () -> {
                    Listed listed = new Listed();
                    listed.registered(new MmuNotifier(Listed.plain()));
                    return listed;
                },
                Listed::checkLast,
                listed -> listed.unregister(listed.between),
                listed -> listed.unregister(listed.head));
    }

    @Test
    void addedAndRemovedAtOnce() {
        explore(Listed::new, Listed::checkLast, listed -> listed.unregister(listed.head), listed -> {
            Listed.Told added = listed.registered(new Listed.Told());
            MmuNotifier.clearYoung(listed.mm, 0, SmallMachine.PAGE);
            if (added.asked != 1) {
                throw new AssertionError("added, and not on the list");
            }
            MmuNotifier.unregister(added, listed.mm);
            listed.last.asked = 0;
        });
    }

    // ------------------------------------------------------------------------------------------------ registration

    /** A mapped file, and a notifier that counts the starts whose end it has not seen. */
    private static final class Mapped extends SmallMachine {
        final SimulatedFile file = kernel.file("file", PAGE);
        volatile int started;
        final MmuNotifier notifier = new MmuNotifier(MmuNotifierOps.builder("counts")
                .invalidateRangeStart((notifier, range) -> count(1))
                .invalidateRangeEnd((notifier, range) -> count(-1))
                .build());

        Mapped() {
            kernel.adopt("process", mm).mmap(MapRequest.of(file, 0, PAGE));
        }

        @SuppressWarnings("NonAtomicVolatileUpdate") // one thread invalidates
        private boolean count(int more) {
            started += more;
            return true;
        }

        /** As a truncation does it, which has no mmap lock. */
        void invalidateThroughTheFile() {
            file.iMmapRwsem().lockRead();
            invalidate(0, () -> {});
            file.iMmapRwsem().unlockRead();
        }

        void check() {
            if (started != 0) {
                throw new AssertionError(started + " more starts than ends");
            }
        }
    }

    @Test
    void nobodyIsRegisteredAmidAnInvalidation() {
        explore(
                4,
                Mapped::new,
                Mapped::check,
                Mapped::invalidateThroughTheFile,
                mapped -> MmuNotifier.register(mapped.notifier, mapped.mm));
    }

    // --------------------------------------------------------------------------------- release and unregister

    /** A registered notifier, which its owner frees when unregister has returned. */
    private static final class Registered extends SmallMachine {
        volatile boolean pagesFreed;
        volatile boolean released;
        final MmuNotifier notifier = new MmuNotifier(MmuNotifierOps.builder("registered")
                .release((notifier, space) -> release(notifier))
                .clearYoung((asked, space, start, end) -> {
                    asked.mm();
                    return false;
                })
                .build());

        Registered() {
            MmuNotifier.register(notifier, mm);
        }

        /** Unregister and the end of the address space may both call it, and nothing is left to do for a second. */
        private void release(MmuNotifier ended) {
            if (!released) {
                ended.mm();
                if (pagesFreed) {
                    throw new AssertionError("pages are freed that are shadowed still");
                }
            }
            released = true;
        }

        void unregister() {
            step(() -> {
                MmuNotifier.unregister(notifier, mm);
                if (!released) {
                    throw new AssertionError("unregistered without release");
                }
                notifier.free(notifier.ops());
            });
        }

        void exit() {
            // What mmput() does after the notifiers' release.
            step(() -> {
                MmuNotifier.mmuNotifierRelease(mm);
                pagesFreed = true;
            });
        }

        void read() {
            step(() -> MmuNotifier.clearYoung(mm, 0, PAGE));
        }

        void check() {
            if (mm.count() != 1) {
                throw new AssertionError(mm.count() + " references");
            }
        }
    }

    @Test
    void whenUnregisterReturnsNoOperationRuns() {
        explore(Registered::new, Registered::check, Registered::unregister, Registered::read);
    }

    @Test
    void pagesAreFreedAfterEveryRelease() {
        explore(Registered::new, Registered::check, Registered::unregister, Registered::exit);
    }

    /** A subsystem that puts its only reference when the address space ends. */
    private static final class PutAtRelease extends SmallMachine {
        PutAtRelease() {
            MmuNotifierOps ops = counted("puts at release")
                    .release((notifier, space) -> MmuNotifier.put(notifier))
                    .clearYoung((notifier, space, start, end) -> {
                        notifier.mm();
                        return false;
                    })
                    .build();
            MmuNotifier.get(ops, mm);
            // Of the one that reads: through a file, say, which needs no user of the address space.
            mm.grab();
        }
    }

    @Test
    void releaseMayPut() {
        explore(PutAtRelease::new, SmallMachine::checkQuiescent, machine -> machine.step(machine.mm::put), machine -> {
            machine.step(() -> MmuNotifier.clearYoung(machine.mm, 0, SmallMachine.PAGE));
            machine.mm.drop();
        });
    }
}
