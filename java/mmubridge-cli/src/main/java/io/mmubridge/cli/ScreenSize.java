// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.BufferedReader;
import java.io.Console;
import java.io.IOException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The room that a terminal has.
 *
 * @param lines of text
 * @param columns of each
 */
record ScreenSize(int lines, int columns) {
    private static final ScreenSize DEFAULT = new ScreenSize(24, 80);
    private static final Pattern OUTPUT = Pattern.compile("([1-9][0-9]{0,4}) ([1-9][0-9]{0,4})");

    /** Whether a person sits before it, for input and output. */
    @SuppressWarnings("SystemConsoleNull") // it still is with -Djdk.console=java.base
    static boolean isTerminal() {
        Console console = System.console();
        return console != null && console.isTerminal();
    }

    /** Of the terminal that there is; 24 lines of 80 where it does not tell. */
    static ScreenSize ofTerminal() {
        try {
            Process stty = new ProcessBuilder("stty", "size")
                    .redirectInput(ProcessBuilder.Redirect.INHERIT)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            try (BufferedReader out = stty.inputReader(US_ASCII)) {
                String line = out.readLine();
                return line == null ? DEFAULT : parse(line);
            }
        } catch (IOException e) {
            return DEFAULT;
        }
    }

    /** As stty has it. */
    static ScreenSize parse(String line) {
        Matcher matcher = OUTPUT.matcher(line);
        return matcher.matches()
                ? new ScreenSize(Integer.parseInt(matcher.group(1)), Integer.parseInt(matcher.group(2)))
                : DEFAULT;
    }
}
