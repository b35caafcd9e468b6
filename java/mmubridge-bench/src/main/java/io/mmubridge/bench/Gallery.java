// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.mmubridge.bench.Samples.Side;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** The figures of what was measured: as SVG, and as tables in Markdown, which replace those that a document has. */
final class Gallery {
    private static final String BEGIN = "<!-- begin: scripts/bench -->";
    private static final String END = "<!-- end: scripts/bench -->";

    private final Samples samples;
    private final List<Chart> charts = new ArrayList<>();

    Gallery(Samples samples) {
        this.samples = samples;
        for (Figure figure : Figure.values()) {
            List<Chart.Series> series = series(figure);
            if (!series.isEmpty()) {
                Place place = place(figure);
                charts.add(new Chart(
                        figure,
                        series,
                        machine(place) + ". Median, least and largest of " + rounds(place) + " rounds."));
            }
        }
    }

    private static Place place(Figure figure) {
        return Row.ALL.stream()
                .filter(row -> row.points().stream().anyMatch(point -> point.figure() == figure))
                .map(row -> row.group().place())
                .findFirst()
                .orElseThrow();
    }

    private List<Chart.Series> series(Figure figure) {
        Map<String, TreeMap<Integer, Chart.Value>> values = new LinkedHashMap<>();
        for (Row row : Row.ALL) {
            Collection<Double> rounds = samples.rounds(row.id(), row.side()).values();
            for (Figure.Point point : row.points()) {
                if (point.figure() == figure && !rounds.isEmpty()) {
                    values.computeIfAbsent(point.series(), absent -> new TreeMap<>())
                            .put(point.x(), value(point.x(), rounds));
                }
            }
        }
        return values.entrySet().stream()
                .map(each -> new Chart.Series(
                        each.getKey(), List.copyOf(each.getValue().values())))
                .toList();
    }

    private static Chart.Value value(int x, Collection<Double> rounds) {
        double[] all = rounds.stream().mapToDouble(Double::doubleValue).toArray();
        return new Chart.Value(x, Statistics.median(all), Statistics.quantile(0, all), Statistics.quantile(1, all));
    }

    /** Where that was. The version of this machine's kernel has no say in what runs on it, that of the guest's has. */
    private String machine(Place place) {
        Map<String, String> facts = samples.facts(place);
        String processors =
                facts.getOrDefault("cpu", "unknown CPU") + ", " + facts.getOrDefault("cores", "?") + " cores, ";
        return processors
                + switch (place) {
                    case HOST -> facts.getOrDefault("jdk", "unknown JDK").split(" ", 2)[0];
                    case GUEST ->
                        "Linux " + facts.getOrDefault("kernel", "unknown") + ", "
                                + facts.getOrDefault("accelerator", "unknown accelerator");
                };
    }

    List<Chart> charts() {
        return charts;
    }

    /** Writes each figure into a file of its own. */
    void writeSvg(Path folder) throws IOException {
        Files.createDirectories(folder);
        for (Chart chart : charts) {
            Files.writeString(file(folder, chart.figure()), chart.svg(), UTF_8);
        }
    }

    private static Path file(Path folder, Figure figure) {
        return folder.resolve(figure.label() + ".svg");
    }

    /**
     * Replaces what is between the two marks of a document.
     *
     * @param document in Markdown
     * @param svg the folder of the figures, to be shown with the tables; null to show none
     * @throws IllegalArgumentException if the document has not one mark of each kind, in order
     */
    void update(Path document, @Nullable Path svg) throws IOException {
        String text = Files.readString(document, UTF_8);
        int begin = text.indexOf(BEGIN);
        int end = text.indexOf(END);
        if (begin < 0 || end < begin || begin != text.lastIndexOf(BEGIN) || end != text.lastIndexOf(END)) {
            throw new IllegalArgumentException(
                    document + ": numbers are put between one line " + BEGIN + " and one line " + END);
        }
        String path = svg == null ? null : relative(document, svg);
        Files.writeString(
                document,
                text.substring(0, begin + BEGIN.length()) + "\n\n" + markdown(path) + "\n" + text.substring(end),
                UTF_8);
    }

    private static String relative(Path document, Path folder) {
        Path from = document.toAbsolutePath().normalize().getParent();
        Path to = folder.toAbsolutePath().normalize();
        return from == null ? to.toString() : from.relativize(to).toString();
    }

    private String markdown(@Nullable String svg) {
        StringBuilder out = new StringBuilder();
        for (Place place : Place.values()) {
            if (charts.stream().anyMatch(chart -> place(chart.figure()) == place)) {
                out.append(machine(place))
                        .append(". Medians of ")
                        .append(rounds(place))
                        .append(" rounds.\n");
            }
        }
        for (Chart chart : charts) {
            out.append("\n### ").append(chart.figure().title()).append("\n\n");
            if (svg != null) {
                out.append("![%s](%s/%s.svg)\n\n"
                        .formatted(chart.figure().title(), svg, chart.figure().label()));
            }
            appendTable(chart, out);
        }
        out.append("\n### The aims\n\n");
        out.append("| | | ratio to | | aim | met |\n|---|---|---|---|---|---|\n");
        for (Row row : Row.ALL) {
            Outcome outcome = isDrawn(row.group()) ? Outcome.of(row, samples) : null;
            if (outcome != null && row.aim() != null) {
                appendAim(outcome, row.aim(), out);
            }
        }
        return out.toString();
    }

    /** Whether figures have rows of it. */
    private static boolean isDrawn(Group group) {
        return Row.ALL.stream()
                .anyMatch(row -> row.group() == group && !row.points().isEmpty());
    }

    private int rounds(Place place) {
        return Row.ALL.stream()
                .filter(row -> row.group().place() == place && !row.points().isEmpty())
                .mapToInt(row -> samples.rounds(row.id(), row.side()).size())
                .max()
                .orElse(0);
    }

    /** A row for each place on the axis, a column for each series. */
    private static void appendTable(Chart chart, StringBuilder out) {
        out.append("| ").append(chart.figure().axis()).append(" |");
        chart.series().forEach(each -> out.append(" ").append(each.name()).append(" |"));
        out.append("\n|---:|").append("---:|".repeat(chart.series().size())).append("\n");
        for (int place : chart.places()) {
            out.append(String.format(Locale.ROOT, "| %,d |", place));
            for (Chart.Series each : chart.series()) {
                String cell = each.values().stream()
                        .filter(value -> value.x() == place)
                        .map(value -> " " + Report.time(value.y()))
                        .findFirst()
                        .orElse("");
                out.append(cell).append(" |");
            }
            out.append("\n");
        }
    }

    private static void appendAim(Outcome outcome, double aim, StringBuilder out) {
        Row row = outcome.row();
        Outcome.Ratio ratio = outcome.ratio();
        Double value = row.side() == Side.C ? outcome.c() : outcome.java();
        String base = row.base() == null ? "C" : Row.of(row.base()).title();
        Boolean met = outcome.met();
        out.append("| %s | %s | %s | %s | %s | %s |\n"
                .formatted(
                        row.title(),
                        value == null ? "" : Report.time(value),
                        base,
                        ratio == null ? "" : Report.number(ratio.median()),
                        Report.number(aim),
                        met == null ? "" : met ? "yes" : "no"));
    }
}
