// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import io.mmubridge.EventType;
import io.mmubridge.InvalidationEvent;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.Map;
import picocli.CommandLine.Help.Ansi;

/** One line an event, for people. */
final class TextEventWriter implements EventWriter {
    private static final String LINE = "%12s  %-15s  %-35s  %6s  %-22s  %s%n";

    private final PrintWriter out;
    private final Ansi ansi;
    private long firstNanos = -1;

    TextEventWriter(PrintWriter out, Ansi ansi) {
        this.out = out;
        this.ansi = ansi;
    }

    @Override
    public void event(int space, InvalidationEvent event) {
        if (firstNanos < 0) {
            firstNanos = event.timeNanos();
            out.printf(LINE, "SECONDS", "TYPE", "RANGE", "SIZE", "TASK", "IN");
        }
        switch (event.phase()) {
            case START ->
                line(
                        event,
                        "%-15s".formatted(event.type()),
                        range(event),
                        Sizes.text(event.end() - event.start()),
                        in(event));
            case RELEASE -> line(event, bold("release"), "the whole address space", "", in(event));
            case EXEC -> line(event, bold("exec"), "a new address space", "", in(event));
            case LOST -> line(event, bold("lost"), "events " + event.lostFrom() + " to " + event.lostTo(), "", "");
            case DETACHED -> line(event, bold("detached"), "", "", "");
        }
    }

    private void line(InvalidationEvent event, String type, String range, String size, String in) {
        String seconds = "%.6f".formatted((event.timeNanos() - firstNanos) / 1e9);
        out.printf(LINE, seconds, type, range, size, task(event), in);
    }

    private String bold(String text) {
        return ansi.string("@|bold " + "%-15s".formatted(text) + "|@");
    }

    private static String range(InvalidationEvent event) {
        return Json.address(event.start()) + "-" + Json.address(event.end());
    }

    private static String task(InvalidationEvent event) {
        if (event.isForeign()) {
            return "(not visible here)";
        }
        return event.pid() == 0 ? "" : event.comm() + " " + event.tid();
    }

    private static String in(InvalidationEvent event) {
        String syscall = event.syscall();
        String entry = syscall == null ? event.entry().label() : syscall + "()";
        return event.isBlockable() ? entry : entry + ", not blockable";
    }

    @Override
    public void summary(Summary summary) throws IOException {
        Tally tally = summary.tally();
        out.printf(
                "%n%d events, %d lost, of process %d in %.3f s%s; ended by %s%n",
                tally.events(),
                tally.lost(),
                summary.pid(),
                summary.durationNanos() / 1e9,
                summary.missedStart() ? ", its start missed" : "",
                summary.end().label());
        if (tally.events() == 0) {
            return;
        }
        out.println();
        Table types = new Table("type", "events");
        for (Map.Entry<EventType, Long> type : tally.byType().entrySet()) {
            types.row(type.getKey().name(), type.getValue().toString());
        }
        types.write(out);
        out.println();
        Table tasks = new Table("task", "pid", "tid", "events");
        tally.byTask()
                .forEach((task, events) -> tasks.row(
                        task.comm(), Integer.toString(task.pid()), Integer.toString(task.tid()), events.toString()));
        tasks.write(out);
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
