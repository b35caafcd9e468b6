// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.bench;

import io.mmubridge.bench.Figure.Point;
import io.mmubridge.bench.Row.Probe;
import io.mmubridge.bench.Row.Run;
import io.mmubridge.bench.Row.Unit;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The rows of guards and shadows, which are compared with what they take the place of. */
final class GuardRows {
    /** A check, to the load that it is. */
    private static final double CHECK_AIM = 1.5;

    /** GUARD_ADD and GUARD_REMOVE, each to the least that a system call can do. */
    private static final double CALL_AIM = 4;

    /** A lookup, to one page of pagemap at a time, and to one of 512 at a time. */
    private static final double ONE_AIM = 1 / 100.0;

    private static final double PART_AIM = 1 / 5.0;

    /** What is flat; what is to be logarithmic is no more than that where a munmap is around it. */
    private static final double FLAT_AIM = 1.3;

    private static final int[] PRESENT = {100, 1000, 4000};
    private static final int MOST_PRESENT = 4000;
    private static final int[] GUARDS = {1, 100, 10_000};
    private static final int[] SHADOWED = {1, 100, 10_000, 100_000};

    private static final String GUARDS_ELSEWHERE = "guards elsewhere";
    private static final String SHADOWED_ELSEWHERE = "shadowed pages elsewhere";
    private static final String GUARDS_THERE = "guards on what is unmapped";

    private GuardRows() {}

    static List<Row> inMemory() {
        List<Row> rows = new ArrayList<>(List.of(
                inBoth("guard-load", Group.GUARD, "a word loaded, acquire, and compared", "GuardCheck.load"),
                inC("guard-check-c", Group.GUARD, "guard checked, in C", "guard-load", CHECK_AIM),
                inJava(
                        "guard-check",
                        Group.GUARD,
                        "guard checked, in Java",
                        "GuardCheck.check",
                        "guard-load",
                        CHECK_AIM),
                new Row(
                        "shadow-lookup",
                        Group.SHADOW,
                        "shadow in memory: look a page up",
                        Probe.of("ShadowLookup.lookup"),
                        null,
                        Row.JAVA_AIM,
                        List.of())));
        addPagemap(rows, Group.SHADOW, "-here");
        return rows;
    }

    private static void addPagemap(List<Row> rows, Group group, String where) {
        String title = "pread of pagemap, a page of ";
        String lookup = "shadow looked up in that order";
        rows.add(inC("pagemap" + where + "-1", group, title + "one", null, null));
        rows.add(inC("shadow" + where + "-1", group, lookup, "pagemap" + where + "-1", ONE_AIM));
        rows.add(inC("pagemap" + where + "-512", group, title + "512", null, null));
        rows.add(inC("shadow" + where + "-512", group, lookup, "pagemap" + where + "-512", PART_AIM));
    }

    static List<Row> withTheModel() {
        return sends("sends", Group.SENDS, "SIMULATED", ", in the model");
    }

    static List<Row> withTheModule() {
        List<Row> rows = new ArrayList<>();
        rows.add(inC("guard-getppid", Group.GUARDS, "getppid", null, null));
        rows.add(inC("guard-add", Group.GUARDS, "GUARD_ADD", "guard-getppid", CALL_AIM));
        rows.add(inC("guard-remove", Group.GUARDS, "GUARD_REMOVE", "guard-getppid", CALL_AIM));
        addPairs(rows);
        addPagemap(rows, Group.PAGEMAP, "");
        rows.addAll(sends("cache", Group.CACHE, "JVM", ""));
        return rows;
    }

    private static void addPairs(List<Row> rows) {
        String base = "guard-pair-0";
        Run none = new Run("GuardCalls.addAndRemove", 1, Map.of("present", "0"));
        String title = "GUARD_ADD + GUARD_REMOVE";
        rows.add(new Row(base, Group.GUARDS, title, Probe.of(none), null, Row.JAVA_AIM, List.of()));
        for (int present : PRESENT) {
            rows.add(inC("guard-pair-" + present, Group.GUARDS, title + among(present) + ", in C", base, FLAT_AIM));
        }
        rows.add(new Row(
                "guard-pair-java-" + MOST_PRESENT,
                Group.GUARDS,
                title + among(MOST_PRESENT) + ", in Java",
                Probe.of(none.with("present", "" + MOST_PRESENT)),
                base,
                FLAT_AIM,
                List.of()));
    }

    private static String among(int present) {
        return " among " + number(present) + " guards";
    }

    private static List<Row> sends(String id, Group group, String owner, String where) {
        Run off = new Run("CachedSends.send", 1, Map.of("caching", "OFF", "owner", owner));
        Run on = off.with("caching", "ON");
        String made = "registrations in 1,000 sends" + where + ", ";
        return List.of(
                send(id + "-off", group, "send of 256 KiB" + where + ", without a cache", Probe.of(off), null),
                send(id + "-on", group, "with a registration cache", Probe.of(on), id + "-off"),
                send(id + "-off-made", group, made + "without a cache", count(off, "registrations"), null),
                send(id + "-on-made", group, "with a registration cache", count(on, "registrations"), id + "-off-made"),
                send(id + "-on-stale", group, "found stale", count(on, "invalidations"), id + "-off-made"));
    }

    private static Probe count(Run run, String metric) {
        return new Probe(run, metric, Unit.COUNT);
    }

    private static Row send(String id, Group group, String title, Probe probe, @Nullable String base) {
        return new Row(id, group, title, probe, base, null, List.of());
    }

    static List<Row> munmap() {
        List<Row> rows = new ArrayList<>();
        addMunmap(rows, "1", "1 page", Figure.MUNMAP_1);
        addMunmap(rows, "64", "64 pages", Figure.MUNMAP_64);
        return rows;
    }

    private static void addMunmap(List<Row> rows, String pages, String title, Figure figure) {
        String base = "guarded-" + pages + "-none";
        rows.add(new Row(
                base,
                Group.GUARDED,
                "munmap of " + title + ", watched, no guard",
                null,
                null,
                null,
                List.of(
                        new Point(figure, GUARDS_ELSEWHERE, 0),
                        new Point(figure, SHADOWED_ELSEWHERE, 0),
                        new Point(figure, GUARDS_THERE, 0))));
        for (int guards : GUARDS) {
            rows.add(burdened(base, "guards", guards, figure, GUARDS_ELSEWHERE, FLAT_AIM));
        }
        for (int shadowed : SHADOWED) {
            rows.add(burdened(base, "shadowed", shadowed, figure, SHADOWED_ELSEWHERE, FLAT_AIM));
        }
        for (int guards : GUARDS) {
            rows.add(burdened(base, "overlapping", guards, figure, GUARDS_THERE, null));
        }
    }

    private static Row burdened(
            String base, String what, int count, Figure figure, String series, @Nullable Double aim) {
        return new Row(
                base.replace("none", what + "-" + count),
                Group.GUARDED,
                number(count) + " " + series,
                null,
                base,
                aim,
                List.of(new Point(figure, series, count)));
    }

    private static Row inBoth(String id, Group group, String title, String benchmark) {
        return new Row(id, group, title, Probe.of(benchmark), null, null, List.of());
    }

    private static Row inC(String id, Group group, String title, @Nullable String base, @Nullable Double aim) {
        return new Row(id, group, title, null, base, aim, List.of());
    }

    private static Row inJava(
            String id, Group group, String title, String benchmark, @Nullable String base, @Nullable Double aim) {
        return new Row(id, group, title, Probe.of(benchmark), base, aim, List.of());
    }

    private static String number(int number) {
        return String.format(Locale.ROOT, "%,d", number);
    }
}
