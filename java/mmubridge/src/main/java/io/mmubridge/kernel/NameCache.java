// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.kernel;

import org.jspecify.annotations.Nullable;

/**
 * Strings for keys of two words, so that names which come again and again are made once. A fixed table without chains: a
 * key that falls on another's place takes it. The table is made for the first key, since not every subscription sees one.
 * Used by one thread at a time.
 */
final class NameCache {
    /** Makes the string, or null, for a key. */
    @FunctionalInterface
    interface Source {
        @Nullable
        String name(long first, long second);
    }

    private final int size;
    private final Source source;
    private long[] firsts = {};
    private long[] seconds = {};
    private boolean[] known = {};
    private @Nullable String[] names = {};

    /** A cache with {@code size} places, a power of two. */
    NameCache(int size, Source source) {
        this.size = size;
        this.source = source;
    }

    @Nullable
    String get(long first, long second) {
        if (names.length == 0) {
            firsts = new long[size];
            seconds = new long[size];
            known = new boolean[size];
            names = new String[size];
        }
        int place = Long.hashCode(first * 31 + second) & (size - 1);
        if (!known[place] || firsts[place] != first || seconds[place] != second) {
            names[place] = source.name(first, second);
            firsts[place] = first;
            seconds[place] = second;
            known[place] = true;
        }
        return names[place];
    }
}
