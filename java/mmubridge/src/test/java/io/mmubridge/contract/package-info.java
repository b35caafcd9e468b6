// SPDX-License-Identifier: Apache-2.0
/** What every backend promises: tests that a class for each of them runs, with a process of its own kind. */
@NullMarked
package io.mmubridge.contract;

import org.jspecify.annotations.NullMarked;
