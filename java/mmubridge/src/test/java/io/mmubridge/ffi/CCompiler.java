// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.ffi;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** What the machine's C compiler makes of the two headers. */
final class CCompiler {
    /** The top of the source tree: surefire runs in the module's directory. */
    static final Path ROOT = Path.of("../..").toAbsolutePath().normalize();

    private CCompiler() {}

    /** Compiles and runs a program in {@code directory}; gives the lines that it printed. */
    static List<String> run(Path directory, String program) throws IOException, InterruptedException {
        Path source = Files.writeString(directory.resolve("program.c"), program);
        Path binary = directory.resolve("program");
        execute(List.of(
                "cc",
                "-std=gnu11",
                "-Wall",
                "-Werror",
                "-I" + ROOT.resolve("kmod"),
                "-I" + ROOT.resolve("native/include"),
                "-o",
                binary.toString(),
                source.toString()));
        return execute(List.of(binary.toString())).lines().toList();
    }

    /** The text of a header without comments, as {@code scripts/jextract} hashes it. */
    static String withoutComments(String header) throws IOException, InterruptedException {
        return execute(List.of(
                "cc", "-fpreprocessed", "-dD", "-E", "-P", ROOT.resolve(header).toString()));
    }

    private static String execute(List<String> command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), UTF_8);
        if (process.waitFor() != 0) {
            throw new AssertionError(String.join(" ", command) + ":\n" + output);
        }
        return output;
    }
}
