// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.openjdk.jmh.annotations.Benchmark;

class RowTest {
    private static final List<Class<?>> BENCHMARKS = List.of(
            CallOverhead.class, GetPut.class, Latency.class, RingDrain.class, RingInMemory.class, Subscriptions.class);

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
                .extracting(Row.Probe::benchmark)
                .containsOnly(benchmarks.toArray(String[]::new));
    }

    private static String name(Method method) {
        return method.getDeclaringClass().getSimpleName() + "." + method.getName();
    }

    @Test
    void anUnknownIdIsRefused() {
        assertThatIllegalArgumentException().isThrownBy(() -> Row.of("nothing")).withMessageContaining("nothing");
    }
}
