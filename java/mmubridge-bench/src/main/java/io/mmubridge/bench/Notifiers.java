// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.bench;

/**
 * One notifier for each subsystem and address space, counted, and freed once no callback can see it: what
 * {@code mmu_notifier_get()} and {@code mmu_notifier_put()} promise, to be kept in several ways. Subsystems and spaces are
 * named by their numbers. Thread-safe.
 *
 * @param <N> a notifier
 */
interface Notifiers<N> {
    /** What all of them are made of. */
    interface Callbacks {
        /** A notifier was told that its address space changes. */
        void invalidated();

        /** A notifier was freed. */
        void freed();
    }

    /** The notifier, made if there is none. */
    N get(int subsystem, int space);

    /** Gives one reference back; the last one has the notifier freed. */
    void put(N notifier);

    /** Tells the notifiers of all subsystems on an address space that it changes. */
    void invalidate(int space);

    /** Waits until all that was put for the last time is freed. */
    void drain();
}
