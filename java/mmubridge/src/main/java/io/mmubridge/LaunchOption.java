// SPDX-License-Identifier: Apache-2.0
package io.mmubridge;

/** How a command is started. */
public enum LaunchOption {
    /**
     * The command gets all descriptors of this process that are not close-on-exec, as from a shell; not only standard input,
     * output and error. Beside those that this JVM was started with these are its own: files and sockets that Java opens are not
     * marked, so a command keeps them open.
     */
    INHERIT_DESCRIPTORS
}
