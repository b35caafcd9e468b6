// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import io.mmubridge.Mmu;
import io.mmubridge.model.SimulatedKernel;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** Walks through the scheme with a process that does what it is told. */
@Command(
        name = "demo",
        description = {
            "Walks through get, sharing, invalidations, put and the free that comes later, on a small process.",
            "Without the kernel module it runs on the model, which is simulated, and says so."
        })
final class DemoCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        PrintWriter out = spec.commandLine().getOut();
        try (Mmu mmu = Mmu.open();
                Subject subject = subject(mmu)) {
            boolean asTold = new Demo(mmu, subject, out, Ansi.AUTO).run();
            return asTold ? ExitCode.OK : ExitCode.FAILURE;
        } finally {
            out.flush();
        }
    }

    private static Subject subject(Mmu mmu) throws IOException {
        Optional<SimulatedKernel> model = mmu.simulatedKernel();
        return model.isPresent() ? new SimulatedSubject(model.get()) : ProgramSubject.start();
    }
}
