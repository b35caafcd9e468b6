// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class SizesTest {
    @Test
    void anExactSizeHasTheUnitThatDividesIt() {
        assertThat(Sizes.text(4096)).isEqualTo("4K");
        assertThat(Sizes.text(1300L << 20)).isEqualTo("1300M");
        assertThat(Sizes.text(4097)).isEqualTo("4097B");
    }

    @Test
    void aSizeForTheEyeHasTheLargestUnit() {
        assertThat(Sizes.about(0)).isEqualTo("0B");
        assertThat(Sizes.about(4096)).isEqualTo("4K");
        assertThat(Sizes.about(1300L << 20)).isEqualTo("1.3G");
        assertThat(Sizes.about(1L << 40)).isEqualTo("1T");
    }
}
