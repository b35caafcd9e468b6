// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.mmubridge.AddressRange;
import io.mmubridge.cli.ShadowTextWriter.Style;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class ShadowTextWriterTest {
    private static final Style PIPED = new Style(false, false, false, false, false);
    private static final Style TABLE = new Style(true, false, false, false, false);
    private static final Style LIVE = new Style(false, true, true, true, false);

    private static String written(Style style, ScreenSize screen, ShadowLook look) {
        StringWriter text = new StringWriter();
        new ShadowTextWriter(new PrintWriter(text), style, screen).look(look);
        return text.toString();
    }

    private static String written(Style style, ShadowLook look) {
        StringWriter text = new StringWriter();
        new ShadowTextWriter(new PrintWriter(text), style, null).look(look);
        return text.toString();
    }

    private static ShadowSummary summary(ShadowLook look, Summary.@Nullable End end) {
        return new ShadowSummary(4711, "shadow", end, 2_000_000_000L, look, look.events());
    }

    @Test
    void whereItIsPipedLettersShowTheMemory() {
        assertThat(written(PIPED, Looks.wide(1)).lines())
                .containsExactly(
                        "process 4711, look 1, after 0.000 s: 2.3M in 3 mappings",
                        "584 pages, 97.8% present: 555 writable, 536 huge",
                        "",
                        "   700000000  Ww" + "H".repeat(62) + "  2.2M rw-p anonymous",
                        "   700200000  HHHHH.",
                        "7f0000000000  RR W" + " ".repeat(60) + "  96K in 2: libjvm.so, [stack]",
                        "",
                        "a cell is 32K:  . absent  r read-only  w writable  h huge",
                        "capitals: every page of it is present",
                        "");
    }

    @Test
    void laterLooksTellWhatBecameOfWhatMayHaveChanged() {
        assertThat(written(PIPED, Looks.wide(2)).lines())
                .contains(
                        "since the last look: 1 events, 2 lost; 0 pages new",
                        "8 pages may have changed: 5 the same, 2 moved, 0 reprotected, 1 gone",
                        "7f0000000000  RR m" + " ".repeat(60) + "  96K in 2: libjvm.so, [stack]",
                        "dropped since the last look:  = the same  p reprotected  m moved  x gone",
                        "cause   events  pages  dropped  seconds ago",
                        "munmap       1      2        3        2.000",
                        "java 101       1      2        3        2.000");
    }

    @Test
    void whatTheKernelHasNotToldIsCalledABug() {
        String text = written(PIPED, Looks.look(2, Looks.area(Looks.HEAP, "rw-p", "", Looks.WRONG)));

        assertThat(text).contains("1 pages are not as the kernel has told", "! not as told");
    }

    @Test
    void onATerminalABlockIsAsDarkAsItsShareIsPresent() {
        Style style = new Style(false, false, false, true, false);

        assertThat(written(style, new ScreenSize(50, 200), Looks.wide(1)))
                .contains("\u2588\u2592\u2588", "\u2588\u00b7", "shades:");
    }

    @Test
    void aScreenTakesThePlaceOfTheLast() {
        String text = written(LIVE, new ScreenSize(50, 120), Looks.wide(2));

        assertThat(text)
                .startsWith("\u001b[Hprocess 4711, look 2")
                .endsWith("\u001b[J")
                .contains("\u001b[K\n");
        assertThat(text).contains("\u001b[38;5;202mm\u001b[0m", "\u001b[38;5;33m\u2588");
    }

    @Test
    void aNarrowScreenHasShorterRowsAndLabels() {
        List<String> lines = written(
                        new Style(false, false, false, false, false), new ScreenSize(24, 60), Looks.wide(1))
                .lines()
                .toList();

        assertThat(lines).contains("   700100000  " + "H".repeat(32));
        assertThat(lines).contains("7f0000000000  RR W" + " ".repeat(28) + "  96K in 2:...");
    }

    @Test
    void aLowScreenShowsWhatHasMostPagesAndSaysWhatItDoesNotShow() {
        String text = written(LIVE, new ScreenSize(19, 120), Looks.wide(2));

        assertThat(text).doesNotContain("libjvm").contains("and 24 pages more, 24 of them present");
        assertThat(text.lines()).hasSize(19);
        assertThat(written(LIVE, new ScreenSize(20, 120), Looks.wide(2)))
                .contains("libjvm")
                .doesNotContain("more");
    }

    @Test
    void noLineIsLongerThanTheScreenNorIsTheTable() {
        Style style = new Style(true, true, false, false, false);
        List<String> lines = written(style, new ScreenSize(16, 40), Looks.wide(2))
                .replaceAll("\u001b\\[[HKJ]", "")
                .lines()
                .toList();

        assertThat(lines).hasSize(15).allMatch(line -> line.length() <= 40);
        assertThat(lines)
                .anyMatch(line -> line.startsWith("0x700000000-"))
                .anyMatch(line -> line.startsWith("and 8 pages"));
    }

    @Test
    void aTableHasEachMapping() {
        assertThat(written(TABLE, Looks.wide(1)).lines())
                .contains(
                        "range                          size   perm  present   share  writable  huge  name",
                        "0x700000000-0x700230000        2240K  rw-p      547   97.7%       547   536  anonymous",
                        "0x7f0000000000-0x7f0000010000  64K    r-xp       16  100.0%         0     0  /usr/lib/libjvm.so");
    }

    @Test
    void aTableOfALaterLookHasChangesAndCauses() {
        assertThat(written(TABLE, Looks.wide(2)).lines())
                .anySatisfy(line ->
                        assertThat(line).matches("0x7f0000010000.* 8 +0 +8 +5 +2 +0 +1 +0 +thp_split 3 +\\[stack]"));
    }

    @Test
    void whatIsLeftOutIsSaid() {
        ShadowLook.LeftOut left = new ShadowLook.LeftOut(
                "beyond the limit", List.of(new AddressRange(0, 4096), new AddressRange(8192, 3L << 30)));

        assertThat(written(PIPED, Looks.with(Looks.wide(1), left)).lines())
                .contains("left out: 3.0G in 2 ranges: beyond the limit");
    }

    @Test
    void pagesThatFollowEachOtherAreOneLine() {
        ShadowLook look = Looks.with(
                Looks.wide(1),
                new ShadowLook.LeftOut("", List.of(new AddressRange(0, 1))),
                new ShadowSpace.Page(0x10000, 0x50, true, false),
                new ShadowSpace.Page(0x11000, 0x51, true, false),
                new ShadowSpace.Page(0x12000, 0x52, false, false),
                new ShadowSpace.Page(0x13000, 0x54, false, true));

        assertThat(written(new Style(false, false, false, false, true), look).lines())
                .containsSubsequence(
                        "address  frame  pages  state",
                        "0x10000  0x50       2  writable",
                        "0x12000  0x52       1  read-only",
                        "0x13000  0x54       1  read-only, huge");
    }

    @Test
    void whatIsSaidSoFarSaysThatItGoesOn() {
        StringWriter text = new StringWriter();
        ShadowSummary summary = summary(Looks.wide(1), null);
        new ShadowTextWriter(new PrintWriter(text), PIPED, null)
                .interim(new ShadowSummary(
                        summary.pid(),
                        summary.subsystem(),
                        null,
                        summary.durationNanos(),
                        summary.last(),
                        Looks.wide(3).events()));

        assertThat(text.toString().lines().toList())
                .startsWith(
                        "process 4711: 1 looks in 2.000 s, it goes on",
                        "since the first: 1 events, 2 lost; 0 pages new",
                        "0 pages may have changed: 0 the same, 0 moved, 0 reprotected, 0 gone")
                .endsWith("");
    }

    @Test
    void theSummaryHasAllChangesAndOneLookNeedsNone() {
        StringWriter text = new StringWriter();
        ShadowTextWriter writer = new ShadowTextWriter(new PrintWriter(text), PIPED, null);
        writer.summary(summary(Looks.wide(1), Summary.End.COUNT));
        assertThat(text.toString()).isEmpty();

        writer.summary(summary(Looks.wide(3), Summary.End.RELEASE));
        assertThat(text.toString().lines())
                .startsWith(
                        "process 4711: 3 looks in 2.000 s, ended by release",
                        "since the first: 1 events, 2 lost; 0 pages new",
                        "8 pages may have changed: 5 the same, 2 moved, 0 reprotected, 1 gone");
    }
}
