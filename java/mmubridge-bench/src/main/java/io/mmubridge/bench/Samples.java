// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * What was measured, and where. Travels as lines of words between tabs:
 *
 * <pre>
 *   sample  ROW  c|java  ROUND  VALUE
 *   fact    host|guest  NAME  TEXT
 *   note    TEXT
 * </pre>
 */
final class Samples {
    /** Who measured. */
    enum Side {
        C,
        JAVA;

        String label() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    private record Key(String row, Side side) {}

    private final Map<Key, TreeMap<Integer, List<Double>>> rounds = new LinkedHashMap<>();
    private final Map<Place, Map<String, String>> facts = new TreeMap<>();
    private final List<String> notes = new ArrayList<>();

    static String sampleLine(String row, Side side, int round, double value) {
        return String.join("\t", "sample", row, side.label(), Integer.toString(round), Double.toString(value));
    }

    static String factLine(Place place, String name, String text) {
        return String.join("\t", "fact", place.label(), name, text);
    }

    static String noteLine(String text) {
        return "note\t" + text;
    }

    static Samples read(BufferedReader lines) throws IOException {
        Samples samples = new Samples();
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            samples.add(line.split("\t", -1), line);
        }
        return samples;
    }

    private void add(String[] words, String line) {
        if (words[0].equals("sample") && words.length == 5) {
            Key key = new Key(Row.of(words[1]).id(), Side.valueOf(words[2].toUpperCase(Locale.ROOT)));
            rounds.computeIfAbsent(key, absent -> new TreeMap<>())
                    .computeIfAbsent(Integer.valueOf(words[3]), absent -> new ArrayList<>())
                    .add(Double.valueOf(words[4]));
        } else if (words[0].equals("fact") && words.length == 4) {
            facts.computeIfAbsent(Place.valueOf(words[1].toUpperCase(Locale.ROOT)), absent -> new LinkedHashMap<>())
                    .put(words[2], words[3]);
        } else if (words[0].equals("note") && words.length == 2) {
            if (!notes.contains(words[1])) {
                notes.add(words[1]);
            }
        } else {
            throw new IllegalArgumentException("neither sample nor fact nor note: " + line);
        }
    }

    /** The median of each round; none if this side has not measured the row. */
    Map<Integer, Double> rounds(String row, Side side) {
        Map<Integer, Double> medians = new TreeMap<>();
        rounds.getOrDefault(new Key(row, side), new TreeMap<>())
                .forEach((round, values) -> medians.put(
                        round,
                        Statistics.median(
                                values.stream().mapToDouble(Double::doubleValue).toArray())));
        return medians;
    }

    /** What is known of a place; nothing if nothing was measured there. */
    Map<String, String> facts(Place place) {
        return facts.getOrDefault(place, Map.of());
    }

    List<String> notes() {
        return notes;
    }
}
