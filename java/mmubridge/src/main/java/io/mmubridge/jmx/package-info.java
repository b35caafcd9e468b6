// SPDX-License-Identifier: Apache-2.0
/** Counters of invalidations for JMX. This package, and no other, needs the module {@code java.management}. */
@NullMarked
package io.mmubridge.jmx;

import org.jspecify.annotations.NullMarked;
