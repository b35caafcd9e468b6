// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.bench;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.TreeSet;
import java.util.function.ToDoubleFunction;
import java.util.stream.DoubleStream;

/**
 * A figure as SVG. It brings its own ground, light or dark as the reader has it, and tells its series apart by colour and by
 * mark.
 *
 * @param figure what is shown
 * @param series each with a name
 * @param caption below it: where that was measured
 */
record Chart(Figure figure, List<Series> series, String caption) {
    /**
     * A value, in nanoseconds.
     *
     * @param x the place on the axis
     * @param y the median
     * @param low the least of all rounds
     * @param high the largest
     */
    record Value(int x, double y, double low, double high) {}

    /** A curve, from left to right, or a bar of each group. */
    record Series(String name, List<Value> values) {}

    private static final int WIDTH = 760;
    private static final int LEFT = 70;
    private static final int RIGHT = 24;
    private static final int TITLE_Y = 26;
    private static final int LEGEND_Y = 52;
    private static final int LEGEND_LINE = 20;
    private static final int LEGEND_COLUMNS = 2;
    private static final int PLOT_HEIGHT = 270;
    private static final int BELOW = 78;
    private static final int TICKS = 5;
    private static final double MARK = 4;
    private static final double GROUP_PART = 0.8;

    /** The ratio of the largest to the least value from which on the axis from bottom to top is logarithmic too. */
    private static final double WIDE = 30;

    /** What sums of doubles may be off. */
    private static final double ROUNDING = 1.001;

    /** Those of Okabe and Ito, which the colour-blind tell apart, darker or lighter for their ground. */
    private static final Palette LIGHT = new Palette(
            "#ffffff", "#24292f", "#57606a", "#d0d7de", List.of("#0072b2", "#c04f00", "#00795a", "#a8447e", "#6e5d00"));

    private static final Palette DARK = new Palette(
            "#0d1117", "#e6edf3", "#9198a1", "#30363d", List.of("#56b4e9", "#f08a3c", "#2fc296", "#e08abb", "#e0cf4c"));

    /**
     * Colours.
     *
     * @param ground behind all
     * @param text and what is as important
     * @param faint and what is less so
     * @param grid across the plot
     * @param series of each
     */
    private record Palette(String ground, String text, String faint, String grid, List<String> series) {
        String rules() {
            StringBuilder rules = new StringBuilder();
            rules.append(".ground { fill: " + ground + " }\n");
            rules.append("text { fill: " + text + " } .small { fill: " + faint + " }\n");
            rules.append(".grid { stroke: " + grid + " } .axis { stroke: " + faint + " }\n");
            for (int i = 0; i < series.size(); i++) {
                String colour = series.get(i);
                rules.append(".s%1$d .mark { fill: %2$s } .s%1$d .curve, .s%1$d .spread { stroke: %2$s }\n"
                        .formatted(i, colour));
            }
            rules.append(".bar-spread { stroke: " + text + " }\n");
            return rules.toString();
        }
    }

    private static final String STYLE =
            """
            <style>
            text { font: 13px system-ui, sans-serif }
            .title { font-size: 15px; font-weight: 600 }
            .small { font-size: 11px }
            .curve { fill: none; stroke-width: 2 }
            .spread, .bar-spread { stroke-width: 1.5 }
            """ + LIGHT.rules() + "@media (prefers-color-scheme: dark) {\n" + DARK.rules() + "}\n</style>\n";

    Chart {
        if (series.isEmpty() || series.stream().anyMatch(each -> each.values().isEmpty())) {
            throw new IllegalArgumentException(figure + ": a chart has series, and each has values");
        }
        if (series.size() > LIGHT.series().size()) {
            throw new IllegalArgumentException(
                    figure + ": a chart has at most " + LIGHT.series().size() + " series");
        }
    }

    String svg() {
        return new Drawing().draw();
    }

    /** The places on the axis that have a value, from left to right. */
    List<Integer> places() {
        TreeSet<Integer> places = new TreeSet<>();
        series.forEach(each -> each.values().forEach(value -> places.add(value.x())));
        return List.copyOf(places);
    }

