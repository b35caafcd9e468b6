// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.mmubridge.MmuException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import org.junit.jupiter.api.Test;
import picocli.CommandLine.Help.Ansi;

class TextEventWriterTest {
    private final StringWriter text = new StringWriter();
    private final TextEventWriter writer = new TextEventWriter(new PrintWriter(text), Ansi.OFF, null);

    private List<String> lines() {
        writer.flush();
        return text.toString().lines().toList();
    }

    @Test
    void eachPhaseHasItsLine() {
        writer.event(1, Events.munmap(1, "java"));
        writer.event(1, Events.lost(2, 4));
        writer.event(1, Events.oomReaper(5));
        writer.event(1, Events.release(6));
        writer.event(1, Events.detached(6));
        writer.event(1, new Numbering().exec(Events.exec(100, "nice")));

        List<String> lines = lines();
        assertThat(lines).hasSize(7);
        assertThat(lines.get(0)).contains("SECONDS", "TYPE", "CAUSE", "RANGE", "TASK");
        assertThat(lines.get(1))
                .contains("UNMAP", "munmap  ", "0x7f0000001000-0x7f0000003000", "8K", "java 101", "munmap()");
        assertThat(lines.get(2)).contains("lost", "events 2 to 4");
        assertThat(lines.get(3)).contains("(not visible here)", "kthread, not blockable");
        assertThat(lines.get(4)).contains("release", "the whole address space", "true 100", "exit");
        assertThat(lines.get(5)).contains("detached");
        assertThat(lines.get(6)).contains("exec", "a new address space", "nice 100");
    }

    @Test
    void thereAreNoEscapesWithoutColour() {
        writer.event(1, Events.release(1));

        assertThat(text.toString()).doesNotContain("\u001b").doesNotContain("@|");
    }

    @Test
    void theSummaryTellsByTypeCauseAndTask() {
        Tally tally = new Tally();
        tally.add(Events.munmap(1, "java"));
        tally.add(Events.munmap(2, "java"));
        writer.summary(new Summary(100, "watch", Summary.End.RELEASE, 1_500_000_000L, tally, 0, false, List.of()));

        assertThat(lines())
                .contains(
                        "2 events, 0 lost, of process 100 in 1.500 s; ended by release",
                        "UNMAP       2",
                        "cause   events   share  per second  pages",
                        "munmap       2  100.0%         1.3      4",
                        "java  100  101       2  100.0%      4");
    }

    @Test
    void withoutCausesThereIsNoTableOfThem() {
        writer.summary(new Summary(1, "watch", Summary.End.SIGNAL, 1, new Tally(), null, false, List.of()));

        assertThat(text.toString()).doesNotContain("cause");
    }

    @Test
    void aStackIsWrittenOnceAndThenNamed() {
        TextEventWriter withStacks = new TextEventWriter(
                new PrintWriter(text),
                Ansi.OFF,
                new Stacks(id -> List.of("callback+0x1/0x2", "munmap+" + id), new PrintWriter(new StringWriter())));
        withStacks.event(1, Events.munmap(1, "java"));
        withStacks.event(1, Events.munmap(2, "java"));
        withStacks.event(1, Events.detached(2));
        withStacks.flush();

        assertThat(text.toString().lines().map(String::strip))
                .contains("stack 7", "callback+0x1/0x2", "munmap+7", "stack 7, as above")
                .hasSize(8);
    }

    @Test
    void aRefusalOfFramesIsToldOnce() {
        StringWriter err = new StringWriter();
        Stacks refused = new Stacks(
                id -> {
                    throw new MmuException("not for you");
                },
                new PrintWriter(err));

        assertThat(refused.frames(1)).isEmpty();
        assertThat(refused.frames(2)).isEmpty();
        assertThat(err.toString().lines()).containsExactly("mmubridge: not for you");
    }

    @Test
    void whatIsSaidSoFarSaysThatItGoesOn() {
        writer.interim(new Summary(100, "watch", null, 1_500_000_000L, new Tally(), null, false, List.of()));

        assertThat(lines()).contains("0 events, 0 lost, of process 100 in 1.500 s; it goes on");
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
