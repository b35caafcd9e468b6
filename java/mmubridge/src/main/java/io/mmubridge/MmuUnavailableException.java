// SPDX-License-Identifier: Apache-2.0
package io.mmubridge;

/** Thrown by {@link Mmu#openKernel()} when the kernel module cannot be reached; the message says how to get there. */
public final class MmuUnavailableException extends MmuException {
    private static final long serialVersionUID = 1L;

    /** What stands in the way. */
    public enum Reason {
        /** The device does not exist: the module is not loaded. */
        NO_DEVICE,
        /** The device exists, and its permissions keep this user out. */
        NO_PERMISSION,
        /** The module speaks another version of the interface. */
        WRONG_VERSION,
        /** What was opened is something else than the module's device. */
        NOT_THE_DEVICE,
        /** The C library cannot be loaded. */
        NO_LIBRARY,
        /** The JVM was not started with native access for this module. */
        NO_NATIVE_ACCESS,
        /** Something else, such as too many open files. */
        OTHER
    }

    private final Reason reason;

    /**
     * Makes one.
     *
     * @param reason what stands in the way
     * @param message that, and what to do
     */
    public MmuUnavailableException(Reason reason, String message) {
        super(message);
        this.reason = reason;
    }

    /**
     * Makes one with a cause.
     *
     * @param reason what stands in the way
     * @param message that, and what to do
     * @param cause where it showed
     */
    public MmuUnavailableException(Reason reason, String message, Throwable cause) {
        super(message, cause);
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
