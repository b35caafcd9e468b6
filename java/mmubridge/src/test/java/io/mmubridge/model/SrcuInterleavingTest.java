// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import static io.mmubridge.Interleavings.explore;

import io.mmubridge.Interleavings;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** {@link Srcu} in the interleavings that Lincheck's model checker chooses. */
@Tag(Interleavings.TAG)
@Timeout(300)
class SrcuInterleavingTest {
    private static final int LONGER = 10;

    /** What is protected. */
    private static final class Item {
        private volatile boolean freed;

        void use() {
            if (freed) {
                throw new UseAfterFreeError("item");
            }
        }

        void free() {
            use();
            freed = true;
        }
    }

    private static final class State {
        final Srcu srcu;

        volatile Item item = new Item();

        /** One that was begun before all threads. */
        int section;

        /** Counted by one callback at a time. */
        volatile int callbacks;

        State() {
            this(2);
        }

        State(int stripes) {
            srcu = new Srcu(
                    Lockdep.off(),
                    failure -> {
                        throw new AssertionError(failure);
                    },
                    Runnable::run,
                    new Turns(),
                    stripes);
        }

        void read() {
            int section = srcu.readLock();
            Item found = item;
            found.use();
            found.use();
            srcu.readUnlock(section);
        }

        private synchronized Item unlink() {
            Item old = item;
            item = new Item();
            return old;
        }

        void replace() {
            Item old = unlink();
            srcu.synchronize();
            old.free();
        }

        void replaceLater() {
            Item old = unlink();
            srcu.callSrcu(() -> called(old));
        }

        @SuppressWarnings("NonAtomicVolatileUpdate") // two at once are what must not be
        private void called(Item old) {
            old.free();
            callbacks++;
        }
    }

    @Test
    void nothingIsFreedUnderAReader() {
        explore(State::new, state -> {}, State::read, State::replace);
    }

    /** Who looks up the index, and counts himself when it has moved, is found by the next grace period. */
    @Test
    void stragglersAreWaitedFor() {
        explore(LONGER, State::new, state -> {}, State::read, state -> {
            state.srcu.synchronize();
            state.replace();
        });
    }

    /** A section that comes and goes while a grace period sums must not stand for one that lasts. */
    @Test
    void aShortSectionDoesNotHideALongOne() {
        explore(
                LONGER,
                () -> {
                    State state = new State();
                    state.section = state.srcu.readLock();
                    return state;
                },
                state -> {},
                state -> {
                    Item found = state.item;
                    state.srcu.readUnlock(state.srcu.readLock());
                    found.use();
                    state.srcu.readUnlock(state.section);
                },
                State::replace);
    }

    @Test
    void sectionsNestAndFollowEachOther() {
        explore(
                State::new,
                state -> {},
                state -> {
                    int outer = state.srcu.readLock();
                    Item found = state.item;
                    state.read();
                    found.use();
                    state.srcu.readUnlock(outer);
                    state.read();
                },
                State::replace);
    }

    /** No section is lost of those that count in the same place, or a grace period would wait for ever. */
    @Test
    void readersShareAStripe() {
        explore(() -> new State(1), State::replace, State::read, State::read);
    }

    @Test
    void gracePeriodsOfSeveral() {
        explore(State::new, state -> {}, State::read, State::replace, State::replace);
    }

    /** Both see a callback through: which of them runs it is left to chance. */
    @Test
    void callbacksWaitForReaders() {
        explore(
                State::new,
                state -> {
                    if (state.callbacks != 2) {
                        throw new AssertionError(state.callbacks + " of 2 callbacks ran");
                    }
                },
                State::read,
                State::replaceLater,
                State::replaceLater);
    }
}
