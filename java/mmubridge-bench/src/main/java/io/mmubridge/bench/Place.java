// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.bench;

import java.util.Locale;

/** Where something is measured. */
enum Place {
    /** This machine, which need not have the module. */
    HOST("On this machine"),
    /** A virtual machine with the module. */
    GUEST("In the guest");

    private final String title;

    Place(String title) {
        this.title = title;
    }

    String title() {
        return title;
    }

    String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
