// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.mmubridge.AddressRange;
import java.util.List;
import org.junit.jupiter.api.Test;

class RangesTest {
    private static AddressRange range(long start, long end) {
        return new AddressRange(start, end);
    }

    @Test
    void whatIsInTheOthersIsTakenAway() {
        List<AddressRange> left = Ranges.subtract(
                List.of(range(0, 10), range(20, 30), range(40, 50), range(60, 70)),
                List.of(range(2, 4), range(6, 22), range(29, 41), range(60, 70)));

        assertThat(left).containsExactly(range(0, 2), range(4, 6), range(22, 29), range(41, 50));
        assertThat(Ranges.subtract(left, List.of())).isEqualTo(left);
        assertThat(Ranges.subtract(left, List.of(range(0, 100)))).isEmpty();
    }

    @Test
    void whatTouchesIsJoinedAndThenTheNearest() {
        List<AddressRange> ranges =
                List.of(range(0, 10), range(10, 20), range(25, 30), range(100, 110), range(112, 120));

        assertThat(Ranges.join(ranges, List.of(), 9))
                .containsExactly(range(0, 20), range(25, 30), range(100, 110), range(112, 120));
        assertThat(Ranges.join(ranges, List.of(), 3)).containsExactly(range(0, 20), range(25, 30), range(100, 120));
        assertThat(Ranges.join(ranges, List.of(), 2)).containsExactly(range(0, 30), range(100, 120));
        assertThat(Ranges.join(ranges, List.of(), 1)).containsExactly(range(0, 120));
        assertThat(Ranges.join(List.of(), List.of(), 1)).isEmpty();
    }

    @Test
    void nothingIsJoinedOverWhatThereIs() {
        List<AddressRange> ranges = List.of(range(0, 10), range(11, 20), range(30, 40));

        assertThat(Ranges.join(ranges, List.of(range(10, 11)), 1)).containsExactly(range(0, 10), range(11, 40));
    }

    @Test
    void aRangeIsCutAtMultiples() {
        assertThat(Ranges.cut(range(5, 25), 10)).containsExactly(range(5, 10), range(10, 20), range(20, 25));
        assertThat(Ranges.cut(range(10, 20), 10)).containsExactly(range(10, 20));
    }

    @Test
    void whatIsWithinIsCutToIt() {
        assertThat(Ranges.within(range(5, 25), List.of(range(0, 6), range(10, 12), range(24, 30), range(40, 50))))
                .containsExactly(range(5, 6), range(10, 12), range(24, 25));
    }

    @Test
    void addressesHaveNoSign() {
        assertThat(Ranges.intersect(range(4, -1), range(0, 10))).isEqualTo(range(4, 10));
        assertThat(Ranges.intersect(range(0, 10), range(4, -1))).isEqualTo(range(4, 10));
    }
}
