// SPDX-License-Identifier: Apache-2.0
package io.mmubridge;

import io.mmubridge.backend.BackendShadow;

/** Shadows over a backend of a test's own. */
public final class ShadowAccess {
    private ShadowAccess() {}

    /**
     * What {@link Subscription#shadow} makes of words.
     *
     * @param words what stands behind it
     * @param range what they are of
     * @param mode how it comes by pages
     * @return the shadow
     */
    public static Shadow of(BackendShadow words, AddressRange range, ShadowMode mode) {
        return new Shadow(words, range, mode);
    }
}
