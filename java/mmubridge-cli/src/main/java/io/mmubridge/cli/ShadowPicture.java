// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import io.mmubridge.cli.ShadowBlock.Slot;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * A picture of a process's memory, as SVG or as a page of HTML that has all it needs in itself: the state at the last look, and
 * below it in each cell what has changed since the first.
 */
final class ShadowPicture {
    private static final int COLUMNS = 64;
    private static final int CELL = 11;
    private static final int ROW = 13;
    private static final int STATE = 7;
    private static final int LEFT = 100;
    private static final int MARGIN = 12;
    private static final int LINE = 16;
    private static final int WIDTH = LEFT + COLUMNS * CELL + MARGIN;

    private static final String STYLE = """
            svg { color-scheme: light dark; font: 11px ui-monospace, Menlo, Consolas, monospace; }
            .page { fill: #ffffff; } text { fill: #1f2328; } .dim { fill: #59636e; } .frame { fill: #eaeef2; }
            .absent { fill: #d8dee4; } .read_only { fill: #6e7781; } .writable { fill: #1a9e6b; } .huge { fill: #1f6fd0; }
            .same { fill: #e3b505; } .reprotected { fill: #f08c00; } .moved { fill: #d1440c; } .gone { fill: #c2188f; }
            .mismatched { fill: #ff00ff; }
            @media (prefers-color-scheme: dark) {
            .page { fill: #0d1117; } text { fill: #e6edf3; } .dim { fill: #9198a1; } .frame { fill: #161b22; }
            .absent { fill: #2a313a; } .read_only { fill: #9198a1; } .writable { fill: #2fb580; } .huge { fill: #4c94f0; }
            .same { fill: #f2cc3d; } .reprotected { fill: #ffa94d; } .moved { fill: #f4683a; } .gone { fill: #ef6bc4; }
            }
            """;

    private static final String PAGE_STYLE = """
            :root { color-scheme: light dark; }
            body { margin: 1.5rem auto; max-width: 70rem; padding: 0 1rem; font: 14px/1.5 system-ui, sans-serif;
              background: light-dark(#ffffff, #0d1117); color: light-dark(#1f2328, #e6edf3); }
            svg { max-width: 100%; height: auto; }
            .wide { overflow-x: auto; }
            table { border-collapse: collapse; font: 12px ui-monospace, Menlo, Consolas, monospace; }
            th, td { padding: 0.15rem 0.6rem; text-align: left; white-space: nowrap; }
            th { border-bottom: 1px solid light-dark(#d8dee4, #2a313a); }
            .number { text-align: right; }
            """;

    private final String title;
    private final ShadowLook look;
    private final ShadowEvents.Snapshot events;

    /**
     * A picture.
     *
     * @param name of the program that the process runs, or null
     * @param look the last
     * @param events since the first
     */
    ShadowPicture(@Nullable String name, ShadowLook look, ShadowEvents.Snapshot events) {
        title = "Memory of process " + look.pid() + (name == null ? "" : ", " + name);
        this.look = look;
        this.events = events;
    }

    /** Writes a file of SVG. */
    void writeSvg(Path file) throws IOException {
        Files.writeString(file, svg(), StandardCharsets.UTF_8);
    }

    /** Writes a file of HTML. */
    void writeHtml(Path file) throws IOException {
        Files.writeString(file, html(), StandardCharsets.UTF_8);
    }

    String svg() {
        StringBuilder body = new StringBuilder();
        int y = MARGIN + LINE;
        text(body, MARGIN, y, "", title);
        for (String line : headlines()) {
            y += LINE;
            text(body, MARGIN, y, "dim", line);
        }
        y += LINE;
        legend(body, y);
        y += LINE;
        for (ShadowBlock block : ShadowBlock.of(look, COLUMNS)) {
            y += LINE;
            heading(body, block, y);
            y += LINE - ROW + 2;
            for (List<Slot> row : block.rows()) {
                text(
                        body,
                        MARGIN,
                        y + CELL - 1,
                        "dim",
                        Long.toHexString(row.getFirst().cell().range().start()));
                row(body, row, y);
                y += ROW;
            }
            y += LINE / 2;
        }
        int height = y + MARGIN;
        return String.format(
                        Locale.ROOT,
                        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" role=\"img\">%n",
                        WIDTH,
                        height,
                        WIDTH,
                        height)
                + "<title>" + escape(title) + "</title>\n<style>\n" + STYLE + "</style>\n"
                + "<rect class=\"page\" width=\"100%\" height=\"100%\"/>\n" + body + "</svg>\n";
    }

    private List<String> headlines() {
        ShadowCounts total = look.total();
        String state = String.format(
                Locale.ROOT,
                "%s in %d mappings: %s present, %s writable, %s huge",
                bytes(total.pages()),
                look.areas().size(),
                bytes(total.present()),
                bytes(total.writable()),
                bytes(total.huge()));
        if (look.number() == 1) {
            return List.of(state);
        }
        return List.of(
                state,
                String.format(
                        Locale.ROOT,
                        "in %.1f s: %d events; %d pages may have changed: %d the same, %d moved, %d reprotected, %d gone",
                        look.nanos() / 1e9,
                        events.all().events(),
                        total.dropped(),
                        total.same(),
                        total.moved(),
                        total.reprotected(),
                        total.gone()));
    }

    private static String bytes(long pages) {
        return Sizes.about(pages * ShadowLooker.PAGE);
    }

