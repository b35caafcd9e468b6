// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import java.util.Objects;

/** For tests outside of this package. */
public final class InvalidateSeq {
    private InvalidateSeq() {}

    /**
     * {@code mmu_notifier_subscriptions.invalidate_seq}.
     *
     * @param mm an address space that has had a notifier
     * @return the number
     */
    public static long of(MmStruct mm) {
        return Objects.requireNonNull(mm.notifierSubscriptions()).invalidateSeq;
    }
}
