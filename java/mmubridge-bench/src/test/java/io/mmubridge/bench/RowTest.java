// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;

class RowTest {
    private static final List<Class<?>> BENCHMARKS = List.of(
            CachedSends.class,
            CallOverhead.class,
            GetPut.class,
            GuardCalls.class,
            GuardCheck.class,
            Intervals.class,
            Latency.class,
            ReadSection.class,
            RingDrain.class,
            RingInMemory.class,
            Schemes.class,
            ShadowLookup.class,
            Subscriptions.class);

    @Test
    void idsAreUnique() {
        assertThat(Row.ALL).extracting(Row::id).doesNotHaveDuplicates();
    }

    @Test
    void basesAreRows() {
        assertThat(Row.ALL)
                .filteredOn(row -> row.base() != null)
                .isNotEmpty()
                .allSatisfy(row ->
                        assertThat(Row.of(String.valueOf(row.base())).base()).isNull());
    }

    @Test
    void probesAndBenchmarksAreTheSame() {
        List<String> benchmarks = BENCHMARKS.stream()
                .flatMap(type -> Arrays.stream(type.getMethods()))
                .filter(method -> method.isAnnotationPresent(Benchmark.class))
                .map(RowTest::name)
                .toList();

        assertThat(Row.ALL)
                .extracting(Row::probe)
                .filteredOn(probe -> probe != null)
                .extracting(probe -> probe.run().benchmark())
                .containsOnly(benchmarks.toArray(String[]::new));
    }

    private static String name(Method method) {
        return method.getDeclaringClass().getSimpleName() + "." + method.getName();
    }

    @Test
    void parametersAreThoseOfTheBenchmark() {
        assertThat(Row.ALL)
                .extracting(Row::probe)
                .filteredOn(probe -> probe != null)
                .allSatisfy(probe -> probe.run()
                        .parameters()
                        .forEach((name, value) -> assertThat(
                                        parameter(probe.run(), name).getType())
                                .as("%s of %s", name, probe.run().benchmark())
                                .matches(type -> accepts(type, value), "takes " + value)));
    }

    /** JMH leaves out without a word what is no parameter. */
    private static Field parameter(Row.Run run, String name) {
        return BENCHMARKS.stream()
                .filter(type -> run.benchmark().startsWith(type.getSimpleName() + "."))
                .flatMap(type -> Stream.concat(Stream.of(type), Arrays.stream(type.getDeclaredClasses())))
                .flatMap(type -> Arrays.stream(type.getFields()))
                .filter(field -> field.getName().equals(name) && field.isAnnotationPresent(Param.class))
                .findFirst()
                .orElseThrow(() -> new AssertionError(run.benchmark() + " has no parameter " + name));
    }

    private static boolean accepts(Class<?> type, String value) {
        return type == int.class
                ? value.matches("[0-9]+")
                : Arrays.stream(type.getEnumConstants())
                        .map(Object::toString)
                        .toList()
                        .contains(value);
    }

    /** As the legend of the table has it. */
    @Test
    void theBaseOfAModelsRowIsTheNearestAboveThatHasNone() {
        String base = "";
        for (Row row : Row.ALL) {
            if (!row.group().isInC()) {
                assertThat(row.base()).as(row.id()).isIn(null, base);
                base = row.base() == null ? row.id() : base;
            }
        }
        assertThat(base).isNotEmpty();
    }

    @Test
    void whatHasAnAimIsComparedWithSomething() {
        assertThat(Row.ALL)
                .filteredOn(row -> row.aim() != null && !row.isGarbage())
                .allSatisfy(row -> assertThat(row.group().isInC() || row.base() != null)
                        .as(row.id())
                        .isTrue());
    }

    @Test
    void noTwoRowsAreAtOnePointOfAFigure() {
        assertThat(Row.ALL).flatExtracting(Row::points).isNotEmpty().doesNotHaveDuplicates();
        assertThat(Figure.values())
                .allSatisfy(figure -> assertThat(Row.ALL)
                        .flatExtracting(Row::points)
                        .filteredOn(point -> point.figure() == figure)
                        .hasSizeGreaterThan(1));
    }

    @Test
    void anUnknownIdIsRefused() {
        assertThatIllegalArgumentException().isThrownBy(() -> Row.of("nothing")).withMessageContaining("nothing");
    }
}
