// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** A kernel with one address space and one subsystem, for tests that try interleavings. */
class SmallMachine {
    static final long PAGE = 0x1000;

    private final AtomicReference<@Nullable Runnable> task = new AtomicReference<>();

    final SimulatedKernel kernel = SimulatedKernel.builder()
            .srcu((lockdep, failures) -> new Srcu(lockdep, failures, this::later, new Turns(), 1))
            .build();
    final MmStruct mm = new MmStruct(kernel);

    final AtomicInteger allocs = new AtomicInteger();
    final AtomicInteger frees = new AtomicInteger();

    /** A domain has one task at a time. */
    private void later(Runnable work) {
        if (!task.compareAndSet(null, work)) {
            throw new AssertionError("two tasks at a time");
        }
    }

    /** Does something as one of the test's threads, and whatever SRCU callbacks are due after it. */
    void step(Runnable work) {
        work.run();
        callbacks();
    }

    private void callbacks() {
        Runnable due = task.getAndSet(null);
        if (due != null) {
            due.run();
        }
    }

    /** Without the lock that keeps registrations out: for where there are none. */
    void invalidate(long start, Runnable change) {
        MmuNotifierRange range = MmuNotifierRange.of(mm, MmuNotifierEvent.CLEAR, start, start + PAGE);
        MmuNotifier.invalidateRangeStart(range);
        change.run();
        MmuNotifier.invalidateRangeEnd(range);
    }

    MmuNotifierOps.Builder counted(String name) {
        return MmuNotifierOps.builder(name)
                .notifiers(
                        space -> {
                            allocs.incrementAndGet();
                            return new MmuNotifier();
                        },
                        notifier -> frees.incrementAndGet());
    }

    /** When all threads are done: nothing is lost, and nothing went wrong where nobody was told. */
    void checkQuiescent() {
        callbacks();
        if (allocs.get() != frees.get()) {
            throw new AssertionError(allocs + " allocated, " + frees + " freed");
        }
        int references = mm.users() == 0 ? 0 : 1;
        if (mm.count() != references) {
            throw new AssertionError(mm.count() + " references to the mm, not " + references);
        }
        if (!kernel.failures().isEmpty()) {
            throw new AssertionError(kernel.failures().toString());
        }
    }
}
