// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import io.mmubridge.AddressRange;
import io.mmubridge.Capabilities;
import io.mmubridge.Capabilities.Feature;
import io.mmubridge.Filter;
import io.mmubridge.Mmu;
import io.mmubridge.MmuException;
import io.mmubridge.RingOptions;
import io.mmubridge.Subscription;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Shows the state of a process's memory. */
@Command(
        name = "shadow",
        description = {
            "Shows which pages of a process's memory are present, writable and huge, and with --interval what has become of "
                    + "those that the kernel said may have changed.",
            "Nothing is faulted in. One look goes through all of the memory, however large; several are limited to what one "
                    + "subscription may shadow, and say what they leave out.",
            "SIGUSR1 asks for a summary so far, and so does the Enter key where it is shown on a terminal again and again.",
            "Ctrl-C and SIGTERM end it with its summary, and so does the end of the process."
        })
final class ShadowCommand implements Callable<Integer> {
    private static final int RING = 8192;
    private static final long MOST_BYTES_LISTED = 16L << 20;

    @Spec
    private CommandSpec spec;

    @Option(names = "--json", description = "One JSON object a look; the last object has the key summary.")
    private boolean json;

    @Option(names = "--table", description = "Each mapping in a table, instead of a map.")
    private boolean table;

    @Option(names = "--frames", description = "Also the frame of each page, for root alone, of a RANGE of at most 16M.")
    private boolean frames;

    @Option(names = "--svg", paramLabel = "FILE", description = "Also a picture of the last look, as SVG.")
    private @Nullable Path svg;

    @Option(
            names = "--html",
            paramLabel = "FILE",
            description = "Also a page with the picture and the tables of the last look, with nothing outside of it.")
    private @Nullable Path html;

    @Option(
            names = "--interval",
            paramLabel = "TIME",
            converter = Converters.Time.class,
            description =
                    "Look again and again, so often, such as 500ms, 10s; on a terminal in place of the last look.")
    private @Nullable Duration interval;

    @Option(
            names = "--count",
            paramLabel = "LOOKS",
            converter = Converters.Count.class,
            description = "Stop after so many looks; every second, without --interval.")
    private @Nullable Long count;

    @Option(
            names = "--mapping",
            paramLabel = "TEXT",
            description = "Only mappings whose name contains this; those without a name are called anonymous.")
    private @Nullable String mapping;

    @Option(
            names = "--cell",
            paramLabel = "SIZE",
            converter = Converters.CellSize.class,
            description = "What one cell of the map stands for, such as 4K, 2M; what fits if not given.")
    private @Nullable Long cell;

    @Option(
            names = "--subsystem",
            paramLabel = "NAME",
            defaultValue = "shadow",
            description = "Whose notifier to share (default: ${DEFAULT-VALUE}).")
    private String subsystem;

    @Parameters(index = "0", paramLabel = "PID", converter = Converters.Pid.class, description = "A process.")
    private long process;

    @Parameters(
            index = "1",
            arity = "0..1",
            paramLabel = "RANGE",
            converter = Converters.Range.class,
            description =
                    "Only what is mapped there: START-END or START+SIZE; numbers are decimal, or hexadecimal with 0x; a size may end with K, M or G.")
    private @Nullable AddressRange range;

    @Override
    public Integer call() throws IOException {
        check();
        try (Mmu mmu = Mmu.openKernel();
                StopRequest stop = StopRequest.onSignals()) {
            if (!mmu.capabilities().features().contains(Feature.SHADOW)) {
                throw new MmuException(
                        "The loaded kernel module has no shadows: it is another one than this command came "
                                + "with, or the kernel has no hmm_range_fault() (CONFIG_HMM_MIRROR).");
            }
            int status = watch(mmu, process);
            stop.finish(status);
            return status;
        }
    }

