// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.backend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class LifetimeTest {
    private final AtomicInteger released = new AtomicInteger();
    private final Lifetime lifetime = new Lifetime(released::incrementAndGet);

    @Test
    void closingReleasesAtOnceWithNobodyInside() {
        assertThat(lifetime.close()).isTrue();
        assertThat(released).hasValue(1);
        assertThat(lifetime.isClosed()).isTrue();
    }

    @Test
    void theLastOneOutReleases() {
        assertThat(lifetime.enter()).isTrue();
        assertThat(lifetime.enter()).isTrue();
        lifetime.close();
        lifetime.exit();
        assertThat(released).hasValue(0);
        lifetime.exit();
        assertThat(released).hasValue(1);
    }

    @Test
    void closedItLetsNobodyInAndClosesNoSecondTime() {
        lifetime.close();

        assertThat(lifetime.enter()).isFalse();
        assertThat(lifetime.close()).isFalse();
        assertThat(released).hasValue(1);
        assertThatThrownBy(() -> lifetime.enterOrThrow("this Mmu"))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("this Mmu is closed");
    }
}
