// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import io.mmubridge.MmuException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import picocli.AutoComplete.GenerateCompletion;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The top level of the command line. */
@Command(
        name = "mmubridge",
        description = "Shows what the Linux kernel does to the memory of a process, as it tells mmu notifiers.",
        versionProvider = Main.Version.class,
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {
            InfoCommand.class,
            WatchCommand.class,
            GuardCommand.class,
            ShadowCommand.class,
            DemoCommand.class,
            GenerateCompletion.class,
            HelpCommand.class
        },
        exitCodeListHeading = "%nExit status:%n",
        exitCodeList = {
            "  0:done",
            "  1:failed while running",
            "  2:wrong usage",
            "125:mmubridge itself cannot: no module, no permission, attach refused",
            "126:the command to watch cannot be executed",
            "127:the command to watch is not found",
            "   :else, for watch -- COMMAND, the command's own status; 128+N if signal N ended it"
        })
public final class Main implements Runnable {
    @Spec
    private CommandSpec spec;

    @Option(
            names = {"-V", "--version"},
            versionHelp = true,
            description = "Show the version and exit.")
    @SuppressWarnings("UnusedVariable") // picocli acts on it
    private boolean version;

    /** The version that the build wrote into the jar. */
    static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() {
            String version = Main.class.getPackage().getImplementationVersion();
            return new String[] {"mmubridge " + (version == null ? "(not packaged)" : version)};
        }
    }

    /** Runs a command line and exits with its status. */
    public static void main(String[] arguments) {
        PrintWriter out = new PrintWriter(System.out, false, StandardCharsets.UTF_8);
        PrintWriter err = new PrintWriter(System.err, true, StandardCharsets.UTF_8);
        int status = commandLine(out, err).execute(arguments);
        out.flush();
        System.exit(status);
    }

    /** The command line, to be executed once. */
    static CommandLine commandLine(PrintWriter out, PrintWriter err) {
        CommandLine top = new CommandLine(new Main()).addMixin("help", new HelpOption());
        for (CommandLine command : top.getSubcommands().values()) {
            if (!command.getCommandSpec().optionsMap().containsKey("--help")) {
                command.addMixin("help", new HelpOption());
            }
        }
        return top.setOut(out)
                .setErr(err)
                // The words of a command to watch are its own.
                .setExpandAtFiles(false)
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setUsageHelpAutoWidth(true)
                .setParameterExceptionHandler(Main::correct)
                .setExecutionExceptionHandler(Main::explain);
    }

    /** The mistake, and where to read on; the whole usage would only bury it. */
    private static int correct(ParameterException e, String[] arguments) {
        CommandLine command = e.getCommandLine();
        command.getErr().println("mmubridge: " + e.getMessage());
        command.getErr().println("Try '" + command.getCommandSpec().qualifiedName() + " --help'.");
        return ExitCode.USAGE;
    }

    /** What the library refuses, it explains; a stack trace would only hide it. */
    private static int explain(Exception e, CommandLine command, CommandLine.ParseResult parsed) throws Exception {
        if (e instanceof MmuException refusal) {
            command.getErr().println("mmubridge: " + refusal.getMessage());
            return ExitCode.of(refusal);
        }
        throw e;
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "A command is missing.");
    }
}
