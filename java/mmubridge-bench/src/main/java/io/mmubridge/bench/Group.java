// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.bench;

import java.util.Locale;

/** Rows that are measured together. The label is what the C program calls it too. */
enum Group {
    CALL(Place.HOST, Program.BOTH),
    RING(Place.HOST, Program.BOTH),
    GUARD(Place.HOST, Program.BOTH),
    SHADOW(Place.HOST, Program.BOTH),
    SRCU(Place.HOST, Program.JAVA),
    NOTIFIER(Place.HOST, Program.JAVA),
    INTERVAL(Place.HOST, Program.JAVA),
    SENDS(Place.HOST, Program.JAVA),
    GETPUT(Place.GUEST, Program.BOTH),
    DRAIN(Place.GUEST, Program.BOTH),
    LATENCY(Place.GUEST, Program.BOTH),
    GUARDS(Place.GUEST, Program.BOTH),
    PAGEMAP(Place.GUEST, Program.BOTH),
    CACHE(Place.GUEST, Program.JAVA),
    WATCHED(Place.GUEST, Program.TURNS),
    GUARDED(Place.GUEST, Program.TURNS);

    /** What measures it. */
    private enum Program {
        /** C and Java side by side, or one of them where a row is of one alone. */
        BOTH,
        JAVA,
        /** C alone, in which what is compared takes turns: each sample of a row is a round of its own. */
        TURNS
    }

    private final Place place;
    private final Program program;

    Group(Place place, Program program) {
        this.place = place;
        this.program = program;
    }

    Place place() {
        return place;
    }

    /** Whether the C program has it: not the model, which is Java's alone. */
    boolean isInC() {
        return program != Program.JAVA;
    }

    /** Whether each sample is a round. */
    boolean takesTurns() {
        return program == Program.TURNS;
    }

    String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
