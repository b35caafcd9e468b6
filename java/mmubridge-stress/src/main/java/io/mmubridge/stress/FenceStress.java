// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.stress;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE_INTERESTING;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/**
 * The heart of {@link io.mmubridge.model.Srcu}, barriers A and B, in a copy for one reader: with both, and with either taken
 * out. The reader alone writes his count, so it can be counted without an addition that would be a fence by itself.
 *
 * <p>With a fence missing, the processor may load before its store is seen by others: reader and updater both look where the
 * other has not been yet. The reader then uses what the updater frees.
 */
public class FenceStress {
    private FenceStress() {}

    /** One reader's count, and what he looks up. */
    static class Copy {
        private static final VarHandle BEGINS;
        private static final VarHandle LINKED;

        static {
            try {
                MethodHandles.Lookup lookup = MethodHandles.lookup();
                BEGINS = lookup.findVarHandle(Copy.class, "begins", int.class);
                LINKED = lookup.findVarHandle(Copy.class, "linked", int.class);
            } catch (ReflectiveOperationException e) {
                throw new LinkageError(e.getMessage(), e);
            }
        }

        @SuppressWarnings("unused") // by its handle
        private int begins;

        @SuppressWarnings("unused") // by its handle
        private int linked = 1;

        final void begin() {
            BEGINS.setOpaque(this, 1);
        }

        final int find() {
            return (int) LINKED.getOpaque(this);
        }

        final void unlink() {
            LINKED.setOpaque(this, 0);
        }

        final int begins() {
            return (int) BEGINS.getOpaque(this);
        }
    }

    /**
     * With both fences.
     *
     * <pre>
     * result  samples
     * 0, 0     211067  not found, not waited for
     * 0, 1       2456  not found, and waited for all the same
     * 1, 0          0  found, and not waited for
     * 1, 1     409088  found, and waited for
     * </pre>
     */
    @JCStressTest
    @State
    @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "not found, not waited for")
    @Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "not found, and waited for all the same")
    @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "found, and waited for")
    @Outcome(id = "1, 0", expect = FORBIDDEN, desc = "found, and not waited for")
    public static class BothFences extends Copy {
        @Actor
        public void reader(II_Result r) {
            begin();
            VarHandle.fullFence();
            r.r1 = find();
        }

        @Actor
        public void updater(II_Result r) {
            unlink();
            VarHandle.fullFence();
            r.r2 = begins();
        }
    }

    /**
     * Without B, that of the reader.
     *
     * <pre>
     * result  samples
     * 0, 0     165742  not found, not waited for
     * 0, 1        488  not found, and waited for all the same
     * 1, 0      25838  found, and not waited for
     * 1, 1     696783  found, and waited for
     * </pre>
     */
    @JCStressTest
    @State
    @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "not found, not waited for")
    @Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "not found, and waited for all the same")
    @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "found, and waited for")
    @Outcome(id = "1, 0", expect = ACCEPTABLE_INTERESTING, desc = "found, and not waited for")
    public static class NoFenceInReadLock extends Copy {
        @Actor
        public void reader(II_Result r) {
            begin();
            r.r1 = find();
        }

        @Actor
        public void updater(II_Result r) {
            unlink();
            VarHandle.fullFence();
            r.r2 = begins();
        }
    }

    /**
     * Without A, that of the grace period.
     *
     * <pre>
     * result  samples
     * 0, 0      63558  not found, not waited for
     * 0, 1         30  not found, and waited for all the same
     * 1, 0       6376  found, and not waited for
     * 1, 1      39188  found, and waited for
     * </pre>
     */
    @JCStressTest
    @State
    @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "not found, not waited for")
    @Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "not found, and waited for all the same")
    @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "found, and waited for")
    @Outcome(id = "1, 0", expect = ACCEPTABLE_INTERESTING, desc = "found, and not waited for")
    public static class NoFenceInSynchronize extends Copy {
        @Actor
        public void reader(II_Result r) {
            begin();
            VarHandle.fullFence();
            r.r1 = find();
        }

        @Actor
        public void updater(II_Result r) {
            unlink();
            r.r2 = begins();
        }
    }
}
