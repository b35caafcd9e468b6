// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;
import org.openjdk.jmh.runner.RunnerException;

/**
 * The half of scripts/bench that is in Java.
 *
 * <pre>
 *   measure PLACE quick|full GROUP...  measure, and print samples
 *   report table|json                  read samples, print what comes of them
 * </pre>
 */
public final class Main {
    private Main() {}

    public static void main(String[] arguments) throws IOException, RunnerException {
        PrintWriter out = new PrintWriter(System.out, false, UTF_8);
        switch (arguments[0]) {
            case "measure" -> {
                Set<Group> groups = EnumSet.noneOf(Group.class);
                for (int i = 3; i < arguments.length; i++) {
                    groups.add(Group.valueOf(arguments[i].toUpperCase(Locale.ROOT)));
                }
                Place place = Place.valueOf(arguments[1].toUpperCase(Locale.ROOT));
                new Session(place, arguments[2].equals("quick"), out).run(groups);
            }
            case "report" -> {
                Report report = new Report(Samples.read(new BufferedReader(new InputStreamReader(System.in, UTF_8))));
                if (arguments[1].equals("json")) {
                    report.writeJson(out);
                } else {
                    report.writeTable(out);
                }
            }
            default -> throw new IllegalArgumentException(arguments[0] + ": no such command");
        }
        out.flush();
    }
}
