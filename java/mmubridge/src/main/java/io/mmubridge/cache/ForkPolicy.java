// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cache;

/**
 * What a {@code fork(2)} of the process means for registrations. It write-protects the private pages that parent and child share
 * from then on, and whoever writes to one first gets a copy: the parent, whose device then has the page that the child kept, if
 * nobody tells it.
 */
public enum ForkPolicy {
    /** A fork makes registrations of private memory stale. It is right for every device, and costs a registration each. */
    INVALIDATE,

    /**
     * A fork alone makes nothing stale; copy-on-write, which gives the parent another page, still does. It is right where the
     * device only reads, and where pages cannot be shared by a fork, since they are pinned or {@code MADV_DONTFORK} was said.
     * A device that writes to a page that child and parent share would be seen by the child.
     */
    SURVIVE
}
