// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.stress;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import io.mmubridge.model.InvalidateSeq;
import io.mmubridge.model.MmuIntervalNotifier;
import io.mmubridge.model.MmuNotifierRange;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Mode;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.Signal;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;
import org.openjdk.jcstress.infra.results.I_Result;

/** {@link MmuIntervalNotifier}: the collision-retry scheme and the number that it rests on. */
public class IntervalStress {
    private IntervalStress() {}

    /** Two pages, each with an interval notifier; the first is inserted. */
    static class Pages extends Machine {
        final Object userLock = new Object();
        final MmuIntervalNotifier first = page(0);
        final MmuIntervalNotifier second = page(1);

        /** What the page table says. Not volatile: the scheme orders it. */
        int frame = 1;

        /** Under the user's lock. */
        int shadow;

        Pages() {
            first.insert();
        }

        private MmuIntervalNotifier page(int index) {
            return new MmuIntervalNotifier(mm, index * PAGE, PAGE, (notifier, range, seq) -> {
                synchronized (userLock) {
                    notifier.setSeq(seq);
                    shadow = 0;
                    told(notifier);
                }
                return true;
            });
        }

        void told(MmuIntervalNotifier notifier) {}

        /** What was read, and whether it is to be read again. */
        final void read(MmuIntervalNotifier notifier, II_Result r) {
            long seq = notifier.readBegin();
            r.r1 = frame;
            r.r2 = notifier.readRetry(seq) ? 1 : 0;
        }

        /** By way of a frame that is only there amid the invalidation. */
        final void replace(MmuNotifierRange range) {
            invalidate(range, () -> {
                frame = 2;
                frame = 3;
            });
        }
    }

