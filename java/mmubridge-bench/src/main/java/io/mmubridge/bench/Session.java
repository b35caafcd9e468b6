// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.bench;

import io.mmubridge.bench.Samples.Side;
import io.mmubridge.ffi.NativeLibrary;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.openjdk.jmh.infra.BenchmarkParams;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.BenchmarkResult;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.Options;
import org.openjdk.jmh.runner.options.OptionsBuilder;

/**
 * Measures at one place and writes {@link Samples} down. C and Java measure a row one right after the other, and which
 * goes first changes from round to round, so that a drift of the machine hits both alike.
 */
final class Session {
    private final Place place;
    private final boolean quick;
    private final PrintWriter out;

    Session(Place place, boolean quick, PrintWriter out) {
        this.place = place;
        this.quick = quick;
        this.out = out;
    }

    void run(Set<Group> groups) throws IOException, RunnerException {
        writeFacts(groups);
        for (int round = 1; round <= rounds(); round++) {
            for (Group group : groups) {
                if (group.place() == place && !group.takesTurns()) {
                    progress("round " + round + " of " + rounds() + ": " + group.label());
                    runBoth(group, round);
                }
            }
        }
        for (Group group : groups) {
            if (group.place() == place && group.takesTurns()) {
                runTurns(group);
            }
        }
    }

    private void runBoth(Group group, int round) throws IOException, RunnerException {
        for (Map.Entry<Row.Run, List<Row>> run : runs(group).entrySet()) {
            if (round % 2 == 1) {
                runC(group, run.getValue(), round);
                runJava(run.getKey(), run.getValue(), round);
            } else {
                runJava(run.getKey(), run.getValue(), round);
                runC(group, run.getValue(), round);
            }
        }
        runC(group, inCAlone(group), round);
    }

    /** Rows that Java has no part in, after what they are compared with. */
    private static List<Row> inCAlone(Group group) {
        Set<Row> rows = new LinkedHashSet<>();
        for (Row row : Row.ALL) {
            if (row.group() == group && row.side() == Side.C) {
                if (row.base() != null) {
                    rows.add(Row.of(row.base()));
                }
                rows.add(row);
            }
        }
        return List.copyOf(rows);
    }

    /** The rows that each run of JMH fills. */
    private static Map<Row.Run, List<Row>> runs(Group group) {
        Map<Row.Run, List<Row>> runs = new LinkedHashMap<>();
        for (Row row : Row.ALL) {
            Row.Probe probe = row.probe();
            if (row.group() == group && probe != null) {
                runs.computeIfAbsent(probe.run(), absent -> new ArrayList<>()).add(row);
            }
        }
        return runs;
    }

    private int rounds() {
        return switch (place) {
            case HOST -> quick ? 3 : 5;
            case GUEST -> quick ? 1 : 3;
        };
    }

    private static void progress(String text) {
        System.err.println("bench: " + text);
    }

    private void writeFacts(Set<Group> groups) throws IOException {
        String cpu = Files.readAllLines(Path.of("/proc/cpuinfo")).stream()
                .filter(line -> line.startsWith("model name"))
                .map(line -> line.substring(line.indexOf(':') + 1).strip())
                .findFirst()
                .orElse("unknown");
        fact("cpu", cpu);
        fact("cores", Integer.toString(Runtime.getRuntime().availableProcessors()));
        fact("kernel", System.getProperty("os.version"));
        if (place == Place.GUEST) {
            // scripts/vm leaves the CPU's name as QEMU has it under TCG, and passes the machine's on under KVM.
            fact("accelerator", cpu.startsWith("QEMU TCG") ? "tcg" : "kvm");
            return;
        }
        fact("jdk", System.getProperty("java.vendor.version", "JDK") + " " + Runtime.version());
        if (groups.isEmpty() || groups.stream().anyMatch(Group::isInC)) {
            for (String[] words : CProgram.run("facts")) {
                fact(words[1], words[2]);
            }
        }
    }

    private void fact(String name, String text) {
        out.println(Samples.factLine(place, name, text.strip()));
    }

    private void runC(Group group, List<Row> rows, int round) throws IOException {
        if (!group.isInC() || rows.isEmpty()) {
            return;
        }
        List<String> arguments = new ArrayList<>(List.of(group.label(), quick ? "3" : "5"));
        rows.forEach(row -> arguments.add(row.id()));
        for (String[] words : CProgram.run(arguments.toArray(String[]::new))) {
            write(words, round);
        }
        out.flush();
    }

    private void runTurns(Group group) throws IOException {
        int repetitions = quick ? 5 : 15;
        progress(group.label() + " processes, " + repetitions + " repetitions");
        Map<String, Integer> seen = new HashMap<>();
        for (String[] words : CProgram.run(group.label(), Integer.toString(repetitions))) {
            write(words, seen.merge(words[1], 1, Integer::sum));
        }
        out.flush();
    }

    private void write(String[] words, int round) {
        if (words[0].equals("note")) {
            out.println(Samples.noteLine(words[1]));
        } else {
            out.println(Samples.sampleLine(words[1], Side.C, round, Double.parseDouble(words[2])));
        }
    }

    private void runJava(Row.Run run, List<Row> rows, int round) throws RunnerException {
        for (RunResult result : new Runner(options(run, rows)).run()) {
            for (BenchmarkResult fork : result.getBenchmarkResults()) {
                for (IterationResult iteration : fork.getIterationResults()) {
                    for (Row row : rows) {
                        double score = score(row, result.getParams(), iteration);
                        out.println(Samples.sampleLine(row.id(), Side.JAVA, round, score));
                    }
                }
            }
        }
        out.flush();
    }

    private Options options(Row.Run run, List<Row> rows) {
        OptionsBuilder options = new OptionsBuilder();
        options.include("\\." + run.benchmark().replace(".", "\\.") + "$")
                .threads(run.threads())
                .forks(1)
                .shouldFailOnError(true)
                .jvmArgs(
                        "--enable-native-access=ALL-UNNAMED",
                        "--sun-misc-unsafe-memory-access=allow",
                        property(NativeLibrary.PROPERTY),
                        property(CProgram.PROPERTY))
                .output("jmh-" + place.label() + "-" + rows.getFirst().id() + ".log");
        run.parameters().forEach(options::param);
        if (rows.stream().anyMatch(Row::isGarbage)) {
            options.addProfiler(GCProfiler.class);
        }
        return options.build();
    }

    private static String property(String name) {
        return "-D" + name + "=" + System.getProperty(name);
    }

    private static double score(Row row, BenchmarkParams params, IterationResult iteration) {
        String metric = row.probe() == null ? "" : row.probe().metric();
        if (metric.isEmpty()) {
            // A single shot is timed as a whole, whatever its batch.
            return iteration.getPrimaryResult().getScore()
                    / params.getMeasurement().getBatchSize();
        }
        Result<?> result = iteration.getSecondaryResults().get(metric);
        if (result == null) {
            throw new IllegalStateException("JMH tells nothing of " + metric + ", only of "
                    + iteration.getSecondaryResults().keySet());
        }
        return result.getScore();
    }
}
