// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

/**
 * What differs between kernels, as data.
 *
 * @param version of the kernel, such as {@code 6.1}
 * @param changePte whether there is {@code change_pte()}, up to 6.9
 * @param exclusiveInvalidateRange whether operations with both {@code arch_invalidate_secondary_tlbs()} and start or end are
 *     refused, and the end of an invalidation calls it no more, from 6.6
 */
public record KernelProfile(String version, boolean changePte, boolean exclusiveInvalidateRange) {
    /** Debian 12. */
    public static final KernelProfile LINUX_6_1 = new KernelProfile("6.1", true, false);

    /** Debian 12 with its own newer kernel. */
    public static final KernelProfile LINUX_6_12 = new KernelProfile("6.12", false, true);

    /** Debian 13 with backports. */
    public static final KernelProfile LINUX_7_3 = new KernelProfile("7.3", false, true);
}
