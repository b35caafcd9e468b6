// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.bench;

import java.util.Locale;

/** Rows that are measured together. The label is what the C program calls it too. */
enum Group {
    CALL(Place.HOST),
    RING(Place.HOST),
    GETPUT(Place.GUEST),
    DRAIN(Place.GUEST),
    LATENCY(Place.GUEST),
    WATCHED(Place.GUEST);

    private final Place place;

    Group(Place place) {
        this.place = place;
    }

    Place place() {
        return place;
    }

    String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
