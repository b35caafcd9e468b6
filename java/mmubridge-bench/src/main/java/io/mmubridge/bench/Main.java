// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.runner.RunnerException;

/**
 * The half of scripts/bench that is in Java.
 *
 * <pre>
 *   measure PLACE quick|full GROUP...  measure, and print samples
 *   report table|json [FOLDER [FILE]]  read samples, print what comes of them; draw figures in
 *                                      FOLDER, and put their numbers into FILE; empty for none
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
                Samples samples = Samples.read(new BufferedReader(new InputStreamReader(System.in, UTF_8)));
                show(samples, path(arguments, 2), path(arguments, 3));
                Report report = new Report(samples);
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

    private static @Nullable Path path(String[] arguments, int place) {
        return arguments.length <= place || arguments[place].isEmpty() ? null : Path.of(arguments[place]);
    }

    private static void show(Samples samples, @Nullable Path folder, @Nullable Path document) throws IOException {
        Gallery gallery = new Gallery(samples);
        if (folder != null) {
            gallery.writeSvg(folder);
        }
        if (document != null) {
            gallery.update(document, folder);
        }
    }
}
