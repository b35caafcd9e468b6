// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.mmubridge.AddressRange;
import io.mmubridge.Mmu;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code mmubridge shadow} on a real kernel, of a process that does nothing that it is not told to. */
@KernelTest
class ShadowCommandIT {
    private static final long PAGE = 4096;

    private Mmu mmu;
    private ProgramTarget target;
    private AddressRange region;

    @BeforeEach
    void start() {
        mmu = Mmu.openKernel();
        target = ProgramTarget.start(mmu);
        region = target.map(16);
    }

    @AfterEach
    void stop() {
        target.exit();
        mmu.close();
    }

    private String pid() {
        return Integer.toString(target.pid());
    }

    private String range() {
        return region.toString();
    }

    private static JsonNode mapping(JsonNode look, AddressRange range) {
        for (JsonNode mapping : look.get("mappings")) {
            if (mapping.get("start").asText().equals("0x" + Long.toHexString(range.start()))) {
                return mapping;
            }
        }
        throw new AssertionError("no mapping at " + range + " in " + look);
    }

    /** What pagemap has: bit 63 is present, the lower 55 are the frame. */
    private List<Long> frames(AddressRange range) throws IOException {
        int pages = (int) ((range.end() - range.start()) / PAGE);
        byte[] words = new byte[pages * Long.BYTES];
        try (RandomAccessFile pagemap = new RandomAccessFile("/proc/" + pid() + "/pagemap", "r")) {
            pagemap.seek(range.start() / PAGE * Long.BYTES);
            pagemap.readFully(words);
        }
        ByteBuffer buffer = ByteBuffer.wrap(words).order(ByteOrder.nativeOrder());
        List<Long> frames = new ArrayList<>();
        for (int i = 0; i < pages; i++) {
            long word = buffer.getLong();
            frames.add(word < 0 ? word & ((1L << 55) - 1) : -1);
        }
        return frames;
    }

    @Test
    void oneLookHasAllMappingsOfTheProcess() throws IOException, InterruptedException {
        target.discard(region, 4, 8);
        Cli cli = Cli.start("shadow", "--json", pid());
        JsonNode look = cli.object();
        JsonNode summary = cli.objects().getLast().get("summary");

        assertThat(cli.status()).isZero();
        assertThat(look.get("look").asInt()).isEqualTo(1);
        JsonNode mapping = mapping(look, region);
        assertThat(mapping.get("pages").asInt()).isEqualTo(16);
        assertThat(mapping.get("present").asInt()).isEqualTo(8);
        assertThat(mapping.get("writable").asInt()).isEqualTo(8);
        assertThat(mapping.get("huge").asInt()).isZero();
        assertThat(look.get("mappings"))
                .anyMatch(other -> other.get("name").asText().equals("[stack]"))
                .noneMatch(other -> other.get("name").asText().equals("[vsyscall]"));
        long present = 0;
        for (JsonNode other : look.get("mappings")) {
            present += other.get("present").asLong();
        }
        assertThat(look.get("present").asLong()).isEqualTo(present);
        assertThat(summary.get("end").asText()).isEqualTo("count");
        assertThat(summary.get("looks").asInt()).isEqualTo(1);
    }

    @Test
    void framesAreThoseOfPagemap() throws IOException, InterruptedException {
        target.discard(region, 1, 1);
        Cli cli = Cli.start("shadow", "--json", "--frames", pid(), range());
        JsonNode look = cli.object();
        List<Long> frames = new ArrayList<>(frames(region));

        assertThat(look.get("frames")).hasSize(15);
        assertThat(frames.remove(1)).isEqualTo(-1);
        for (int i = 0; i < 15; i++) {
            JsonNode page = look.get("frames").get(i);
            assertThat(page.get("frame").asLong()).isEqualTo(frames.get(i)).isPositive();
            assertThat(page.get("writable").asBoolean()).isTrue();
        }
        assertThat(cli.objects()).hasSize(1);
        assertThat(cli.status()).isZero();
    }

