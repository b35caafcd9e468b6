// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import io.mmubridge.AddressRange;
import io.mmubridge.Cause;
import java.util.List;
import java.util.Map;

/**
 * The memory of a process as one look has found it.
 *
 * @param pid the process
 * @param number of the look, from 1
 * @param nanos since the first look began
 * @param timeNanos CLOCK_MONOTONIC
 * @param cellSize bytes of a cell
 * @param areas in the order of their addresses
 * @param leftOut what was not looked at
 * @param events since the last look
 * @param pages one by one, where that was asked for
 */
record ShadowLook(
        long pid,
        int number,
        long nanos,
        long timeNanos,
        long cellSize,
        List<Area> areas,
        List<LeftOut> leftOut,
        ShadowEvents.Snapshot events,
        List<ShadowSpace.Page> pages) {
    /**
     * A mapping, or the part of it that was looked at.
     *
     * @param mapping what is mapped
     * @param cells in the order of their addresses
     * @param causes of the events since the last look that overlap it, and their number, the most frequent first
     */
    record Area(ProcMaps.Mapping mapping, List<Cell> cells, Map<Cause, Long> causes) {
        ShadowCounts now() {
            return cells.stream().map(Cell::now).reduce(ShadowCounts.NONE, ShadowCounts::plus);
        }

        ShadowCounts total() {
            return cells.stream().map(Cell::total).reduce(ShadowCounts.NONE, ShadowCounts::plus);
        }
    }

    /**
     * Some pages.
     *
     * @param range their addresses
     * @param now what there is, and what changed since the last look
     * @param total what there is, and what changed since the first look
     */
    record Cell(AddressRange range, ShadowCounts now, ShadowCounts total) {}

    /**
     * What was not looked at.
     *
     * @param reason why, to be read after a colon
     * @param ranges what
     */
    record LeftOut(String reason, List<AddressRange> ranges) {}

    ShadowCounts now() {
        return areas.stream().map(Area::now).reduce(ShadowCounts.NONE, ShadowCounts::plus);
    }

    ShadowCounts total() {
        return areas.stream().map(Area::total).reduce(ShadowCounts.NONE, ShadowCounts::plus);
    }
}
