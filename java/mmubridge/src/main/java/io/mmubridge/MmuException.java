// SPDX-License-Identifier: Apache-2.0
package io.mmubridge;

/** Something that this library was asked for and the system refused; the message says what to do about it. */
public class MmuException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /**
     * Makes one.
     *
     * @param message what failed, why, and what to do
     */
    public MmuException(String message) {
        super(message);
    }

    /**
     * Makes one with a cause.
     *
     * @param message what failed, why, and what to do
     * @param cause what made it fail
     */
    public MmuException(String message, Throwable cause) {
        super(message, cause);
    }
}
