// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.mmubridge.bench.Samples.Side;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GalleryTest {
    private static final List<String> LINES = List.of(
            Samples.factLine(Place.HOST, "cpu", "a CPU"),
            Samples.factLine(Place.HOST, "cores", "2"),
            Samples.factLine(Place.HOST, "jdk", "A-JDK-25 25+1"),
            Samples.sampleLine("call-empty", Side.JAVA, 1, 5),
            Samples.sampleLine("interval-100", Side.JAVA, 1, 50),
            Samples.sampleLine("interval-100", Side.JAVA, 2, 60),
            Samples.sampleLine("interval-100", Side.JAVA, 3, 55),
            Samples.sampleLine("interval-10000", Side.JAVA, 1, 150),
            Samples.sampleLine("interval-10000", Side.JAVA, 2, 120),
            Samples.sampleLine("interval-10000", Side.JAVA, 3, 165),
            Samples.sampleLine("interval-10000-many", Side.JAVA, 1, 1500),
            Samples.sampleLine("get-mms-1", Side.JAVA, 1, 40));

    @TempDir
    private Path folder;

    private static Gallery gallery(List<String> lines) throws IOException {
        return new Gallery(Samples.read(new BufferedReader(new StringReader(String.join("\n", lines)))));
    }

    private Path document(String text) throws IOException {
        return Files.writeString(folder.resolve("a.md"), text);
    }

    @Test
    void figuresAreDrawnOfWhatWasMeasured() throws IOException {
        Path figures = folder.resolve("some/figures");
        gallery(LINES).writeSvg(figures);

        try (var files = Files.list(figures)) {
            assertThat(files.map(file -> file.getFileName().toString()))
                    .containsExactlyInAnyOrder("get.svg", "get-subsystems.svg", "interval.svg");
        }
        assertThat(figures.resolve("interval.svg"))
                .content()
                .contains("a CPU, 2 cores, A-JDK-25. Median, least and largest of 3 rounds.");
    }

    @Test
    void aValueIsTheMedianOfTheRoundsAndTheirEnds() throws IOException {
        assertThat(gallery(LINES).charts())
                .filteredOn(chart -> chart.figure() == Figure.INTERVAL)
                .flatExtracting(Chart::series)
                .first()
                .isEqualTo(new Chart.Series(
                        "one of 16 ranges in turn",
                        List.of(new Chart.Value(100, 55, 50, 60), new Chart.Value(10_000, 150, 120, 165))));
    }

    @Test
    void aFigureOfWhatCMeasuresInTheGuestSaysSo() throws IOException {
        List<Chart> charts = gallery(List.of(
                        Samples.factLine(Place.HOST, "cpu", "a CPU"),
                        Samples.factLine(Place.GUEST, "cpu", "an emulated CPU"),
                        Samples.factLine(Place.GUEST, "cores", "1"),
                        Samples.factLine(Place.GUEST, "kernel", "6.1"),
                        Samples.factLine(Place.GUEST, "accelerator", "tcg"),
                        Samples.sampleLine("guarded-1-none", Side.C, 1, 10),
                        Samples.sampleLine("guarded-1-none", Side.C, 2, 14),
                        Samples.sampleLine("guarded-1-guards-100", Side.C, 1, 11)))
                .charts();

        assertThat(charts).extracting(Chart::figure).containsExactly(Figure.MUNMAP_1);
        assertThat(charts.getFirst().caption())
                .isEqualTo("an emulated CPU, 1 cores, Linux 6.1, tcg. Median, least and largest of 2 rounds.");
        assertThat(charts.getFirst().series())
                .contains(new Chart.Series(
                        "guards elsewhere", List.of(new Chart.Value(0, 12, 10, 14), new Chart.Value(100, 11, 11, 11))));
    }

    @Test
    void theNumbersOfADocumentAreReplaced() throws IOException {
        Path document = document("before\n<!-- begin: scripts/bench -->\nold\n<!-- end: scripts/bench -->\nafter\n");
        gallery(LINES).update(document, folder.resolve("figures"));
        String once = Files.readString(document);
        gallery(LINES).update(document, folder.resolve("figures"));

        assertThat(document).hasContent(once);
        assertThat(once)
                .startsWith("before\n<!-- begin: scripts/bench -->\n\na CPU, 2 cores, A-JDK-25. Medians of 3 rounds.\n")
                .endsWith("\n<!-- end: scripts/bench -->\nafter\n")
                .doesNotContain("old")
                .contains("""

                        ![An invalidation that meets no interval](figures/interval.svg)

                        | interval notifiers | one of 16 ranges in turn | one of 4,096 ranges in turn |
                        |---:|---:|---:|
                        | 100 | 55.0 ns | |
                        | 10,000 | 150 ns | 1.50 us |
                        """)
                .contains("| 3.00 | 2.00 | no |");
    }

    @Test
    void withoutFiguresThereAreTables() throws IOException {
        Path document = document("<!-- begin: scripts/bench --><!-- end: scripts/bench -->");
        gallery(LINES).update(document, null);

        assertThat(document).content().contains("| 100 | 55.0 ns | |").doesNotContain("![");
    }

    @Test
    void aDocumentWithoutAPlaceForThemIsRefused() throws IOException {
        for (String text : List.of(
                "nothing",
                "<!-- begin: scripts/bench -->",
                "<!-- end: scripts/bench --> <!-- begin: scripts/bench -->",
                "<!-- begin: scripts/bench --> <!-- begin: scripts/bench --> <!-- end: scripts/bench -->")) {
            Path document = document(text);
            assertThatIllegalArgumentException()
                    .as(text)
                    .isThrownBy(() -> gallery(LINES).update(document, null))
                    .withMessageContaining(document.toString());
            assertThat(document).hasContent(text);
        }
    }
}
