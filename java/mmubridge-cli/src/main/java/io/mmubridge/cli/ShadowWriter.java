// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import java.io.IOException;

/** Writes what looks have found. */
interface ShadowWriter {
    /** Writes a look. */
    void look(ShadowLook look) throws IOException;

    /** Writes what there is to say so far. */
    void interim(ShadowSummary summary) throws IOException;

    /** Writes the last word. */
    void summary(ShadowSummary summary) throws IOException;

    /** Whether nobody reads any more. */
    boolean isBroken();
}
