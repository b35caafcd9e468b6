// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.mmubridge.InvalidationEvent;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The contract with programs that read {@code watch --json}. */
class JsonEventWriterTest {
    private final StringWriter text = new StringWriter();
    private final JsonEventWriter writer;

    JsonEventWriterTest() throws IOException {
        writer = new JsonEventWriter(new PrintWriter(text), false, null);
    }

    private List<String> lines() throws IOException {
        writer.flush();
        return text.toString().lines().toList();
    }

    @Test
    void anEventHasExactlyTheFieldsOfTheContract() throws IOException {
        writer.event(1, Events.munmap(7, "java"));

        assertThat(lines())
                .containsExactly(
                        "{\"seq\":12,\"n\":7,\"time_ns\":1000000007,\"phase\":\"start\",\"type\":\"UNMAP\","
                                + "\"start\":\"0x7f0000001000\",\"end\":\"0x7f0000003000\",\"blockable\":true,\"pid\":100,\"tid\":101,"
                                + "\"comm\":\"java\",\"entry\":\"syscall\",\"syscall\":\"munmap\",\"cause\":\"munmap\",\"shadowed\":3}");
    }

    @Test
    void highAddressesAreUnsignedAndWhatIsUnknownIsNull() throws IOException {
        writer.event(1, Events.oomReaper(1));

        JsonNode event = new ObjectMapper().readTree(lines().getFirst());
        assertThat(event.get("start").asText()).isEqualTo("0x8000000000000000");
        assertThat(event.get("end").asText()).isEqualTo("0xfffffffffffff000");
        assertThat(event.get("blockable").asBoolean()).isFalse();
        assertThat(event.get("entry").asText()).isEqualTo("kthread");
        assertThat(event.get("syscall").isNull()).isTrue();
    }

    @Test
    void lossNamesWhatWasLost() throws IOException {
        writer.event(1, Events.lost(5, 9));

        JsonNode event = new ObjectMapper().readTree(lines().getFirst());
        assertThat(event.get("phase").asText()).isEqualTo("lost");
        assertThat(event.get("type").isNull()).isTrue();
        assertThat(event.get("lost_from").asLong()).isEqualTo(5);
        assertThat(event.get("lost_to").asLong()).isEqualTo(9);
    }

    @Test
    void releaseAndDetachHaveTheirPhase() throws IOException {
        writer.event(1, Events.release(3));
        writer.event(1, Events.detached(3));

        assertThat(lines().get(0))
                .contains(
                        "\"phase\":\"release\",\"type\":\"RELEASE\",\"start\":\"0x0\",\"end\":\"0xffffffffffffffff\"");
        assertThat(lines().get(1)).contains("\"phase\":\"detached\",\"type\":null");
    }

    @Test
    void namesThatTasksGiveThemselvesAreEscaped() throws IOException {
        String comm = "\"},{\n\u0001\\é";
        writer.event(1, Events.munmap(1, comm));

        assertThat(lines()).hasSize(1);
        assertThat(new ObjectMapper().readTree(lines().getFirst()).get("comm").asText())
                .isEqualTo(comm);
    }

    @Test
    void theSummaryHasTheTotals() throws IOException {
        Tally tally = new Tally();
        List<InvalidationEvent> events = List.of(
                Events.munmap(1, "java"),
                Events.munmap(2, "java"),
                Events.lost(3, 6),
                Events.munmap(7, "GC Thread#0"),
                Events.release(8),
                Events.detached(8));
        events.forEach(tally::add);
        writer.summary(new Summary(100, "watch", Summary.End.RELEASE, 2_000_000_000L, tally, 3, false, List.of()));

        assertThat(lines())
                .containsExactly(
                        "{\"summary\":{\"pid\":100,\"subsystem\":\"watch\",\"end\":\"release\",\"duration_ns\":2000000000,"
                                + "\"events\":4,\"lost\":4,\"pages\":6,\"rate\":2.0,\"by_type\":{\"UNMAP\":3,\"RELEASE\":1},"
                                + "\"by_cause\":[{\"cause\":\"munmap\",\"events\":3,\"pages\":6},"
                                + "{\"cause\":\"exit\",\"events\":1,\"pages\":0}],\"by_task\":["
                                + "{\"pid\":100,\"tid\":101,\"comm\":\"java\",\"events\":2,\"pages\":4},"
                                + "{\"pid\":100,\"tid\":101,\"comm\":\"GC Thread#0\",\"events\":1,\"pages\":2},"
                                + "{\"pid\":100,\"tid\":100,\"comm\":\"true\",\"events\":1,\"pages\":0}],\"status\":3}}");
    }

