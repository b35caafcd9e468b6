// SPDX-License-Identifier: Apache-2.0
/** The backend over libmmubridge: the one place, with its bindings, where native memory is touched. */
@NullMarked
package io.mmubridge.kernel;

import org.jspecify.annotations.NullMarked;
