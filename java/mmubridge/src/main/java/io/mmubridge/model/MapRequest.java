// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import org.jspecify.annotations.Nullable;

/**
 * What to map: the arguments of {@code mmap(2)}. Made by {@link #anonymous} or {@link #of}, and refined from there.
 *
 * @param length in bytes, rounded up to pages
 * @param file what to map, null for anonymous memory
 * @param offset of its first byte in the file, in whole pages
 * @param shared {@code MAP_SHARED}, else {@code MAP_PRIVATE}
 * @param protection the protection
 * @param address {@code MAP_FIXED}: where to, over whatever is there; -1 to leave the choice to the kernel
 * @param hugePages {@code MADV_HUGEPAGE}: to be served with 2 MiB pages where they fit
 */
public record MapRequest(
        long length,
        @Nullable SimulatedFile file,
        long offset,
        boolean shared,
        Protection protection,
        long address,
        boolean hugePages) {
    /**
     * Private anonymous memory, to be read and written.
     *
     * @param length in bytes
     * @return the request
     */
    public static MapRequest anonymous(long length) {
        return new MapRequest(length, null, 0, false, Protection.READ_WRITE, -1, false);
    }

    /**
     * A part of a file, shared, to be read and written.
     *
     * @param file which
     * @param offset where in it, in bytes
     * @param length in bytes
     * @return the request
     */
    public static MapRequest of(SimulatedFile file, long offset, long length) {
        return new MapRequest(length, file, offset, true, Protection.READ_WRITE, -1, false);
    }

    /**
     * The same with {@code MAP_SHARED}.
     *
     * @return another request
     */
    public MapRequest asShared() {
        return new MapRequest(length, file, offset, true, protection, address, hugePages);
    }

    /**
     * The same with {@code MAP_PRIVATE}.
     *
     * @return another request
     */
    public MapRequest asPrivate() {
        return new MapRequest(length, file, offset, false, protection, address, hugePages);
    }

    /**
     * The same with another protection.
     *
     * @param newProtection the protection
     * @return another request
     */
    public MapRequest with(Protection newProtection) {
        return new MapRequest(length, file, offset, shared, newProtection, address, hugePages);
    }

    /**
     * The same with {@code MAP_FIXED}.
     *
     * @param newAddress where to map it, over what is there
     * @return another request
     */
    public MapRequest at(long newAddress) {
        return new MapRequest(length, file, offset, shared, protection, newAddress, hugePages);
    }

    /**
     * The same with {@code MADV_HUGEPAGE} before the first touch; the kernel then chooses an address that suits.
     *
     * @return another request
     */
    public MapRequest withHugePages() {
        return new MapRequest(length, file, offset, shared, protection, address, true);
    }
}
