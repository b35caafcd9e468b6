// SPDX-License-Identifier: Apache-2.0
package io.mmubridge;

import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * Which invalidations a subscription is told of: those of one of the types whose range overlaps one of the ranges. The
 * kernel applies it, so what does not match takes no room in the ring. {@link EventPhase#RELEASE},
 * {@link EventPhase#LOST} and {@link EventPhase#DETACHED} always match.
 *
 * @param types at least one
 * @param ranges none means everywhere
 */
public record Filter(Set<EventType> types, List<AddressRange> ranges) {
    private static final Filter ALL = new Filter(EnumSet.allOf(EventType.class), List.of());

    /**
     * Copies what it is given.
     *
     * @throws IllegalArgumentException if there is no type
     */
    public Filter {
        if (types.isEmpty()) {
            throw new IllegalArgumentException("a filter needs at least one type");
        }
        types = Set.copyOf(types);
        ranges = List.copyOf(ranges);
    }

    /**
     * The filter that everything matches.
     *
     * @return it
     */
    public static Filter all() {
        return ALL;
    }

    /**
     * This filter with other types.
     *
     * @param newTypes at least one
     * @return the new filter
     */
    public Filter withTypes(Collection<EventType> newTypes) {
        return new Filter(Set.copyOf(newTypes), ranges);
    }

    /**
     * This filter with one more range.
     *
     * @param range that invalidations may overlap
     * @return the new filter
     */
    public Filter withRange(AddressRange range) {
        List<AddressRange> more = new ArrayList<>(ranges);
        more.add(range);
        return new Filter(types, more);
    }
}
