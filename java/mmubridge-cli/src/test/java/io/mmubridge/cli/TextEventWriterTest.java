// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import org.junit.jupiter.api.Test;
import picocli.CommandLine.Help.Ansi;

class TextEventWriterTest {
    private final StringWriter text = new StringWriter();
    private final TextEventWriter writer = new TextEventWriter(new PrintWriter(text), Ansi.OFF);

    private List<String> lines() {
        writer.flush();
        return text.toString().lines().toList();
    }

    @Test
    void eachPhaseHasItsLine() {
        writer.event(Events.munmap(1, "java"));
        writer.event(Events.lost(2, 4));
        writer.event(Events.oomReaper(5));
        writer.event(Events.release(6));
        writer.event(Events.detached(6));

        List<String> lines = lines();
        assertThat(lines).hasSize(6);
        assertThat(lines.get(0)).contains("SECONDS", "TYPE", "RANGE", "TASK");
        assertThat(lines.get(1)).contains("UNMAP", "0x7f0000001000-0x7f0000003000", "8K", "java 101", "munmap()");
        assertThat(lines.get(2)).contains("lost", "events 2 to 4");
        assertThat(lines.get(3)).contains("(not visible here)", "kthread, not blockable");
        assertThat(lines.get(4)).contains("release", "the whole address space", "true 100", "exit");
        assertThat(lines.get(5)).contains("detached");
    }

    @Test
    void thereAreNoEscapesWithoutColour() {
        writer.event(Events.release(1));

        assertThat(text.toString()).doesNotContain("\u001b").doesNotContain("@|");
    }

    @Test
    void theSummaryTellsByTypeAndTask() throws IOException {
        Tally tally = new Tally();
        tally.add(Events.munmap(1, "java"));
        tally.add(Events.munmap(2, "java"));
        writer.summary(new Summary(100, "watch", Summary.End.RELEASE, 1_500_000_000L, tally, 0));

        assertThat(lines())
                .contains(
                        "2 events, 0 lost, of process 100 in 1.500 s; ended by release",
                        "UNMAP       2",
                        "java  100  101       2");
    }

    @Test
    void sizesAreInTheUnitThatDividesThem() {
        assertThat(Sizes.text(4096)).isEqualTo("4K");
        assertThat(Sizes.text(12288)).isEqualTo("12K");
        assertThat(Sizes.text(2L << 20)).isEqualTo("2M");
        assertThat(Sizes.text(100)).isEqualTo("100B");
        assertThat(Sizes.text(0)).isEqualTo("0B");
        assertThat(Sizes.text(-4096)).isEqualTo("18014398509481980K");
    }
}
