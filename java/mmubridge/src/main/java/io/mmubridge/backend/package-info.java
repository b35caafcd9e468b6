// SPDX-License-Identifier: Apache-2.0
/** What stands behind the public types, so that there can be more than one of it. */
@NullMarked
package io.mmubridge.backend;

import org.jspecify.annotations.NullMarked;