    /**
     * A read that need not be done again has seen no change half done.
     */
    @JCStressTest
    @State
    @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "before")
    @Outcome(id = "3, 0", expect = ACCEPTABLE, desc = "after")
    @Outcome(
            id = {"1, 1", "2, 1", "3, 1"},
            expect = ACCEPTABLE,
            desc = "met, and to be read again")
    @Outcome(id = "2, 0", expect = FORBIDDEN, desc = "read amid the invalidation, and taken for good")
    public static class ReadAgainstInvalidation extends Pages {
        @Actor
        public void reader(II_Result r) {
            read(first, r);
        }

        @Actor
        public void invalidation() {
            replace(range(0, 1));
        }
    }

    /**
     * The whole scheme: what is installed under the user's lock is not stale when the invalidation is over.
     */
    @JCStressTest
    @State
    @Outcome(id = "0", expect = ACCEPTABLE, desc = "dropped, or not installed")
    @Outcome(id = "3", expect = ACCEPTABLE, desc = "installed after")
    @Outcome(
            id = {"1", "2"},
            expect = FORBIDDEN,
            desc = "stale")
    public static class InstallAgainstInvalidation extends Pages {
        @Actor
        public void reader() {
            long seq = first.readBegin();
            int found = frame;
            synchronized (userLock) {
                if (!first.readRetry(seq)) {
                    shadow = found;
                }
            }
        }

        @Actor
        public void invalidation() {
            replace(range(0, 1));
        }

        @Arbiter
        public void end(I_Result r) {
            r.r1 = shadow;
        }
    }

    /**
     * Whoever is inserted amid an invalidation that has met somebody, so that the insertion is put off.
     */
    @JCStressTest
    @State
    @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "before")
    @Outcome(id = "3, 0", expect = ACCEPTABLE, desc = "after")
    @Outcome(
            id = {"1, 1", "2, 1", "3, 1"},
            expect = ACCEPTABLE,
            desc = "met, and to be read again")
    @Outcome(id = "2, 0", expect = FORBIDDEN, desc = "read amid the invalidation, and taken for good")
    public static class InsertAmidInvalidation extends Pages {
        @Actor
        public void reader(II_Result r) {
            second.insert();
            read(second, r);
        }

        @Actor
        public void invalidation() {
            replace(range(0, 2));
        }
    }

    /**
     * Whoever is inserted amid an invalidation that has met nobody, which makes the number odd.
     */
    @JCStressTest
    @State
    @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "before")
    @Outcome(id = "3, 0", expect = ACCEPTABLE, desc = "after")
    @Outcome(
            id = {"1, 1", "2, 1", "3, 1"},
            expect = ACCEPTABLE,
            desc = "met, and to be read again")
    @Outcome(id = "2, 0", expect = FORBIDDEN, desc = "read amid the invalidation, and taken for good")
    public static class InsertAmidInvalidationOfNobody extends Pages {
        @Actor
        public void reader(II_Result r) {
            second.insert();
            read(second, r);
        }

        @Actor
        public void invalidation() {
            replace(range(1, 1));
        }
    }

    /**
     * When a removal returns, nothing is called, and whoever removes sees what the last call did.
     */
    @JCStressTest
    @State
    @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "removed before")
    @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "called, and waited for")
    @Outcome(
            id = {"0, 1", "1, 1"},
            expect = FORBIDDEN,
            desc = "called after the removal")
    public static class RemoveAgainstInvalidation extends Pages {
        private int calls;
        private int late;
        private boolean removed;

        @Override
        void told(MmuIntervalNotifier notifier) {
            calls++;
            if (removed) {
                late = 1;
            }
        }

        @Actor
        public void remover(II_Result r) {
            first.remove();
            removed = true;
            r.r1 = calls;
        }

        @Actor
        public void invalidation() {
            invalidate(range(0, 1), () -> {});
        }

        @Arbiter
        public void end(II_Result r) {
            r.r2 = late;
        }
    }

    /**
     * An insertion that was put off, and the removal before it was carried out, which waits for nobody.
     */
    @JCStressTest
    @State
    @Outcome(id = "0", expect = ACCEPTABLE, desc = "not in the tree")
    @Outcome(id = "1", expect = FORBIDDEN, desc = "removed, and in the tree")
    public static class RemoveWhatWasPutOff extends Pages {
        private int calls;

        @Override
        void told(MmuIntervalNotifier notifier) {
            if (notifier.start() == second.start()) {
                calls++;
            }
        }

        @Actor
        public void subscriber() {
            second.insert();
            second.remove();
        }

        @Actor
        public void invalidation() {
            invalidate(range(0, 1), () -> {});
        }

        @Arbiter
        public void end(I_Result r) {
            invalidate(range(1, 1), () -> {});
            r.r1 = calls;
        }
    }

    /**
     * The number is odd while something is invalidated, and even when the last one has ended: 2 higher if they overlapped, 4
     * if not.
     */
    @JCStressTest
    @State
    @Outcome(id = "1, 2", expect = ACCEPTABLE, desc = "they overlapped")
    @Outcome(id = "1, 4", expect = ACCEPTABLE, desc = "one by one")
    @Outcome(expect = FORBIDDEN, desc = "even amid an invalidation, odd after it, or a step is lost")
    public static class EvenAfterOdd extends Pages {
        private final long before = InvalidateSeq.of(mm);
        private volatile boolean even;

        private void watched() {
            invalidate(range(0, 1), () -> {
                if ((InvalidateSeq.of(mm) & 1) == 0) {
                    even = true;
                }
            });
        }

        @Actor
        public void one() {
            watched();
        }

        @Actor
        public void other() {
            watched();
        }

        @Arbiter
        public void end(II_Result r) {
            r.r1 = even ? 0 : 1;
            r.r2 = (int) (InvalidateSeq.of(mm) - before);
        }
    }

    /**
     * Whoever asks again and again hears of the invalidation, without a lock: no compiler may ask once for all.
     */
    @JCStressTest(Mode.Termination)
    @Outcome(id = "TERMINATED", expect = ACCEPTABLE, desc = "it heard")
    @Outcome(id = "STALE", expect = FORBIDDEN, desc = "it did not")
    @State
    public static class RetryIsSeen {
        private final MmuIntervalNotifier notifier = new Pages().first;
        private final long seq = notifier.readBegin();

        @Actor
        public void reader() {
            while (!notifier.readRetry(seq)) {
                // Nothing here that would keep a compiler from moving the load out.
            }
        }

        @Signal
        public void invalidation() {
            notifier.setSeq(seq + 2);
        }
    }
}
