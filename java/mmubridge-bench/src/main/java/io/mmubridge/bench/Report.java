// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.bench;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The outcome of all that was measured: a table for people, one object of JSON for programs. */
final class Report {
    private static final String GAP = "  ";
    private static final List<String> HEADINGS = List.of("", "C", "Java", "ratio", "quartiles", "rounds", "aim", "met");
    private static final String[] TIME_UNITS = {"ns", "us", "ms", "s"};

    private static final String LEGEND = """
            ratio: Java to C; of a row that is set in, to the row that it is set in below, in the same
            language. Made within each round, then the median and the quartiles of the rounds. aim: the
            largest that is good.""";
    private static final String EMULATED = """
            The guest is emulated (tcg): its times mean little, and only ratios within this guest compare.""";

    private final Samples samples;
    private final List<Outcome> outcomes = new ArrayList<>();

    Report(Samples samples) {
        this.samples = samples;
        for (Row row : Row.ALL) {
            Outcome outcome = Outcome.of(row, samples);
            if (outcome != null) {
                outcomes.add(outcome);
            }
        }
    }

    private boolean isEmulated() {
        return "tcg".equals(samples.facts(Place.GUEST).get("accelerator"));
    }

    void writeTable(PrintWriter out) {
        for (Place place : Place.values()) {
            Map<String, String> facts = samples.facts(place);
            if (!facts.isEmpty()) {
                out.println(place.label() + ":");
                facts.forEach((name, text) -> out.println(GAP + name + ": " + text));
            }
        }
        out.println();

        List<List<String>> lines = new ArrayList<>(List.of(HEADINGS));
        Place place = null;
        for (Outcome outcome : outcomes) {
            if (outcome.row().group().place() != place) {
                place = outcome.row().group().place();
                lines.add(List.of(place.title()));
            }
            lines.add(cells(outcome));
        }
        writeAligned(lines, out);

        out.println();
        out.println(LEGEND);
        if (isEmulated()) {
            out.println(EMULATED);
        }
        samples.notes().forEach(out::println);
    }

    private static List<String> cells(Outcome outcome) {
        Row row = outcome.row();
        Outcome.Ratio ratio = outcome.ratio();
        Boolean met = outcome.met();
        return List.of(
                GAP + (row.base() == null ? "" : GAP) + row.title(),
                value(row, outcome.c()),
                value(row, outcome.java()),
                ratio == null ? "" : number(ratio.median()),
                ratio == null ? "" : number(ratio.low()) + "-" + number(ratio.high()),
                Integer.toString(outcome.rounds()),
                row.aim() == null ? "" : row.isGarbage() ? value(row, row.aim()) : number(row.aim()),
                met == null ? "" : met ? "yes" : "no");
    }

    private static String value(Row row, @Nullable Double value) {
        if (value == null) {
            return "";
        }
        return switch (row.unit()) {
            case NANOSECONDS -> time(value);
            case BYTES -> String.format(Locale.ROOT, "%.0f B", value);
            case COUNT -> String.format(Locale.ROOT, "%,.0f", value);
        };
    }

    /** Three digits and a unit. */
    static String time(double nanoseconds) {
        int unit = timeUnit(nanoseconds);
        double value = nanoseconds / Math.pow(1000, unit);
        int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
        return String.format(Locale.ROOT, "%." + decimals + "f %s", value, unitName(unit));
    }

    /** The unit in which a time has no more than three digits before the point, as a power of 1000 ns. */
    static int timeUnit(double nanoseconds) {
        int unit = 0;
        for (double value = nanoseconds; value >= 999.5 && unit < TIME_UNITS.length - 1; value /= 1000) {
            unit++;
        }
        return unit;
    }

    static String unitName(int unit) {
        return TIME_UNITS[unit];
    }

    static String number(double value) {
        return String.format(Locale.ROOT, value == 0 || value >= 0.1 ? "%.2f" : "%.4f", value);
    }

    /** The first column stands to the left, the others to the right; a line of one cell has no say in the widths. */
    private static void writeAligned(List<List<String>> lines, PrintWriter out) {
        int[] widths = new int[HEADINGS.size()];
        for (List<String> line : lines) {
            for (int column = 0; line.size() > 1 && column < line.size(); column++) {
                widths[column] = Math.max(widths[column], line.get(column).length());
            }
        }
        for (List<String> line : lines) {
            StringBuilder text = new StringBuilder();
            for (int column = 0; column < line.size(); column++) {
                String cell = line.get(column);
                String padding = " ".repeat(Math.max(0, widths[column] - cell.length()));
                text.append(column == 0 ? cell + padding : GAP + padding + cell);
            }
            out.println(text.toString().stripTrailing());
        }
    }

    void writeJson(PrintWriter out) throws IOException {
        try (JsonGenerator json = new JsonFactory().createGenerator(out)) {
            json.writeStartObject();
            for (Place place : Place.values()) {
                json.writeObjectFieldStart(place.label());
                for (Map.Entry<String, String> fact : samples.facts(place).entrySet()) {
                    json.writeStringField(fact.getKey(), fact.getValue());
                }
                json.writeEndObject();
            }
            json.writeBooleanField("emulated", isEmulated());
            json.writeArrayFieldStart("notes");
            for (String note : samples.notes()) {
                json.writeString(note);
            }
            json.writeEndArray();
            json.writeArrayFieldStart("rows");
            for (Outcome outcome : outcomes) {
                writeRow(outcome, json);
            }
            json.writeEndArray();
            json.writeEndObject();
            json.writeRaw('\n');
        }
    }

    private static void writeRow(Outcome outcome, JsonGenerator json) throws IOException {
        Row row = outcome.row();
        json.writeStartObject();
        json.writeStringField("id", row.id());
        json.writeStringField("title", row.title());
        json.writeStringField("group", row.group().label());
        json.writeStringField("place", row.group().place().label());
        json.writeStringField("unit", row.unit().label());
        writeNumber("c", outcome.c(), json);
        writeNumber("java", outcome.java(), json);
        json.writeNumberField("rounds", outcome.rounds());
        json.writeStringField("base", row.base() == null ? "c" : row.base());
        Outcome.Ratio ratio = outcome.ratio();
        writeNumber("ratio", ratio == null ? null : ratio.median(), json);
        writeNumber("ratio_low", ratio == null ? null : ratio.low(), json);
        writeNumber("ratio_high", ratio == null ? null : ratio.high(), json);
        writeNumber("aim", row.aim(), json);
        Boolean met = outcome.met();
        if (met == null) {
            json.writeNullField("met");
        } else {
            json.writeBooleanField("met", met);
        }
        json.writeEndObject();
    }

    private static void writeNumber(String name, @Nullable Double value, JsonGenerator json) throws IOException {
        if (value == null) {
            json.writeNullField(name);
        } else {
            json.writeNumberField(name, value);
        }
    }
}
