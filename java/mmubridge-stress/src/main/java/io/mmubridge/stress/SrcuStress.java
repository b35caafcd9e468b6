// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.stress;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import io.mmubridge.model.Lockdep;
import io.mmubridge.model.Srcu;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;
import org.openjdk.jcstress.infra.results.I_Result;

/** {@link Srcu}: readers against grace periods and callbacks. */
public class SrcuStress {
    private SrcuStress() {}

    /** A domain, and something that readers find as long as it is linked. */
    static class Domain {
        final Srcu srcu = new Srcu(
                Lockdep.off(),
                failure -> {
                    throw new AssertionError(failure);
                },
                Runnable::run);

        volatile boolean linked = true;

        /** Not volatile: a grace period orders it. */
        boolean freed;

        /** Whether it was found, and whether it was freed then; inside a section. */
        final void look(II_Result r) {
            if (linked) {
                r.r1 = 1;
                r.r2 = freed ? 1 : 0;
            }
        }

        final void read(II_Result r) {
            int section = srcu.readLock();
            look(r);
            srcu.readUnlock(section);
        }

        final void replace() {
            linked = false;
            srcu.synchronize();
            freed = true;
        }
    }

    /**
     * A reader either does not find what was unlinked, or is waited for: barriers A and B.
     */
    @JCStressTest
    @State
    @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "not found")
    @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "found, and waited for")
    @Outcome(id = "1, 1", expect = FORBIDDEN, desc = "freed under a reader")
    public static class ReaderIsWaitedFor extends Domain {
        @Actor
        public void reader(II_Result r) {
            read(r);
        }

        @Actor
        public void updater() {
            replace();
        }
    }

    /**
     * Whoever has waited for a reader sees what he did: barrier C, and the acquire of the ends.
     */
    @JCStressTest
    @State
    @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "not found, and the section is not seen")
    @Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "not found, and the section is seen all the same")
    @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "found, and the section is seen")
    @Outcome(id = "1, 0", expect = FORBIDDEN, desc = "waited for, and what the section did is not seen")
    public static class SectionIsSeen extends Domain {
        private int done;

        @Actor
        public void reader(II_Result r) {
            int section = srcu.readLock();
            r.r1 = linked ? 1 : 0;
            done = 1;
            srcu.readUnlock(section);
        }

        @Actor
        public void updater(II_Result r) {
            linked = false;
            srcu.synchronize();
            r.r2 = done;
        }
    }

    /**
     * A reader who has looked the index up before it moved, twice: the wait for stragglers.
     */
    @JCStressTest
    @State
    @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "not found")
    @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "found, and waited for")
    @Outcome(id = "1, 1", expect = FORBIDDEN, desc = "freed under a straggler")
    public static class ReaderOfTwoFlips extends Domain {
        @Actor
        public void reader(II_Result r) {
            read(r);
        }

        @Actor
        public void updater() {
            srcu.synchronize();
            replace();
        }
    }

    /**
     * The same with a grace period of the reader's own before, so that two threads move the index.
     */
    @JCStressTest
    @State
    @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "not found")
    @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "found, and waited for")
    @Outcome(id = "1, 1", expect = FORBIDDEN, desc = "freed under a reader")
    public static class GracePeriodsOfTwo extends Domain {
        @Actor
        public void reader(II_Result r) {
            srcu.synchronize();
            read(r);
        }

        @Actor
        public void updater() {
            replace();
        }
    }

    /**
     * The end of an inner section is not that of the outer one.
     */
    @JCStressTest
    @State
    @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "not found")
    @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "found, and waited for")
    @Outcome(id = "1, 1", expect = FORBIDDEN, desc = "freed when the inner section was over")
    public static class SectionsNest extends Domain {
        @Actor
        public void reader(II_Result r) {
            int outer = srcu.readLock();
            r.r1 = linked ? 1 : 0;
            srcu.readUnlock(srcu.readLock());
            r.r2 = r.r1 == 1 && freed ? 1 : 0;
            srcu.readUnlock(outer);
        }

        @Actor
        public void updater() {
            replace();
        }
    }

    /**
     * Sections that come and go do not stand for one that lasts: ends are summed before begins, barrier E.
     */
    @JCStressTest
    @State
    @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "not found")
    @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "found, and waited for")
    @Outcome(id = "1, 1", expect = FORBIDDEN, desc = "a section that was over hid one that was not")
    public static class ShortSectionsHideNobody extends Domain {
        @Actor
        public void reader(II_Result r) {
            srcu.readUnlock(srcu.readLock());
            srcu.readUnlock(srcu.readLock());
            read(r);
        }

        @Actor
        public void updater() {
            replace();
        }
    }

    /**
     * A section that one thread has begun, and another ends.
     */
    @JCStressTest
    @State
    @Outcome(id = "0", expect = ACCEPTABLE, desc = "waited for")
    @Outcome(id = "1", expect = FORBIDDEN, desc = "not waited for")
    public static class SectionEndsOnAnotherThread extends Domain {
        private final int section = srcu.readLock();

        @Actor
        public void reader(I_Result r) {
            r.r1 = freed ? 1 : 0;
            srcu.readUnlock(section);
        }

        @Actor
        public void updater() {
            replace();
        }
    }

    /**
     * {@code call_srcu()}: a callback comes after the readers, on whichever thread.
     */
    @JCStressTest
    @State
    @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "not found")
    @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "found, and waited for")
    @Outcome(id = "1, 1", expect = FORBIDDEN, desc = "freed under a reader")
    public static class CallbackWaitsForReader extends Domain {
        @Actor
        public void reader(II_Result r) {
            read(r);
            // Whoever comes second has his callback run by the first.
            srcu.callSrcu(() -> {});
        }

        @Actor
        public void updater() {
            linked = false;
            srcu.callSrcu(() -> freed = true);
        }
    }

    /**
     * Callbacks of one thread run in the order of their calls, one by one, and what one does the next one sees.
     */
    @JCStressTest
    @State
    @Outcome(id = "1, 3", expect = ACCEPTABLE, desc = "in order, and all")
    @Outcome(expect = FORBIDDEN, desc = "out of order, or lost")
    public static class CallbacksRunInOrder extends Domain {
        private int first;
        private int seen;
        private int ran;

        @Actor
        public void caller() {
            srcu.callSrcu(() -> {
                first = 1;
                ran++;
            });
            srcu.callSrcu(() -> {
                seen = first;
                ran++;
            });
        }

        @Actor
        public void other() {
            srcu.callSrcu(() -> ran++);
        }

        @Arbiter
        public void end(II_Result r) {
            r.r1 = seen;
            r.r2 = ran;
        }
    }

    /**
     * {@code srcu_barrier()}: when it returns, the callbacks given before have run, on whichever thread.
     */
    @JCStressTest
    @State
    @Outcome(id = "1", expect = ACCEPTABLE, desc = "it has run")
    @Outcome(id = "0", expect = FORBIDDEN, desc = "it has not")
    public static class BarrierWaitsForCallbacks extends Domain {
        private int ran;

        @Actor
        public void caller(I_Result r) {
            srcu.callSrcu(() -> ran = 1);
            try {
                srcu.barrier();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
            r.r1 = ran;
        }

        @Actor
        public void other() {
            srcu.callSrcu(() -> {});
        }
    }
}
