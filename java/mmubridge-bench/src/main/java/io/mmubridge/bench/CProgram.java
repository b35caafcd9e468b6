// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** The program of native/bench. */
final class CProgram {
    /** The system property that names its file. */
    static final String PROPERTY = "mmubridge.bench";

    private CProgram() {}

    static String path() {
        return Objects.requireNonNull(System.getProperty(PROPERTY), "the system property " + PROPERTY + " is not set");
    }

    /** The words of each line that it prints. */
    static List<String[]> run(String... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(path()));
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        List<String> lines = process.inputReader(UTF_8).lines().toList();
        int status = process.onExit().join().exitValue();
        if (status != 0) {
            throw new IOException(
                    String.join(" ", command) + " ended with status " + status + ":\n" + String.join("\n", lines));
        }
        return lines.stream().map(line -> line.split("\t", -1)).toList();
    }
}
