// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import io.mmubridge.AddressRange;
import io.mmubridge.Capabilities.Feature;
import io.mmubridge.EventType;
import io.mmubridge.Mmu;
import io.mmubridge.MmuException;
import io.mmubridge.RingOptions;
import io.mmubridge.Subscription;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Guards a range of a process's memory and writes each change. */
@Command(
        name = "guard",
        description = {
            "Guards a range of a process's memory, and shows each time that it is not what it was any more: who, when, and why.",
            "What is in flight at once, or comes faster than it is shown, is one change.",
            "Ctrl-C and SIGTERM end it with its summary, and so does the end of the process."
        })
final class GuardCommand implements Callable<Integer> {
    /** Enough to be woken by. */
    private static final int RING = 64;

    @Spec
    private CommandSpec spec;

    @Option(
            names = "--json",
            description = "One JSON object a line; the first has the key guard, the last has the key summary.")
    private boolean json;

    @Option(
            names = "--ignore",
            paramLabel = "TYPE",
            split = ",",
            description = "Types of invalidations that are no change: ${COMPLETION-CANDIDATES}.")
    private Set<EventType> ignored = EnumSet.noneOf(EventType.class);

    @Option(
            names = "--count",
            paramLabel = "CHANGES",
            converter = Converters.Count.class,
            description = "Stop after so many changes.")
    private @Nullable Long count;

    @Option(
            names = "--duration",
            paramLabel = "TIME",
            converter = Converters.Time.class,
            description = "Stop after this time, such as 500ms, 10s, 2m.")
    private @Nullable Duration duration;

    @Option(
            names = "--subsystem",
            paramLabel = "NAME",
            defaultValue = "guard",
            description = "Whose notifier to share (default: ${DEFAULT-VALUE}).")
    private String subsystem;

    @Parameters(index = "0", paramLabel = "PID", converter = Converters.Pid.class, description = "A process.")
    private long process;

    @Parameters(
            index = "1",
            paramLabel = "RANGE",
            converter = Converters.Range.class,
            description =
                    "START-END or START+SIZE; numbers are decimal, or hexadecimal with 0x; a size may end with K, M or G.")
    private AddressRange range;

    @Override
    public Integer call() throws IOException {
        if (ignored.contains(EventType.RELEASE)) {
            throw usage("--ignore cannot be RELEASE: with the address space the guard ends.");
        }
        try (Mmu mmu = Mmu.openKernel();
                StopRequest stop = StopRequest.onSignals()) {
            if (!mmu.capabilities().features().contains(Feature.GUARD)) {
                throw new MmuException(
                        "The loaded kernel module has no guards. Load the one that came with this command.");
            }
            int status = hold(mmu, process);
            stop.finish(status);
            return status;
        }
    }

    private int hold(Mmu mmu, long pid) throws IOException {
        PrintWriter out = spec.commandLine().getOut();
        EventWriter writer = json ? new JsonEventWriter(out, false, null) : new TextEventWriter(out, Ansi.AUTO, null);
        long start = System.nanoTime();
        try (Subscription subscription = mmu.subsystem(subsystem)
                .get(mmu.process(pid), RingOptions.ofRecords(RING), GuardHold.filter(range, ignored))) {
            GuardHold hold = guard(subscription, writer);
            begin(out, pid, hold.isValid());
            Summary.End end = hold.run();
            writer.summary(
                    new Summary(pid, subsystem, end, System.nanoTime() - start, hold.tally(), null, false, List.of()));
            writer.flush();
            return end == Summary.End.OUTPUT ? ExitCode.FAILURE : ExitCode.OK;
        }
    }

    private GuardHold guard(Subscription subscription, EventWriter writer) {
        try {
            return new GuardHold(subscription, range, ignored, writer, count, duration);
        } catch (IllegalArgumentException e) {
            // Such as a range that no process can have.
            throw usage("RANGE cannot be guarded: " + e.getMessage());
        }
    }

    private void begin(PrintWriter out, long pid, boolean valid) throws IOException {
        if (json) {
            try (JsonGenerator line = Json.generator(out)) {
                line.writeStartObject();
                line.writeObjectFieldStart("guard");
                line.writeNumberField("pid", pid);
                line.writeStringField("start", Json.address(range.start()));
                line.writeStringField("end", Json.address(range.end()));
                line.writeBooleanField("valid", valid);
                line.writeEndObject();
                line.writeEndObject();
                Json.newLine(line);
            }
        } else {
            out.println("The guard of " + range + " in process " + pid
                    + (valid ? " is valid." : " becomes valid when what is in flight has ended."));
        }
        out.flush();
    }

    private ParameterException usage(String message) {
        return new ParameterException(spec.commandLine(), message);
    }
}
