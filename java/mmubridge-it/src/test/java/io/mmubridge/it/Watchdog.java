// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.it;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;

/**
 * Says where a test hangs, and ends it: prints where each thread is, of this JVM and of those that the test has started, and
 * kills these. A thread that reads what another process prints cannot be interrupted; it goes on once that process is no more.
 */
final class Watchdog implements BeforeEachCallback, AfterEachCallback {
    /** Before JUnit's own limit, which interrupts. */
    private static final Duration LIMIT = Duration.ofMinutes(4);

    private static final int JCMD_SECONDS = 30;

    private static final Pattern FRAME_OF_JUNIT = Pattern.compile("^\\tat (org\\.junit|org\\.apache\\.maven)\\.");

    /** Its number: what almost all of a JVM's threads are in. */
    private static final String FUTEX = "202";

    private static final Namespace NAMESPACE = Namespace.create(Watchdog.class);
    private static final ScheduledExecutorService EXECUTOR = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("watchdog").factory());

    @Override
    public void beforeEach(ExtensionContext context) {
        String name = context.getRequiredTestClass().getSimpleName() + ": " + context.getDisplayName();
        context.getStore(NAMESPACE)
                .put(Future.class, EXECUTOR.schedule(() -> bite(name), LIMIT.toSeconds(), TimeUnit.SECONDS));
    }

    @Override
    public void afterEach(ExtensionContext context) {
        context.getStore(NAMESPACE).get(Future.class, Future.class).cancel(false);
    }

    private static void bite(String name) {
        PrintStream out = System.err;
        out.println(name + " hangs:");
        List<ProcessHandle> descendants = ProcessHandle.current().descendants().toList();
        try {
            describe(ProcessHandle.current(), out);
            descendants.forEach(process -> describe(process, out));
        } finally {
            descendants.forEach(ProcessHandle::destroyForcibly);
            out.println(name + ": killed " + descendants);
        }
    }

    /** What the kernel says of each thread, and what the JVM does, if it is one. */
    private static void describe(ProcessHandle process, PrintStream out) {
        Path directory = Path.of("/proc/" + process.pid());
        try {
            out.println("--- process " + process.pid() + ": "
                    + Files.readString(directory.resolve("cmdline")).replace('\0', ' '));
            if (Files.readSymbolicLink(directory.resolve("exe")).endsWith("bin/java")) {
                jcmd(process.pid(), out);
            }
            try (DirectoryStream<Path> tasks = Files.newDirectoryStream(directory.resolve("task"))) {
                for (Path task : tasks) {
                    describeTask(task, out);
                }
            }
        } catch (IOException e) {
            out.println(e);
        }
    }

    private static void describeTask(Path task, PrintStream out) throws IOException {
        String call = Files.readString(task.resolve("syscall")).strip();
        out.println(Files.readString(task.resolve("stat")).strip().replaceFirst("(\\) .).*", "$1") + ", system call "
                + call);
        if (!call.startsWith(FUTEX + " ")) {
            out.println(Files.readString(task.resolve("stack")).stripTrailing());
        }
    }

    private static void jcmd(long pid, PrintStream out) throws IOException {
        Path file = Files.createTempFile("threads", ".txt");
        try {
            Process jcmd = new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "jcmd")
                                    .toString(),
                            Long.toString(pid),
                            "Thread.print")
                    .redirectErrorStream(true)
                    .redirectOutput(file.toFile())
                    .start();
            if (!jcmd.waitFor(JCMD_SECONDS, TimeUnit.SECONDS)) {
                out.println("jcmd: no answer");
                jcmd.destroyForcibly();
            }
            try (Stream<String> lines = Files.lines(file)) {
                lines.filter(line -> !FRAME_OF_JUNIT.matcher(line).find()).forEach(out::println);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            Files.delete(file);
        }
    }
}
