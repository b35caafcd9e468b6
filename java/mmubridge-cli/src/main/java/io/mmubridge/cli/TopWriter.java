// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import io.mmubridge.Cause;
import io.mmubridge.InvalidationEvent;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * The live view: no event has a line of its own, but each interim summary is a screen of what takes most. On a terminal it
 * takes the place of the one before it; elsewhere it follows, without escapes.
 */
final class TopWriter implements EventWriter {
    private static final String HOME = "\u001b[H";
    private static final String REST_OF_LINE = "\u001b[K";
    private static final String REST_OF_SCREEN = "\u001b[J";
    private static final int CAUSES = 14;
    private static final int TASKS = 8;

    private final PrintWriter out;
    private final boolean terminal;
    private final Map<Cause, Long> before = new EnumMap<>(Cause.class);
    private long eventsBefore;
    private long nanosBefore;

    TopWriter(PrintWriter out, boolean terminal) {
        this.out = out;
        this.terminal = terminal;
    }

    @Override
    public void event(int space, InvalidationEvent event) {}

    @Override
    public void interim(Summary summary) {
        String screen = screen(summary);
        if (terminal) {
            out.print(HOME + screen.replace("\n", REST_OF_LINE + "\n") + REST_OF_SCREEN);
        } else {
            out.println(screen);
        }
    }

    private String screen(Summary summary) {
        StringWriter text = new StringWriter();
        PrintWriter lines = new PrintWriter(text);
        Tally tally = summary.tally();
        long nanos = summary.durationNanos() - nanosBefore;
        lines.println(SummaryTables.headline(summary));
        lines.println(SummaryTables.rate(tally.events() - eventsBefore, nanos) + " events a second now, "
                + SummaryTables.rate(tally.events(), summary.durationNanos()) + " on average; " + tally.pages()
                + " pages in their ranges");
        lines.println();

        Table causes = new Table("cause", "a second", "events", "share", "pages");
        first(tally.byCause(), CAUSES).forEach(cause -> {
            Tally.Count count = cause.getValue();
            long now = count.events() - before.getOrDefault(cause.getKey(), 0L);
            causes.row(
                    cause.getKey().label(),
                    SummaryTables.rate(now, nanos),
                    Long.toString(count.events()),
                    SummaryTables.share(count.events(), tally.events()),
                    Long.toString(count.pages()));
        });
        causes.write(lines);
        lines.println();

        Table tasks = new Table("task", "pid", "tid", "events", "share", "pages");
        first(tally.byTask(), TASKS)
                .forEach(task -> tasks.row(
                        task.getKey().comm(),
                        Integer.toString(task.getKey().pid()),
                        Integer.toString(task.getKey().tid()),
                        Long.toString(task.getValue().events()),
                        SummaryTables.share(task.getValue().events(), tally.events()),
                        Long.toString(task.getValue().pages())));
        tasks.write(lines);

        tally.byCause()
                .forEach(cause -> before.put(cause.getKey(), cause.getValue().events()));
        eventsBefore = tally.events();
        nanosBefore = summary.durationNanos();
        return text.toString();
    }

    private static <E> List<E> first(List<E> all, int count) {
        return all.subList(0, Math.min(count, all.size()));
    }

    @Override
    public void summary(Summary summary) {
        if (terminal) {
            out.print(HOME + REST_OF_SCREEN);
        }
        out.println(SummaryTables.headline(summary));
        if (summary.tally().events() > 0) {
            SummaryTables.write(out, summary);
        }
    }

    @Override
    public void flush() {
        out.flush();
    }

    @Override
    public boolean isBroken() {
        return out.checkError();
    }
}
