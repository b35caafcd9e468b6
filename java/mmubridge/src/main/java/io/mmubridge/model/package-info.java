// SPDX-License-Identifier: Apache-2.0
/**
 * The kernel's mmu notifiers in Java, over simulated address spaces: {@code mm/mmu_notifier.c} and as much of the memory
 * management around it as calls it.
 *
 * <p>Names are the kernel's, and each method says which of its functions it mirrors. Threads may run anything at any time:
 * locks are the kernel's, in its order, which a {@link io.mmubridge.model.Lockdep} checks. Nothing here touches native
 * memory, and nothing of it speaks of any real process.
 *
 * <p>Addresses are unsigned 64-bit numbers in a {@code long}, and ranges are half open.
 */
@NullMarked
package io.mmubridge.model;

import org.jspecify.annotations.NullMarked;
