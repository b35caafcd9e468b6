// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;

/** Columns of text, each as wide as its widest cell. A column of numbers stands to the right. */
final class Table {
    private static final String GAP = "  ";
    private static final Pattern NUMBER = Pattern.compile("[0-9]+(\\.[0-9]+)?%?");

    private final List<List<String>> rows = new ArrayList<>();

    Table(String... headings) {
        row(headings);
    }

    void row(String... cells) {
        rows.add(List.of(cells));
    }

    void write(PrintWriter out) {
        int columns = rows.getFirst().size();
        int[] widths = new int[columns];
        for (List<String> row : rows) {
            for (int column = 0; column < columns; column++) {
                widths[column] = Math.max(widths[column], row.get(column).length());
            }
        }
        boolean[] numeric = numeric();
        for (List<String> row : rows) {
            StringBuilder line = new StringBuilder();
            for (int column = 0; column < columns; column++) {
                String cell = row.get(column);
                String padding = " ".repeat(widths[column] - cell.length());
                line.append(column == 0 ? "" : GAP).append(numeric[column] ? padding + cell : cell + padding);
            }
            out.println(line.toString().stripTrailing());
        }
    }

    /** Which columns are of numbers. */
    private boolean[] numeric() {
        boolean[] numeric = new boolean[rows.getFirst().size()];
        for (int column = 0; column < numeric.length; column++) {
            numeric[column] = rows.size() > 1;
            for (List<String> row : rows.subList(1, rows.size())) {
                numeric[column] &= isNumber(row.get(column));
            }
        }
        return numeric;
    }

    /**
     * As HTML.
     *
     * @param out where it goes
     * @param escape makes of a text what HTML has for it
     */
    void writeHtml(StringBuilder out, UnaryOperator<String> escape) {
        boolean[] numeric = numeric();
        out.append("<table>\n");
        for (int row = 0; row < rows.size(); row++) {
            String element = row == 0 ? "th" : "td";
            out.append("<tr>");
            for (int column = 0; column < numeric.length; column++) {
                out.append('<').append(element).append(numeric[column] ? " class=\"number\">" : ">");
                out.append(escape.apply(rows.get(row).get(column)));
                out.append("</").append(element).append('>');
            }
            out.append("</tr>\n");
        }
        out.append("</table>\n");
    }

    private static boolean isNumber(String cell) {
        return NUMBER.matcher(cell).matches();
    }
}
