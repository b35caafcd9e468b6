// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.simulated;

import io.mmubridge.AttachException;

/** The model never speaks of what is real: what it says instead, and the way out. */
final class Refusals {
    /** How to get to the kernel. */
    static final String WAY_OUT =
            "For what is real, load the kernel module (modprobe mmubridge, as root) and open it with "
                    + "Mmu.openKernel(), or run the command in a virtual machine with mmubridge --vm.";

    private Refusals() {}

    /** Of a simulated process that has no address space any more. */
    static AttachException gone(String what) {
        return new AttachException(
                AttachException.Reason.GONE,
                "The simulated process " + what + " has exited: it has no memory any more.");
    }

    /** Of a process, or of what would name one. */
    static AttachException real(String what) {
        return new AttachException(
                AttachException.Reason.SIMULATED,
                "The model speaks of simulated processes alone, and " + what + " is real. " + WAY_OUT);
    }
}
