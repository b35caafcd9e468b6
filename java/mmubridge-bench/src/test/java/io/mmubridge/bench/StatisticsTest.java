// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;

class StatisticsTest {
    @Test
    void theMedianIsTheMiddleOrBetweenTheTwoThere() {
        assertThat(Statistics.median(3, 1, 2)).isEqualTo(2);
        assertThat(Statistics.median(4, 1, 2, 3)).isEqualTo(2.5);
        assertThat(Statistics.median(7)).isEqualTo(7);
    }

    @Test
    void quantilesAreInterpolated() {
        assertThat(Statistics.quantile(0.25, 10, 20, 30)).isEqualTo(15);
        assertThat(Statistics.quantile(0.75, 10, 20, 30)).isEqualTo(25);
        assertThat(Statistics.quantile(0, 10, 20, 30)).isEqualTo(10);
        assertThat(Statistics.quantile(1, 10, 20, 30)).isEqualTo(30);
    }

    @Test
    void thereIsNoneOfNothing() {
        assertThatIllegalArgumentException().isThrownBy(Statistics::median);
        assertThatIllegalArgumentException().isThrownBy(() -> Statistics.percentile(new long[1], 0, 0.5));
    }

    @Test
    void aPercentileIsOneOfTheValuesThatCount() {
        long[] values = {50, 10, 40, 20, 30, 0, 0, 0};

        assertThat(Statistics.percentile(values, 5, 0.5)).isEqualTo(30);
        assertThat(Statistics.percentile(values, 5, 0.99)).isEqualTo(50);
    }
}
