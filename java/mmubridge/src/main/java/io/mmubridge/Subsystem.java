// SPDX-License-Identifier: Apache-2.0
package io.mmubridge;

import io.mmubridge.backend.Backend;
import java.util.regex.Pattern;

/** A key: who wants to know. Its subscriptions on one address space share one notifier of the kernel. */
public final class Subsystem {
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9._-]{1,31}");

    private final Backend backend;
    private final String name;

    Subsystem(Backend backend, String name) {
        if (!NAME.matcher(name).matches()) {
            throw new IllegalArgumentException(
                    "a subsystem's name is 1 to 31 of A-Z a-z 0-9 . _ -, which this is not: " + name);
        }
        this.backend = backend;
        this.name = name;
    }

    /**
     * The name that was given to {@link Mmu#subsystem}.
     *
     * @return the name
     */
    public String name() {
        return name;
    }

    /**
     * Takes a reference on this subsystem's notifier on an address space, with the default ring and no filter.
     *
     * @param space whose invalidations to be told of
     * @return the reference
     * @throws AttachException if that is refused
     * @throws MmuException if the ring cannot be had
     */
    public Subscription get(AddressSpace space) {
        return get(space, RingOptions.defaults(), Filter.all());
    }

    /**
     * Takes a reference, {@code mmu_notifier_get_locked()}: the first one on an address space makes the notifier, every
     * further one shares it. No event between this and the return is missed.
     *
     * @param space whose invalidations to be told of
     * @param ring how much room events have
     * @param filter which events are wanted
     * @return the reference, to be put by {@link Subscription#close()}
     * @throws AttachException if that is refused, by the rules of ptrace or a limit
     * @throws MmuException if the ring or the filter cannot be had
     */
    public Subscription get(AddressSpace space, RingOptions ring, Filter filter) {
        return new Subscription(this, backend.attach(name, space, ring, filter));
    }

    @Override
    public String toString() {
        return "Subsystem[" + name + "]";
    }
}
