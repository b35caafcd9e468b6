// SPDX-License-Identifier: Apache-2.0
/**
 * The backend over {@link io.mmubridge.model}: what kmod/ is to the kernel, this is to a simulated machine. It is a driver
 * like any other there, and uses what is public of the model alone.
 *
 * <p>Locks, outermost first; the last two are leaves, and all that a callback takes is that of its space. Who waits for what
 * is in flight does so in a monitor of the space, which is entered before its lock:
 *
 * <pre>
 *   mmubridge subscription
 *     mmap_lock
 *       mmubridge spaces
 *       mmubridge space
 * </pre>
 */
@NullMarked
package io.mmubridge.simulated;

import org.jspecify.annotations.NullMarked;
