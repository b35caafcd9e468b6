// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import io.mmubridge.Cause;
import io.mmubridge.EventType;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** A summary, for people. */
final class SummaryTables {
    private SummaryTables() {}

    /** All of it in one line. */
    static String headline(Summary summary) {
        Tally tally = summary.tally();
        Summary.End end = summary.end();
        return String.format(
                Locale.ROOT,
                "%d events, %d lost, of process %d in %.3f s%s; %s",
                tally.events(),
                tally.lost(),
                summary.pid(),
                summary.durationNanos() / 1e9,
                summary.missedStart() ? ", its start missed" : "",
                end == null ? "it goes on" : "ended by " + end.label());
    }

    /** By type, by cause where causes are recorded, and by task. */
    static void write(PrintWriter out, Summary summary) {
        Tally tally = summary.tally();
        out.println();
        Table types = new Table("type", "events");
        for (Map.Entry<EventType, Tally.Count> type : tally.byType().entrySet()) {
            types.row(type.getKey().name(), Long.toString(type.getValue().events()));
        }
        types.write(out);
        List<Map.Entry<Cause, Tally.Count>> byCause = tally.byCause();
        if (!byCause.isEmpty()) {
            out.println();
            Table causes = new Table("cause", "events", "share", "per second", "pages");
            byCause.forEach(cause -> causes.row(
                    cause.getKey().label(),
                    Long.toString(cause.getValue().events()),
                    share(cause.getValue().events(), tally.events()),
                    rate(cause.getValue().events(), summary.durationNanos()),
                    Long.toString(cause.getValue().pages())));
            causes.write(out);
        }
        out.println();
        Table tasks = new Table("task", "pid", "tid", "events", "share", "pages");
        tally.byTask()
                .forEach(task -> tasks.row(
                        task.getKey().comm(),
                        Integer.toString(task.getKey().pid()),
                        Integer.toString(task.getKey().tid()),
                        Long.toString(task.getValue().events()),
                        share(task.getValue().events(), tally.events()),
                        Long.toString(task.getValue().pages())));
        tasks.write(out);
    }

    static String share(long part, long whole) {
        return String.format(Locale.ROOT, "%.1f%%", whole == 0 ? 0 : 100.0 * part / whole);
    }

    static String rate(long events, long nanos) {
        return String.format(Locale.ROOT, "%.1f", events * 1e9 / Math.max(1, nanos));
    }
}
