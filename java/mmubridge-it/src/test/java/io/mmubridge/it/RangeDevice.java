// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.it;

import io.mmubridge.AddressRange;
import io.mmubridge.cache.Registrar;

/** A device that knows ranges and nothing of what lies there. */
final class RangeDevice implements Registrar<AddressRange> {
    @Override
    public AddressRange register(AddressRange range) {
        return range;
    }

    @Override
    public void deregister(AddressRange handle) {}
}
