// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.ffi;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.mmubridge.Mmu;
import io.mmubridge.MmuUnavailableException;
import io.mmubridge.MmuUnavailableException.Reason;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NativeLibraryTest {
    @AfterEach
    void forget() {
        System.clearProperty(NativeLibrary.PROPERTY);
    }

    @ParameterizedTest
    @CsvSource({"/nonexistent/libmmubridge.so.1, cannot be loaded from", "libmmubridge.so.1, must be an absolute path"})
    void aLibraryThatIsNotThereIsNamed(String path, String message) {
        System.setProperty(NativeLibrary.PROPERTY, path);

        assertThatExceptionOfType(MmuUnavailableException.class)
                .isThrownBy(() -> Mmu.open(Path.of("/dev/null")))
                .withMessageContaining(message)
                .withMessageContaining(path)
                .satisfies(e -> assertThat(e.reason()).isEqualTo(Reason.NO_LIBRARY));
    }

    /** Opens a device, in a JVM that may not call native code. */
    static final class Opener {
        public static void main(String[] arguments) {
            try {
                Mmu.open(Path.of("/dev/null"));
            } catch (MmuUnavailableException e) {
                System.out.println(e.reason() + ": " + e.getMessage());
            }
        }
    }

    @Test
    void aJvmThatMayNotCallNativeCodeIsToldTheFlag() throws IOException, InterruptedException {
        Process process = new ProcessBuilder(List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--illegal-native-access=deny",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Opener.class.getName()))
                .redirectErrorStream(true)
                .start();
        String output = new String(process.getInputStream().readAllBytes(), UTF_8);

        assertThat(process.waitFor()).isZero();
        assertThat(output).contains("NO_NATIVE_ACCESS: ").contains("--enable-native-access=ALL-UNNAMED");
    }
}
