// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.jfr;

import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Enabled;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.MemoryAddress;
import jdk.jfr.Name;
import jdk.jfr.Period;
import jdk.jfr.StackTrace;
import jdk.jfr.Timespan;
import jdk.jfr.Unsigned;
import org.jspecify.annotations.Nullable;

/**
 * One {@code invalidate_range_start} of this JVM's address space.
 *
 * <p>The period is when the hook runs that brings the ring into the chunk that ends; see {@link Recorder}.
 */
@Name("io.mmubridge.Invalidation")
@Label("Invalidation")
@Category({"Operating System", "Memory"})
@Description("The kernel invalidates a range of this JVM's address space")
@Enabled(false)
@StackTrace(false)
@Period("endChunk")
final class Invalidation extends Event {
    @Label("Type")
    @Description("The kernel's name, without MMU_NOTIFY_")
    @Nullable
    String type;

    @Label("Cause")
    @Description("Read off the kernel's stack; none if causes are not recorded")
    @Nullable
    String cause;

    @Label("Start")
    @Description("The first byte that may have changed")
    @MemoryAddress
    long start;

    @Label("End")
    @Description("The first byte after the range")
    @MemoryAddress
    long end;

    @Label("Size")
    @Description("0 of a range that spans the address space")
    @DataAmount
    long size;

    @Label("Pages")
    long pages;

    @Label("Task")
    @Description("The name of the thread that ran the kernel's callback")
    @Nullable
    String task;

    @Label("Process Id")
    @Description("The process that ran the callback; 0 if it is not visible from here, as kernel threads need not be")
    int pid;

    @Label("Thread Id")
    @Description("The thread that ran the callback, as osThreadId has it of the JVM's own threads; 0 likewise")
    int tid;

    @Label("Entry")
    @Description("What that thread was in, which need not be the cause")
    @Nullable
    String entry;

    @Label("System Call")
    @Description("The one in progress, if any")
    @Nullable
    String syscall;

    @Label("Blockable")
    @Description("Whether the callback was allowed to sleep")
    boolean blockable;

    @Label("Sequence Number")
    @Description("Numbers the kernel's callbacks")
    @Unsigned
    long seq;

    @Label("Event Number")
    @Description("Numbers the events of one watch; a gap is loss")
    @Unsigned
    long n;

    @Label("Delay")
    @Description("From the callback to the start time of this event")
    @Timespan
    long delay;

    @Label("Monotonic Time")
    @Description("Of the callback: nanoseconds of the host's CLOCK_MONOTONIC, as other tools have it")
    long monotonicTime;
}
