// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import io.mmubridge.AddressRange;
import io.mmubridge.AddressSpace;
import io.mmubridge.AttachException;
import io.mmubridge.Capabilities;
import io.mmubridge.EventType;
import io.mmubridge.Filter;
import io.mmubridge.Launch;
import io.mmubridge.LaunchException;
import io.mmubridge.LaunchOption;
import io.mmubridge.Mmu;
import io.mmubridge.RingOptions;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
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

/** Writes the invalidations of a process, or of a command from its first instruction on. */
@Command(
        name = "watch",
        description = {
            "Shows every invalidation of a process's memory: what, where, and who.",
            "A COMMAND is watched from its first instruction to its exit, through every program that it executes, and its "
                    + "status is the exit status.",
            "SIGUSR1 asks for a summary so far, and so does the Enter key where a PID is watched from a terminal.",
            "Ctrl-C and SIGTERM end the watch with its summary; a COMMAND gets SIGTERM then."
        },
        customSynopsis = {"mmubridge watch [OPTIONS] PID", "mmubridge watch [OPTIONS] -- COMMAND [ARGUMENT...]"})
final class WatchCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Option(names = "--json", description = "One JSON object a line; the last has the key summary.")
    private boolean json;

    @Option(names = "--no-cause", description = "Do not record why; it costs the process least.")
    private boolean noCause;

    @Option(names = "--stacks", description = "Also the frames of the kernel's stack at each event; for root alone.")
    private boolean stacks;

    @Option(
            names = "--top",
            description = "Instead of each event, every second what takes most: a screen, or a table where piped.")
    private boolean top;

    @Option(
            names = "--ring",
            paramLabel = "RECORDS",
            defaultValue = "4096",
            description =
                    "Size of the ring, a power of two (default: ${DEFAULT-VALUE}). What finds it full is lost, and said.")
    private int ring;

    @Option(
            names = "--type",
            paramLabel = "TYPE",
            split = ",",
            description = "Only these types: ${COMPLETION-CANDIDATES}.")
    private Set<EventType> types = EnumSet.allOf(EventType.class);

    @Option(
            names = "--range",
            paramLabel = "START-END",
            converter = Converters.Range.class,
            description = "Only what overlaps this range, or one of them if there are several; also START+SIZE.")
    private List<AddressRange> ranges = List.of();

    @Option(
            names = "--count",
            paramLabel = "EVENTS",
            converter = Converters.Count.class,
            description = "Stop after so many events.")
    private @Nullable Long count;

    @Option(
            names = "--duration",
            paramLabel = "TIME",
            converter = Converters.Time.class,
            description = "Stop after this time, such as 500ms, 10s, 2m.")
    private @Nullable Duration duration;

    @Option(
            names = "--follow",
            description =
                    "Watch the children of the COMMAND too, and theirs, until all have ended. Each JSON object then "
                            + "has a space: the number of its process.")
    private boolean follow;

    @Option(
            names = "--subsystem",
            paramLabel = "NAME",
            defaultValue = "watch",
            description = "Whose notifier to share (default: ${DEFAULT-VALUE}).")
    private String subsystem;

    @Parameters(arity = "1..*", paramLabel = "PID | -- COMMAND", description = "A process, or a command to start.")
    private List<String> target;

    @Override
    public Integer call() throws IOException {
        boolean isCommand = isCommand();
        Filter filter = new Filter(types, ranges);
        RingOptions options = ringOptions();
        if (top && (json || stacks)) {
            throw usage("--top goes with neither --json nor --stacks.");
        }
        if (stacks && noCause) {
            throw usage("--stacks needs what --no-cause leaves out.");
        }
        if (follow && !isCommand) {
            throw usage("--follow is for a command, after --.");
        }
        try (Mmu mmu = Mmu.openKernel();
                StopRequest stop = StopRequest.onSignals()) {
            checkLimits(mmu.capabilities().limits());
            int status = isCommand
                    ? watchCommand(mmu, options, filter)
                    : watchProcess(mmu, Long.parseLong(target.getFirst()), options, filter);
            stop.finish(status);
            return status;
        }
    }

    private int watchProcess(Mmu mmu, long pid, RingOptions options, Filter filter) throws IOException {
        EventWriter writer = writer(mmu);
        Source source = get(mmu, mmu.process(pid), options, filter);
        Watch watch = new Watch(writer, subsystem, count, duration);
        watch.begin(pid, false).begin(source);
        watch.complete();
        Summary.End end = run(watch, pid, ScreenSize.isTerminal());
        writer.summary(watch.summary(pid, end, null, false));
        writer.flush();
        return end == Summary.End.OUTPUT ? ExitCode.FAILURE : ExitCode.OK;
    }

    private int watchCommand(Mmu mmu, RingOptions options, Filter filter) throws IOException {
        EventWriter writer = writer(mmu);
        try (Launch launch = launch(mmu)) {
            // While its pid is its own: a handle knows when another process has got it.
            Optional<ProcessHandle> handle = ProcessHandle.of(launch.pid());
            Watch watch = new Watch(writer, subsystem, count, duration);
            Trail command = watch.begin(launch.pid(), !launch.isStartMissed());
            try {
                command.begin(get(mmu, launch.addressSpace(), options, filter));
            } catch (AttachException e) {
                if (!launch.isStartMissed() || e.reason() != AttachException.Reason.GONE) {
                    throw e;
                }
                // All of it is missed.
            }
            Follower follower = new Follower(
                    watch,
                    command,
                    space -> get(mmu, space, options, filter),
                    spec.commandLine().getErr());
            if (follow) {
                launch.followWithChildren(follower);
            } else {
                launch.follow(follower);
            }
            Summary.End end = run(watch, launch.pid(), false);
            if (end == Summary.End.SIGNAL) {
                terminate(handle);
            }
            int status = waitFor(launch, handle);
            writer.summary(watch.summary(launch.pid(), end, status, launch.isStartMissed()));
            writer.flush();
            return status;
        }
    }

    /** The command, stopped at its first instruction, or where that is not allowed, running. */
    private Launch launch(Mmu mmu) {
        try {
            return mmu.launch(target, LaunchOption.INHERIT_DESCRIPTORS);
        } catch (LaunchException e) {
            if (e.reason() != LaunchException.Reason.NOT_TRACEABLE) {
                throw e;
            }
            Launch launch = mmu.launchUntraced(target, LaunchOption.INHERIT_DESCRIPTORS);
            spec.commandLine()
                    .getErr()
                    .println("mmubridge: " + e.getMessage() + " What it did before it was watched is missed, and it is "
                            + "watched until it executes another program" + (follow ? ", without its children." : "."));
            return launch;
        }
    }

    private Source get(Mmu mmu, AddressSpace space, RingOptions options, Filter filter) {
        return Source.of(mmu.subsystem(subsystem).get(space, options, filter));
    }

    /** Waits for the command's end, which an interrupt asks for. */
    private static int waitFor(Launch launch, Optional<ProcessHandle> handle) {
        while (true) {
            try {
                return launch.waitFor();
            } catch (InterruptedException e) {
                terminate(handle);
            }
        }
    }

    private static void terminate(Optional<ProcessHandle> handle) {
        handle.ifPresent(ProcessHandle::destroy);
    }

    private Summary.End run(Watch watch, long pid, boolean key) throws IOException {
        InterimRequests requests = new InterimRequests(() -> watch.interim(pid), top, key);
        try {
            return watch.run();
        } finally {
            requests.close();
        }
    }

    private EventWriter writer(Mmu mmu) throws IOException {
        PrintWriter out = spec.commandLine().getOut();
        if (top) {
            return new TopWriter(out, ScreenSize.isTerminal());
        }
        Stacks frames = stacks ? new Stacks(mmu::frames, spec.commandLine().getErr()) : null;
        return json ? new JsonEventWriter(out, follow, frames) : new TextEventWriter(out, Ansi.AUTO, frames);
    }

    /** Whether the words come after {@code --}, and so are a command. */
    private boolean isCommand() {
        List<String> words = spec.commandLine().getParseResult().originalArgs();
        int separator = words.indexOf("--");
        if (separator >= 0 && words.size() - separator - 1 == target.size()) {
            return true;
        }
        if (separator >= 0 || target.size() != 1) {
            throw usage("Name one process, or a command after --.");
        }
        if (!target.getFirst().matches("[1-9][0-9]{0,9}")) {
            throw usage("'" + target.getFirst() + "' is not a process; a command comes after --.");
        }
        return false;
    }

    private RingOptions ringOptions() {
        try {
            RingOptions options = RingOptions.ofRecords(ring);
            return noCause ? options.withoutCauses() : options;
        } catch (IllegalArgumentException e) {
            throw usage("--ring: " + e.getMessage());
        }
    }

    private void checkLimits(Capabilities.Limits limits) {
        if (ring < limits.ringRecordsMin() || ring > limits.ringRecordsMax()) {
            throw usage("--ring must be from " + limits.ringRecordsMin() + " to " + limits.ringRecordsMax() + ", not "
                    + ring);
        }
        if (ranges.size() > limits.filterRanges()) {
            throw usage("--range can be given " + limits.filterRanges() + " times, not " + ranges.size());
        }
    }

    private ParameterException usage(String message) {
        return new ParameterException(spec.commandLine(), message);
    }
}
