// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.mmubridge.AddressRange;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import org.junit.jupiter.api.Test;

class ShadowJsonWriterTest {
    private final StringWriter text = new StringWriter();

    private JsonNode written() throws IOException {
        assertThat(text.toString()).endsWith("}\n").hasLineCount(1);
        return new ObjectMapper().readTree(text.toString());
    }

    private ShadowJsonWriter writer(boolean pages) throws IOException {
        return new ShadowJsonWriter(new PrintWriter(text), pages);
    }

    @Test
    void aLookHasStateChangesAndMappings() throws IOException {
        writer(false).look(Looks.wide(2));
        JsonNode look = written();

        assertThat(look.properties().stream().map(java.util.Map.Entry::getKey))
                .containsExactly(
                        "look",
                        "pid",
                        "time_ns",
                        "cell_size",
                        "pages",
                        "present",
                        "writable",
                        "huge",
                        "added",
                        "dropped",
                        "same",
                        "moved",
                        "reprotected",
                        "gone",
                        "upgraded",
                        "mismatched",
                        "mappings",
                        "left_out",
                        "events",
                        "lost",
                        "by_cause",
                        "by_task");
        assertThat(look.get("look").asInt()).isEqualTo(2);
        assertThat(look.get("cell_size").asLong()).isEqualTo(Looks.CELL);
        assertThat(look.get("pages").asLong()).isEqualTo(73 * 8);
        assertThat(look.get("dropped").asLong()).isEqualTo(8);
        assertThat(look.get("moved").asLong()).isEqualTo(2);
        JsonNode heap = look.get("mappings").get(0);
        assertThat(heap.get("start").asText()).isEqualTo("0x700000000");
        assertThat(heap.get("end").asText()).isEqualTo("0x700230000");
        assertThat(heap.get("name").asText()).isEmpty();
        assertThat(heap.get("map").asText()).isEqualTo("Ww" + "H".repeat(67) + ".");
        assertThat(heap.get("by_cause").get("thp_split").asLong()).isEqualTo(3);
        assertThat(look.get("mappings").get(2).get("map").asText()).isEqualTo("m");
        JsonNode cause = look.get("by_cause").get(0);
        assertThat(cause.get("cause").asText()).isEqualTo("munmap");
        assertThat(cause.get("dropped").asLong()).isEqualTo(3);
        assertThat(cause.get("last_ns").asLong()).isEqualTo(1_000_000_001L);
        assertThat(look.get("by_task").get(0).get("tid").asInt()).isEqualTo(101);
    }

    @Test
    void aLookWithPagesHasTheirFrames() throws IOException {
        writer(true)
                .look(Looks.with(
                        Looks.wide(1),
                        new ShadowLook.LeftOut("beyond", List.of(new AddressRange(0x1000, 0x3000))),
                        new ShadowSpace.Page(0x7f0000000000L, 0x1234, true, false)));
        JsonNode look = written();

        assertThat(look.get("frames").get(0).toString())
                .isEqualTo("{\"address\":\"0x7f0000000000\",\"frame\":4660,\"writable\":true,\"huge\":false}");
        assertThat(look.get("left_out").get(0).toString())
                .isEqualTo("{\"reason\":\"beyond\",\"ranges\":[{\"start\":\"0x1000\",\"end\":\"0x3000\"}]}");
    }

    @Test
    void theSummaryIsOneObject() throws IOException {
        ShadowLook last = Looks.wide(3);
        writer(false).summary(new ShadowSummary(4711, "shadow", Summary.End.SIGNAL, 5, last, last.events()));
        JsonNode summary = written().get("summary");

        assertThat(summary.get("end").asText()).isEqualTo("signal");
        assertThat(summary.get("looks").asInt()).isEqualTo(3);
        assertThat(summary.get("duration_ns").asLong()).isEqualTo(5);
        assertThat(summary.get("moved").asInt()).isEqualTo(2);
        assertThat(summary.get("events").asInt()).isEqualTo(1);
        assertThat(summary.get("lost").asInt()).isEqualTo(2);
    }

    @Test
    void whatIsSaidSoFarHasNoEnd() throws IOException {
        ShadowLook last = Looks.wide(3);
        writer(false).interim(new ShadowSummary(4711, "shadow", null, 5, last, last.events()));
        JsonNode interim = written().get("interim");

        assertThat(interim.get("end").isNull()).isTrue();
        assertThat(interim.get("looks").asInt()).isEqualTo(3);
    }

    @Test
    void aSummaryOfNoLookHasNothing() throws IOException {
        writer(false)
                .summary(new ShadowSummary(4711, "shadow", Summary.End.RELEASE, 5, null, ShadowEvents.Snapshot.EMPTY));

        assertThat(written().get("summary").get("looks").asInt()).isZero();
    }
}
