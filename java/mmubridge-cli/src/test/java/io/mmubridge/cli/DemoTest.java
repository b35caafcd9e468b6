// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.mmubridge.Mmu;
import io.mmubridge.model.Lockdep;
import io.mmubridge.model.SimulatedKernel;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import picocli.CommandLine.Help.Ansi;

/** The demonstration on the model. */
@Timeout(60)
class DemoTest {
    private final SimulatedKernel kernel =
            SimulatedKernel.builder().lockdep(Lockdep.on()).build();
    private final StringWriter out = new StringWriter();

    private boolean run(Subject subject) throws IOException {
        try (Mmu mmu = Mmu.simulated(kernel)) {
            return new Demo(mmu, subject, new PrintWriter(out, true), Ansi.OFF).run();
        }
    }

    @Test
    void everythingIsAsTold() throws IOException {
        boolean asTold;
        try (SimulatedSubject subject = new SimulatedSubject(kernel)) {
            asTold = run(subject);
        }

        assertThat(out.toString())
                .endsWith("Everything was as told.\n")
                .doesNotContain("NO:")
                .containsSubsequence(
                        "map 8 pages",
                        "none",
                        "make them read-only",
                        "PROTECTION_VMA",
                        "give 4 of them back",
                        "CLEAR",
                        "16K",
                        "fork",
                        "PROTECTION_PAGE",
                        "write to one",
                        "CLEAR",
                        "4K",
                        "unmap them",
                        "UNMAP",
                        "32K");
        assertThat(asTold).isTrue();
        assertThat(kernel.failures()).isEmpty();
    }

    @Test
    void theFirstLinesSayThatItIsTheModelAndWhy() throws IOException {
        try (SimulatedSubject subject = new SimulatedSubject(kernel)) {
            run(subject);
        }

        assertThat(out.toString().lines().limit(3))
                .satisfiesExactly(
                        line -> assertThat(line).contains("On the model"),
                        line -> assertThat(line).contains("no real process", "--vm"),
                        line -> assertThat(line).contains("asked for"));
    }

    /** Does not fork, and says that it did. */
    @Test
    void whatIsOtherwiseIsMarkedAndSaid() throws IOException {
        boolean asTold;
        try (SimulatedSubject subject = new SimulatedSubject(kernel)) {
            asTold = run(new ForgetfulSubject(subject));
        }

        assertThat(asTold).isFalse();
        assertThat(out.toString()).contains("NO: fact 8 of step 4").contains("NO: fact 9 of step 4");
        assertThat(out.toString()).endsWith("Not everything was as told: see the lines marked NO.\n");
    }
}
