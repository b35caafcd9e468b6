// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.mmubridge.AttachException;
import io.mmubridge.LaunchException;
import io.mmubridge.MmuException;
import org.junit.jupiter.api.Test;

class ExitCodeTest {
    @Test
    void aCommandThatIsNotThereOrNotExecutableIsAsWithEnv() {
        assertThat(ExitCode.of(new LaunchException(LaunchException.Reason.NOT_FOUND, "")))
                .isEqualTo(127);
        assertThat(ExitCode.of(new LaunchException(LaunchException.Reason.NOT_EXECUTABLE, "")))
                .isEqualTo(126);
    }

    @Test
    void whatMmubridgeItselfCannotIs125() {
        assertThat(ExitCode.of(new LaunchException(LaunchException.Reason.NOT_TRACEABLE, "")))
                .isEqualTo(125);
        assertThat(ExitCode.of(new AttachException(AttachException.Reason.YAMA, "")))
                .isEqualTo(125);
        assertThat(ExitCode.of(new MmuException(""))).isEqualTo(125);
    }
}
