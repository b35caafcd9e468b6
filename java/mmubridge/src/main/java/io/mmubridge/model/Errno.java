// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

/** The errors that the mirrored kernel functions return, by the names of {@code errno(3)}. */
public enum Errno {
    /** No such process, or it has no address space any more. */
    ESRCH,
    /** A signal came while a killable wait was under way. */
    EINTR,
    /** A notifier cannot do it without sleeping, and must not sleep. */
    EAGAIN,
    /** There is no room: frames, or the limit of a table. */
    ENOMEM,
    /** The address is not mapped, or not for this access: what user space gets as SIGSEGV. */
    EFAULT,
    /** The file ends before that page: what user space gets as SIGBUS. */
    EBUS,
    /** The file does not allow it. */
    EACCES,
    /** Something is mapped there already. */
    EEXIST,
    /** An argument breaks a rule. */
    EINVAL,
    /** A counter, or a range, would wrap. */
    EOVERFLOW
}
