// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import io.mmubridge.AddressRange;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/** Lists of ranges of a process, in the order of their addresses, no two of which overlap. */
final class Ranges {
    private Ranges() {}

    static long size(AddressRange range) {
        return range.end() - range.start();
    }

    static long total(List<AddressRange> ranges) {
        return ranges.stream().mapToLong(Ranges::size).sum();
    }

    /** What is in one of the ranges, and in none of the others. */
    static List<AddressRange> subtract(List<AddressRange> ranges, List<AddressRange> others) {
        List<AddressRange> left = new ArrayList<>();
        int next = 0;
        for (AddressRange range : ranges) {
            long start = range.start();
            while (next < others.size() && others.get(next).end() <= start) {
                next++;
            }
            for (int i = next; i < others.size() && others.get(i).start() < range.end(); i++) {
                if (start < others.get(i).start()) {
                    left.add(new AddressRange(start, others.get(i).start()));
                }
                start = Math.max(start, others.get(i).end());
            }
            if (start < range.end()) {
                left.add(new AddressRange(start, range.end()));
            }
        }
        return left;
    }

    /**
     * Fewer ranges that cover the same and what is between some of them: those that touch are joined, and then those with the
     * least between them.
     *
     * @param ranges what to cover
     * @param others what not to cover
     * @param most how many there may be; there are more where others are between them
     */
    static List<AddressRange> join(List<AddressRange> ranges, List<AddressRange> others, int most) {
        List<AddressRange> blocked = new ArrayList<>();
        List<AddressRange> free = new ArrayList<>();
        for (int i = 1; i < ranges.size(); i++) {
            if (ranges.get(i - 1).end() < ranges.get(i).start()) {
                AddressRange gap =
                        new AddressRange(ranges.get(i - 1).end(), ranges.get(i).start());
                (overlapsOne(gap, others) ? blocked : free).add(gap);
            }
        }
        free.sort(Comparator.comparingLong(Ranges::size).reversed());
        Set<AddressRange> open = new HashSet<>(blocked);
        open.addAll(free.subList(0, Math.clamp(most - 1L - blocked.size(), 0, free.size())));

        List<AddressRange> joined = new ArrayList<>();
        for (AddressRange range : ranges) {
            AddressRange last = joined.isEmpty() ? null : joined.getLast();
            if (last == null
                    || (last.end() < range.start() && open.contains(new AddressRange(last.end(), range.start())))) {
                joined.add(range);
            } else {
                joined.set(joined.size() - 1, new AddressRange(last.start(), range.end()));
            }
        }
        return joined;
    }

    private static boolean overlapsOne(AddressRange range, List<AddressRange> others) {
        return others.stream().anyMatch(other -> other.overlaps(range.start(), range.end()));
    }

    /** What of the ranges is in another one. */
    static List<AddressRange> within(AddressRange range, List<AddressRange> ranges) {
        return ranges.stream()
                .filter(other -> other.overlaps(range.start(), range.end()))
                .map(other -> intersect(range, other))
                .toList();
    }

    /** What two ranges that overlap have in common; either may be of any addresses. */
    static AddressRange intersect(AddressRange one, AddressRange other) {
        long start = Long.compareUnsigned(one.start(), other.start()) > 0 ? one.start() : other.start();
        long end = Long.compareUnsigned(one.end(), other.end()) < 0 ? one.end() : other.end();
        return new AddressRange(start, end);
    }

    /** The same, in pieces that end where a multiple of the size does. */
    static List<AddressRange> cut(AddressRange range, long size) {
        return IntStream.rangeClosed(0, (int) ((range.end() - 1) / size - range.start() / size))
                .mapToObj(i -> {
                    long start = (range.start() / size + i) * size;
                    return new AddressRange(Math.max(start, range.start()), Math.min(start + size, range.end()));
                })
                .toList();
    }
}