    @Test
    void whatIsSaidSoFarHasAnotherNameAndNoEnd() throws IOException {
        writer.interim(new Summary(100, "watch", null, 42, new Tally(), null, false, List.of()));

        assertThat(lines().getFirst()).startsWith("{\"interim\":{\"pid\":100,\"subsystem\":\"watch\",\"end\":null,");
    }

    @Test
    void framesComeWithTheEventThatHasThem() throws IOException {
        JsonEventWriter withStacks = new JsonEventWriter(
                new PrintWriter(text),
                false,
                new Stacks(id -> List.of("a+0x1/0x2", "b+" + id), new PrintWriter(new StringWriter())));
        withStacks.event(1, Events.munmap(1, "java"));
        withStacks.event(1, Events.detached(1));
        withStacks.flush();

        assertThat(lines().get(0)).endsWith("\"shadowed\":3,\"stack\":[\"a+0x1/0x2\",\"b+7\"]}");
        assertThat(lines().get(1)).doesNotContain("\"stack\"");
    }

    @Test
    void aProcessThatWasThereBeforeHasNoStatus() throws IOException {
        writer.summary(new Summary(1, "watch", Summary.End.SIGNAL, 42, new Tally(), null, false, List.of()));

        assertThat(lines().getFirst()).endsWith("\"by_type\":{},\"by_cause\":[],\"by_task\":[],\"status\":null}}");
    }

    @Test
    void anExecIsAMarkWithTheNewName() throws IOException {
        writer.event(1, new Numbering().exec(Events.exec(100, "nice")));

        assertThat(lines())
                .containsExactly("{\"seq\":0,\"n\":0,\"time_ns\":2500000000,\"phase\":\"exec\",\"type\":null,"
                        + "\"start\":\"0x0\",\"end\":\"0x0\",\"blockable\":true,\"pid\":100,\"tid\":100,"
                        + "\"comm\":\"nice\",\"entry\":\"syscall\",\"syscall\":null,\"cause\":null,\"shadowed\":0}");
    }

    @Test
    void whereThereAreSeveralProcessesEachLineSaysWhose() throws IOException {
        JsonEventWriter several = new JsonEventWriter(new PrintWriter(text), true, null);
        several.event(2, Events.munmap(7, "java"));
        several.summary(new Summary(
                100,
                "watch",
                Summary.End.RELEASE,
                42,
                new Tally(),
                0,
                false,
                List.of(new Summary.Space(1, 100, 5, 0), new Summary.Space(2, 101, 7, 3))));
        several.flush();

        assertThat(lines().get(0)).startsWith("{\"space\":2,\"seq\":12,\"n\":7,");
        assertThat(lines().get(1))
                .endsWith("\"status\":0,\"spaces\":[{\"space\":1,\"pid\":100,\"events\":5,\"lost\":0},"
                        + "{\"space\":2,\"pid\":101,\"events\":7,\"lost\":3}]}}");
    }

    @Test
    void aMissedStartIsToldWhereItWas() throws IOException {
        writer.summary(new Summary(1, "watch", Summary.End.RELEASE, 42, new Tally(), 0, true, List.of()));

        assertThat(lines().getFirst()).endsWith("\"status\":0,\"missed_start\":true}}");
    }
}
