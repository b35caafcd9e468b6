// SPDX-License-Identifier: Apache-2.0
/** Caches of what is made of memory, such as registrations with a device, that notice when the memory changes. */
@NullMarked
package io.mmubridge.cache;

import org.jspecify.annotations.NullMarked;
