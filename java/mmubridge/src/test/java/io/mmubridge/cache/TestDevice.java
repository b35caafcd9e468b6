// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cache;

import io.mmubridge.AddressRange;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** Keeps the books: what is registered, and that nothing is taken back twice, or used after. */
final class TestDevice implements Registrar<TestDevice.Registration> {
    /** One registration. */
    static final class Registration {
        final AddressRange range;
        private boolean registered = true;

        Registration(AddressRange range) {
            this.range = range;
        }
    }

    private final List<Registration> registered = new ArrayList<>();
    private int registrations;
    private Consumer<AddressRange> before = range -> {};

    /** What happens at each registration before it is made; may throw. */
    void before(Consumer<AddressRange> action) {
        before = action;
    }

    @Override
    public Registration register(AddressRange range) {
        before.accept(range);
        synchronized (this) {
            Registration registration = new Registration(range);
            registered.add(registration);
            registrations++;
            return registration;
        }
    }

    @Override
    public synchronized void deregister(Registration registration) {
        if (!registration.registered) {
            throw new AssertionError(registration.range + " is taken back twice");
        }
        registration.registered = false;
        registered.remove(registration);
    }

    /** Sends from what is registered, or else the machine would stop. */
    synchronized void use(Registration registration) {
        if (!registration.registered) {
            throw new AssertionError(registration.range + " is used and was taken back");
        }
    }

    synchronized List<AddressRange> registered() {
        return registered.stream().map(registration -> registration.range).toList();
    }

    synchronized int registrations() {
        return registrations;
    }
}
