// SPDX-License-Identifier: Apache-2.0
package io.mmubridge;

/** What a command does that is followed, by {@link Launch#follow} or {@link Launch#followWithChildren}. */
public sealed interface LaunchEvent {
    /**
     * A process executed a program, and has not run its first instruction. Its old address space has been released, unless
     * it is shared.
     *
     * @param pid the process
     * @param comm the name of its one thread
     * @param timeNanos when, of {@code CLOCK_MONOTONIC}
     * @param addressSpace the new one, to be used before the handler returns
     */
    record Exec(long pid, String comm, long timeNanos, AddressSpace addressSpace) implements LaunchEvent {}

    /**
     * There is a new process, which has not run its first instruction. One that {@code vfork} or {@code posix_spawn} made
     * shares its parent's address space until it executes: {@link Subscription#spaceId()} shows it.
     *
     * @param pid the process
     * @param parent its parent
     * @param addressSpace its own, or its parent's; to be used before the handler returns
     */
    record Child(long pid, long parent, AddressSpace addressSpace) implements LaunchEvent {}

    /**
     * A process has ended, the command or a child.
     *
     * @param pid the process
     * @param status its exit status, or 128 + N if signal N ended it
     */
    record Exit(long pid, int status) implements LaunchEvent {}

    /** Nobody is left to follow: the last event. */
    record End() implements LaunchEvent {}
}
