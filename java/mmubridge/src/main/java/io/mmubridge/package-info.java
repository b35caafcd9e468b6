// SPDX-License-Identifier: Apache-2.0
/**
 * One question runs through everything: is this address still what I cached, and if not, who changed it and when?
 *
 * <p>{@link io.mmubridge.Mmu} opens the device. A {@link io.mmubridge.Subsystem} is a key: who wants to know. Getting it
 * on an {@link io.mmubridge.AddressSpace} makes a {@link io.mmubridge.Subscription}, one reference on the kernel's
 * notifier for that pair, whose {@link io.mmubridge.EventStream} tells of every invalidation of that address space.
 *
 * <p>Addresses are unsigned 64-bit numbers in a {@code long}, and ranges are half open. Times are nanoseconds of the
 * host's {@code CLOCK_MONOTONIC}. Every type may be used from any thread, virtual ones included, unless it says otherwise.
 */
@NullMarked
package io.mmubridge;

import org.jspecify.annotations.NullMarked;