    @Test
    void whatReallyChangedStandsBesideWhatMayHave() throws IOException, InterruptedException {
        Cli cli = Cli.start("shadow", "--json", "--interval", "100ms", pid(), range());
        assertThat(cli.object().get("present").asInt()).isEqualTo(16);
        target.discard(region, 0, 4);
        JsonNode look = cli.object();
        while (look.get("dropped").asInt() == 0) {
            look = cli.object();
        }

        assertThat(look.get("gone").asInt()).isEqualTo(4);
        assertThat(look.get("dropped").asInt()).isEqualTo(4);
        assertThat(look.get("present").asInt()).isEqualTo(12);
        assertThat(look.get("mismatched").asInt()).isZero();
        JsonNode mapping = mapping(look, region);
        assertThat(mapping.get("map").asText()).isEqualTo("xxxxWWWWWWWWWWWW");

        cli.handle().destroy();
        JsonNode summary = cli.objects().getLast().get("summary");
        assertThat(summary.get("end").asText()).isEqualTo("signal");
        assertThat(summary.get("gone").asInt()).isEqualTo(4);
        assertThat(summary.get("events").asInt()).isEqualTo(1);
        JsonNode cause = summary.get("by_cause").get(0);
        assertThat(cause.get("cause").asText()).isEqualTo("madv_dontneed");
        assertThat(cause.get("dropped").asInt()).isEqualTo(4);
        assertThat(summary.get("by_task").get(0).get("pid").asInt()).isEqualTo(target.pid());
        assertThat(cli.status()).isZero();
    }

    @Test
    void aSummarySoFarIsThereForTheAsking() throws IOException, InterruptedException {
        Cli cli = Cli.start("shadow", "--json", "--interval", "1h", pid(), range());
        assertThat(cli.object().get("look").asInt()).isEqualTo(1);
        target.discard(region, 0, 4);
        JsonNode interim;
        do {
            assertThat(new ProcessBuilder(
                                    "kill", "-USR1", Long.toString(cli.handle().pid()))
                            .start()
                            .waitFor())
                    .isZero();
            interim = cli.object().get("interim");
        } while (interim.get("events").asInt() == 0);

        assertThat(interim.get("end").isNull()).isTrue();
        assertThat(interim.get("looks").asInt()).isEqualTo(1);
        assertThat(interim.get("by_cause").get(0).get("cause").asText()).isEqualTo("madv_dontneed");
        target.exit();
        assertThat(cli.objects().getLast().get("summary").get("end").asText()).isEqualTo("release");
        assertThat(cli.status()).isZero();
    }

    @Test
    void theEndOfTheProcessIsTheEnd() throws IOException, InterruptedException {
        Cli cli = Cli.start("shadow", "--json", "--interval", "1h", pid(), range());
        cli.object();
        target.exit();
        JsonNode summary = cli.objects().getLast().get("summary");

        assertThat(summary.get("end").asText()).isEqualTo("release");
        assertThat(cli.status()).isZero();
    }

    @Test
    void aPictureIsWrittenAndTheMapIsOnStandardOutput(@TempDir Path folder) throws IOException, InterruptedException {
        Path svg = folder.resolve("memory.svg");
        Path html = folder.resolve("memory.html");
        Cli cli = Cli.start("shadow", "--svg", svg.toString(), "--html", html.toString(), pid(), range());
        List<String> lines = cli.lines();

        assertThat(cli.status()).isZero();
        assertThat(lines).anyMatch(line -> line.contains("  " + "W".repeat(16) + "  ") && line.contains("64K rw-p"));
        assertThat(String.join("\n", lines)).doesNotContain("\u001b");
        assertThat(Files.readString(svg)).startsWith("<svg ").contains("each of 16 cells: 1 of 1 pages present");
        assertThat(Files.readString(html)).startsWith("<!DOCTYPE html>").contains("<svg ");
    }

    @Test
    void nobodyElsesMemoryIsShown() throws IOException, InterruptedException {
        Cli cli = Cli.startAsNobody(true, "shadow", pid());

        assertThat(cli.errors()).startsWith("mmubridge: ").contains("process " + pid());
        assertThat(cli.lines()).isEmpty();
        assertThat(cli.status()).isEqualTo(125);
    }

    @Test
    void framesAreForRootAlone() throws IOException, InterruptedException {
        String group = "--regid=" + Files.getAttribute(Path.of("/dev/mmubridge"), "unix:gid");
        Process own = new ProcessBuilder("setpriv", "--reuid=65534", group, "--clear-groups", "sleep", "1000").start();
        try {
            while (!Files.readString(Path.of("/proc/" + own.pid() + "/comm")).equals("sleep\n")) {
                Thread.onSpinWait();
            }
            String first =
                    Files.readAllLines(Path.of("/proc/" + own.pid() + "/maps")).getFirst();
            String range = "0x" + first.substring(0, first.indexOf(' ')).replace("-", "-0x");
            Cli cli = Cli.startAsNobody(true, "shadow", "--frames", Long.toString(own.pid()), range);

            assertThat(cli.errors()).startsWith("mmubridge: ").contains("CAP_SYS_ADMIN");
            assertThat(cli.status()).isEqualTo(125);
        } finally {
            own.destroy();
        }
    }
}
