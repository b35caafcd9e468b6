// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@link IntervalTree} against a list that is searched from end to end. */
class IntervalTreeTest {
    private static final class Interval extends IntervalTree.Node {
        Interval(long start, long last) {
            super(start, last);
        }

        boolean overlaps(long from, long to) {
            return Long.compareUnsigned(start(), to) <= 0 && Long.compareUnsigned(from, last()) <= 0;
        }

        @Override
        public String toString() {
            return Long.toHexString(start()) + "-" + Long.toHexString(last());
        }
    }

    private static List<Interval> overlapping(IntervalTree<Interval> tree, long from, long to) {
        List<Interval> found = new ArrayList<>();
        for (Interval each = tree.first(from, to); each != null; each = tree.next(each, from, to)) {
            found.add(each);
        }
        return found;
    }

    /** The tree's own rules, which its answers rest on. */
    private static int checkBelow(IntervalTree.@Nullable Node node, IntervalTree.@Nullable Node parent) {
        if (node == null) {
            return 0;
        }
        assertThat(node.parent).isSameAs(parent);
        int left = checkBelow(node.left, node);
        int right = checkBelow(node.right, node);
        assertThat(Math.abs(left - right)).as("balance").isLessThanOrEqualTo(1);
        assertThat(node.height).isEqualTo(Math.max(left, right) + 1);
        long last = node.last();
        for (IntervalTree.Node child : new IntervalTree.Node[] {node.left, node.right}) {
            if (child != null && Long.compareUnsigned(child.subtreeLast, last) > 0) {
                last = child.subtreeLast;
            }
        }
        assertThat(node.subtreeLast).isEqualTo(last);
        return node.height;
    }

    private static void checkWhole(List<Interval> all) {
        if (all.isEmpty()) {
            return;
        }
        IntervalTree.Node root = all.getFirst();
        while (root.parent != null) {
            root = root.parent;
        }
        // As for any tree so balanced: a higher one needs more nodes.
        assertThat(checkBelow(root, null)).isLessThanOrEqualTo((int) (1.45 * Math.log(all.size() + 2) / Math.log(2)));
    }

    /** Few enough addresses that intervals meet, and both ends of the unsigned numbers and of the signed ones. */
    private static long address(Random random) {
        long near = random.nextInt(64);
        return switch (random.nextInt(4)) {
            case 0 -> near;
            case 1 -> -1 - near;
            case 2 -> Long.MAX_VALUE - 32 + near;
            default -> near << 58;
        };
    }

    private static long[] range(Random random) {
        long one = address(random);
        long other = address(random);
        return Long.compareUnsigned(one, other) <= 0 ? new long[] {one, other} : new long[] {other, one};
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20})
    void answersAsAListDoes(long seed) {
        Random random = new Random(seed);
        IntervalTree<Interval> tree = new IntervalTree<>();
        List<Interval> list = new ArrayList<>();
        for (int i = 0; i < 600; i++) {
            // It grows, and then it shrinks.
            if (random.nextInt(600) > i || list.isEmpty()) {
                long[] range = range(random);
                Interval interval = new Interval(range[0], range[1]);
                tree.insert(interval);
                list.add(interval);
                assertThat(interval.isLinked()).isTrue();
            } else {
                Interval interval = list.remove(random.nextInt(list.size()));
                tree.remove(interval);
                assertThat(interval.isLinked()).isFalse();
            }
            checkWhole(list);

            long[] asked = range(random);
            List<Interval> found = overlapping(tree, asked[0], asked[1]);
            assertThat(found)
                    .isSortedAccordingTo(Comparator.comparing(Interval::start, Long::compareUnsigned))
                    .containsExactlyInAnyOrderElementsOf(list.stream()
                            .filter(interval -> interval.overlaps(asked[0], asked[1]))
                            .toList());
        }
    }

    @Test
    void theLastAddressBelongsToIt() {
        IntervalTree<Interval> tree = new IntervalTree<>();
        Interval interval = new Interval(0x1000, 0x1fff);
        tree.insert(interval);

        assertThat(overlapping(tree, 0x1fff, 0x1fff)).containsExactly(interval);
        assertThat(overlapping(tree, 0x1000, 0x1000)).containsExactly(interval);
        assertThat(overlapping(tree, 0x2000, -1)).isEmpty();
        assertThat(overlapping(tree, 0, 0xfff)).isEmpty();
    }

    @Test
    void addressesAreUnsigned() {
        IntervalTree<Interval> tree = new IntervalTree<>();
        Interval high = new Interval(-0x1000, -1);
        Interval low = new Interval(0, 0xfff);
        Interval all = new Interval(0, -1);
        List.of(high, low, all).forEach(tree::insert);

        assertThat(overlapping(tree, -1, -1)).containsExactlyInAnyOrder(high, all);
        assertThat(overlapping(tree, 0, 0)).containsExactlyInAnyOrder(low, all);
        assertThat(overlapping(tree, Long.MAX_VALUE, Long.MIN_VALUE)).containsExactly(all);
    }

    @Test
    void equalIntervalsAreDifferentOnes() {
        IntervalTree<Interval> tree = new IntervalTree<>();
        List<Interval> same = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            same.add(new Interval(5, 9));
            tree.insert(same.getLast());
        }
        checkWhole(same);
        assertThat(overlapping(tree, 9, 12)).containsExactlyInAnyOrderElementsOf(same);

        tree.remove(same.remove(50));
        assertThat(overlapping(tree, 9, 12)).containsExactlyInAnyOrderElementsOf(same);
    }
}
