// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import io.mmubridge.cli.ShadowBlock.Slot;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.ToIntFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** A map, or a table of the mappings, for people. */
final class ShadowTextWriter implements ShadowWriter {
    private static final String HOME = "\u001b[H";
    private static final String REST_OF_LINE = "\u001b[K";
    private static final String REST_OF_SCREEN = "\u001b[J";
    private static final String RESET = "\u001b[0m";
    private static final String SHADES = "\u2591\u2592\u2593\u2588";
    private static final char ABSENT = '\u00b7';
    private static final int ADDRESS = 12;
    private static final int GAP = 2;
    private static final int LABEL = 28;

    /**
     * How it is written.
     *
     * @param table the mappings as a table, instead of a map
     * @param live whether one look takes the place of the last
     * @param colours whether with colours
     * @param blocks whether with block characters
     * @param pages whether with each page
     */
    record Style(boolean table, boolean live, boolean colours, boolean blocks, boolean pages) {}

    private final PrintWriter out;
    private final Style style;
    private final @Nullable ScreenSize screen;

    /**
     * Writes to a stream.
     *
     * @param out the stream
     * @param style how
     * @param screen of the terminal, or null if there is none
     */
    ShadowTextWriter(PrintWriter out, Style style, @Nullable ScreenSize screen) {
        this.out = out;
        this.style = style;
        this.screen = screen;
    }

    @Override
    public void look(ShadowLook look) {
        String head = text(lines -> head(lines, look));
        String legend = style.table() ? "" : text(lines -> legend(lines, look));
        String foot = text(lines -> foot(lines, look));
        int room = roomBeside(head, legend, foot);
        String body = text(lines -> {
            if (style.table()) {
                table(lines, look, room);
            } else {
                map(lines, look, room);
            }
        });
        String all = head + body + legend + foot;
        if (style.live()) {
            out.print(HOME + fitted(all).replace("\n", REST_OF_LINE + "\n") + REST_OF_SCREEN);
        } else {
            out.println(all);
        }
        out.flush();
    }

    private static String text(Consumer<PrintWriter> writer) {
        StringWriter text = new StringWriter();
        writer.accept(new PrintWriter(text));
        return text.toString();
    }

    /** Lines that the screen has left, if it is one. */
    private int roomBeside(String... texts) {
        if (!style.live() || screen == null) {
            return Integer.MAX_VALUE;
        }
        // One says what is not shown, and one is the cursor's.
        int used = 2;
        for (String text : texts) {
            used += (int) text.lines().count();
        }
        return Math.max(1, screen.lines() - used);
    }

    /** Without what a screen has no room for. Lines with colours have been made to fit. */
    private String fitted(String text) {
        if (screen == null) {
            return text;
        }
        return text.lines()
                .limit(screen.lines() - 1L)
                .map(line -> line.contains(RESET) || line.length() <= screen.columns()
                        ? line
                        : line.substring(0, screen.columns()))
                .map(line -> line + "\n")
                .collect(Collectors.joining());
    }

    private static void head(PrintWriter lines, ShadowLook look) {
        ShadowCounts now = look.now();
        lines.printf(
                Locale.ROOT,
                "process %d, look %d, after %.3f s: %s in %d mappings%n",
                look.pid(),
                look.number(),
                look.nanos() / 1e9,
                Sizes.about(now.pages() * ShadowLooker.PAGE),
                look.areas().size());
        lines.printf(
                "%d pages, %s present: %d writable, %d huge%n",
                now.pages(), SummaryTables.share(now.present(), now.pages()), now.writable(), now.huge());
        if (look.number() > 1) {
            changes(lines, "since the last look", now, look.events());
        }
        lines.println();
    }

    private static void changes(PrintWriter lines, String since, ShadowCounts counts, ShadowEvents.Snapshot events) {
        lines.printf(
                "%s: %d events, %d lost; %d pages new%n", since, events.all().events(), events.lost(), counts.added());
        lines.printf(
                "%d pages may have changed: %d the same, %d moved, %d reprotected, %d gone%n",
                counts.dropped(), counts.same(), counts.moved(), counts.reprotected(), counts.gone());
        if (counts.mismatched() > 0) {
            lines.printf(
                    "%d pages are not as the kernel has told: a bug, of the kernel's or of the module's%n",
                    counts.mismatched());
        }
    }

    private void table(PrintWriter lines, ShadowLook look, int room) {
        // The headings are a line, too.
        List<ShadowLook.Area> shown = most(look.areas(), ShadowLook.Area::now, area -> 1, room - 1);
        ShadowTables.mappings(look, shown).write(lines);
        notShown(lines, look, shown.stream().map(ShadowLook.Area::now).toList());
    }

    /** Those with most pages present, as far as there is room, in the order that they have. */
    private static <E> List<E> most(List<E> all, Function<E, ShadowCounts> counts, ToIntFunction<E> lines, int room) {
        Set<Integer> fitting = new HashSet<>();
        List<Integer> byPresence = IntStream.range(0, all.size())
                .boxed()
                .sorted(Comparator.comparingLong(i -> -counts.apply(all.get(i)).present()))
                .toList();
        int left = room;
        for (int i : byPresence) {
            if (lines.applyAsInt(all.get(i)) <= left) {
                fitting.add(i);
                left -= lines.applyAsInt(all.get(i));
            }
        }
        return IntStream.range(0, all.size())
                .filter(fitting::contains)
                .mapToObj(all::get)
                .toList();
    }

