// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class ShadowKindTest {
    @Test
    void aLetterTellsWhatThereIsOrWhatBecameOfIt() {
        assertThat(ShadowKind.letter(Looks.ABSENT)).isEqualTo('.');
        assertThat(ShadowKind.letter(Looks.FULL)).isEqualTo('W');
        assertThat(ShadowKind.letter(Looks.SOME)).isEqualTo('w');
        assertThat(ShadowKind.letter(Looks.HUGE)).isEqualTo('H');
        assertThat(ShadowKind.letter(Looks.CODE)).isEqualTo('R');
        assertThat(ShadowKind.letter(Looks.SAME)).isEqualTo('=');
        assertThat(ShadowKind.letter(Looks.MOVED)).isEqualTo('m');
        assertThat(ShadowKind.letter(Looks.GONE)).isEqualTo('x');
        assertThat(ShadowKind.letter(Looks.REPROTECTED)).isEqualTo('p');
        assertThat(ShadowKind.letter(Looks.WRONG)).isEqualTo('!');
    }

    @Test
    void noTwoHaveOneLetter() {
        assertThat(Arrays.stream(ShadowKind.values()).map(kind -> Character.toUpperCase(kind.letter())))
                .doesNotHaveDuplicates();
    }
}