    /**
     * Steps of 1, 2 or 5 times a power of ten, so that about as many as {@link #TICKS} reach {@code top}.
     *
     * @param top positive
     */
    static double step(double top) {
        double power = Math.pow(10, Math.floor(Math.log10(top / TICKS)));
        double digits = top / TICKS / power;
        return power * (digits <= 1 ? 1 : digits <= 2 ? 2 : digits <= 5 ? 5 : 10);
    }

    private final class Drawing {
        private final List<Integer> places = places();
        private final int plotTop = LEGEND_Y + LEGEND_LINE * ((series.size() - 1) / LEGEND_COLUMNS) + 44;
        private final int plotBottom = plotTop + PLOT_HEIGHT;
        private final StringBuilder out = new StringBuilder();

        /** The values at the ends of the axis from bottom to top, and its lines in between. */
        private final double bottom;

        private final double top;
        private final List<Double> ticks = new ArrayList<>();

        Drawing() {
            double lowest = ends(Value::low).min().orElseThrow();
            double highest = ends(Value::high).max().orElseThrow();
            if (figure.shape() == Figure.Shape.CURVES && highest > WIDE * lowest) {
                bottom = Math.pow(10, Math.floor(Math.log10(lowest)));
                top = Math.pow(10, Math.ceil(Math.log10(highest)));
                for (double tick = bottom; tick < top * ROUNDING; tick *= 10) {
                    ticks.add(tick);
                }
            } else {
                double step = step(highest);
                bottom = 0;
                top = Math.ceil(highest / step) * step;
                for (int i = 0; i * step < top * ROUNDING; i++) {
                    ticks.add(i * step);
                }
            }
        }

        private DoubleStream ends(ToDoubleFunction<Value> end) {
            return series.stream().flatMap(each -> each.values().stream()).mapToDouble(end);
        }

        private boolean isWide() {
            return bottom > 0;
        }

        String draw() {
            int height = plotBottom + BELOW;
            line(
                    "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" role=\"img\">",
                    WIDTH, height, WIDTH, height);
            line("<!-- SPDX-License-Identifier: Apache-2.0 -->");
            line("<title>%s</title>", escape(figure.title()));
            out.append(STYLE);
            line("<rect class=\"ground\" width=\"%d\" height=\"%d\"/>", WIDTH, height);
            text("title", LEFT, TITLE_Y, "start", figure.title());
            legend();
            axes();
            for (int i = 0; i < series.size(); i++) {
                line("<g class=\"s%d\">", i);
                if (figure.shape() == Figure.Shape.BARS) {
                    bars(i);
                } else {
                    curve(i);
                }
                line("</g>");
            }
            text("small", LEFT, height - 12, "start", caption);
            line("</svg>");
            return out.toString();
        }

        private void legend() {
            int column = (WIDTH - LEFT - RIGHT) / LEGEND_COLUMNS;
            for (int i = 0; i < series.size(); i++) {
                double x = LEFT + i % LEGEND_COLUMNS * column + MARK;
                double y = LEGEND_Y + i / LEGEND_COLUMNS * LEGEND_LINE;
                line("<g class=\"s%d\">", i);
                mark(i, x, y - MARK);
                line("</g>");
                text("legend", x + 3 * MARK, y, "start", series.get(i).name());
            }
        }

        private void axes() {
            int unit = Report.timeUnit(top);
            for (double tick : ticks) {
                double y = y(tick);
                line(
                        "<line class=\"%s\" x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\"/>",
                        tick == bottom ? "axis" : "grid", LEFT, y, WIDTH - RIGHT, y);
                text("tick", LEFT - 8, y + 4, "end", isWide() ? withUnit(tick) : plain(tick, unit));
            }
            for (int place : places) {
                double x = x(place);
                line(
                        "<line class=\"axis\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\"/>",
                        x, plotBottom, x, plotBottom + 5);
                text("tick", x, plotBottom + 20, "middle", String.format(Locale.ROOT, "%,d", place));
            }
            String title = isWide() ? "time (logarithmic)" : Report.unitName(unit);
            text("axis-title", LEFT, plotTop - 14, "start", title + " per " + figure.each());
            text("axis-title", (LEFT + WIDTH - RIGHT) / 2.0, plotBottom + 40, "middle", figure.axis() + scale());
        }