    private void check() {
        if (interval != null && interval.isZero()) {
            throw usage("--interval must be more than nothing.");
        }
        if (json && table) {
            throw usage("--table does not go with --json.");
        }
        if (frames && (range == null || Long.compareUnsigned(Ranges.size(range), MOST_BYTES_LISTED) > 0)) {
            throw usage("--frames needs a RANGE of at most 16M.");
        }
        checkFile(svg);
        checkFile(html);
    }

    /** Before all the looking. */
    private void checkFile(@Nullable Path file) {
        if (file != null) {
            Path folder = file.toAbsolutePath().getParent();
            if (folder == null || Files.isDirectory(file) || !Files.isWritable(Files.exists(file) ? file : folder)) {
                throw usage(file + " cannot be written.");
            }
        }
    }

    private int watch(Mmu mmu, long pid) throws IOException {
        long single = interval == null ? 1 : Long.MAX_VALUE;
        long looks = count == null ? single : count;
        boolean again = looks > 1;
        Capabilities.Limits limits = mmu.capabilities().limits();
        RingOptions ring = again ? RingOptions.ofRecords(Math.min(RING, limits.ringRecordsMax())) : RingOptions.none();
        Filter filter = range == null ? Filter.all() : Filter.all().withRange(range);
        ShadowWriter writer = writer(again);
        try (Subscription subscription = mmu.subsystem(subsystem).get(mmu.process(pid), ring, filter);
                ShadowLooker looker = new ShadowLooker(
                        pid,
                        new SubscriptionShadows(subscription),
                        () -> ProcMaps.read(pid),
                        new ShadowLooker.Request(
                                range,
                                mapping,
                                cell == null ? 0 : cell,
                                again,
                                frames,
                                limits.shadowsPerSubscription(),
                                limits.shadowPagesPerSubscription()))) {
            String name = ProcessHandle.of(pid)
                    .flatMap(handle -> handle.info().command())
                    .map(command -> command.substring(command.lastIndexOf('/') + 1))
                    .orElse(null);
            ShadowWatch watch = new ShadowWatch(
                    pid,
                    subsystem,
                    looker,
                    again ? subscription.events() : null,
                    writer,
                    interval == null ? Duration.ofSeconds(1) : interval,
                    looks);
            Summary.End end = run(watch, again && ScreenSize.isTerminal());
            ShadowSummary summary = watch.summary(end);
            writer.summary(summary);
            ShadowLook last = summary.last();
            boolean drawn = last == null || draw(new ShadowPicture(name, last, summary.events()));
            return end == Summary.End.OUTPUT || !drawn ? ExitCode.FAILURE : ExitCode.OK;
        }
    }

    private static Summary.End run(ShadowWatch watch, boolean key) throws IOException {
        InterimRequests requests = new InterimRequests(watch::interim, false, key);
        try {
            return watch.run();
        } finally {
            requests.close();
        }
    }

    /** False if a picture that is wanted cannot be written, which is said. */
    private boolean draw(ShadowPicture picture) {
        try {
            if (svg != null) {
                picture.writeSvg(svg);
            }
            if (html != null) {
                picture.writeHtml(html);
            }
            return true;
        } catch (IOException e) {
            spec.commandLine().getErr().println("mmubridge: the picture is not written: " + e);
            return false;
        }
    }

    private ShadowWriter writer(boolean again) throws IOException {
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            return new ShadowJsonWriter(out, frames);
        }
        boolean terminal = ScreenSize.isTerminal();
        boolean unicode = System.getProperty("stdout.encoding", "")
                .toUpperCase(Locale.ROOT)
                .startsWith("UTF");
        return new ShadowTextWriter(
                out,
                new ShadowTextWriter.Style(
                        table, terminal && again, terminal && Ansi.AUTO.enabled(), terminal && unicode, frames),
                terminal ? ScreenSize.ofTerminal() : null);
    }

    private ParameterException usage(String message) {
        return new ParameterException(spec.commandLine(), message);
    }
}
