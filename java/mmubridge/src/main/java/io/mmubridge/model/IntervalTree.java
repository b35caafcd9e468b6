// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Intervals, found by what they overlap in logarithmic time: the kernel's {@code include/linux/interval_tree_generic.h},
 * on a height-balanced tree where the kernel has a red-black one.
 *
 * <p>Nodes are embedded in what they stand for. They are ordered by their first address, and each knows the largest last
 * address below it. Addresses are unsigned, and the last one belongs to the interval. Not thread-safe; {@link #first} and
 * {@link #next} may run on any thread while nobody inserts or removes.
 *
 * @param <N> what has an interval
 */
@SuppressWarnings("ReferenceEquality") // a node is itself
public final class IntervalTree<N extends IntervalTree.Node> {
    private @Nullable Node root;

    /** An empty tree. */
    public IntervalTree() {}

    /** One interval, in one tree at a time. */
    public abstract static class Node {
        private final long start;
        private final long last;

        @Nullable
        Node parent;

        @Nullable
        Node left;

        @Nullable
        Node right;

        /** Of the tree below this, 1 for a leaf; 0 in no tree, {@code RB_EMPTY_NODE()}. */
        int height;

        /** The largest {@link #last} of the tree below this, itself included. */
        long subtreeLast;

        /**
         * In no tree yet.
         *
         * @param start the first address
         * @param last the last address
         */
        protected Node(long start, long last) {
            this.start = start;
            this.last = last;
        }

        /**
         * The first address.
         *
         * @return an address
         */
        public final long start() {
            return start;
        }

        /**
         * The last address, which belongs to it.
         *
         * @return an address
         */
        public final long last() {
            return last;
        }

        /**
         * Whether it is in a tree.
         *
         * @return true if it is
         */
        public final boolean isLinked() {
            return height != 0;
        }

        private boolean overlaps(long from, long to) {
            return Long.compareUnsigned(start, to) <= 0 && Long.compareUnsigned(from, last) <= 0;
        }
    }

    /**
     * {@code interval_tree_insert()}.
     *
     * @param node in no tree
     */
    public void insert(N node) {
        Node parent = null;
        Node below = root;
        while (below != null) {
            parent = below;
            below = isLess(node, below) ? below.left : below.right;
        }
        put(node, parent, null, null);
        if (parent == null) {
            root = node;
        } else if (isLess(node, parent)) {
            parent.left = node;
        } else {
            parent.right = node;
        }
        rebalanceFrom(parent);
    }

    /**
     * {@code interval_tree_remove()}.
     *
     * @param node in this tree
     */
    public void remove(N node) {
        Node dirty;
        if (node.left != null && node.right != null) {
            // The next in order, which has no left, takes its place.
            Node next = node.right;
            while (next.left != null) {
                next = next.left;
            }
            dirty = next.parent == node ? next : next.parent;
            replace(next, next.right);
            replace(node, next);
            put(next, next.parent, node.left, node.right);
            adopt(next);
        } else {
            dirty = node.parent;
            replace(node, node.left != null ? node.left : node.right);
        }
        put(node, null, null, null);
        node.height = 0;
        rebalanceFrom(dirty);
    }

    private static void put(Node node, @Nullable Node parent, @Nullable Node left, @Nullable Node right) {
        node.parent = parent;
        node.left = left;
        node.right = right;
        update(node);
    }

    private static void adopt(Node node) {
        if (node.left != null) {
            node.left.parent = node;
        }
        if (node.right != null) {
            node.right.parent = node;
        }
    }

    /** Puts another tree, or none, where {@code node} hangs. */
    private void replace(Node node, @Nullable Node by) {
        Node parent = node.parent;
        if (parent == null) {
            root = by;
        } else if (parent.left == node) {
            parent.left = by;
        } else {
            parent.right = by;
        }
        if (by != null) {
            by.parent = parent;
        }
    }

    /**
     * {@code interval_tree_iter_first()}: the first that overlaps.
     *
     * @param from the first address
     * @param to the last address
     * @return it, or null
     */
    public @Nullable N first(long from, long to) {
        return cast(search(root, from, to));
    }

    /**
     * {@code interval_tree_iter_next()}: the one after {@code node} that overlaps.
     *
     * @param node in the tree
     * @param from the first address
     * @param to the last address
     * @return it, or null
     */
    public @Nullable N next(N node, long from, long to) {
        Node found = search(node.right, from, to);
        Node child = node;
        Node parent = node.parent;
        while (found == null && parent != null) {
            if (parent.left == child) {
                if (Long.compareUnsigned(parent.start, to) > 0) {
                    // What is left in order starts later still.
                    return null;
                }
                found = parent.overlaps(from, to) ? parent : search(parent.right, from, to);
            }
            child = parent;
            parent = parent.parent;
        }
        return cast(found);
    }

    /** The first in order below {@code node}, itself included. Goes down one way only. */
    private static @Nullable Node search(@Nullable Node node, long from, long to) {
        while (node != null && Long.compareUnsigned(from, node.subtreeLast) <= 0) {
            if (node.left != null && Long.compareUnsigned(from, node.left.subtreeLast) <= 0) {
                // One on the left ends late enough. If even that starts too late, all on the right do.
                node = node.left;
            } else if (node.overlaps(from, to)) {
                return node;
            } else if (Long.compareUnsigned(node.start, to) > 0) {
                return null;
            } else {
                node = node.right;
            }
        }
        return null;
    }

    @SuppressWarnings("unchecked") // insert() lets nothing else in
    private @Nullable N cast(@Nullable Node node) {
        return (N) node;
    }

    private static boolean isLess(Node left, Node right) {
        return Long.compareUnsigned(left.start, right.start) < 0;
    }

    // ----------------------------------------------------------------------------------------------- the balance

    private static int height(@Nullable Node node) {
        return node == null ? 0 : node.height;
    }

    private static int slope(Node node) {
        return height(node.left) - height(node.right);
    }

    private static void update(Node node) {
        node.height = 1 + Math.max(height(node.left), height(node.right));
        long last = node.last;
        if (node.left != null) {
            last = max(last, node.left.subtreeLast);
        }
        if (node.right != null) {
            last = max(last, node.right.subtreeLast);
        }
        node.subtreeLast = last;
    }

    private static long max(long left, long right) {
        return Long.compareUnsigned(left, right) >= 0 ? left : right;
    }

    /** Up to the root, since any of them may have another last address below it now. */
    private void rebalanceFrom(@Nullable Node node) {
        while (node != null) {
            update(node);
            Node top = rebalance(node);
            node = top.parent;
        }
    }

    private Node rebalance(Node node) {
        int slope = slope(node);
        if (slope > 1) {
            Node left = Objects.requireNonNull(node.left);
            if (slope(left) < 0) {
                rotateLeft(left);
            }
            return rotateRight(node);
        }
        if (slope < -1) {
            Node right = Objects.requireNonNull(node.right);
            if (slope(right) > 0) {
                rotateRight(right);
            }
            return rotateLeft(node);
        }
        return node;
    }

    private Node rotateLeft(Node node) {
        Node top = Objects.requireNonNull(node.right);
        replace(node, top);
        put(node, top, node.left, top.left);
        adopt(node);
        put(top, top.parent, node, top.right);
        return top;
    }

    private Node rotateRight(Node node) {
        Node top = Objects.requireNonNull(node.left);
        replace(node, top);
        put(node, top, top.right, node.right);
        adopt(node);
        put(top, top.parent, top.left, node);
        return top;
    }
}
