// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Words in, status and messages out, where there is no kernel module, or if there is, no library. */
class CommandLineTest {
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @BeforeEach
    void hideTheLibrary() {
        System.setProperty("mmubridge.library", "/nonexistent/libmmubridge.so.1");
    }

    @AfterEach
    void showTheLibrary() {
        System.clearProperty("mmubridge.library");
    }

    private int run(String words) {
        return Main.commandLine(new PrintWriter(out, true), new PrintWriter(err, true))
                .execute(words.isEmpty() ? new String[0] : words.split(" "));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "nosuch",
                "info extra",
                "watch",
                "watch --",
                "watch 1 2",
                "watch 1 -- true",
                "watch true",
                "watch 0",
                "watch -1",
                "watch 99999999999",
                "watch --ring 100 1",
                "watch --ring -8 1",
                "watch --ring many 1",
                "watch --type NOSUCH 1",
                "watch --range 1 1",
                "watch --range 2-1 1",
                "watch --range 0x1000-0x1000 1",
                "watch --count 0 1",
                "watch --duration long 1",
                "watch --duration 1d 1",
                "watch --follow 1",
                "guard",
                "guard 1",
                "guard 1 0x1000-0x2000 more",
                "guard true 0x1000-0x2000",
                "guard 0 0x1000-0x2000",
                "guard 1 0x2000-0x1000",
                "guard 1 all",
                "guard --count 0 1 0x1000-0x2000",
                "guard --ignore NOSUCH 1 0x1000-0x2000",
                "guard --ignore release 1 0x1000-0x2000",
                "guard --duration soon 1 0x1000-0x2000",
                "shadow",
                "shadow true",
                "shadow 0",
                "shadow 1 0x1000-0x2000 more",
                "shadow 1 0x2000-0x1000",
                "shadow --count 0 1",
                "shadow --interval 0s 1",
                "shadow --interval often 1",
                "shadow --cell 3K 1",
                "shadow --cell 12K 1",
                "shadow --cell 1G2 1",
                "shadow --table --json 1",
                "shadow --frames 1",
                "shadow --frames 1 0x1000+17M",
                "shadow --frames 1 0+16777217",
                "shadow --frames 1 0-0xffffffffffffffff",
                "shadow --svg /nonexistent/folder/a.svg 1",
                "shadow --html / 1"
            })
    void wrongUsageIsTwoAndSaysWhereToReadOn(String words) {
        assertThat(run(words)).isEqualTo(ExitCode.USAGE);
        assertThat(err.toString()).startsWith("mmubridge: ").contains("--help'.");
        assertThat(out.toString()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "info",
                "info --json",
                "watch 1",
                "watch --json --type unmap,CLEAR --range 0x1000-0x2000 --range 4096+4096 --ring 64 --count 1 1",
                "watch --duration 1.5s --subsystem rdma 1",
                "watch -- true",
                "watch --json -- sh -c 1",
                "watch -- watch -- true",
                "watch --follow -- sh -c 1",
                "guard 1 0x1000-0x2000",
                "guard --json --ignore soft_dirty,CLEAR --count 1 --duration 1s --subsystem rdma 1 4096+4096",
                "shadow 1",
                "shadow --json --frames --count 3 1 0+16777216",
                "shadow --table --interval 500ms --mapping heap --cell 2M --svg target/a.svg --html target/a.html 1"
            })
    void whatNeedsTheKernelIsNotHadOfTheModel(String words) {
        assertThat(run(words)).isEqualTo(ExitCode.UNAVAILABLE);
        assertThat(err.toString())
                .startsWith("mmubridge: ")
                .containsAnyOf("Load it with modprobe mmubridge", "mmubridge.library")
                .doesNotContain("Exception");
    }

    @Test
    void aWatchWithoutTheModuleNamesTheWayOut() {
        assumeThat(Path.of("/dev/mmubridge")).doesNotExist();
        assertThat(run("watch 1")).isEqualTo(ExitCode.UNAVAILABLE);

        assertThat(err.toString()).contains("modprobe mmubridge", "--vm");
        assertThat(out.toString()).isEmpty();
    }

    @Test
    void aGuardWithoutTheModuleNamesTheWayOut() {
        assumeThat(Path.of("/dev/mmubridge")).doesNotExist();
        assertThat(run("guard 1 0x1000-0x2000")).isEqualTo(ExitCode.UNAVAILABLE);

        assertThat(err.toString()).contains("modprobe mmubridge", "--vm");
        assertThat(out.toString()).isEmpty();
    }

    @Test
    void aShadowWithoutTheModuleNamesTheWayOut() {
        assumeThat(Path.of("/dev/mmubridge")).doesNotExist();
        assertThat(run("shadow 1")).isEqualTo(ExitCode.UNAVAILABLE);

        assertThat(err.toString()).contains("modprobe mmubridge", "--vm");
        assertThat(out.toString()).isEmpty();
    }

    @Test
    void infoWithoutAModuleSaysWhatTheModelCan() throws IOException {
        assertThat(run("info --json")).isEqualTo(ExitCode.UNAVAILABLE);
        JsonNode info = new ObjectMapper().readTree(out.toString());

        assertThat(info.get("backend").asText()).isEqualTo("model");
        assertThat(err.toString().strip())
                .isEqualTo("mmubridge: " + info.get("reason").asText());
        assertThat(info.get("module").isNull()).isTrue();
        assertThat(info.get("capabilities").get("watch").asBoolean()).isTrue();
        assertThat(info.get("capabilities").get("foreign").asBoolean()).isFalse();
        assertThat(info.get("limits").get("page_size").asInt()).isEqualTo(4096);
    }

    @Test
    void infoForPeopleNamesTheModelToo() {
        assertThat(run("info")).isEqualTo(ExitCode.UNAVAILABLE);
        assertThat(out.toString()).startsWith("backend   model of Linux 6.1, over simulated processes alone");
    }

    @Test
    void theDemoNeedsNoModule() {
        assertThat(run("demo")).isEqualTo(ExitCode.OK);
        assertThat(out.toString())
                .startsWith("On the model")
                .contains("no real process")
                .endsWith("Everything was as told.\n");
        assertThat(err.toString()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "--help",
                "info --help",
                "watch --help",
                "guard --help",
                "shadow --help",
                "demo -h",
                "help watch",
                "--version"
            })
    void helpIsNotAFailure(String words) {
        assertThat(run(words)).isEqualTo(ExitCode.OK);
        assertThat(out.toString()).contains("mmubridge");
        assertThat(err.toString()).isEmpty();
    }

    @Test
    void everyStatusIsInTheHelp() {
        run("--help");

        assertThat(out.toString()).containsSubsequence("0", "1", "2", "125", "126", "127");
    }

    @Test
    void completionKnowsTheCommandsAndTypes() {
        assertThat(run("generate-completion")).isEqualTo(ExitCode.OK);
        assertThat(out.toString())
                .contains("info", "watch", "guard", "shadow", "demo", "PROTECTION_VMA", "--subsystem");
    }
}
