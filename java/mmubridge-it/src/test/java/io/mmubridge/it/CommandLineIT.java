// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.mmubridge.AddressRange;
import io.mmubridge.Mmu;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
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
    void aCommandHasTheDescriptorsThatAShellGivesUs() throws IOException, InterruptedException {
        Path file = Path.of("/etc/passwd");
        Cli cli = Cli.startWithDescriptor(
                9, file, "watch", "--json", "--", "sh", "-c", "[ \"$(readlink /proc/$$/fd/9)\" = " + file + " ]");

        assertThat(cli.objects()).isNotEmpty();
        assertThat(cli.status()).isZero();
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

    /** From its first event to its release, each address space's, without a gap; an exec is between two. */
    private static void assertWhole(List<JsonNode> events, String... comms) {
        List<String> executed = new ArrayList<>();
        long n = 0;
        long seq = 0;
        long time = 0;
        String before = "exec";
        for (JsonNode event : events) {
            String phase = event.get("phase").asText();
            assertThat(before).isNotEqualTo("detached");
            assertThat(phase.equals("exec") || phase.equals("detached")).isEqualTo(before.equals("release"));
            if (phase.equals("exec")) {
                executed.add(event.get("comm").asText());
                assertThat(event.get("type").isNull()).isTrue();
                assertThat(event.get("tid").asInt()).isEqualTo(event.get("pid").asInt());
                assertThat(event.get("time_ns").asLong()).isGreaterThan(time);
            } else if (!phase.equals("detached")) {
                n++;
                seq++;
            }
            assertThat(event.get("n").asLong()).isEqualTo(n);
            assertThat(event.get("seq").asLong()).isEqualTo(seq);
            before = phase;
            time = event.get("time_ns").asLong();
        }
        assertThat(before).isEqualTo("detached");
        assertThat(executed).containsExactly(comms);
    }

    @Test
    void aCommandIsFollowedThroughEachExec() throws IOException, InterruptedException {
        Cli cli = Cli.start("watch", "--json", "--", "sh", "-c", "exec nice env nice true");
        List<JsonNode> objects = cli.objects();
        JsonNode summary = objects.removeLast().get("summary");

        assertThat(cli.status()).isZero();
        assertWhole(objects, "nice", "env", "nice", "true");
        assertThat(objects).noneMatch(event -> event.has("space"));
        assertThat(summary.get("end").asText()).isEqualTo("release");
        assertThat(summary.has("missed_start")).isFalse();
        assertTotals(objects, summary);
    }

    @Test
    void childrenAreFollowedWhereThatIsAskedFor() throws IOException, InterruptedException {
        // timeout has a child that executes env.
        Cli cli = Cli.start("watch", "--json", "--follow", "--", "sh", "-c", "exec nice timeout 1000 env true");
        List<JsonNode> objects = cli.objects();
        JsonNode summary = objects.removeLast().get("summary");

        assertThat(cli.status()).isZero();
        assertWhole(of(1, objects), "nice", "timeout");
        assertWhole(of(2, objects), "env", "true");
        assertThat(summary.get("spaces")).hasSize(2);
        assertThat(of(1, objects).getFirst().get("pid")).isEqualTo(summary.get("pid"));
        assertThat(of(2, objects).getLast().get("n"))
                .isEqualTo(summary.get("spaces").get(1).get("events"));
        assertTotals(objects, summary);
    }

    private static List<JsonNode> of(int space, List<JsonNode> objects) {
        return objects.stream()
                .filter(object -> object.get("space").asInt() == space)
                .toList();
    }

    @Test
    void aSignalEndsTheCommandThatIsFollowed() throws IOException, InterruptedException {
        Cli cli = Cli.start(
                "watch", "--json", "--follow", "--", "sh", "-c", "sleep 1000 >/dev/null 2>&1 & exec sleep 1000");
        JsonNode object = cli.object();
        while (!object.get("comm").asText().equals("sleep")) {
            object = cli.object();
        }
        cli.handle().destroy();
        JsonNode summary = cli.objects().getLast().get("summary");

        assertThat(summary.get("end").asText()).isEqualTo("signal");
        assertThat(summary.get("status").asInt()).isEqualTo(128 + 15);
        assertThat(cli.status()).isEqualTo(128 + 15);
        // Its child was not asked to end, and was let go.
        ProcessHandle child = ProcessHandle.of(
                        summary.get("spaces").get(1).get("pid").asLong())
                .orElseThrow();
        child.destroy();
    }

    @Test
    void whereItCannotBeTracedTheStartIsMissedAndThatIsSaid() throws IOException, InterruptedException {
        Cli cli = Cli.startWithoutPtrace(
                "watch", "--json", "--follow", "--", "sh", "-c", "while :; do true & wait; done");
        assertThat(cli.object().get("phase").asText()).isEqualTo("start");
        cli.handle().destroy();
        JsonNode summary = cli.objects().getLast().get("summary");

        assertThat(cli.errors()).startsWith("mmubridge: sh: ").contains("ptrace is not allowed", "is missed");
        assertThat(cli.status()).isEqualTo(128 + 15);
        assertThat(summary.get("missed_start").asBoolean()).isTrue();
        assertThat(summary.get("status").asInt()).isEqualTo(128 + 15);
        assertThat(summary.get("spaces")).hasSize(1);
    }

    @Test
    void aQuickCommandWhoseStartIsMissedHasItsStatus() throws IOException, InterruptedException {
        Cli cli = Cli.startWithoutPtrace("watch", "--json", "--", "sh", "-c", "exit 7");
        JsonNode summary = cli.objects().getLast().get("summary");

        assertThat(cli.status()).isEqualTo(7);
        assertThat(summary.get("missed_start").asBoolean()).isTrue();
        assertThat(summary.get("end").asText()).isEqualTo("release");
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
        assertRefused(Cli.startAsNobody(false, "watch", "1"), 125, "may not open /dev/mmubridge", "group mmubridge");
        Cli info = Cli.startAsNobody(false, "info");
        assertThat(info.lines()).first().asString().startsWith("backend   model");
        assertThat(info.errors()).contains("may not open /dev/mmubridge");
        assertThat(info.status()).isEqualTo(125);
    }

    @Test
    void aUserOfTheGroupWatchesHisOwnAndNobodyElses() throws IOException, InterruptedException {
        Cli own = Cli.startAsNobody(true, "watch", "--json", "--", "true");
        assertThat(own.objects().getLast().get("summary").get("events").asInt()).isPositive();
        assertThat(own.status()).isZero();
        assertRefused(Cli.startAsNobody(true, "watch", "1"), 125, "process 1", "Run as that user");
    }

    @Test
    void aGuardIsHeldOnAnotherProcessAndEachChangeHasItsEvent() throws IOException, InterruptedException {
        try (Mmu mmu = Mmu.openKernel();
                ProgramTarget target = ProgramTarget.start(mmu)) {
            AddressRange range = target.map(16);
            Cli cli = Cli.start(
                    "guard", "--json", Integer.toString(target.pid()), "0x" + Long.toHexString(range.start()) + "+64K");
            JsonNode guard = cli.object().get("guard");
            assertThat(guard.get("pid").asInt()).isEqualTo(target.pid());
            assertThat(guard.get("valid").asBoolean()).isTrue();

            target.discard(range, 3, 1);
            JsonNode discarded = cli.object();
            assertThat(discarded.get("cause").asText()).isEqualTo("madv_dontneed");
            assertThat(discarded.get("start").asText()).isEqualTo("0x" + Long.toHexString(range.start() + 3 * 4096));
            assertThat(discarded.get("pid").asInt()).isEqualTo(target.pid());
            target.unmap(range);
            assertThat(cli.object().get("cause").asText()).isEqualTo("munmap");
            target.exit();
            List<JsonNode> rest = cli.objects();

            JsonNode summary = rest.getLast().get("summary");
            assertThat(summary.get("end").asText()).isEqualTo("release");
            assertThat(summary.get("by_cause"))
                    .extracting(cause -> cause.get("cause").asText())
                    .contains("madv_dontneed", "munmap");
            assertThat(cli.status()).isZero();
        }
    }

    @Test
    void aRangeThatNobodyCanHaveIsRefused() throws IOException, InterruptedException {
        Cli cli = Cli.start("guard", Long.toString(ProcessHandle.current().pid()), "0xfffffffffffff000+4K");
        assertThat(cli.errors()).contains("RANGE", "0xfffffffffffff000");
        assertThat(cli.status()).isEqualTo(2);
        assertRefused(Cli.startAsNobody(true, "guard", "1", "0x1000+4K"), 125, "process 1", "Run as that user");
    }

    @Test
    void theDemoIsAsTold() throws IOException, InterruptedException {
        Cli cli = Cli.start("demo");
        List<String> lines = cli.lines();

        assertThat(cli.status()).isZero();
        assertThat(lines).first().asString().startsWith("On the kernel: /dev/mmubridge");
        assertThat(lines).endsWith("Everything was as told.");
        assertThat(String.join("\n", lines)).doesNotContain("NO:").doesNotContain("\u001b");
    }
}
