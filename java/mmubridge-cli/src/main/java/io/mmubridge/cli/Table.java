// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
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
        boolean[] numeric = new boolean[columns];
        for (int column = 0; column < columns; column++) {
            numeric[column] = rows.size() > 1;
            for (int row = 0; row < rows.size(); row++) {
                String cell = rows.get(row).get(column);
                widths[column] = Math.max(widths[column], cell.length());
                numeric[column] &= row == 0 || isNumber(cell);
            }
        }
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

    private static boolean isNumber(String cell) {
        return NUMBER.matcher(cell).matches();
    }
}
