// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.jfr;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Enabled;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import jdk.jfr.Unsigned;

/** Invalidations that found the ring full. */
@Name("io.mmubridge.InvalidationLoss")
@Label("Invalidation Loss")
@Category({"Operating System", "Memory"})
@Description("Invalidations came faster than they could be recorded, and are missing")
@Enabled(false)
@StackTrace(false)
final class InvalidationLoss extends Event {
    @Label("From")
    @Description("The event number of the first that is missing")
    @Unsigned
    long from;

    @Label("To")
    @Description("The event number of the last that is missing")
    @Unsigned
    long to;

    @Label("Count")
    @Unsigned
    long count;
}