    private void legend(StringBuilder body, int y) {
        int x = MARGIN;
        for (ShadowKind kind : ShadowKind.values()) {
            boolean change = kind.isChange();
            boolean needed = kind == ShadowKind.MISMATCHED ? look.total().mismatched() > 0 : look.number() > 1;
            if (change && !needed) {
                continue;
            }
            rect(body, kind, x, y - 9 + (change ? STATE : 0), CELL, change ? ROW - 2 - STATE : STATE, 1);
            body.append("/>\n");
            text(body, x + CELL + 4, y, "", kind.label());
            x += CELL + 4 + 7 * kind.label().length() + 12;
        }
        text(body, x, y, "dim", "a cell is " + Sizes.text(look.cellSize()));
    }

    private static void heading(StringBuilder body, ShadowBlock block, int y) {
        ShadowCounts total = block.total();
        String share = SummaryTables.share(total.present(), total.pages()) + " present";
        String label = block.label();
        int room = (WIDTH - 2 * MARGIN) / 7 - share.length() - 2;
        text(
                body,
                MARGIN,
                y,
                "",
                (label.length() <= room ? label : label.substring(0, room - 3) + "...") + ", " + share);
    }

    private void row(StringBuilder body, List<Slot> row, int y) {
        int first = 0;
        for (int i = 1; i <= row.size(); i++) {
            if (i == row.size() || !isAlike(row.get(first), row.get(i))) {
                cells(body, row.subList(first, i), y);
                first = i;
            }
        }
    }

    /** Cells of one mapping of which there is the same to say are one. */
    private static boolean isAlike(Slot one, Slot next) {
        return one.area().mapping().equals(next.area().mapping())
                && one.cell().total().equals(next.cell().total());
    }

    private void cells(StringBuilder body, List<Slot> cells, int y) {
        Slot slot = cells.getFirst();
        ShadowCounts total = slot.cell().total();
        int x = LEFT + slot.column() * CELL;
        int width = cells.size() * CELL;
        body.append("<g><title>").append(escape(description(slot, cells))).append("</title>");
        body.append(String.format(
                Locale.ROOT,
                "<rect class=\"frame\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>",
                x,
                y,
                width,
                ROW - 2));
        ShadowKind state = ShadowKind.state(total);
        rect(body, state, x, y, width, STATE, 0.3 + 0.7 * total.present() / total.pages());
        body.append("/>");
        ShadowKind change = ShadowKind.change(total);
        if (change != null) {
            rect(body, change, x, y + STATE, width, ROW - 2 - STATE, 1);
            body.append("/>");
        }
        body.append("</g>\n");
    }

    private String description(Slot slot, List<Slot> cells) {
        ShadowCounts total = slot.cell().total();
        StringBuilder text = new StringBuilder()
                .append(Json.address(slot.cell().range().start()))
                .append('-')
                .append(Json.address(cells.getLast().cell().range().end()))
                .append(' ')
                .append(slot.area().mapping().permissions())
                .append(' ')
                .append(slot.area().mapping().label())
                .append('\n')
                .append(cells.size() == 1 ? "" : "each of " + cells.size() + " cells: ")
                .append(total.present())
                .append(" of ")
                .append(total.pages())
                .append(" pages present, ")
                .append(total.writable())
                .append(" writable, ")
                .append(total.huge())
                .append(" huge");
        if (look.number() > 1) {
            text.append('\n')
                    .append(total.dropped())
                    .append(" dropped: ")
                    .append(total.same())
                    .append(" the same, ")
                    .append(total.moved())
                    .append(" moved, ")
                    .append(total.reprotected())
                    .append(" reprotected, ")
                    .append(total.gone())
                    .append(" gone; ")
                    .append(total.added())
                    .append(" new");
        }
        return text.toString();
    }

    private static void rect(StringBuilder body, ShadowKind kind, int x, int y, int width, int height, double opacity) {
        body.append(String.format(
                Locale.ROOT,
                "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"",
                kind.name().toLowerCase(Locale.ROOT),
                x,
                y,
                width,
                height));
        if (opacity < 1) {
            body.append(String.format(Locale.ROOT, " opacity=\"%.2f\"", opacity));
        }
    }

    private static void text(StringBuilder body, int x, int y, String style, String text) {
        body.append("<text x=\"").append(x).append("\" y=\"").append(y).append('"');
        if (!style.isEmpty()) {
            body.append(" class=\"").append(style).append('"');
        }
        body.append('>').append(escape(text)).append("</text>\n");
    }

    private static String escape(String text) {
        StringBuilder escaped = new StringBuilder();
        text.codePoints().forEach(c -> {
            switch (c) {
                case '&' -> escaped.append("&amp;");
                case '<' -> escaped.append("&lt;");
                case '>' -> escaped.append("&gt;");
                case '"' -> escaped.append("&quot;");
                // XML has no way to write the others.
                default -> escaped.appendCodePoint((c >= ' ' && c != 0x7f) || c == '\n' ? c : 0xfffd);
            }
        });
        return escaped.toString();
    }

    /* ------------------------------------------------------------------- the page */

    String html() {
        StringBuilder body = new StringBuilder("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                + "<meta name=\"viewport\" content=\"width=device-width\">\n<title>");
        body.append(escape(title))
                .append("</title>\n<style>\n")
                .append(PAGE_STYLE)
                .append("</style>\n</head>\n<body>\n");
        body.append(svg());
        for (ShadowLook.LeftOut left : look.leftOut()) {
            body.append("<p>").append(escape(ShadowTables.leftOut(left))).append("</p>\n");
        }
        List<Table> tables = new ArrayList<>(ShadowTables.events(events, look.timeNanos()));
        tables.add(ShadowTables.mappingsInTotal(look));
        for (Table table : tables) {
            body.append("<div class=\"wide\">\n");
            table.writeHtml(body, ShadowPicture::escape);
            body.append("</div>\n");
        }
        return body.append("</body>\n</html>\n").toString();
    }
}
