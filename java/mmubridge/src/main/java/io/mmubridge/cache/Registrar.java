// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cache;

import io.mmubridge.AddressRange;

/**
 * Registers memory with a device, or makes of it whatever else is worth keeping. Called by whichever thread needs or retires a
 * handle, by several at a time, and with no lock of the cache held; but it must not acquire from the cache that calls it.
 *
 * @param <H> what a registration is known by
 */
public interface Registrar<H> {
    /**
     * Registers a range.
     *
     * @param range what was acquired; where ranges are merged, it can be more, up to all that adjoins
     * @return the handle
     * @throws RuntimeException if it cannot; it comes out of the acquire, unless ranges were merged: then the one that was
     *     acquired is tried alone
     */
    H register(AddressRange range);

    /**
     * Takes a registration back: once for each, after its last user has let go. The memory may be gone by then. What it
     * throws is logged and counted, and goes no further.
     *
     * @param handle of {@link #register}
     */
    void deregister(H handle);
}
