// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import io.mmubridge.InvalidationEvent;
import java.io.IOException;

/** Writes what a watch sees. */
interface EventWriter {
    /**
     * Writes an event.
     *
     * @param space the number of the process, where there may be several
     * @param event of it
     */
    void event(int space, InvalidationEvent event) throws IOException;

    /** Writes what there is to say so far. */
    void interim(Summary summary) throws IOException;

    /** Writes the last word. */
    void summary(Summary summary) throws IOException;

    /** Hands everything over to who reads. */
    void flush() throws IOException;

    /** Whether nobody reads any more. */
    boolean isBroken();
}
