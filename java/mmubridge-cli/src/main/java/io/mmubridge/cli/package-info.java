// SPDX-License-Identifier: Apache-2.0
/** The command {@code mmubridge}. */
@NullMarked
package io.mmubridge.cli;

import org.jspecify.annotations.NullMarked;
