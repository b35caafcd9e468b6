// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.bench;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import io.mmubridge.bench.Chart.Series;
import io.mmubridge.bench.Chart.Value;
import java.io.ByteArrayInputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

class ChartTest {
    private static final Series RISING = new Series("a rising one", List.of(at(1, 40), at(10, 60), at(1000, 80)));
    private static final Series FLAT = new Series("a flat one", List.of(at(1, 40), at(1000, 40)));

    private static Value at(int x, double y) {
        return new Value(x, y, y - 10, y + 20);
    }

    private static Document drawn(Figure figure, Series... series) {
        try {
            String svg = new Chart(figure, List.of(series), "a CPU & <its> cores").svg();
            return DocumentBuilderFactory.newInstance()
                    .newDocumentBuilder()
                    .parse(new ByteArrayInputStream(svg.getBytes(UTF_8)));
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    private static List<Element> elements(Document svg, String tag, String style) {
        List<Element> found = new ArrayList<>();
        NodeList all = svg.getElementsByTagName(tag);
        for (int i = 0; i < all.getLength(); i++) {
            Element element = (Element) all.item(i);
            if (element.getAttribute("class").equals(style)) {
                found.add(element);
            }
        }
        return found;
    }

    private static double number(Element element, String attribute) {
        return Double.parseDouble(element.getAttribute(attribute));
    }

    /** The corners of a curve, x and y of each. */
    private static double[][] corners(Element curve) {
        return Arrays.stream(curve.getAttribute("points").split(" "))
                .map(corner -> Arrays.stream(corner.split(","))
                        .mapToDouble(Double::parseDouble)
                        .toArray())
                .toArray(double[][]::new);
    }

    /** Where a value of the axis from bottom to top is drawn. */
    private static double height(Document svg, String value) {
        return elements(svg, "text", "tick").stream()
                .filter(tick -> tick.getAttribute("text-anchor").equals("end"))
                .filter(tick -> tick.getTextContent().equals(value))
                .mapToDouble(tick -> number(tick, "y") - 4)
                .findFirst()
                .orElseThrow();
    }

    @Test
    void itSaysWhatIsShown() {
        Document svg = drawn(Figure.GET, RISING, FLAT);

        assertThat(svg.getDocumentElement().getTextContent())
                .contains(Figure.GET.title(), "a rising one", "a flat one", "a CPU & <its> cores", "1,000");
        assertThat(elements(svg, "text", "axis-title"))
                .extracting(Element::getTextContent)
                .containsExactly("ns per get + put", "address spaces (logarithmic)");
    }

    @Test
    void theUnitFollowsTheValues() {
        Document svg = drawn(Figure.GET, new Series("slow", List.of(at(1, 1e6), at(2, 4e6))));

        assertThat(elements(svg, "text", "axis-title"))
                .first()
                .extracting(Element::getTextContent)
                .isEqualTo("ms per get + put");
        assertThat(height(svg, "4")).isLessThan(height(svg, "1"));
    }

    @Test
    void theAxisFromLeftToRightIsLogarithmic() {
        double[][] corners =
                corners(elements(drawn(Figure.GET, RISING), "polyline", "curve").getFirst());

        // From 10 to 1000 there are two decades.
        assertThat(corners[2][0] - corners[1][0]).isCloseTo(2 * (corners[1][0] - corners[0][0]), within(0.2));
    }

    @Test
    void zeroIsADecadeBelowOne() {
        Series series = new Series("from 0 on", List.of(at(0, 20), at(1, 20), at(10, 20)));
        Document svg = drawn(Figure.INTERVAL, series);
        double[][] corners = corners(elements(svg, "polyline", "curve").getFirst());

        assertThat(corners[1][0] - corners[0][0]).isCloseTo(corners[2][0] - corners[1][0], within(0.2));
        assertThat(elements(svg, "text", "axis-title"))
                .last()
                .extracting(Element::getTextContent)
                .isEqualTo("interval notifiers (logarithmic but for 0)");
    }

    @Test
    void whatIsFarApartHasALogarithmicAxisFromBottomToTop() {
        Series series = new Series(
                "far apart",
                List.of(new Value(1, 20, 20, 20), new Value(10, 200, 200, 200), new Value(100, 2000, 2000, 2000)));
        Document svg = drawn(Figure.GET, series);
        double[][] corners = corners(elements(svg, "polyline", "curve").getFirst());

        assertThat(corners[0][1] - corners[1][1]).isCloseTo(corners[1][1] - corners[2][1], within(0.2));
        assertThat(height(svg, "10 ns") - height(svg, "1 us"))
                .isCloseTo(2 * (height(svg, "10 ns") - height(svg, "100 ns")), within(0.2));
        assertThat(corners[0][1]).isBetween(height(svg, "100 ns"), height(svg, "10 ns"));
        assertThat(elements(svg, "text", "axis-title"))
                .first()
                .extracting(Element::getTextContent)
                .isEqualTo("time (logarithmic) per get + put");
    }

    @Test
    void valuesStandWhereTheAxisHasThem() {
        Document svg = drawn(Figure.GET, RISING, FLAT);
        double[][] corners = corners(elements(svg, "polyline", "curve").getFirst());

        assertThat(corners[0][1]).isCloseTo(height(svg, "40"), within(0.1));
        assertThat(corners[1][1]).isCloseTo(height(svg, "60"), within(0.1));
        assertThat(corners[2][1]).isCloseTo(height(svg, "80"), within(0.1));
        Element spread = elements(svg, "line", "spread").getFirst();
        assertThat(number(spread, "y2")).isCloseTo(height(svg, "60"), within(0.1));
    }

    @Test
    void barsStandSideBySideAndHaveTheirNumbers() {
        Document svg = drawn(
                Figure.SRCU,
                new Series("low", List.of(at(1, 20), at(2, 20))),
                new Series("high", List.of(at(1, 60), at(2, 60))));
        List<Element> bars = elements(svg, "rect", "mark");

        assertThat(bars).hasSize(4);
        assertThat(number(bars.get(2), "height")).isCloseTo(3 * number(bars.get(0), "height"), within(0.3));
        // low of 1, low of 2, high of 1, high of 2
        assertThat(number(bars.get(2), "x"))
                .isGreaterThanOrEqualTo(number(bars.get(0), "x") + number(bars.get(0), "width"))
                .isLessThan(number(bars.get(1), "x"));
        assertThat(svg.getDocumentElement().getTextContent()).contains("20.0 ns", "60.0 ns");
    }

    @Test
    void itHasAGroundOfItsOwnInLightAndDark() {
        String svg = new Chart(Figure.GET, List.of(FLAT), "").svg();

        assertThat(svg).contains("<rect class=\"ground\"");
        assertThat(svg.split("prefers-color-scheme: dark"))
                .hasSize(2)
                .allSatisfy(part -> assertThat(part)
                        .contains(".ground { fill: ", "text { fill: ", ".s0 .mark { fill: ", ".grid { stroke: "));
    }

    @Test
    void stepsAreRound() {
        assertThat(List.of(5.0, 6.0, 12.0, 26.0, 480.0, 0.9))
                .extracting(Chart::step)
                .containsExactly(1.0, 2.0, 5.0, 10.0, 100.0, 0.2);
    }

    @Test
    void nothingIsNotDrawn() {
        assertThatIllegalArgumentException().isThrownBy(() -> new Chart(Figure.GET, List.of(), ""));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Chart(Figure.GET, List.of(new Series("none", List.of())), ""));
    }

    @Test
    void moreSeriesThanColoursAreRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Chart(Figure.GET, List.of(FLAT, FLAT, FLAT, FLAT, FLAT, FLAT), ""))
                .withMessageContaining("5");
    }
}
