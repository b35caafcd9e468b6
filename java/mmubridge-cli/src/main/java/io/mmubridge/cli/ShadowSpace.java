// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import io.mmubridge.AddressRange;
import java.util.List;

/** Where shadows are to be had: a {@link io.mmubridge.Subscription}. */
interface ShadowSpace {
    /**
     * Makes a shadow.
     *
     * @throws io.mmubridge.MmuException if there can be none
     */
    Part add(AddressRange range);

    /** A shadow. */
    interface Part extends AutoCloseable {
        AddressRange range();

        /**
         * Looks at some of its pages.
         *
         * @throws io.mmubridge.MmuException if that cannot be done
         */
        ShadowCounts refresh(AddressRange pages);

        /** Whether the address space has gone away. */
        boolean isEnded();

        /** Whether it tells which frames there are. */
        boolean hasFrames();

        /** The pages that are present at the last look, and still. */
        List<Page> pages(AddressRange pages);

        @Override
        void close();
    }

    /**
     * A page that is present.
     *
     * @param address of its first byte
     * @param frame its number, or -1
     * @param isWritable whether the CPU may write to it without a fault
     * @param isHuge whether it is part of 2 MiB or more
     */
    record Page(long address, long frame, boolean isWritable, boolean isHuge) {}
}
