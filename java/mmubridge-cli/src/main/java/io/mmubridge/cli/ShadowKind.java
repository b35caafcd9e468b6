// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import org.jspecify.annotations.Nullable;

/** What a cell is shown as: what most of its present pages are, or what became of most of those that were dropped. */
enum ShadowKind {
    /** Nothing is present. */
    ABSENT('.', "absent", 240),
    /** Present, and not writable without a fault. */
    READ_ONLY('r', "read-only", 248),
    /** Present and writable. */
    WRITABLE('w', "writable", 35),
    /** Present as part of 2 MiB or more. */
    HUGE('h', "huge", 33),
    /** Dropped, and found to be as it was. */
    SAME('=', "the same", 220),
    /** Dropped, and found with another permission. */
    REPROTECTED('p', "reprotected", 208),
    /** Dropped, and found to be another page. */
    MOVED('m', "moved", 202),
    /** Dropped, and not there any more. */
    GONE('x', "gone", 197),
    /** Something else than the kernel has told of. */
    MISMATCHED('!', "not as told", 201);

    private final char letter;
    private final String label;
    private final int colour;

    ShadowKind(char letter, String label, int colour) {
        this.letter = letter;
        this.label = label;
        this.colour = colour;
    }

    char letter() {
        return letter;
    }

    String label() {
        return label;
    }

    /** Whether it is what became of something, and not what there is. */
    boolean isChange() {
        return compareTo(SAME) >= 0;
    }

    /** Of the 256 that a terminal has. */
    int colour() {
        return colour;
    }

    /** What there is. */
    static ShadowKind state(ShadowCounts counts) {
        if (counts.present() == 0) {
            return ABSENT;
        }
        if (counts.huge() * 2 >= counts.present()) {
            return HUGE;
        }
        return counts.writable() * 2 >= counts.present() ? WRITABLE : READ_ONLY;
    }

    /** What became of it; null: nothing was dropped. What did change goes before what might have. */
    static @Nullable ShadowKind change(ShadowCounts counts) {
        if (counts.mismatched() > 0) {
            return MISMATCHED;
        }
        if (counts.changed() == 0) {
            return counts.same() > 0 ? SAME : null;
        }
        if (counts.moved() >= counts.gone() && counts.moved() >= counts.reprotected()) {
            return MOVED;
        }
        return counts.gone() >= counts.reprotected() ? GONE : REPROTECTED;
    }

    /** One letter for all of it: a capital where every page is present, and nothing was dropped. */
    static char letter(ShadowCounts counts) {
        ShadowKind change = change(counts);
        if (change != null) {
            return change.letter;
        }
        char letter = state(counts).letter;
        return counts.present() == counts.pages() ? Character.toUpperCase(letter) : letter;
    }
}
