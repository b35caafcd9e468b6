// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import io.mmubridge.cli.ShadowLook.Area;
import io.mmubridge.cli.ShadowLook.Cell;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * What is drawn together: a mapping, or several small ones that follow each other.
 *
 * @param areas at least one
 * @param rows of cells, with null between two mappings
 */
record ShadowBlock(List<Area> areas, List<List<Slot>> rows) {
    /** A mapping with fewer cells stands beside others. */
    private static final int SMALL = 8;

    /**
     * A place in a row.
     *
     * @param area whose cell it is
     * @param cell the cell
     * @param column where it stands
     */
    record Slot(Area area, Cell cell, int column) {}

    /**
     * All of a look, in the order of the addresses.
     *
     * @param look what was found
     * @param width cells in a row
     */
    static List<ShadowBlock> of(ShadowLook look, int width) {
        List<ShadowBlock> blocks = new ArrayList<>();
        List<Area> small = new ArrayList<>();
        for (Area area : look.areas()) {
            if (area.cells().size() < SMALL) {
                small.add(area);
            } else {
                flush(blocks, small, width);
                blocks.add(block(List.of(area), width));
            }
        }
        flush(blocks, small, width);
        return blocks;
    }

    private static void flush(List<ShadowBlock> blocks, List<Area> small, int width) {
        if (!small.isEmpty()) {
            blocks.add(block(List.copyOf(small), width));
            small.clear();
        }
    }

    private static ShadowBlock block(List<Area> areas, int width) {
        List<List<Slot>> rows = new ArrayList<>();
        int column = width;
        for (Area area : areas) {
            // A gap of one before another mapping.
            column += rows.isEmpty() ? 0 : 1;
            for (Cell cell : area.cells()) {
                if (column >= width) {
                    rows.add(new ArrayList<>());
                    column = 0;
                }
                rows.getLast().add(new Slot(area, cell, column));
                column++;
            }
        }
        return new ShadowBlock(areas, rows);
    }

    ShadowCounts now() {
        return areas.stream().map(Area::now).reduce(ShadowCounts.NONE, ShadowCounts::plus);
    }

    ShadowCounts total() {
        return areas.stream().map(Area::total).reduce(ShadowCounts.NONE, ShadowCounts::plus);
    }

    /** What it is, with all names. */
    String label() {
        long bytes = areas.stream()
                .mapToLong(area -> Ranges.size(area.mapping().range()))
                .sum();
        if (areas.size() == 1) {
            ProcMaps.Mapping mapping = areas.getFirst().mapping();
            return (Sizes.about(bytes) + " " + mapping.permissions()).strip() + " " + mapping.label();
        }
        return Sizes.about(bytes) + " in " + areas.size() + ": "
                + areas.stream()
                        .map(area -> area.mapping().shortLabel())
                        .distinct()
                        .collect(Collectors.joining(", "));
    }
}
