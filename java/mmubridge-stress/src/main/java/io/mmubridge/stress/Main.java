// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.stress;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.openjdk.jcstress.JCStress;
import org.openjdk.jcstress.Options;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.infra.Status;
import org.openjdk.jcstress.infra.collectors.DiskReadCollector;
import org.openjdk.jcstress.infra.collectors.InProcessCollector;
import org.openjdk.jcstress.infra.collectors.TestResult;
import org.openjdk.jcstress.infra.grading.GradingResult;
import org.openjdk.jcstress.infra.grading.ReportUtils;
import org.openjdk.jcstress.infra.grading.TestGrading;

/**
 * Runs the tests with jcstress, in and below the working directory, and says of each what was seen of it. Ends with a line of
 * counts, and with status 1 if a test failed.
 *
 * <p>A test fails whose forbidden results were seen, that broke or did not run. So does a variant that lacks a fence and
 * behaves as if it had it, which says that this run could not have seen a missing one.
 */
final class Main {
    /**
     * One way to run each test, in code that the second compiler has shuffled as far as it may. More ways, of which jcstress
     * knows many, would take as many times as long. What a missing fence makes possible is seen within a tenth of this.
     */
    private static final String[] OPTIONS = {
        "-f",
        "1",
        "-fsm",
        "2",
        "-iters",
        "3",
        "-time",
        "500",
        "-r",
        "report",
        "-sc",
        "false",
        "-af",
        "NONE",
        "-hs",
        "256",
        "-jvmArgs",
        "-XX:-TieredCompilation -XX:+UnlockDiagnosticVMOptions -XX:+StressLCM -XX:+StressGCM -XX:+StressIGVN"
                + " -XX:+UseSerialGC"
    };

    private final PrintStream out = System.out;
    private int passed;
    private int failed;

    private Main() {}

    /**
     * Runs them.
     *
     * @param args a part of the names of the tests to run; all of them if empty
     */
    public static void main(String[] args) throws Exception {
        Main main = new Main();
        main.run(args.length == 0 ? "" : args[0]);
        System.exit(main.failed == 0 && main.passed > 0 ? 0 : 1);
    }

    private void run(String part) throws Exception {
        List<String> arguments = new ArrayList<>(List.of(OPTIONS));
        arguments.addAll(List.of("-t", "io\\.mmubridge\\.stress\\..*" + part));
        Options options = new Options(arguments.toArray(String[]::new));
        if (!options.parse()) {
            throw new IllegalArgumentException("jcstress refuses " + arguments);
        }
        JCStress jcstress = new JCStress(options);
        SortedSet<String> names = jcstress.getTests();
        try {
            jcstress.run();
        } catch (AssertionError e) {
            // Its way to say that tests have failed; which ones is told below.
            out.println(e.getMessage());
        }
        InProcessCollector collector = new InProcessCollector();
        DiskReadCollector results = new DiskReadCollector(options.getResultFile(), collector);
        results.dump();
        results.close();
        Map<String, TestResult> byName = new TreeMap<>();
        for (TestResult result : ReportUtils.mergedByName(collector.getTestResults())) {
            byName.put(result.getName(), result);
        }
        for (String name : names) {
            report(name, byName.get(name));
        }
        out.printf("%d passed, %d failed, %d skipped%n", passed, failed, 0);
    }

    private void report(String name, @Nullable TestResult result) {
        String shortName = name.substring(name.lastIndexOf('.') + 1);
        List<String> wrong = new ArrayList<>();
        if (result == null) {
            wrong.add("did not run");
        } else {
            if (result.status() != Status.NORMAL) {
                wrong.add(result.status().toString());
            }
            for (GradingResult each : result.grading().gradingResults.values()) {
                out.printf("%12s %12d  %-22s %s%n", each.id, each.count, each.expect, each.description);
                if (!TestGrading.passed(each.expect, each.count)) {
                    wrong.add(each.id + ": " + each.description);
                }
                if (each.expect == Expect.ACCEPTABLE_INTERESTING && each.count == 0) {
                    wrong.add(each.id + " was never seen");
                }
            }
        }
        if (wrong.isEmpty()) {
            passed++;
            out.println("passed " + shortName);
        } else {
            failed++;
            out.println("failed " + shortName);
            wrong.forEach(line -> out.println("    " + line));
        }
    }
}
