// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import io.mmubridge.AddressRange;
import io.mmubridge.MmuException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Memory that the test makes, and shadows of it that know nothing of limits but one. */
final class FakeShadows implements ShadowSpace {
    static final long PAGE = 4096;

    private record Frame(long number, boolean writable, boolean huge) {}

    private final TreeMap<Long, Frame> memory = new TreeMap<>();
    private final List<FakePart> parts = new ArrayList<>();
    private int most = Integer.MAX_VALUE;
    private boolean hasFrames = true;
    private boolean ended;

    /** Puts frames that follow each other to pages. */
    void put(long address, int pages, long frame, boolean writable, boolean huge) {
        for (int i = 0; i < pages; i++) {
            memory.put(address + i * PAGE, new Frame(frame + i, writable, huge));
        }
    }

    void remove(long address, int pages) {
        memory.subMap(address, address + pages * PAGE).clear();
    }

    /** An event: the entries are not there any more, whatever the memory is. */
    void drop(long address, int pages) {
        for (FakePart part : parts) {
            for (long page = address; page < address + pages * PAGE; page += PAGE) {
                part.drop(page);
            }
        }
    }

    void allow(int shadows) {
        most = shadows;
    }

    void hideFrames() {
        hasFrames = false;
    }

    void end() {
        ended = true;
    }

    /** The ranges of those that are there. */
    List<AddressRange> open() {
        return parts.stream().filter(part -> !part.closed).map(FakePart::range).toList();
    }

    /** The ranges of all that ever were. */
    List<AddressRange> all() {
        return parts.stream().map(FakePart::range).toList();
    }

    @Override
    public Part add(AddressRange range) {
        if (ended) {
            throw new MmuException("the process has exited");
        }
        if (open().size() == most) {
            throw new MmuException("as many shadows as there may be");
        }
        if (open().stream().anyMatch(other -> other.overlaps(range.start(), range.end()))) {
            throw new AssertionError("shadows overlap at " + range);
        }
        FakePart part = new FakePart(range);
        parts.add(part);
        return part;
    }

    private final class FakePart implements Part {
        private final AddressRange range;
        private final Map<Long, Frame> entries = new HashMap<>();
        private final Map<Long, Frame> dropped = new HashMap<>();
        private boolean closed;

        private FakePart(AddressRange range) {
            this.range = range;
        }

        private void drop(long page) {
            Frame entry = entries.remove(page);
            if (entry != null) {
                dropped.put(page, entry);
            }
        }

        @Override
        public AddressRange range() {
            return range;
        }

        @Override
        public ShadowCounts refresh(AddressRange pages) {
            if (ended) {
                throw new MmuException("the process has exited");
            }
            if (closed || pages.start() < range.start() || pages.end() > range.end()) {
                throw new AssertionError(pages + " is not in " + range);
            }
            ShadowCounts counts = ShadowCounts.NONE;
            for (long page = pages.start(); page < pages.end(); page += PAGE) {
                counts = counts.plus(look(page));
            }
            return counts;
        }

        private ShadowCounts look(long page) {
            Frame now = memory.get(page);
            boolean known = entries.containsKey(page);
            Frame before = dropped.remove(page);
            if (now == null) {
                entries.remove(page);
                return new ShadowCounts(1, 0, 0, 0, 0, 0, 0, 0, count(before != null), 0, count(known));
            }
            entries.put(page, now);
            boolean moved = before != null && before.number() != now.number();
            boolean reprotected = before != null && !moved && before.writable() != now.writable();
            return new ShadowCounts(
                    1,
                    1,
                    count(now.writable()),
                    count(now.huge()),
                    count(!known && before == null),
                    count(before != null && !moved && !reprotected),
                    count(moved),
                    count(reprotected),
                    0,
                    0,
                    0);
        }

        private static long count(boolean it) {
            return it ? 1 : 0;
        }

        @Override
        public boolean isEnded() {
            return ended;
        }

        @Override
        public boolean hasFrames() {
            return hasFrames;
        }

        @Override
        public List<Page> pages(AddressRange pages) {
            List<Page> present = new ArrayList<>();
            for (long page = pages.start(); page < pages.end(); page += PAGE) {
                Frame frame = entries.get(page);
                if (frame != null) {
                    present.add(new Page(page, frame.number(), frame.writable(), frame.huge()));
                }
            }
            return present;
        }

        @Override
        public void close() {
            closed = true;
        }
    }
}
