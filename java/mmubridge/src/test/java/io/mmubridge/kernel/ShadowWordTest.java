// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import io.mmubridge.ShadowMode;
import io.mmubridge.backend.BackendShadow;
import io.mmubridge.ffi.mmubridge_h;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** What reads the words of a shadow, whoever wrote them, reads them as the module has written them. */
class ShadowWordTest {
    @Test
    void theBitsAreThoseOfTheHeader() {
        assertThat(BackendShadow.PRESENT).isEqualTo(mmubridge_h.MMUB_SHADOW_PRESENT());
        assertThat(BackendShadow.WRITABLE).isEqualTo(mmubridge_h.MMUB_SHADOW_WRITABLE());
        assertThat(BackendShadow.HUGE).isEqualTo(mmubridge_h.MMUB_SHADOW_HUGE());
        assertThat(BackendShadow.ACCESSED).isEqualTo(mmubridge_h.MMUB_SHADOW_ACCESSED());
        assertThat(BackendShadow.DIRTY).isEqualTo(mmubridge_h.MMUB_SHADOW_DIRTY());
        assertThat(BackendShadow.DROPPED).isEqualTo(mmubridge_h.MMUB_SHADOW_DROPPED());
        assertThat(BackendShadow.GENERATION_SHIFT).isEqualTo(mmubridge_h.MMUB_SHADOW_GENERATION());
        assertThat(BackendShadow.CHUNK_SHIFT).isEqualTo(mmubridge_h.MMUB_SHADOW_CHUNK_SHIFT());
    }

    @Test
    void theModesHaveTheirNumbers() {
        assertThat(Arrays.stream(ShadowMode.values()).map(Codes::code))
                .containsExactly(
                        mmubridge_h.MMUB_SHADOW_SNAPSHOT(),
                        mmubridge_h.MMUB_SHADOW_READ(),
                        mmubridge_h.MMUB_SHADOW_WRITE());
    }
}
