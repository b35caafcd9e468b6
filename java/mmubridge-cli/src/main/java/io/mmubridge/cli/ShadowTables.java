// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import io.mmubridge.Cause;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

/** What looks have found, in columns. */
final class ShadowTables {
    private static final int CAUSES = 8;
    private static final int TASKS = 6;
    private static final int CAUSES_OF_A_MAPPING = 3;

    private ShadowTables() {}

    /**
     * Mappings, and what has become of each since the last look.
     *
     * @param look what was found
     * @param areas those of its areas that are wanted
     */
    static Table mappings(ShadowLook look, List<ShadowLook.Area> areas) {
        List<String> more = look.number() == 1 ? List.of() : List.of("causes");
        return mappings(look, areas, ShadowLook.Area::now, more, area -> List.of(causes(area.causes())));
    }

    /** Each mapping, and what has become of it since the first look. */
    static Table mappingsInTotal(ShadowLook look) {
        return mappings(look, look.areas(), ShadowLook.Area::total, List.of(), area -> List.of());
    }

    private static Table mappings(
            ShadowLook look,
            List<ShadowLook.Area> areas,
            Function<ShadowLook.Area, ShadowCounts> counts,
            List<String> moreHeadings,
            Function<ShadowLook.Area, List<String>> more) {
        boolean again = look.number() > 1;
        List<String> headings =
                new ArrayList<>(List.of("range", "size", "perm", "present", "share", "writable", "huge"));
        if (again) {
            headings.addAll(List.of("dropped", "same", "moved", "reprot", "gone", "new"));
        }
        headings.addAll(moreHeadings);
        headings.add("name");
        Table table = new Table(headings.toArray(String[]::new));
        for (ShadowLook.Area area : areas) {
            ShadowCounts of = counts.apply(area);
            List<String> row = new ArrayList<>(List.of(
                    area.mapping().range().toString(),
                    Sizes.text(Ranges.size(area.mapping().range())),
                    area.mapping().permissions(),
                    Long.toString(of.present()),
                    SummaryTables.share(of.present(), of.pages()),
                    Long.toString(of.writable()),
                    Long.toString(of.huge())));
            if (again) {
                row.addAll(List.of(
                        Long.toString(of.dropped()),
                        Long.toString(of.same()),
                        Long.toString(of.moved()),
                        Long.toString(of.reprotected()),
                        Long.toString(of.gone()),
                        Long.toString(of.added())));
                row.addAll(more.apply(area));
            }
            row.add(area.mapping().label());
            table.row(row.toArray(String[]::new));
        }
        return table;
    }

    private static String causes(Map<Cause, Long> causes) {
        return causes.entrySet().stream()
                .limit(CAUSES_OF_A_MAPPING)
                .map(cause -> cause.getKey().label() + " " + cause.getValue())
                .collect(Collectors.joining(", "));
    }

    /**
     * Why there were events, and by whom; nothing where there were none.
     *
     * @param events that were seen
     * @param nowNanos CLOCK_MONOTONIC
     */
    static List<Table> events(ShadowEvents.Snapshot events, long nowNanos) {
        if (events.all().events() == 0) {
            return List.of();
        }
        Table causes = new Table("cause", "events", "pages", "dropped", "seconds ago");
        events.byCause().entrySet().stream()
                .limit(CAUSES)
                .forEach(cause -> row(causes, cause.getKey().label(), cause.getValue(), nowNanos));
        Table tasks = new Table("task", "events", "pages", "dropped", "seconds ago");
        events.byTask().entrySet().stream()
                .limit(TASKS)
                .forEach(task ->
                        row(tasks, task.getKey().comm() + " " + task.getKey().tid(), task.getValue(), nowNanos));
        return List.of(causes, tasks);
    }

    private static void row(Table table, String name, ShadowEvents.Count count, long nowNanos) {
        table.row(
                name,
                Long.toString(count.events()),
                Long.toString(count.pages()),
                Long.toString(count.dropped()),
                String.format(Locale.ROOT, "%.3f", Math.max(0, nowNanos - count.lastNanos()) / 1e9));
    }

    /** Pages one by one; such as follow each other in both address and frame, and are alike, in one row. */
    static Table pages(List<ShadowSpace.Page> pages) {
        Table table = new Table("address", "frame", "pages", "state");
        int first = 0;
        for (int i = 1; i <= pages.size(); i++) {
            if (i == pages.size() || !follows(pages.get(i - 1), pages.get(i))) {
                ShadowSpace.Page page = pages.get(first);
                table.row(
                        Json.address(page.address()),
                        Json.address(page.frame()),
                        Integer.toString(i - first),
                        (page.isWritable() ? ShadowKind.WRITABLE : ShadowKind.READ_ONLY).label()
                                + (page.isHuge() ? ", huge" : ""));
                first = i;
            }
        }
        return table;
    }

    private static boolean follows(ShadowSpace.Page one, ShadowSpace.Page next) {
        return next.address() == one.address() + ShadowLooker.PAGE
                && next.frame() == one.frame() + 1
                && next.isWritable() == one.isWritable()
                && next.isHuge() == one.isHuge();
    }

    /** What was left out, and why, in one line. */
    static String leftOut(ShadowLook.LeftOut left) {
        int ranges = left.ranges().size();
        return "left out: " + Sizes.about(Ranges.total(left.ranges())) + " in " + ranges
                + (ranges == 1 ? " range: " : " ranges: ") + left.reason();
    }
}
