// SPDX-License-Identifier: Apache-2.0
package io.mmubridge;

/** Thrown by {@link Mmu#launch} when a command cannot be started. */
public final class LaunchException extends MmuException {
    private static final long serialVersionUID = 1L;

    /** What stands in the way. */
    public enum Reason {
        /** There is no such file in {@code PATH}. */
        NOT_FOUND,
        /** There is one, and it cannot be executed. */
        NOT_EXECUTABLE,
        /** This process may not trace its own children, so it cannot stop one at its first instruction. */
        NOT_TRACEABLE,
        /** The backend is the model, which starts no real process. */
        SIMULATED,
        /** Something else, such as no memory. */
        OTHER
    }

    private final Reason reason;

    /**
     * Makes one.
     *
     * @param reason what stands in the way
     * @param message that, and what to do
     */
    public LaunchException(Reason reason, String message) {
        super(message);
        this.reason = reason;
    }

    /**
     * What stands in the way.
     *
     * @return the reason
     */
    public Reason reason() {
        return reason;
    }
}
