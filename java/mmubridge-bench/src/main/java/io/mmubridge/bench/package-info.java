// SPDX-License-Identifier: Apache-2.0
/** Benchmarks of C and Java side by side, and the table that compares them. */
@NullMarked
package io.mmubridge.bench;

import org.jspecify.annotations.NullMarked;
