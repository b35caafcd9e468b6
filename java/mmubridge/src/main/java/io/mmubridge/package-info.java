// SPDX-License-Identifier: Apache-2.0
/**
 * One question runs through everything: is this address still what I cached, and if not, who changed it and when?
 *
 * <p>{@link io.mmubridge.Mmu} opens the device, or a simulated machine of {@link io.mmubridge.model}. A {@link io.mmubridge.Subsystem} is a key: who wants to know. Getting it
 * on an {@link io.mmubridge.AddressSpace} makes a {@link io.mmubridge.Subscription}, one reference on the kernel's
 * notifier for that pair, whose {@link io.mmubridge.EventStream} tells of every invalidation of that address space.
 *
 * <p>A {@link io.mmubridge.Guard} answers the first half of that question for a range by one load; a
 * {@link io.mmubridge.Shadow} says where each page of it is, and of what an event has covered what really has changed.
 *
 * <p>What stands behind it is the kernel, through its module, or the model. Both keep the same promises, but the model
 * speaks of simulated processes alone: it refuses everything that is real.
 *
 * <p>Addresses are unsigned 64-bit numbers in a {@code long}, and ranges are half open. Times are nanoseconds of the
 * host's {@code CLOCK_MONOTONIC}. Every type may be used from any thread, virtual ones included, unless it says otherwise.
 */
@NullMarked
package io.mmubridge;

import org.jspecify.annotations.NullMarked;
