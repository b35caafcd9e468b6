// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.mmubridge.bench.Samples.Side;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringReader;
import java.io.StringWriter;
import java.util.List;
import org.junit.jupiter.api.Test;

class ReportTest {
    private static final List<String> LINES = List.of(
            Samples.factLine(Place.HOST, "cpu", "a CPU"),
            Samples.factLine(Place.GUEST, "accelerator", "tcg"),
            // Round medians 2, 4 and 10; the machine slows down.
            Samples.sampleLine("call-empty", Side.C, 1, 2),
            Samples.sampleLine("call-empty", Side.C, 2, 3),
            Samples.sampleLine("call-empty", Side.C, 2, 4),
            Samples.sampleLine("call-empty", Side.C, 2, 5000),
            Samples.sampleLine("call-empty", Side.C, 3, 10),
            Samples.sampleLine("call-empty", Side.JAVA, 1, 3),
            Samples.sampleLine("call-empty", Side.JAVA, 2, 4),
            Samples.sampleLine("call-empty", Side.JAVA, 3, 11),
            Samples.sampleLine("ring-garbage", Side.JAVA, 1, 0.001),
            Samples.sampleLine("munmap-1-never", Side.C, 1, 1000),
            Samples.sampleLine("munmap-1-never", Side.C, 2, 2000),
            Samples.sampleLine("munmap-1-plain", Side.C, 1, 1300),
            Samples.sampleLine("munmap-1-plain", Side.C, 2, 2600),
            Samples.sampleLine("munmap-1-detached", Side.C, 1, 1100),
            Samples.noteLine("something was left out"),
            Samples.noteLine("something was left out"));

    private static Samples samples(List<String> lines) throws IOException {
        return Samples.read(new BufferedReader(new StringReader(String.join("\n", lines))));
    }

    private static String table(List<String> lines) throws IOException {
        StringWriter text = new StringWriter();
        PrintWriter out = new PrintWriter(text);
        new Report(samples(lines)).writeTable(out);
        out.flush();
        return text.toString();
    }

    private static JsonNode json(List<String> lines) throws IOException {
        StringWriter text = new StringWriter();
        new Report(samples(lines)).writeJson(new PrintWriter(text));
        return new ObjectMapper().readTree(text.toString());
    }

    private static JsonNode row(JsonNode json, String id) {
        for (JsonNode row : json.get("rows")) {
            if (row.get("id").asText().equals(id)) {
                return row;
            }
        }
        throw new AssertionError("no row " + id + " in " + json);
    }

    @Test
    void theTableComparesWhatWasMeasured() throws IOException {
        assertThat(table(LINES)).isEqualToNormalizingNewlines("""
                host:
                  cpu: a CPU
                guest:
                  accelerator: tcg

                                                                  C     Java  ratio  quartiles  rounds   aim  met
                On this machine
                  call of an empty function                 4.00 ns  4.00 ns   1.10  1.05-1.30       3  1.30  yes
                  ring in memory: garbage of a record read               0 B                         1   0 B  yes
                In the guest
                  munmap of 1 page, never watched           1.50 us                                  2
                    munmap of 1 page, watched               1.95 us            1.30  1.30-1.30       2  1.20   no
                    munmap of 1 page, after detach          1.10 us            1.10  1.10-1.10       1

                ratio: Java to C; of a row that is set in, to the row that it is set in below, in the same
                language. Made within each round, then the median and the quartiles of the rounds. aim: the
                largest that is good.
                The guest is emulated (tcg): its times mean little, and only ratios within this guest compare.
                something was left out
                """);
    }

    @Test
    void ofAGuestThatIsNotEmulatedNothingIsSaid() throws IOException {
        assertThat(table(List.of(Samples.factLine(Place.GUEST, "accelerator", "kvm"))))
                .doesNotContain("emulated");
    }

    @Test
    void jsonHasTheSame() throws IOException {
        JsonNode json = json(LINES);

        assertThat(json.at("/host/cpu").asText()).isEqualTo("a CPU");
        assertThat(json.get("emulated").asBoolean()).isTrue();
        assertThat(json.get("notes")).hasSize(1);
        assertThat(json.get("rows")).hasSize(5);
        JsonNode call = row(json, "call-empty");
        assertThat(call.get("c").asDouble()).isEqualTo(4);
        assertThat(call.get("java").asDouble()).isEqualTo(4);
        assertThat(call.get("unit").asText()).isEqualTo("ns");
        assertThat(call.get("base").asText()).isEqualTo("c");
        assertThat(call.get("met").asBoolean()).isTrue();
    }