        private String scale() {
            if (figure.shape() == Figure.Shape.BARS) {
                return "";
            }
            return places.getFirst() == 0 ? " (logarithmic but for 0)" : " (logarithmic)";
        }

        private void curve(int number) {
            List<String> corners = new ArrayList<>();
            for (Value value : series.get(number).values()) {
                corners.add(String.format(Locale.ROOT, "%.1f,%.1f", x(value.x()), y(value.y())));
            }
            line("<polyline class=\"curve\" points=\"%s\"/>", String.join(" ", corners));
            for (Value value : series.get(number).values()) {
                double x = x(value.x());
                spread("spread", x, value);
                mark(number, x, y(value.y()));
            }
        }

        private void bars(int number) {
            double width = (WIDTH - LEFT - RIGHT) * GROUP_PART / places.size() / series.size();
            for (Value value : series.get(number).values()) {
                double left = x(value.x()) + (number - series.size() / 2.0) * width;
                double y = y(value.y());
                line(
                        "<rect class=\"mark\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>",
                        left, y, width - 2, plotBottom - y);
                spread("bar-spread", left + width / 2 - 1, value);
                text("small", left + width / 2 - 1, y(value.high()) - 5, "middle", Report.time(value.y()));
            }
        }

        private void spread(String style, double x, Value value) {
            line(
                    "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>",
                    style, x, y(value.low()), x, y(value.high()));
        }

        /** A form of its own for each series. */
        private void mark(int number, double x, double y) {
            String path = switch (figure.shape() == Figure.Shape.BARS ? 1 : number) {
                case 0 -> "m-%1$f,0 a%1$f,%1$f 0 1,0 %2$f,0 a%1$f,%1$f 0 1,0 -%2$f,0z";
                case 1 -> "m-%1$f,-%1$f h%2$f v%2$f h-%2$f z";
                case 2 -> "m0,-%1$f l%1$f,%2$f h-%2$f z";
                case 3 -> "m0,-%1$f l%1$f,%1$f l-%1$f,%1$f l-%1$f,-%1$f z";
                default -> "m0,%1$f l%1$f,-%2$f h-%2$f z";
            };
            line("<path class=\"mark\" d=\"M%.1f,%.1f %s\"/>", x, y, String.format(Locale.ROOT, path, MARK, 2 * MARK));
        }

        /** Of a group, its middle. */
        private double x(int place) {
            double width = WIDTH - LEFT - RIGHT;
            if (figure.shape() == Figure.Shape.BARS) {
                return LEFT + width * (places.indexOf(place) + 0.5) / places.size();
            }
            double first = logarithm(places.getFirst());
            double last = logarithm(places.getLast());
            double margin = 16;
            return last == first
                    ? LEFT + width / 2
                    : LEFT + margin + (width - 2 * margin) * (logarithm(place) - first) / (last - first);
        }

        private double y(double value) {
            double part = isWide() ? Math.log(value / bottom) / Math.log(top / bottom) : value / top;
            return plotBottom - PLOT_HEIGHT * part;
        }

        private void text(String style, double x, double y, String anchor, String text) {
            line(
                    "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>",
                    style, x, y, anchor, escape(text));
        }

        @SuppressWarnings("AnnotateFormatMethod") // not worth a library
        private void line(String format, Object... arguments) {
            out.append(String.format(Locale.ROOT, format, arguments)).append('\n');
        }
    }

    /** A logarithmic axis has no zero: it stands where a tenth would. */
    private static double logarithm(int place) {
        return place == 0 ? -1 : Math.log10(place);
    }

    private static String withUnit(double nanoseconds) {
        int unit = Report.timeUnit(nanoseconds);
        return plain(nanoseconds, unit) + " " + Report.unitName(unit);
    }

    private static String plain(double nanoseconds, int unit) {
        return new BigDecimal(nanoseconds / Math.pow(1000, unit))
                .round(new MathContext(3))
                .stripTrailingZeros()
                .toPlainString();
    }

    private static String escape(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    }
}
