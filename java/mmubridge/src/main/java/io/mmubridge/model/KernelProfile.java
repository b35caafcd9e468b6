// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

/**
 * What differs between kernels, as data.
 *
 * @param version of the kernel, such as {@code 6.1}
 * @param changePte whether there is {@code change_pte()}, up to 6.9
 * @param exclusiveInvalidateRange whether operations with both {@code arch_invalidate_secondary_tlbs()} and start or end are
 *     refused, from 6.6
 * @param secondaryTlbsAtFlush whether {@code arch_invalidate_secondary_tlbs()} is called where TLBs are flushed, from 6.6, and
 *     not at the end of an invalidation
 * @param protectsByPud whether {@code mprotect()} invalidates from the first populated gigabyte on, from 6.12, and not from the
 *     first populated 2 MiB
 * @param hugeCopyOfHugeZeroPage whether a write to the huge zero page makes a huge page of it, from 6.13, and does not split it
 * @param pageoutIgnoresReferences whether MADV_PAGEOUT takes pages without asking whether they were accessed, from 6.9
 * @param oomReapClears whether the OOM reaper calls it CLEAR what it does, and not UNMAP
 */
public record KernelProfile(
        String version,
        boolean changePte,
        boolean exclusiveInvalidateRange,
        boolean secondaryTlbsAtFlush,
        boolean protectsByPud,
        boolean hugeCopyOfHugeZeroPage,
        boolean pageoutIgnoresReferences,
        boolean oomReapClears) {
    /** Debian 12. */
    public static final KernelProfile LINUX_6_1 =
            new KernelProfile("6.1", true, false, false, false, false, false, false);

    /** Debian 12 with its own newer kernel. */
    public static final KernelProfile LINUX_6_12 =
            new KernelProfile("6.12", false, true, true, true, false, true, false);

    /** Debian 13 with backports. */
    public static final KernelProfile LINUX_7_3 = new KernelProfile("7.3", false, true, true, true, true, true, true);

    @Override
    public String toString() {
        return version;
    }
}
