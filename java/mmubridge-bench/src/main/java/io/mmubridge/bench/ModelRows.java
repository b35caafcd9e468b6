// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.bench;

import io.mmubridge.bench.Figure.Point;
import io.mmubridge.bench.Schemes.Order;
import io.mmubridge.bench.Schemes.Scheme;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The rows of the model, where Java is compared with Java. A row comes after the one that it is compared with, and between
 * them there is none that is compared with nothing.
 */
final class ModelRows {
    /** A read section, to a volatile increment: it counts twice, and must find out where. */
    private static final double SECTION_AIM = 3;

    /** What is flat, to its beginning: the noise. */
    private static final double FLAT_AIM = 1.3;

    private static final int[] THREADS = {1, 2};
    private static final int[] MMS = {1, 10, 100, 1000, 10_000, 100_000};
    private static final int[] FEWER_MMS = {1, 1000, 100_000};
    private static final int[] SUBSYSTEMS = {4, 16};
    private static final int[] INTERVALS = {0, 1, 10, 100};

    /** What more intervals are compared with, by the ratio of the logarithms: what they all take only makes it less. */
    private static final int BASE_INTERVALS = 100;

    private static final int[] MORE_INTERVALS = {1000, 10_000};
    private static final int FEW_RANGES = 16;
    private static final int MANY_RANGES = 4096;

    private static final String ONE_SERIES = "the model, always one of them";

    private final List<Row> rows = new ArrayList<>();

    private ModelRows() {}

    static List<Row> all() {
        ModelRows all = new ModelRows();
        all.addSections();
        all.addShared();
        all.addFresh();
        all.addInvalidations();
        all.addIntervals();
        return all.rows;
    }

    // ---------------------------------------------------------------------------------------------------- srcu

    private void addSections() {
        for (int threads : THREADS) {
            String base = "srcu-volatile-" + threads;
            addSection(base, "volatile increment", "volatileIncrement", threads, null, null);
            addSection("srcu-atomic-" + threads, "atomic increment", "atomicIncrement", threads, base, null);
            addSection("srcu-section-" + threads, "SRCU section", "srcu", threads, base, SECTION_AIM);
            addSection(
                    "srcu-rwlock-" + threads, "ReentrantReadWriteLock section", "readWriteLock", threads, base, null);
            addSection("srcu-stamped-" + threads, "StampedLock section", "stampedLock", threads, base, null);
        }
    }

    private void addSection(
            String id, String series, String method, int threads, @Nullable String base, @Nullable Double aim) {
        rows.add(row(
                id,
                Group.SRCU,
                series + ", " + count(threads, "thread"),
                new Row.Run("ReadSection." + method, threads, Map.of()),
                base,
                aim,
                List.of(new Point(Figure.SRCU, series, threads))));
    }

    // ------------------------------------------------------------------------------------------------ notifier

    private void addShared() {
        for (int mms : MMS) {
            addSchemes(
                    "get-mms-" + mms,
                    "get + put, shared, each of " + count(mms, "mm") + " in turn",
                    new Row.Run("Schemes.shared", 1, Map.of("mms", "" + mms)),
                    mms == 1 ? List.of(Figure.GET, Figure.GET_SUBSYSTEMS) : List.of(Figure.GET),
                    mms);
            if (mms == 1) {
                addOneOfMany();
            }
        }
        for (int subsystems : SUBSYSTEMS) {
            addSchemes(
                    "get-subsystems-" + subsystems,
                    "get + put, shared, each of " + count(subsystems, "subsystem") + " in turn",
                    new Row.Run("Schemes.shared", 1, Map.of("subsystems", "" + subsystems)),
                    List.of(Figure.GET_SUBSYSTEMS),
                    subsystems);
        }
    }

    /** Apart from what caches have to do with it. */
    private void addOneOfMany() {
        for (int mms : MMS) {
            if (mms > 1) {
                rows.add(row(
                        "get-one-of-" + mms,
                        Group.NOTIFIER,
                        "get + put, shared, always one of " + count(mms, "mm") + ": the model",
                        new Row.Run("Schemes.shared", 1, Map.of("mms", "" + mms, "order", Order.ONE.name())),
                        "get-mms-1",
                        FLAT_AIM,
                        List.of(new Point(Figure.GET, ONE_SERIES, mms))));
            }
        }
    }

