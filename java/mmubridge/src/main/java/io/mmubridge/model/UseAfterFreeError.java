// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

/** An object was used after it was freed: freed objects are poisoned, so that this is found and not a matter of luck. */
public final class UseAfterFreeError extends KernelBugError {
    private static final long serialVersionUID = 1L;

    /**
     * A use.
     *
     * @param what the object
     */
    public UseAfterFreeError(String what) {
        super("use after free: " + what);
    }
}
