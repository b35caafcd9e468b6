// SPDX-License-Identifier: Apache-2.0
package io.mmubridge;

import java.lang.foreign.MemorySegment;

/**
 * The addresses from {@code start} up to and without {@code end}, both unsigned.
 *
 * @param start the first byte
 * @param end the first byte after the last
 * @param isNative whether they are known to be of this JVM's memory, and so are real: the model refuses them
 */
public record AddressRange(long start, long end, boolean isNative) {
    /**
     * Checks that the range is not empty.
     *
     * @throws IllegalArgumentException if it is
     */
    public AddressRange {
        if (Long.compareUnsigned(start, end) >= 0) {
            throw new IllegalArgumentException("empty range: " + text(start, end));
        }
    }

    /**
     * Addresses of whichever address space this is used with.
     *
     * @param start the first byte
     * @param end the first byte after the last
     * @throws IllegalArgumentException if the range is empty
     */
    public AddressRange(long start, long end) {
        this(start, end, false);
    }

    /**
     * The range of a native segment.
     *
     * @param segment native memory of this process
     * @return its addresses
     * @throws IllegalArgumentException if the segment is on the heap, which has no fixed address, or empty
     */
    public static AddressRange of(MemorySegment segment) {
        if (!segment.isNative()) {
            throw new IllegalArgumentException("a heap segment has no fixed address: " + segment);
        }
        return new AddressRange(segment.address(), segment.address() + segment.byteSize(), true);
    }

    /**
     * Whether the two have an address in common.
     *
     * @param otherStart first byte of the other range
     * @param otherEnd first byte after it
     * @return true if they overlap
     */
    public boolean overlaps(long otherStart, long otherEnd) {
        return Long.compareUnsigned(start, otherEnd) < 0 && Long.compareUnsigned(otherStart, end) < 0;
    }

    @Override
    public String toString() {
        return text(start, end);
    }

    private static String text(long start, long end) {
        return "0x" + Long.toHexString(start) + "-0x" + Long.toHexString(end);
    }
}
