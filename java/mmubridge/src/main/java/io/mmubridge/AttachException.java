// SPDX-License-Identifier: Apache-2.0
package io.mmubridge;

/**
 * Thrown by {@link Subsystem#get(AddressSpace)} when the address space cannot be subscribed to. Who may attach is decided
 * by the kernel, with the rules of ptrace; the message names the rule that refused and what can be done.
 */
public final class AttachException extends MmuException {
    private static final long serialVersionUID = 1L;

    /** What stands in the way. */
    public enum Reason {
        /** There is no such process, it has exited, or {@code /proc} hides it ({@code hidepid}). */
        GONE,
        /** It is a kernel thread, which has no address space. */
        KERNEL_THREAD,
        /** It belongs to another user or user namespace. */
        OTHER_USER,
        /** It is not dumpable: set-uid, or by {@code prctl(PR_SET_DUMPABLE)}. */
        NOT_DUMPABLE,
        /** {@code kernel.yama.ptrace_scope} does not allow it. */
        YAMA,
        /** It has capabilities that this process lacks. */
        CAPABILITIES,
        /** A security module or seccomp, where none of the above is seen to refuse. */
        SECURITY_MODULE,
        /** The module cannot attach to other processes on this kernel. */
        NOT_SUPPORTED,
        /** A limit of the user, of the module or of the address space is reached. */
        LIMIT,
        /** One is real and the other simulated: the model takes nothing that is real, the kernel nothing simulated. */
        SIMULATED,
        /** What was given as a process descriptor is something else. */
        NOT_A_PROCESS,
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
    public AttachException(Reason reason, String message) {
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
