// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

/** A mirrored kernel function that returns {@code -errno}. */
public final class ErrnoException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final Errno errno;

    /**
     * An error.
     *
     * @param errno which
     * @param message the value and the rule that it breaks
     */
    public ErrnoException(Errno errno, String message) {
        super(errno + ": " + message);
        this.errno = errno;
    }

    /**
     * Which error.
     *
     * @return its name
     */
    public Errno errno() {
        return errno;
    }
}
