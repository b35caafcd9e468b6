// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.bench;

import java.util.Locale;

/** Rows that are measured together. The label is what the C program calls it too. */
enum Group {
    CALL(Place.HOST, true),
    RING(Place.HOST, true),
    SRCU(Place.HOST, false),
    NOTIFIER(Place.HOST, false),
    INTERVAL(Place.HOST, false),
    GETPUT(Place.GUEST, true),
    DRAIN(Place.GUEST, true),
    LATENCY(Place.GUEST, true),
    WATCHED(Place.GUEST, true);

    private final Place place;
    private final boolean inC;

    Group(Place place, boolean inC) {
        this.place = place;
        this.inC = inC;
    }

    Place place() {
        return place;
    }

    /** Whether the C program has it too: not the model, which is Java's alone. */
    boolean isInC() {
        return inC;
    }

    String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
