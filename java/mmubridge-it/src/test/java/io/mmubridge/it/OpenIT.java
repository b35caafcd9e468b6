// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmubridge.AttachException;
import io.mmubridge.Capabilities;
import io.mmubridge.Capabilities.Feature;
import io.mmubridge.Mmu;
import io.mmubridge.MmuUnavailableException;
import io.mmubridge.MmuUnavailableException.Reason;
import io.mmubridge.Subsystem;
import io.mmubridge.model.SimulatedKernel;
import io.mmubridge.model.SimulatedProcess;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Opening, asking, and being refused. */
@KernelTest
class OpenIT {
    @Test
    void theModuleSaysWhatItCan() {
        try (Mmu mmu = Mmu.openKernel()) {
            Capabilities capabilities = mmu.capabilities();
            assertThat(mmu.backend()).isEqualTo("kernel");
            assertThat(mmu.reason()).contains("/dev/mmubridge");
            assertThat(capabilities.abiVersion()).isEqualTo(1);
            assertThat(capabilities.features()).contains(Feature.WATCH, Feature.SYNCHRONIZE, Feature.FOREIGN);
            assertThat(capabilities.foreignRefusal()).isNull();
            assertThat(capabilities.limits().pageSize()).isEqualTo(4096);
        }
    }

    @Test
    void theKernelIsTakenWhereItIsThere() {
        try (Mmu mmu = Mmu.open()) {
            assertThat(mmu.backend()).isEqualTo("kernel");
            assertThat(mmu.simulatedKernel()).isEmpty();
        }
    }

    @Test
    void theKernelTakesNoSimulatedProcess() {
        SimulatedProcess process = SimulatedKernel.builder().build().spawn("it");
        try (Mmu mmu = Mmu.openKernel()) {
            assertThatExceptionOfType(AttachException.class)
                    .isThrownBy(() -> mmu.subsystem("it").get(mmu.process(process)))
                    .satisfies(e -> assertThat(e.reason()).isEqualTo(AttachException.Reason.SIMULATED));
        }
    }

    @ParameterizedTest
    @CsvSource({"/nonexistent, NO_DEVICE", "/dev/null, NOT_THE_DEVICE"})
    void whatIsNotTheDeviceIsRefused(Path device, Reason reason) {
        assertThatExceptionOfType(MmuUnavailableException.class)
                .isThrownBy(() -> Mmu.open(device))
                .satisfies(e -> assertThat(e.reason()).isEqualTo(reason));
    }

    @Test
    void aClosedOneSaysSo() {
        Mmu mmu = Mmu.openKernel();
        mmu.close();
        mmu.close();

        assertThatThrownBy(mmu::statistics).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> mmu.subsystem("it").get(mmu.self())).isInstanceOf(IllegalStateException.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "a b", "0123456789012345678901234567890x", "ä"})
    void aNameThatIsNoneIsRefused(String name) {
        try (Mmu mmu = Mmu.openKernel()) {
            assertThatThrownBy(() -> mmu.subsystem(name)).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void aProcessThatIsNotThereOrHasNoMemoryIsRefusedByName() {
        try (Mmu mmu = Mmu.openKernel()) {
            Subsystem subsystem = mmu.subsystem("it");
            assertThatExceptionOfType(AttachException.class)
                    .isThrownBy(() -> mmu.process(4_000_000))
                    .satisfies(e -> assertThat(e.reason()).isEqualTo(AttachException.Reason.GONE));
            assertThatExceptionOfType(AttachException.class)
                    .as("kthreadd")
                    .isThrownBy(() -> subsystem.get(mmu.process(2)))
                    .satisfies(e -> assertThat(e.reason()).isEqualTo(AttachException.Reason.KERNEL_THREAD));
            assertThatExceptionOfType(AttachException.class)
                    .as("standard input is no pidfd")
                    .isThrownBy(() -> subsystem.get(mmu.pidfd(0)))
                    .satisfies(e -> assertThat(e.reason()).isEqualTo(AttachException.Reason.NOT_A_PROCESS));
        }
    }
}
