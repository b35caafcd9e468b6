// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

/** What {@code BUG_ON()} and, by default, {@code WARN_ON()} come to: a rule of the kernel's was broken, by its user or by itself. */
public class KernelBugError extends Error {
    private static final long serialVersionUID = 1L;

    /**
     * A broken rule.
     *
     * @param message the rule
     */
    public KernelBugError(String message) {
        super(message);
    }
}
