// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.jfr;

import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Enabled;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.Period;
import jdk.jfr.StackTrace;
import jdk.jfr.Unsigned;
import org.jspecify.annotations.Nullable;

/** How much of one cause there has been. */
@Name("io.mmubridge.InvalidationStatistics")
@Label("Invalidation Statistics")
@Category({"Operating System", "Memory"})
@Description("Invalidations of this JVM's address space since they are watched, one event for each cause there was")
@Enabled(false)
@StackTrace(false)
@Period("10 s")
final class InvalidationStatistics extends Event {
    @Label("Cause")
    @Description("None of those whose cause is not recorded")
    @Nullable
    String cause;

    @Label("Count")
    @Unsigned
    long count;

    @Label("Size")
    @Description("What they covered, each time it was covered")
    @DataAmount
    long size;
}
