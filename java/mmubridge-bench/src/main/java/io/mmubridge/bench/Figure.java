// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.bench;

import java.util.Locale;

/** What is drawn of the rows. */
enum Figure {
    SRCU("A read section with nothing in it", "section", "threads", Shape.BARS),
    GET("get + put of a notifier that is shared", "get + put", "address spaces", Shape.CURVES),
    GET_SUBSYSTEMS(
            "get + put of a notifier that is shared, one of several on its address space",
            "get + put",
            "subsystems",
            Shape.CURVES),
    NEW("get + put of a notifier that is new", "get + put", "address spaces", Shape.CURVES),
    NEW_SUBSYSTEMS(
            "get + put of a notifier that is new, one of several on its address space",
            "get + put",
            "subsystems",
            Shape.CURVES),
    INVALIDATE("An invalidation that one notifier hears of", "invalidation", "threads", Shape.BARS),
    INTERVAL("An invalidation that meets no interval", "invalidation", "interval notifiers", Shape.CURVES),
    MUNMAP_1("munmap of 1 page", "munmap", "guards, or shadowed pages", Shape.CURVES),
    MUNMAP_64("munmap of 64 pages", "munmap", "guards, or shadowed pages", Shape.CURVES);

    /** How it is drawn. */
    enum Shape {
        /** On a logarithmic axis. */
        CURVES,
        /** A group of bars for each place on the axis. */
        BARS
    }

    /**
     * Where a row is in a figure.
     *
     * @param figure which
     * @param series the name of its curve, or of its bar in each group
     * @param x the place on the axis, not negative
     */
    record Point(Figure figure, String series, int x) {}

    private final String title;
    private final String each;
    private final String axis;
    private final Shape shape;

    Figure(String title, String each, String axis, Shape shape) {
        this.title = title;
        this.each = each;
        this.axis = axis;
        this.shape = shape;
    }

    String title() {
        return title;
    }

    /** What takes the time that is shown. */
    String each() {
        return each;
    }

    /** What the axis from left to right counts. */
    String axis() {
        return axis;
    }

    Shape shape() {
        return shape;
    }

    String label() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
