// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import io.mmubridge.MmuException;
import java.io.PrintWriter;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;

/** The frames of kernel stacks, asked for once each; a refusal is told once, and then there are none. */
final class Stacks {
    private final IntFunction<List<String>> source;
    private final PrintWriter err;
    private final Map<Integer, List<String>> known = new HashMap<>();
    private boolean refused;

    /**
     * Stacks that nobody has asked for yet.
     *
     * @param source gives the frames of one
     * @param err where a refusal is told
     */
    Stacks(IntFunction<List<String>> source, PrintWriter err) {
        this.source = source;
        this.err = err;
    }

    /** Whether its frames were given before. */
    boolean isKnown(int stackId) {
        return known.containsKey(stackId);
    }

    /** The frames, the callback first. */
    List<String> frames(int stackId) {
        return known.computeIfAbsent(stackId, this::ask);
    }

    private List<String> ask(int stackId) {
        if (refused) {
            return List.of();
        }
        try {
            return source.apply(stackId);
        } catch (MmuException e) {
            refused = true;
            err.println("mmubridge: " + e.getMessage());
            return List.of();
        }
    }
}
