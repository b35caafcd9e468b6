// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

/**
 * What is invalidated: {@code struct mmu_notifier_range}.
 *
 * @param mm the address space
 * @param event why
 * @param start the first byte, unsigned
 * @param end the first byte after the range, unsigned
 * @param isBlockable whether callbacks may sleep, {@code mmu_notifier_range_blockable()}
 */
public record MmuNotifierRange(MmStruct mm, MmuNotifierEvent event, long start, long end, boolean isBlockable) {
    /**
     * Checks the range.
     *
     * @throws IllegalArgumentException if it is empty
     */
    public MmuNotifierRange {
        if (Long.compareUnsigned(start, end) >= 0) {
            throw new IllegalArgumentException(
                    "a range ends after it starts, which this does not: " + hex(start) + " to " + hex(end));
        }
    }

    /**
     * A range whose callbacks may sleep, {@code mmu_notifier_range_init()}.
     *
     * @param mm the address space
     * @param event why
     * @param start the first byte
     * @param end the first byte after it
     * @return the range
     */
    public static MmuNotifierRange of(MmStruct mm, MmuNotifierEvent event, long start, long end) {
        return new MmuNotifierRange(mm, event, start, end, true);
    }

    /**
     * Whether an address lies in it.
     *
     * @param address any
     * @return true if it does
     */
    public boolean contains(long address) {
        return Long.compareUnsigned(address, start) >= 0 && Long.compareUnsigned(address, end) < 0;
    }

    @Override
    public String toString() {
        return event + " " + hex(start) + "-" + hex(end) + (isBlockable ? "" : " nonblock");
    }

    private static String hex(long address) {
        return "0x" + Long.toHexString(address);
    }
}