    @Test
    void ratiosAreMadeWithinARound() throws IOException {
        JsonNode call = row(json(LINES), "call-empty");

        // 3/2, 4/4, 11/10
        assertThat(call.get("ratio").asDouble()).isEqualTo(1.1);
        assertThat(call.get("ratio_low").asDouble()).isEqualTo(1.05);
        assertThat(call.get("ratio_high").asDouble()).isEqualTo(1.3);
    }

    @Test
    void aWatchedProcessIsComparedWithOneThatNeverWas() throws IOException {
        JsonNode json = json(LINES);

        assertThat(row(json, "munmap-1-plain").get("base").asText()).isEqualTo("munmap-1-never");
        assertThat(row(json, "munmap-1-plain").get("ratio").asDouble()).isEqualTo(1.3);
        assertThat(row(json, "munmap-1-plain").get("met").asBoolean()).isFalse();
        assertThat(row(json, "munmap-1-never").get("ratio").isNull()).isTrue();
        // The base's second round has no counterpart.
        assertThat(row(json, "munmap-1-detached").get("ratio").asDouble()).isEqualTo(1.1);
        assertThat(row(json, "munmap-1-detached").get("met").isNull()).isTrue();
    }

    @Test
    void theModelIsComparedWithinJava() throws IOException {
        JsonNode json = json(List.of(
                Samples.sampleLine("srcu-volatile-1", Side.JAVA, 1, 6),
                Samples.sampleLine("srcu-volatile-1", Side.JAVA, 2, 8),
                Samples.sampleLine("srcu-section-1", Side.JAVA, 1, 12),
                Samples.sampleLine("srcu-section-1", Side.JAVA, 2, 32)));

        assertThat(row(json, "srcu-section-1").get("base").asText()).isEqualTo("srcu-volatile-1");
        // 12/6, 32/8
        assertThat(row(json, "srcu-section-1").get("ratio").asDouble()).isEqualTo(3);
        assertThat(row(json, "srcu-section-1").get("met").asBoolean()).isTrue();
        assertThat(row(json, "srcu-volatile-1").get("ratio").isNull()).isTrue();
    }

    @Test
    void garbageIsTooMuchFromATenthOfAByteOn() throws IOException {
        assertThat(row(json(LINES), "ring-garbage").get("met").asBoolean()).isTrue();
        assertThat(row(json(List.of(Samples.sampleLine("ring-garbage", Side.JAVA, 1, 0.1))), "ring-garbage")
                        .get("met")
                        .asBoolean())
                .isFalse();
    }

    @Test
    void countsHaveNoUnitAndSmallRatiosFourDigits() throws IOException {
        List<String> lines = List.of(
                Samples.sampleLine("sends-off-made", Side.JAVA, 1, 1000),
                Samples.sampleLine("sends-on-made", Side.JAVA, 1, 20),
                Samples.sampleLine("pagemap-1", Side.C, 1, 1000),
                Samples.sampleLine("shadow-1", Side.C, 1, 2));

        assertThat(table(lines)).containsPattern(" 1,000 +1\n").contains("0.0200", "0.0020");
        assertThat(row(json(lines), "sends-on-made").get("unit").asText()).isEmpty();
        assertThat(row(json(lines), "shadow-1").get("met").asBoolean()).isTrue();
    }

    @Test
    void timesHaveThreeDigits() {
        assertThat(List.of(0.784, 9.994, 9.996, 99.94, 99.96, 999.4, 999.6, 12_345.0, 1.5e6, 2.5e9, 5e12))
                .extracting(Report::time)
                .containsExactly(
                        "0.78 ns", "9.99 ns", "10.0 ns", "99.9 ns", "100 ns", "999 ns", "1.00 us", "12.3 us", "1.50 ms",
                        "2.50 s", "5000 s");
    }

    @Test
    void whatIsNotALineOfSamplesIsRefused() {
        for (String line : List.of("# assertion failed", "sample\tcall-empty\tc\t1", "sample\tnothing\tc\t1\t2")) {
            assertThatIllegalArgumentException().as(line).isThrownBy(() -> samples(List.of(line)));
        }
    }
}
