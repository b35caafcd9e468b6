// SPDX-License-Identifier: Apache-2.0
package io.mmubridge;

import java.util.Locale;

/** What the task that ran the kernel's callback was in. It is what was in progress, which need not be the cause. */
public enum EventEntry {
    /** Not known. */
    UNKNOWN,
    /** A system call, named by {@link InvalidationEvent#syscall()}. */
    SYSCALL,
    /** A page fault, another exception, or an interrupt. */
    EXCEPTION,
    /** A kernel thread, such as kswapd, khugepaged or ksmd. */
    KTHREAD,
    /** A worker of io_uring or vhost. */
    USER_WORKER,
    /** The task's own exit. */
    EXIT;

    /**
     * The name in lower case, as the command line writes it.
     *
     * @return the label
     */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