    private void addFresh() {
        for (int mms : FEWER_MMS) {
            addSchemes(
                    "new-mms-" + mms,
                    "get + put, new, each of " + count(mms, "mm") + " in turn",
                    new Row.Run("Schemes.fresh", 1, Map.of("mms", "" + mms)),
                    mms == 1 ? List.of(Figure.NEW, Figure.NEW_SUBSYSTEMS) : List.of(Figure.NEW),
                    mms);
        }
        for (int subsystems : SUBSYSTEMS) {
            addSchemes(
                    "new-subsystems-" + subsystems,
                    "get + put, new, the last of " + count(subsystems, "subsystem"),
                    new Row.Run("Schemes.fresh", 1, Map.of("subsystems", "" + subsystems)),
                    List.of(Figure.NEW_SUBSYSTEMS),
                    subsystems);
        }
    }

    private void addInvalidations() {
        for (int threads : THREADS) {
            addSchemes(
                    "invalidate-" + threads,
                    "invalidation, one notifier, " + count(threads, "thread"),
                    new Row.Run("Schemes.invalidate", threads, Map.of()),
                    List.of(Figure.INVALIDATE),
                    threads);
        }
    }

    /** The model, and its rivals compared with it. */
    private void addSchemes(String id, String title, Row.Run run, List<Figure> figures, int x) {
        for (Scheme scheme : Scheme.values()) {
            boolean model = scheme == Scheme.MODEL;
            List<Point> points = new ArrayList<>();
            figures.forEach(figure -> points.add(new Point(figure, scheme.title(), x)));
            if (model && x == 1 && figures.contains(Figure.GET)) {
                points.add(new Point(Figure.GET, ONE_SERIES, x));
            }
            rows.add(row(
                    model ? id : id + "-" + scheme.name().toLowerCase(Locale.ROOT),
                    Group.NOTIFIER,
                    title + ": " + scheme.title(),
                    run.with("scheme", scheme.name()),
                    model ? null : id,
                    null,
                    points));
        }
    }

    // ------------------------------------------------------------------------------------------------ interval

    private void addIntervals() {
        for (int intervals : INTERVALS) {
            addInterval(intervals, FEW_RANGES, null);
        }
        for (int intervals : MORE_INTERVALS) {
            addInterval(intervals, FEW_RANGES, Math.log(intervals) / Math.log(BASE_INTERVALS));
        }
        // Apart, since what they take is what the caches take.
        addInterval(BASE_INTERVALS, MANY_RANGES, null);
        for (int intervals : MORE_INTERVALS) {
            addInterval(intervals, MANY_RANGES, null);
        }
    }

    private void addInterval(int intervals, int ranges, @Nullable Double aim) {
        rows.add(row(
                "interval-" + intervals + (ranges == FEW_RANGES ? "" : "-many"),
                Group.INTERVAL,
                "invalidation of one of " + count(ranges, "range") + ", none of " + count(intervals, "interval")
                        + " met",
                new Row.Run("Intervals.invalidate", 1, Map.of("intervals", "" + intervals, "ranges", "" + ranges)),
                aim == null ? null : "interval-" + BASE_INTERVALS,
                aim,
                List.of(new Point(Figure.INTERVAL, "one of " + count(ranges, "range") + " in turn", intervals))));
    }

    private static Row row(
            String id,
            Group group,
            String title,
            Row.Run run,
            @Nullable String base,
            @Nullable Double aim,
            List<Point> points) {
        return new Row(id, group, title, Row.Probe.of(run), base, aim, points);
    }

    private static String count(int count, String what) {
        return format(count) + " " + what + (count == 1 ? "" : "s");
    }

    private static String format(int count) {
        return String.format(Locale.ROOT, "%,d", count);
    }
}
