// SPDX-License-Identifier: Apache-2.0
package io.mmubridge;

/**
 * How a {@link Shadow} comes by pages that are not there when it looks.
 *
 * <p>Pages that cannot be had so, since nothing is mapped, or not for that, are taken as they are found, as by
 * {@link #SNAPSHOT}.
 */
public enum ShadowMode {
    /** It does not: what is present is shadowed, and nothing faulted in. */
    SNAPSHOT,
    /** It faults them in for reading, {@code HMM_PFN_REQ_FAULT}. */
    READ,
    /**
     * It faults them in for writing, {@code HMM_PFN_REQ_WRITE}: what is shared copy-on-write is copied. Of another process
     * this needs its memory to be open for writing.
     */
    WRITE
}