    private static void notShown(PrintWriter lines, ShadowLook look, List<ShadowCounts> shown) {
        ShadowCounts counts = shown.stream().reduce(ShadowCounts.NONE, ShadowCounts::plus);
        ShadowCounts all = look.now();
        if (counts.pages() < all.pages()) {
            lines.printf(
                    "and %d pages more, %d of them present, that the screen has no room for%n",
                    all.pages() - counts.pages(), all.present() - counts.present());
        }
    }

    /* ------------------------------------------------------------------ the map */

    private void map(PrintWriter lines, ShadowLook look, int room) {
        int width = screen == null || screen.columns() >= ADDRESS + GAP + 64 + GAP + LABEL ? 64 : 32;
        List<ShadowBlock> shown = most(
                ShadowBlock.of(look, width),
                ShadowBlock::now,
                block -> block.rows().size(),
                room);
        shown.forEach(block -> write(lines, block, width));
        notShown(lines, look, shown.stream().map(ShadowBlock::now).toList());
    }

    private void write(PrintWriter lines, ShadowBlock block, int width) {
        String label = block.label();
        for (List<Slot> row : block.rows()) {
            StringBuilder line = new StringBuilder();
            String address = Long.toHexString(row.getFirst().cell().range().start());
            line.append(" ".repeat(Math.max(0, ADDRESS - address.length())))
                    .append(address)
                    .append(" ".repeat(GAP));
            cells(line, row);
            if (!label.isEmpty()) {
                int used = row.getLast().column() + 1;
                line.append(" ".repeat(width - used + GAP)).append(cut(label, width));
                label = "";
            }
            lines.println(line);
        }
    }

    private void cells(StringBuilder line, List<Slot> row) {
        int column = 0;
        int colour = -1;
        for (Slot slot : row) {
            line.append(" ".repeat(slot.column() - column));
            column = slot.column() + 1;
            ShadowCounts now = slot.cell().now();
            ShadowKind change = ShadowKind.change(now);
            ShadowKind kind = change == null ? ShadowKind.state(now) : change;
            if (style.colours() && kind.colour() != colour) {
                colour = kind.colour();
                line.append(sgr(colour));
            }
            line.append(change == null && style.blocks() ? shade(now) : ShadowKind.letter(now));
        }
        if (style.colours()) {
            line.append(RESET);
        }
    }

    private static char shade(ShadowCounts counts) {
        if (counts.present() == 0) {
            return ABSENT;
        }
        return SHADES.charAt((int) ((counts.present() * SHADES.length() - 1) / counts.pages()));
    }

    private static String sgr(int colour) {
        return "\u001b[38;5;" + colour + "m";
    }

    private String cut(String label, int width) {
        int room = screen == null ? Integer.MAX_VALUE : screen.columns() - ADDRESS - GAP - width - GAP;
        return label.length() <= room ? label : label.substring(0, Math.max(0, room - 3)) + "...";
    }

    private void legend(PrintWriter lines, ShadowLook look) {
        StringBuilder states = new StringBuilder("a cell is " + Sizes.text(look.cellSize()) + ":");
        StringBuilder changes = new StringBuilder("dropped since the last look:");
        for (ShadowKind kind : ShadowKind.values()) {
            if (kind != ShadowKind.MISMATCHED || look.now().mismatched() > 0) {
                legend(kind.isChange() ? changes : states, kind);
            }
        }
        lines.println();
        lines.println(states);
        if (look.number() > 1) {
            lines.println(changes);
        }
        lines.println(
                style.blocks()
                        ? "shades: the share of its pages that is present, in quarters"
                        : "capitals: every page of it is present");
    }

    private void legend(StringBuilder line, ShadowKind kind) {
        char sign = kind.letter();
        if (style.blocks() && !kind.isChange()) {
            sign = kind == ShadowKind.ABSENT ? ABSENT : SHADES.charAt(SHADES.length() - 1);
        }
        line.append("  ");
        if (style.colours()) {
            line.append(sgr(kind.colour())).append(sign).append(RESET);
        } else {
            line.append(sign);
        }
        line.append(' ').append(kind.label());
    }

    private void foot(PrintWriter lines, ShadowLook look) {
        look.leftOut().forEach(left -> lines.println(ShadowTables.leftOut(left)));
        if (style.pages()) {
            lines.println();
            ShadowTables.pages(look.pages()).write(lines);
        }
        write(lines, ShadowTables.events(look.events(), look.timeNanos()));
    }

    private static void write(PrintWriter lines, List<Table> tables) {
        for (Table table : tables) {
            lines.println();
            table.write(lines);
        }
    }

    @Override
    public void interim(ShadowSummary summary) {
        write(summary, "it goes on");
        if (!style.live()) {
            out.println();
        }
        out.flush();
    }

    @Override
    public void summary(ShadowSummary summary) {
        Summary.End end = Objects.requireNonNull(summary.end());
        if (summary.looks() != 1 || end != Summary.End.COUNT) {
            write(summary, "ended by " + end.label());
            out.flush();
        }
    }

    private void write(ShadowSummary summary, String outcome) {
        if (style.live()) {
            out.println();
        }
        out.printf(
                Locale.ROOT,
                "process %d: %d looks in %.3f s, %s%n",
                summary.pid(),
                summary.looks(),
                summary.durationNanos() / 1e9,
                outcome);
        if (summary.looks() > 0) {
            changes(out, "since the first", summary.counts(), summary.events());
            write(out, ShadowTables.events(summary.events(), System.nanoTime()));
        }
    }

    @Override
    public boolean isBroken() {
        return out.checkError();
    }
}
