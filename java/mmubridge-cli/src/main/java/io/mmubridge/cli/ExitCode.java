// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import io.mmubridge.LaunchException;
import io.mmubridge.MmuException;

/** What the command's exit status says; as env(1) has it where a command is started. */
final class ExitCode {
    static final int OK = 0;
    static final int FAILURE = 1;
    static final int USAGE = 2;
    static final int UNAVAILABLE = 125;
    static final int NOT_EXECUTABLE = 126;
    static final int NOT_FOUND = 127;

    private ExitCode() {}

    static int of(MmuException e) {
        return e instanceof LaunchException launch ? of(launch.reason()) : UNAVAILABLE;
    }

    private static int of(LaunchException.Reason reason) {
        return switch (reason) {
            case NOT_FOUND -> NOT_FOUND;
            case NOT_EXECUTABLE -> NOT_EXECUTABLE;
            case NOT_TRACEABLE, SIMULATED, OTHER -> UNAVAILABLE;
        };
    }
}
