// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import java.util.List;

/** A driver with a device TLB, as a random program has it. */
interface Subscriber {
    /** Caches what a page has now, unless something came between. */
    void fault(long page);

    /**
     * That an entry may change as it does, as far as this was told. Called under the page table's lock, before the change.
     *
     * @return what is wrong with it
     */
    List<String> change(long page, long old, long entry);

    /** At rest: where this differs from the page table. */
    List<String> compare();

    /** Gives up the subscription. */
    void unsubscribe();
}
