// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmubridge.AddressRange;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine.TypeConversionException;

class ConvertersTest {
    private final Converters.Range range = new Converters.Range();
    private final Converters.Time time = new Converters.Time();
    private final Converters.CellSize cell = new Converters.CellSize();

    @Test
    void rangesAreFromToOrFromPlusSize() {
        assertThat(range.convert("0x1000-0x2000")).isEqualTo(new AddressRange(0x1000, 0x2000));
        assertThat(range.convert("4096+4096")).isEqualTo(new AddressRange(0x1000, 0x2000));
        assertThat(range.convert("0x1000+4K")).isEqualTo(new AddressRange(0x1000, 0x2000));
        assertThat(range.convert("0x7f0000000000+2G")).isEqualTo(new AddressRange(0x7f0000000000L, 0x7f0080000000L));
        assertThat(range.convert("0-0xffffffffffffffff")).isEqualTo(new AddressRange(0, -1));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "1",
                "1-",
                "x-y",
                "2-1",
                "1+0",
                "0x1-0x1ffffffffffffffff",
                "-1-2",
                "18446744073709551615+2",
                "1-2K",
                "1+0x7fffffffffffffffG"
            })
    void whatIsNoRangeIsRefused(String word) {
        assertThatThrownBy(() -> range.convert(word)).isInstanceOf(TypeConversionException.class);
    }

    @Test
    void timesHaveUnitsAndSecondsAreTheDefault() {
        assertThat(time.convert("2")).isEqualTo(Duration.ofSeconds(2));
        assertThat(time.convert("1.5s")).isEqualTo(Duration.ofMillis(1500));
        assertThat(time.convert("250ms")).isEqualTo(Duration.ofMillis(250));
        assertThat(time.convert("2m")).isEqualTo(Duration.ofMinutes(2));
        assertThat(time.convert("1h")).isEqualTo(Duration.ofHours(1));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "s", "-1s", "1d", "1.s", "9999999999s"})
    void whatIsNoTimeIsRefused(String word) {
        assertThatThrownBy(() -> time.convert(word)).isInstanceOf(TypeConversionException.class);
    }

    @Test
    void cellsArePowersOfTwo() {
        assertThat(cell.convert("4096")).isEqualTo(4096);
        assertThat(cell.convert("64K")).isEqualTo(64 << 10);
        assertThat(cell.convert("2M")).isEqualTo(2 << 20);
        assertThat(cell.convert("1024G")).isEqualTo(1L << 40);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "0", "2K", "2048", "3M", "4k", "2048G", "999999999999G", "M", "-2M"})
    void whatIsNoCellIsRefused(String word) {
        assertThatThrownBy(() -> cell.convert(word)).isInstanceOf(TypeConversionException.class);
    }

    @Test
    void processesAndCountsArePositive() {
        assertThat(new Converters.Pid().convert("4194304")).isEqualTo(4_194_304);
        assertThat(new Converters.Count().convert("999999999999999999")).isEqualTo(999_999_999_999_999_999L);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "0", "-1", "+1", "1.5", "0x10", "1K", "9999999999999999999"})
    void whatIsNeitherAProcessNorACountIsRefused(String word) {
        assertThatThrownBy(() -> new Converters.Pid().convert(word)).isInstanceOf(TypeConversionException.class);
        assertThatThrownBy(() -> new Converters.Count().convert(word)).isInstanceOf(TypeConversionException.class);
    }
}
