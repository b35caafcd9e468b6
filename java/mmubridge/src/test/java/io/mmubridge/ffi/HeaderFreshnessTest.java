// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.ffi;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** The committed bindings are those of the committed headers. */
class HeaderFreshnessTest {
    @Test
    void bindingsWereGeneratedFromTheseHeaders() throws IOException, InterruptedException, NoSuchAlgorithmException {
        MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
        for (String header : List.of("kmod/mmubridge_uapi.h", "native/include/mmubridge.h")) {
            sha256.update(CCompiler.withoutComments(header).getBytes(UTF_8));
        }
        String actual = HexFormat.of().formatHex(sha256.digest());

        assertThat(recorded())
                .as("a header changed: run scripts/jextract and commit what it writes")
                .isEqualTo(actual);
    }

    private static String recorded() throws IOException {
        try (InputStream in = HeaderFreshnessTest.class.getResourceAsStream("headers.sha256")) {
            return new String(Objects.requireNonNull(in).readAllBytes(), UTF_8).strip();
        }
    }
}
