// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import picocli.CommandLine.Option;

/** What each command has. */
final class HelpOption {
    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            description = "Show this help and exit.")
    @SuppressWarnings("UnusedVariable") // picocli acts on it
    private boolean help;
}
