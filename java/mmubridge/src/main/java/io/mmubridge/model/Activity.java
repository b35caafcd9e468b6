// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import io.mmubridge.Cause;
import io.mmubridge.EventEntry;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What the current thread is doing in the simulated machine: the kernel's {@code current}, its registers, and its stack, as
 * far as a notifier callback may want to know.
 *
 * @param pid of the process, or of the kernel thread; 0 outside of all operations
 * @param tid of its thread
 * @param comm its name
 * @param entry by what the kernel was entered
 * @param syscall the system call in progress, null if there is none
 * @param syscallNumber its number on x86-64, -1 if there is none
 * @param cause what the innermost operation does
 */
public record Activity(
        int pid,
        int tid,
        String comm,
        EventEntry entry,
        @Nullable String syscall,
        int syscallNumber,
        Cause cause) {
    private static final ScopedValue<Activity> CURRENT = ScopedValue.newInstance();
    private static final Activity NONE = new Activity(0, 0, "", EventEntry.UNKNOWN, null, -1, Cause.UNKNOWN);

    /**
     * The activity of the calling thread.
     *
     * @return it; outside of all operations one of pid 0 and unknown cause
     */
    public static Activity current() {
        return CURRENT.orElse(NONE);
    }

    /** Does something as this. */
    <T extends @Nullable Object> T call(Supplier<T> operation) {
        return ScopedValue.where(CURRENT, this).call(operation::get);
    }

    /** Does something as this. */
    void run(Runnable operation) {
        ScopedValue.where(CURRENT, this).run(operation);
    }

    /** Does a part of the current operation that has a cause of its own. */
    static void because(Cause cause, Runnable operation) {
        current().with(cause).run(operation);
    }

    Activity with(Cause another) {
        return new Activity(pid, tid, comm, entry, syscall, syscallNumber, another);
    }
}
