// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

/** A lock was taken as it must not be: against the order of its class, twice, or in atomic context. See {@link Lockdep}. */
public final class LockOrderError extends KernelBugError {
    private static final long serialVersionUID = 1L;

    /**
     * A violation.
     *
     * @param message which locks, and what this thread held
     */
    public LockOrderError(String message) {
        super(message);
    }
}
