// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import io.mmubridge.AddressRange;
import io.mmubridge.Cause;
import io.mmubridge.cli.ShadowLook.Area;
import io.mmubridge.cli.ShadowLook.Cell;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** Looks as they may come. A cell is 8 pages. */
final class Looks {
    static final long CELL = 8 * 4096;
    static final long HEAP = 0x700000000L;
    static final long LIBRARY = 0x7f0000000000L;

    static final ShadowCounts ABSENT = new ShadowCounts(8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    static final ShadowCounts FULL = new ShadowCounts(8, 8, 8, 0, 0, 0, 0, 0, 0, 0, 0);
    static final ShadowCounts SOME = new ShadowCounts(8, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0);
    static final ShadowCounts HUGE = new ShadowCounts(8, 8, 8, 8, 0, 0, 0, 0, 0, 0, 0);
    static final ShadowCounts CODE = new ShadowCounts(8, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    static final ShadowCounts SAME = new ShadowCounts(8, 8, 8, 0, 0, 5, 0, 0, 0, 0, 0);
    static final ShadowCounts MOVED = new ShadowCounts(8, 8, 8, 0, 0, 5, 2, 0, 1, 0, 0);
    static final ShadowCounts GONE = new ShadowCounts(8, 4, 4, 0, 0, 0, 1, 0, 4, 0, 0);
    static final ShadowCounts REPROTECTED = new ShadowCounts(8, 8, 4, 0, 1, 0, 0, 3, 1, 2, 0);
    static final ShadowCounts WRONG = new ShadowCounts(8, 8, 4, 0, 0, 0, 3, 0, 0, 0, 1);

    private Looks() {}

    static Area area(long start, String permissions, String name, ShadowCounts... counts) {
        List<Cell> cells = new ArrayList<>();
        for (int i = 0; i < counts.length; i++) {
            AddressRange range = new AddressRange(start + i * CELL, start + (i + 1) * CELL);
            cells.add(new Cell(range, counts[i], counts[i]));
        }
        AddressRange range = new AddressRange(start, start + counts.length * CELL);
        return new Area(new ProcMaps.Mapping(range, permissions, name), cells, Map.of(Cause.THP_SPLIT, 3L));
    }

    static ShadowLook look(int number, Area... areas) {
        ShadowEvents events = new ShadowEvents();
        if (number > 1) {
            events.next(List.of(new AddressRange(0, Long.MAX_VALUE)));
            events.add(Events.munmap(1, "java"));
            events.add(Events.lost(2, 3));
        }
        return new ShadowLook(
                4711,
                number,
                (number - 1) * 1_500_000_000L,
                3_000_000_000L,
                CELL,
                List.of(areas),
                List.of(),
                events.next(List.of()),
                List.of());
    }

    /** A heap of more cells than a row has, and two small mappings. */
    static ShadowLook wide(int number) {
        ShadowCounts[] cells = new ShadowCounts[70];
        Arrays.fill(cells, HUGE);
        cells[0] = FULL;
        cells[1] = SOME;
        cells[69] = ABSENT;
        return look(
                number,
                area(HEAP, "rw-p", "", cells),
                area(LIBRARY, "r-xp", "/usr/lib/libjvm.so", CODE, CODE),
                area(LIBRARY + 2 * CELL, "rw-p", "[stack]", number == 1 ? FULL : MOVED));
    }

    static ShadowLook with(ShadowLook look, ShadowLook.LeftOut left, ShadowSpace.Page... pages) {
        return new ShadowLook(
                look.pid(),
                look.number(),
                look.nanos(),
                look.timeNanos(),
                look.cellSize(),
                look.areas(),
                List.of(left),
                look.events(),
                List.of(pages));
    }
}
