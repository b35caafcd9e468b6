// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmubridge.AddressRange;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;

class ProcMapsTest {
    @Test
    void aLineHasRangePermissionsAndName() {
        ProcMaps.Mapping mapping = ProcMaps.parse(
                "7f27a0000000-7f27a0021000 r-xp 00026000 fe:01 1234567   /usr/lib/a b/libc.so.6 (deleted)");

        assertThat(mapping.range()).isEqualTo(new AddressRange(0x7f27a0000000L, 0x7f27a0021000L));
        assertThat(mapping.permissions()).isEqualTo("r-xp");
        assertThat(mapping.label()).isEqualTo("/usr/lib/a b/libc.so.6 (deleted)");
        assertThat(mapping.shortLabel()).isEqualTo("libc.so.6 (deleted)");
        assertThat(mapping.isReadable()).isTrue();
    }

    @Test
    void whatHasNoNameIsAnonymous() {
        ProcMaps.Mapping mapping = ProcMaps.parse("00400000-00401000 ---p 00000000 00:00 0 ");

        assertThat(mapping.name()).isEmpty();
        assertThat(mapping.label()).isEqualTo("anonymous");
        assertThat(mapping.isReadable()).isFalse();
    }

    @Test
    void whatIsNoLineIsRefused() {
        assertThatThrownBy(() -> ProcMaps.parse("VmFlags: rd wr")).hasMessageContaining("VmFlags");
    }

    @Test
    void ourOwnAreThereInOrderAndWithoutThatOfTheKernel() throws IOException {
        List<ProcMaps.Mapping> mappings = ProcMaps.read(ProcessHandle.current().pid());

        assertThat(mappings)
                .extracting(ProcMaps.Mapping::name)
                .contains("[stack]")
                .doesNotContain("[vsyscall]");
        assertThat(mappings)
                .isSortedAccordingTo((one, other) ->
                        Long.compare(one.range().start(), other.range().start()));
    }

    @Test
    void whoHasExitedHasNothingMapped() throws IOException, InterruptedException {
        Process process = new ProcessBuilder("true").start();
        process.waitFor();

        assertThat(ProcMaps.read(process.pid())).isEmpty();
    }
}
