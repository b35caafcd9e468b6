// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.it;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * Another JVM, which does little: interpreted, it is there in half the time where the processor is emulated, since what a
 * compiler makes is translated once more.
 */
final class Jvm {
    private Jvm() {}

    /**
     * The words to start it with.
     *
     * @param prefix what comes before them: a program that starts another
     * @param arguments what comes after them: options, and what to run
     */
    static List<String> command(List<String> prefix, List<String> arguments) {
        List<String> command = new ArrayList<>(prefix);
        command.addAll(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xint",
                "-XX:+UseSerialGC",
                "--enable-native-access=ALL-UNNAMED",
                "-Dmmubridge.library=" + Objects.requireNonNull(System.getProperty("mmubridge.library")),
                "-Dmmubridge.subject=" + System.getProperty("mmubridge.subject")));
        command.addAll(arguments);
        return command;
    }
}
