// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.it;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** The command line as its users have it: a process. */
final class Cli {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Process process;
    private final BufferedReader out;

    private Cli(Process process) {
        this.process = process;
        this.out = process.inputReader(UTF_8);
    }

    static Cli start(String... arguments) throws IOException {
        return start(List.of(), arguments);
    }

    /** The command line as an ordinary user, who is in the group of the device or not. */
    static Cli startAsNobody(boolean inGroup, String... arguments) throws IOException {
        Object group = inGroup ? Files.getAttribute(Path.of("/dev/mmubridge"), "unix:gid") : "65534";
        return start(
                List.of("setpriv", "--reuid=65534", "--regid=" + group, "--clear-groups", "--inh-caps=-all"),
                arguments);
    }

    /** The command line where ptrace is refused, as by the seccomp profile of a container. */
    static Cli startWithoutPtrace(String... arguments) throws IOException {
        return start(List.of("perl", "-e", """
                # The number of the system call; if it is ptrace's, EPERM, else go on.
                my $filter = pack("SCCL" x 4, 0x20, 0, 0, 0, 0x15, 0, 1, 101, 0x06, 0, 0, 0x50001, 0x06, 0, 0, 0x7fff0000);
                my $program = pack("Sx6P", 4, $filter);
                # prctl(PR_SET_NO_NEW_PRIVS), prctl(PR_SET_SECCOMP)
                (syscall(157, 38, 1, 0, 0, 0) or syscall(157, 22, 2, $program, 0, 0)) and die "prctl: $!";
                exec @ARGV or die "$ARGV[0]: $!";
                """), arguments);
    }

    /** The command line as a shell starts it that has a file at a descriptor. */
    static Cli startWithDescriptor(int descriptor, Path file, String... arguments) throws IOException {
        return start(List.of("sh", "-c", "exec \"$@\" " + descriptor + "<" + file, "sh"), arguments);
    }

    private static Cli start(List<String> prefix, String... arguments) throws IOException {
        List<String> words = new ArrayList<>(List.of("-jar", System.getProperty("mmubridge.cli")));
        words.addAll(List.of(arguments));
        return new Cli(new ProcessBuilder(Jvm.command(prefix, words)).start());
    }

    ProcessHandle handle() {
        return process.toHandle();
    }

    /** The next line, a JSON object. */
    JsonNode object() throws IOException {
        return JSON.readTree(Objects.requireNonNull(out.readLine(), "the output has ended"));
    }

    /** What is left of the output, a JSON object a line. */
    List<JsonNode> objects() throws IOException {
        List<JsonNode> objects = new ArrayList<>();
        for (String line = out.readLine(); line != null; line = out.readLine()) {
            objects.add(JSON.readTree(line));
        }
        return objects;
    }

    /** What is left of the output. */
    List<String> lines() {
        return out.lines().toList();
    }

    /** What it says on standard error. */
    String errors() {
        return String.join("\n", process.errorReader(UTF_8).lines().toList());
    }

    int status() throws InterruptedException {
        return process.waitFor();
    }
}
