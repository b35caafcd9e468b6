// SPDX-License-Identifier: Apache-2.0
/** The library on a real kernel with the module loaded. */
@NullMarked
package io.mmubridge.it;

import org.jspecify.annotations.NullMarked;
