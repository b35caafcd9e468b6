// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.stress;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import io.mmubridge.model.MmuNotifier;
import io.mmubridge.model.MmuNotifierOps;
import java.util.concurrent.atomic.AtomicInteger;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;
import org.openjdk.jcstress.infra.results.I_Result;

/** {@link MmuNotifier}: the list, its readers, and the counts. */
public class NotifierStress {
    private static final int BUILT = 7;

    private NotifierStress() {}

    /** Counts in fields that are not volatile, which the scheme orders. */
    static final class Told extends MmuNotifier {
        /** 0 not asked, 1 asked, 2 asked and not built. */
        int asked;

        /** Whether its owner has freed it, and whether it was asked then. */
        boolean gone;

        boolean late;

        private int built;

        Told() {
            super(MmuNotifierOps.builder("told")
                    .clearYoung((notifier, space, start, end) -> ((Told) notifier).ask())
                    .build());
            built = BUILT;
        }

        private boolean ask() {
            asked = built == BUILT && mm().users() == 1 ? 1 : 2;
            late |= gone;
            return false;
        }
    }

    /**
     * {@code hlist_add_head_rcu()}: a reader finds a notifier that is fully built, or none. The first one of an address
     * space, with which its subscriptions are published.
     */
    @JCStressTest
    @State
    @Outcome(id = "0", expect = ACCEPTABLE, desc = "not found")
    @Outcome(id = "1", expect = ACCEPTABLE, desc = "found")
    @Outcome(id = "2", expect = FORBIDDEN, desc = "found before it was built")
    public static class FirstIsPublished extends Machine {
        private volatile Told told = new Told();

        @Actor
        public void subscriber() {
            Told made = new Told();
            told = made;
            MmuNotifier.register(made, mm);
        }

        @Actor
        public void reader(I_Result r) {
            ask();
            r.r1 = told.asked;
        }
    }

    /**
     * The same in front of others, whom the reader finds in any case.
     */
    @JCStressTest
    @State
    @Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "not found")
    @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "found")
    @Outcome(expect = FORBIDDEN, desc = "found before it was built, or missed the one behind")
    public static class NextIsPublished extends Machine {
        private final Told behind = new Told();
        private volatile Told told = behind;

        public NextIsPublished() {
            MmuNotifier.register(behind, mm);
        }

        @Actor
        public void subscriber() {
            Told made = new Told();
            told = made;
            MmuNotifier.register(made, mm);
        }

        @Actor
        public void reader(II_Result r) {
            ask();
            Told made = told;
            r.r1 = made.equals(behind) ? 0 : made.asked;
            r.r2 = behind.asked;
        }
    }

    /**
     * {@code mmu_notifier_unregister()}: when it returns nothing is called, and readers who stood on the notifier have
     * found their way to those behind.
     */
    @JCStressTest
    @State
    @Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "not called after it")
    @Outcome(id = "1, 1", expect = FORBIDDEN, desc = "called after it")
    @Outcome(
            id = {"0, 0", "1, 0"},
            expect = FORBIDDEN,
            desc = "missed the one behind")
    public static class UnregisterAgainstReader extends Machine {
        private final Told behind = new Told();
        private final Told head = new Told();

        public UnregisterAgainstReader() {
            MmuNotifier.register(behind, mm);
            MmuNotifier.register(head, mm);
        }

        @Actor
        public void owner() {
            MmuNotifier.unregister(head, mm);
            head.gone = true;
        }

        @Actor
        public void reader(II_Result r) {
            ask();
            r.r2 = behind.asked;
        }

        @Arbiter
        public void end(II_Result r) {
            r.r1 = head.late ? 1 : 0;
        }
    }

    /** A notifier with one user, which counts releases and frees. */
    static class Counted extends Machine {
        final AtomicInteger frees = new AtomicInteger();
        final AtomicInteger releases = new AtomicInteger();
        final MmuNotifierOps ops = MmuNotifierOps.builder("counted")
                .notifiers(space -> new MmuNotifier(), notifier -> frees.incrementAndGet())
                .release((notifier, space) -> releases.incrementAndGet())
                .build();
        final MmuNotifier notifier = MmuNotifier.get(ops, mm);
    }

    /**
     * The last put against a get, which finds the notifier with two users or makes another one.
     */
    @JCStressTest
    @State
    @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "the same, which lives on")
    @Outcome(id = "2, 1", expect = ACCEPTABLE, desc = "another; the first is freed")
    @Outcome(expect = FORBIDDEN, desc = "got what is freed, or nothing was freed")
    public static class PutAgainstGet extends Counted {
        @Actor
        public void put() {
            MmuNotifier.put(notifier);
        }

        @Actor
        public void get(II_Result r) {
            r.r1 = MmuNotifier.get(ops, mm).equals(notifier) ? 1 : 2;
        }

        @Arbiter
        public void end(II_Result r) {
            r.r2 = frees.get();
        }
    }

    /**
     * Two puts, of which one is the last.
     */
    @JCStressTest
    @State
    @Outcome(id = "1", expect = ACCEPTABLE, desc = "freed once")
    @Outcome(
            id = {"0", "2"},
            expect = FORBIDDEN,
            desc = "never, or twice")
    public static class PutAgainstPut extends Counted {
        public PutAgainstPut() {
            MmuNotifier.get(ops, mm);
        }

        @Actor
        public void one() {
            MmuNotifier.put(notifier);
        }

        @Actor
        public void other() {
            MmuNotifier.put(notifier);
        }

        @Arbiter
        public void end(I_Result r) {
            r.r1 = frees.get();
        }
    }

    /**
     * The end of the address space against the last put: freed once, after a release or without one.
     */
    @JCStressTest
    @State
    @Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "put before")
    @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "released, and put")
    @Outcome(expect = FORBIDDEN, desc = "released twice, or not freed once")
    public static class ReleaseAgainstPut extends Counted {
        @Actor
        public void put() {
            MmuNotifier.put(notifier);
        }

        @Actor
        public void exit() {
            mm.put();
        }

        @Arbiter
        public void end(II_Result r) {
            r.r1 = releases.get();
            r.r2 = mm.count() == 0 ? frees.get() : -1;
        }
    }
}
