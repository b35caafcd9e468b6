// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import io.mmubridge.AddressRange;
import io.mmubridge.MmuException;
import io.mmubridge.cli.ProcMaps.Mapping;
import io.mmubridge.cli.ShadowLook.Area;
import io.mmubridge.cli.ShadowLook.Cell;
import io.mmubridge.cli.ShadowLook.LeftOut;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Looks at the memory of a process, by its shadows.
 *
 * <p>Who looks once needs no shadow to stay, and goes through the memory piece by piece, however large it is. Who looks again
 * keeps shadows of what he looks at, as far as they are to be had: what changes between two looks is told by them.
 */
final class ShadowLooker implements AutoCloseable {
    static final long PAGE = 4096;

    /** Ranges to go through, one after the other, with shadows that do not stay: not as many as there are mappings. */
    private static final int PIECES = 48;

    /** As much as one of these has. */
    private static final long PIECE = 256L << 20;

    /** About as many cells as can be taken in. */
    private static final long CELLS = 1024;

    /** Where mappings are to be had. */
    interface Maps {
        List<Mapping> read() throws IOException;
    }

    /**
     * What to look at, and how.
     *
     * @param range of it alone, or null
     * @param name of mappings whose name contains this alone, or null
     * @param cellSize bytes of a cell, a power of two; 0: what fits
     * @param again whether there is more than one look
     * @param pages whether to list each page
     * @param shadowLimit most shadows at a time
     * @param pageLimit most pages of all shadows
     */
    record Request(
            @Nullable AddressRange range,
            @Nullable String name,
            long cellSize,
            boolean again,
            boolean pages,
            int shadowLimit,
            long pageLimit) {
        /** Shadows that stay, so that some are left for what is mapped later. */
        private int parts() {
            return Math.max(1, shadowLimit * 3 / 4);
        }

        private boolean includes(Mapping mapping) {
            return (range == null
                            || range.overlaps(
                                    mapping.range().start(), mapping.range().end()))
                    && (name == null || mapping.label().contains(name));
        }

        private Mapping clip(Mapping mapping) {
            if (range == null) {
                return mapping;
            }
            AddressRange common = Ranges.intersect(range, mapping.range());
            long start = common.start() & -PAGE;
            return new Mapping(
                    new AddressRange(start, (common.end() + PAGE - 1) & -PAGE), mapping.permissions(), mapping.name());
        }
    }

    private final long pid;
    private final ShadowSpace space;
    private final Maps maps;
    private final Request request;
    private final List<ShadowSpace.Part> parts = new ArrayList<>();
    private final Map<Long, ShadowCounts> totals = new HashMap<>();
    private List<AddressRange> lookedAt = List.of();
    private long cellSize;
    private int number;
    private long firstNanos;

    ShadowLooker(long pid, ShadowSpace space, Maps maps, Request request) {
        this.pid = pid;
        this.space = space;
        this.maps = maps;
        this.request = request;
        cellSize = request.cellSize();
    }

    /** What is to be shown of one mapping, while a look goes on. */
    private record Segment(Mapping mapping, boolean wanted, List<Cell> cells) {}

    /**
     * Looks.
     *
     * @param events that have come since the last look
     * @return what is there; null once the address space has gone away
     * @throws MmuException if none of it can be looked at
     * @throws InterruptedException if the thread is interrupted
     */
    @Nullable
    ShadowLook look(ShadowEvents events) throws IOException, InterruptedException {
        long nanos = System.nanoTime();
        if (number == 0) {
            firstNanos = nanos;
        }
        Map<String, List<AddressRange>> leftOut = new LinkedHashMap<>();
        List<Segment> segments = segments(leftOut);
        List<AddressRange> wanted = segments.stream()
                .filter(Segment::wanted)
                .map(s -> s.mapping().range())
                .toList();
        if (cellSize == 0) {
            cellSize = fittingCellSize(wanted);
        }
        List<ShadowSpace.Page> pages = new ArrayList<>();
        boolean complete =
                request.again() ? lookAgain(segments, wanted, leftOut, pages) : lookOnce(segments, wanted, pages);
        if (!complete) {
            return null;
        }
        number++;
        List<Area> areas = segments.stream()
                .filter(ShadowLooker::isShown)
                .map(segment -> area(segment, events))
                .toList();
        lookedAt = segments.stream()
                .filter(segment -> segment.wanted() && !segment.cells().isEmpty())
                .map(ShadowLooker::range)
                .toList();
        return new ShadowLook(
                pid,
                number,
                nanos - firstNanos,
                nanos,
                cellSize,
                areas,
                leftOut.entrySet().stream()
                        .map(entry -> new LeftOut(entry.getKey(), List.copyOf(entry.getValue())))
                        .toList(),
                events.next(areas.stream().map(area -> area.mapping().range()).toList()),
                pages);
    }

    /** The mappings that are wanted, and where there was one at the last look and is none now. */
    private List<Segment> segments(Map<String, List<AddressRange>> leftOut) throws IOException {
        List<Segment> segments = new ArrayList<>();
        for (Mapping mapping : maps.read()) {
            if (request.includes(mapping)) {
                Mapping clipped = request.clip(mapping);
                if (clipped.isReadable()) {
                    segments.add(new Segment(clipped, true, new ArrayList<>()));
                } else {
                    leaveOut(leftOut, "not readable, so that no page of it is mapped to be shadowed", clipped.range());
                }
            }
        }
        List<AddressRange> wanted =
                segments.stream().map(s -> s.mapping().range()).toList();
        for (AddressRange left : Ranges.subtract(lookedAt, wanted)) {
            segments.add(new Segment(Mapping.hole(left), false, new ArrayList<>()));
        }
        segments.sort(
                Comparator.comparingLong(segment -> segment.mapping().range().start()));
        return segments;
    }

