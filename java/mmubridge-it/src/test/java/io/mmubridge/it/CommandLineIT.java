// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The command line on a real kernel. */
@KernelTest
class CommandLineIT {
    private static void assertTotals(List<JsonNode> events, JsonNode summary) {
        long counted = events.stream()
                .map(event -> event.get("phase").asText())
                .filter(phase -> phase.equals("start") || phase.equals("release"))
                .count();
        assertThat(summary.get("events").asLong()).isEqualTo(counted);
        long byType = 0;
        for (JsonNode number : summary.get("by_type")) {
            byType += number.asLong();
        }
        assertThat(byType).isEqualTo(counted);
    }

    @Test
    void infoNamesTheKernelAndTheModule() throws IOException, InterruptedException {
        Cli cli = Cli.start("info", "--json");
        JsonNode info = cli.object();

        assertThat(info.get("backend").asText()).isEqualTo("kernel");
        assertThat(info.get("kernel").asText()).isEqualTo(System.getProperty("os.version"));
        assertThat(info.get("module").get("abi").asInt()).isEqualTo(1);
        assertThat(info.get("capabilities").get("watch").asBoolean()).isTrue();
        assertThat(info.get("limits").get("page_size").asInt()).isEqualTo(4096);
        assertThat(info.get("stats").get("users").isIntegralNumber()).isTrue();
        assertThat(cli.status()).isZero();
    }

    @Test
    void aCommandIsWatchedToItsEndAndItsStatusIsOurs() throws IOException, InterruptedException {
        Cli cli = Cli.start("watch", "--json", "--", "sh", "-c", "exit 7");
        List<JsonNode> objects = cli.objects();
        JsonNode summary = objects.removeLast().get("summary");

        assertThat(cli.status()).isEqualTo(7);
        assertThat(objects.getFirst().get("seq").asLong()).isEqualTo(1);
        assertThat(objects.getFirst().get("comm").asText()).isEqualTo("sh");
        assertThat(objects)
                .extracting(event -> event.get("phase").asText())
                .endsWith("release", "detached")
                .startsWith("start");
        assertThat(objects).anySatisfy(event -> {
            assertThat(event.get("type").asText()).isEqualTo("PROTECTION_VMA");
            assertThat(event.get("syscall").asText()).isEqualTo("mprotect");
        });
        assertThat(summary.get("end").asText()).isEqualTo("release");
        assertThat(summary.get("status").asInt()).isEqualTo(7);
        assertTotals(objects, summary);
    }

    @Test
    void aProcessIsWatchedUntilASignalAndTheSummaryStillComes() throws IOException, InterruptedException {
        Process target = new ProcessBuilder("sh", "-c", "while :; do true & wait; done").start();
        try {
            Cli cli = Cli.start("watch", "--json", Long.toString(target.pid()));
            assertThat(cli.object().get("phase").asText()).isEqualTo("start");
            cli.handle().destroy();
            JsonNode summary = cli.objects().getLast().get("summary");

            assertThat(summary.get("end").asText()).isEqualTo("signal");
            assertThat(summary.get("status").isNull()).isTrue();
            assertThat(cli.status()).isZero();
        } finally {
            target.destroy();
        }
    }

    @Test
    void aCountStopsExactlyThereAndTheCommandGoesOn() throws IOException, InterruptedException {
        Cli cli = Cli.start("watch", "--json", "--count", "3", "--type", "unmap,clear", "--", "sh", "-c", "exit 3");
        List<JsonNode> objects = cli.objects();

        assertThat(objects).hasSize(4);
        assertThat(objects.getLast().get("summary").get("events").asInt()).isEqualTo(3);
        assertThat(objects.getLast().get("summary").get("end").asText()).isEqualTo("count");
        assertThat(cli.status()).isEqualTo(3);
    }

    private static void assertRefused(Cli cli, int status, String... words) throws InterruptedException {
        assertThat(cli.errors()).startsWith("mmubridge: ").contains(words);
        assertThat(cli.lines()).isEmpty();
        assertThat(cli.status()).isEqualTo(status);
    }

    @Test
    void whatCannotBeStartedIsAsWithEnv() throws IOException, InterruptedException {
        assertRefused(Cli.start("watch", "--", "no-such-command"), 127, "no-such-command");
        assertRefused(Cli.start("watch", "--", "/etc/passwd"), 126, "/etc/passwd");
        assertRefused(Cli.start("watch", "4000000"), 125, "no process 4000000");
    }

    @Test
    void aUserWithoutPermissionIsToldTheGroup() throws IOException, InterruptedException {
        assertRefused(Cli.startAsNobody(false, "info"), 125, "may not open /dev/mmubridge", "group mmubridge");
    }

    @Test
    void aUserOfTheGroupWatchesHisOwnAndNobodyElses() throws IOException, InterruptedException {
        Cli own = Cli.startAsNobody(true, "watch", "--json", "--", "true");
        assertThat(own.objects().getLast().get("summary").get("events").asInt()).isPositive();
        assertThat(own.status()).isZero();
        assertRefused(Cli.startAsNobody(true, "watch", "1"), 125, "process 1", "Run as that user");
    }

    @Test
    void theDemoIsAsTold() throws IOException, InterruptedException {
        Cli cli = Cli.start("demo");
        List<String> lines = cli.lines();

        assertThat(cli.status()).isZero();
        assertThat(lines).endsWith("Everything was as told.");
        assertThat(String.join("\n", lines)).doesNotContain("NO:").doesNotContain("\u001b");
    }
}
