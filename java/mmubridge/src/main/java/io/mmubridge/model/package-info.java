// SPDX-License-Identifier: Apache-2.0
/**
 * The kernel's mmu notifiers in Java, over simulated address spaces: {@code mm/mmu_notifier.c} and as much of the memory
 * management around it as calls it.
 *
 * <p>Names are the kernel's, and each method says which of its functions it mirrors. Threads may run anything at any time:
 * locks are the kernel's, in its order, which a {@link io.mmubridge.model.Lockdep} checks. Nothing here touches native
 * memory, and nothing of it speaks of any real process.
 *
 * <p>{@link io.mmubridge.Mmu#simulated(SimulatedKernel)} subscribes to the processes of such a machine, as to those of a real
 * one:
 *
 * {@snippet lang = java :
 * SimulatedKernel kernel = SimulatedKernel.builder().build();
 * SimulatedProcess process = kernel.spawn("subject");
 * long address = process.mmap(MapRequest.anonymous(4 * 4096));
 * process.write(address, (byte) 1);
 * try (Mmu mmu = Mmu.simulated(kernel);
 *         Subscription subscription = mmu.subsystem("rdma").get(mmu.process(process))) {
 *     process.munmap(address, 4 * 4096);
 *     subscription.events().drain(event -> System.out.println(event.type())); // UNMAP
 * }
 * }
 *
 * <p>Addresses are unsigned 64-bit numbers in a {@code long}, and ranges are half open.
 */
@NullMarked
package io.mmubridge.model;

import org.jspecify.annotations.NullMarked;
