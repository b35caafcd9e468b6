// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import io.mmubridge.Capabilities;
import io.mmubridge.Mmu;
import io.mmubridge.MmuStatistics;
import io.mmubridge.MmuUnavailableException;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** What is there, what it can do, and what it has counted. */
@Command(
        name = "info",
        description = {
            "Shows whether the kernel module is there, what it can do, its limits and its counters.",
            "Without it, what the model can do, and the status 125."
        })
final class InfoCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Option(names = "--json", description = "One JSON object.")
    private boolean json;

    @Override
    public Integer call() throws IOException {
        PrintWriter out = spec.commandLine().getOut();
        try (Mmu mmu = Mmu.openKernel()) {
            write(out, mmu, mmu.reason());
            return ExitCode.OK;
        } catch (MmuUnavailableException e) {
            // What there is instead, and all the same a failure: who asks for the kernel must not take it for that.
            try (Mmu model = Mmu.simulated()) {
                write(out, model, Objects.requireNonNull(e.getMessage()));
            }
            throw e;
        } finally {
            out.flush();
        }
    }

    private void write(PrintWriter out, Mmu mmu, String reason) throws IOException {
        Capabilities capabilities = mmu.capabilities();
        MmuStatistics statistics = mmu.statistics();
        if (json) {
            writeJson(out, mmu, reason, capabilities, statistics);
        } else {
            writeText(out, mmu, reason, capabilities, statistics);
        }
    }

    private static String kernel() {
        return System.getProperty("os.version");
    }

    private static void writeJson(
            PrintWriter out, Mmu mmu, String reason, Capabilities capabilities, MmuStatistics statistics)
            throws IOException {
        try (JsonGenerator json = Json.generator(out)) {
            json.writeStartObject();
            json.writeStringField("backend", mmu.backend());
            json.writeStringField("reason", reason);
            json.writeStringField("kernel", kernel());
            if (isModel(mmu)) {
                json.writeNullField("module");
            } else {
                json.writeObjectFieldStart("module");
                json.writeStringField("version", capabilities.moduleVersion());
                json.writeNumberField("abi", capabilities.abiVersion());
                json.writeEndObject();
            }
            json.writeObjectFieldStart("capabilities");
            for (Capabilities.Feature feature : Capabilities.Feature.values()) {
                json.writeBooleanField(label(feature), capabilities.features().contains(feature));
            }
            json.writeStringField("foreign_refusal", capabilities.foreignRefusal());
            json.writeEndObject();
            writeNumbers(json, "limits", limits(capabilities.limits()));
            writeNumbers(json, "stats", counters(statistics));
            json.writeEndObject();
            Json.newLine(json);
        }
    }

    private static void writeNumbers(JsonGenerator json, String name, Map<String, Long> numbers) throws IOException {
        json.writeObjectFieldStart(name);
        for (Map.Entry<String, Long> number : numbers.entrySet()) {
            json.writeNumberField(number.getKey(), number.getValue());
        }
        json.writeEndObject();
    }

    private static void writeText(
            PrintWriter out, Mmu mmu, String reason, Capabilities capabilities, MmuStatistics statistics) {
        if (isModel(mmu)) {
            // The reason is the message of the failure.
            out.printf("backend   %s, over simulated processes alone%n", capabilities.moduleVersion());
            out.printf("kernel    %s, out of reach%n", kernel());
        } else {
            out.printf("backend   %s: %s%n", mmu.backend(), reason);
            out.printf("kernel    %s%n", kernel());
            out.printf(
                    "module    %s, version %d of the interface%n",
                    capabilities.moduleVersion(), capabilities.abiVersion());
        }
        out.println();
        Table features = new Table("can", "", "");
        for (Capabilities.Feature feature : Capabilities.Feature.values()) {
            features.row(
                    label(feature),
                    capabilities.features().contains(feature) ? "yes" : "no",
                    note(feature, capabilities));
        }
        features.write(out);
        out.println();
        write(out, "limit", limits(capabilities.limits()));
        if (!isModel(mmu)) {
            out.println();
            write(out, "counted since the module was loaded", counters(statistics));
        }
    }

    private static String note(Capabilities.Feature feature, Capabilities capabilities) {
        String refusal = capabilities.foreignRefusal();
        return feature == Capabilities.Feature.FOREIGN && refusal != null ? refusal : "";
    }

    private static boolean isModel(Mmu mmu) {
        return mmu.simulatedKernel().isPresent();
    }

    private static void write(PrintWriter out, String heading, Map<String, Long> numbers) {
        Table table = new Table(heading, "");
        numbers.forEach((name, number) -> table.row(name, Long.toString(number)));
        table.write(out);
    }

    private static String label(Capabilities.Feature feature) {
        return feature.name().toLowerCase(Locale.ROOT);
    }

    private static Map<String, Long> limits(Capabilities.Limits limits) {
        Map<String, Long> numbers = new LinkedHashMap<>();
        numbers.put("page_size", (long) limits.pageSize());
        numbers.put("subsystems", (long) limits.subsystems());
        numbers.put("subsystems_per_uid", (long) limits.subsystemsPerUid());
        numbers.put("subscriptions_per_space", (long) limits.subscriptionsPerSpace());
        numbers.put("subscriptions_per_uid", (long) limits.subscriptionsPerUid());
        numbers.put("ring_records_min", (long) limits.ringRecordsMin());
        numbers.put("ring_records_max", (long) limits.ringRecordsMax());
        numbers.put("filter_ranges", (long) limits.filterRanges());
        numbers.put("guards_per_subscription", (long) limits.guardsPerSubscription());
        numbers.put("shadows_per_subscription", (long) limits.shadowsPerSubscription());
        numbers.put("shadow_pages_per_subscription", (long) limits.shadowPagesPerSubscription());
        return numbers;
    }

    private static Map<String, Long> counters(MmuStatistics statistics) {
        Map<String, Long> numbers = new LinkedHashMap<>();
        numbers.put("gets", statistics.gets());
        numbers.put("allocations", statistics.allocations());
        numbers.put("puts", statistics.puts());
        numbers.put("frees", statistics.frees());
        numbers.put("live_spaces", statistics.liveSpaces());
        numbers.put("users", statistics.users());
        numbers.put("invalidations", statistics.invalidations());
        numbers.put("nonblockable", statistics.nonblockable());
        numbers.put("releases", statistics.releases());
        numbers.put("records", statistics.records());
        numbers.put("lost", statistics.lost());
        return numbers;
    }
}