    private static void leaveOut(Map<String, List<AddressRange>> leftOut, String reason, AddressRange range) {
        leftOut.computeIfAbsent(reason, key -> new ArrayList<>()).add(range);
    }

    private static long fittingCellSize(List<AddressRange> ranges) {
        long size = PAGE;
        while (beyondTheFirst(ranges, size) > CELLS) {
            size *= 2;
        }
        return size;
    }

    /** Cells that there are for the size of the ranges, and not for their number. */
    private static long beyondTheFirst(List<AddressRange> ranges, long size) {
        return ranges.stream()
                .mapToLong(range -> (range.end() - 1) / size - range.start() / size)
                .sum();
    }

    private boolean lookOnce(List<Segment> segments, List<AddressRange> wanted, List<ShadowSpace.Page> pages)
            throws InterruptedException {
        long size = Math.min(Math.max(PIECE, cellSize), Long.highestOneBit(request.pageLimit()) * PAGE);
        for (AddressRange range : Ranges.join(wanted, List.of(), PIECES)) {
            for (AddressRange piece : Ranges.cut(range, size)) {
                if (!Ranges.within(piece, wanted).isEmpty()) {
                    try (ShadowSpace.Part part = space.add(piece)) {
                        if (!lookAt(part, segments, pages)) {
                            return false;
                        }
                    }
                }
            }
        }
        return true;
    }

    private boolean lookAgain(
            List<Segment> segments,
            List<AddressRange> wanted,
            Map<String, List<AddressRange>> leftOut,
            List<ShadowSpace.Page> pages)
            throws InterruptedException {
        if (!extend(wanted, leftOut)) {
            return false;
        }
        for (ShadowSpace.Part part : parts) {
            if (!lookAt(part, segments, pages)) {
                return false;
            }
        }
        return true;
    }

    /** Makes shadows of what is wanted and has none: of the smaller first, so that what is too large is cut. */
    private boolean extend(List<AddressRange> wanted, Map<String, List<AddressRange>> leftOut) {
        List<AddressRange> there = parts.stream().map(ShadowSpace.Part::range).toList();
        List<AddressRange> missing = Ranges.subtract(wanted, there);
        List<AddressRange> fresh =
                new ArrayList<>(Ranges.join(missing, there, Math.max(1, request.parts() - there.size())));
        fresh.sort(Comparator.comparingLong(Ranges::size));
        long room = request.pageLimit() - Ranges.total(there) / PAGE;
        for (AddressRange range : fresh) {
            long size = Math.min(Ranges.size(range), room * PAGE);
            if (size > 0) {
                AddressRange fitting = new AddressRange(range.start(), range.start() + size);
                try {
                    parts.add(space.add(fitting));
                    room -= size / PAGE;
                } catch (MmuException e) {
                    if (parts.isEmpty()) {
                        throw e;
                    }
                    if (parts.getFirst().isEnded()) {
                        return false;
                    }
                    Ranges.within(fitting, missing)
                            .forEach(left -> leaveOut(leftOut, Objects.requireNonNull(e.getMessage()), left));
                }
            }
            if (size < Ranges.size(range)) {
                AddressRange rest = new AddressRange(range.start() + size, range.end());
                Ranges.within(rest, missing)
                        .forEach(left -> leaveOut(
                                leftOut,
                                "beyond the " + request.pageLimit()
                                        + " pages that one subscription may shadow; name it as RANGE, or look once",
                                left));
            }
        }
        parts.sort(Comparator.comparingLong(part -> part.range().start()));
        return true;
    }

    /** False if the address space has gone away. */
    private boolean lookAt(ShadowSpace.Part part, List<Segment> segments, List<ShadowSpace.Page> pages)
            throws InterruptedException {
        if (request.pages() && !part.hasFrames()) {
            throw new MmuException(
                    "Frames are for who has CAP_SYS_ADMIN in the initial user namespace alone: the kernel "
                            + "does not tell them to others, as in /proc/PID/pagemap. Leave out --frames, or be root.");
        }
        for (Segment segment : segments) {
            AddressRange range = segment.mapping().range();
            if (range.overlaps(part.range().start(), part.range().end())) {
                for (AddressRange cell : Ranges.cut(Ranges.intersect(range, part.range()), cellSize)) {
                    if (Thread.interrupted()) {
                        throw new InterruptedException();
                    }
                    try {
                        segment.cells().add(cell(cell, part.refresh(cell)));
                        if (request.pages()) {
                            pages.addAll(part.pages(cell));
                        }
                    } catch (MmuException e) {
                        if (part.isEnded()) {
                            return false;
                        }
                        throw e;
                    }
                }
            }
        }
        return true;
    }

    private Cell cell(AddressRange range, ShadowCounts now) {
        // What the first look finds is no change.
        ShadowCounts total = totals.merge(range.start(), now.withoutAdded(), (before, _) -> now.withChangesOf(before));
        return new Cell(range, now, total);
    }

    private static boolean isShown(Segment segment) {
        return segment.wanted()
                ? !segment.cells().isEmpty()
                : segment.cells().stream().anyMatch(cell -> cell.now().dropped() > 0);
    }

    /** As far as it was looked at. */
    private static AddressRange range(Segment segment) {
        return new AddressRange(
                segment.cells().getFirst().range().start(),
                segment.cells().getLast().range().end());
    }

    private static Area area(Segment segment, ShadowEvents events) {
        Mapping mapping = new Mapping(
                range(segment),
                segment.mapping().permissions(),
                segment.mapping().name());
        return new Area(mapping, Collections.unmodifiableList(segment.cells()), events.causes(mapping.range()));
    }

    @Override
    public void close() {
        parts.forEach(ShadowSpace.Part::close);
    }
}
