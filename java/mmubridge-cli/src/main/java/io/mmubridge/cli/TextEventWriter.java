// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import io.mmubridge.Cause;
import io.mmubridge.InvalidationEvent;
import java.io.PrintWriter;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Help.Ansi;

/** One line an event, for people. */
final class TextEventWriter implements EventWriter {
    private static final String LINE = "%12s  %-15s  %-16s  %-35s  %6s  %-22s  %s%n";

    private final PrintWriter out;
    private final Ansi ansi;
    private final @Nullable Stacks stacks;
    private long firstNanos = -1;

    /**
     * Writes to a stream.
     *
     * @param out the stream
     * @param ansi whether with colours
     * @param stacks where frames come from, or null if none are wanted
     */
    TextEventWriter(PrintWriter out, Ansi ansi, @Nullable Stacks stacks) {
        this.out = out;
        this.ansi = ansi;
        this.stacks = stacks;
    }

    @Override
    public void event(int space, InvalidationEvent event) {
        if (firstNanos < 0) {
            firstNanos = event.timeNanos();
            out.printf(LINE, "SECONDS", "TYPE", "CAUSE", "RANGE", "SIZE", "TASK", "IN");
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
        if (stacks != null && event.stackId() != 0) {
            stack(event.stackId());
        }
    }

    private void line(InvalidationEvent event, String type, String range, String size, String in) {
        String seconds = "%.6f".formatted((event.timeNanos() - firstNanos) / 1e9);
        Cause cause = event.cause();
        out.printf(LINE, seconds, type, cause == null ? "" : cause.label(), range, size, task(event), in);
    }

    /** In full the first time, later by its number. */
    private void stack(int id) {
        Stacks from = Objects.requireNonNull(stacks);
        boolean again = from.isKnown(id);
        List<String> frames = from.frames(id);
        if (!frames.isEmpty()) {
            out.printf("%12s  stack %d%s%n", "", id, again ? ", as above" : "");
            if (!again) {
                frames.forEach(frame -> out.printf("%12s    %s%n", "", frame));
            }
        }
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
    public void interim(Summary summary) {
        write(summary);
        out.println();
    }

    @Override
    public void summary(Summary summary) {
        write(summary);
    }

    private void write(Summary summary) {
        out.println();
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
