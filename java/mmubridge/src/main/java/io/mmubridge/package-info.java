// SPDX-License-Identifier: Apache-2.0
/** One question runs through everything: is this address still what I cached, and if not, who changed it and when? */
@NullMarked
package io.mmubridge;

import org.jspecify.annotations.NullMarked;
