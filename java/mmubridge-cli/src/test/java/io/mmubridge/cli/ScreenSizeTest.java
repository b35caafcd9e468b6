// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ScreenSizeTest {
    @Test
    void sttyTellsLinesAndColumns() {
        assertThat(ScreenSize.parse("50 132")).isEqualTo(new ScreenSize(50, 132));
    }

    @Test
    void aTerminalThatDoesNotTellIsAsTheyWere() {
        assertThat(ScreenSize.parse("0 0")).isEqualTo(new ScreenSize(24, 80));
        assertThat(ScreenSize.parse("stty: no")).isEqualTo(new ScreenSize(24, 80));
    }
}
