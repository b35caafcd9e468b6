// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.mmubridge.AddressSpace;
import io.mmubridge.Mmu;
import io.mmubridge.MmuException;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** A small C program that does what it is told and says exactly what it did. One command is one line, and so is one reply. */
final class ProgramSubject implements Subject {
    /** The system property that names the program's file. */
    static final String PROPERTY = "mmubridge.subject";

    private final Process process;
    private final BufferedWriter commands;
    private final BufferedReader replies;

    private ProgramSubject(Process process) {
        this.process = process;
        this.commands = process.outputWriter(UTF_8);
        this.replies = process.inputReader(UTF_8);
    }

    /** Starts one. */
    static ProgramSubject start() throws IOException {
        String path = System.getProperty(PROPERTY);
        if (path == null || !Files.isExecutable(Path.of(path))) {
            throw new MmuException(
                    "The program to demonstrate with is not there: build native/ and name its file with -D" + PROPERTY
                            + "=/absolute/path/subject.");
        }
        ProgramSubject subject = new ProgramSubject(new ProcessBuilder(path)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start());
        subject.reply("its start");
        return subject;
    }

    @Override
    public String description() {
        return "a small process (pid " + process.pid() + ")";
    }

    @Override
    public AddressSpace addressSpace(Mmu mmu) {
        return mmu.process(process.pid());
    }

    @Override
    public String map(int pages) throws IOException {
        return run("map b anon " + pages);
    }

    @Override
    public String write(int first, int pages) throws IOException {
        return run("touch b write " + first + " " + pages);
    }

    @Override
    public String protect(boolean writable) throws IOException {
        return run("protect b " + (writable ? "rw" : "r"));
    }

    @Override
    public String discard(int first, int pages) throws IOException {
        return run("advise b DONTNEED " + first + " " + pages);
    }

    @Override
    public String fork() throws IOException {
        return run("fork c");
    }

    @Override
    public String unmap() throws IOException {
        return run("unmap b");
    }

    private String run(String command) throws IOException {
        commands.write(command);
        commands.newLine();
        commands.flush();
        return reply(command).getOrDefault("syscall", NO_SYSCALL);
    }

    /** The scalar members of the reply. */
    private Map<String, String> reply(String command) throws IOException {
        String line = replies.readLine();
        if (line == null) {
            throw new IOException("the subject ended at: " + command);
        }
        Map<String, String> reply = Json.scalars(line);
        if (!"true".equals(reply.get("ok"))) {
            throw new IOException("the subject could not do '" + command + "': " + reply.get("error"));
        }
        return reply;
    }

    /** Ends it: it exits when its input does. */
    @Override
    public void close() throws IOException {
        commands.close();
        try {
            process.waitFor();
        } catch (InterruptedException e) {
            process.destroy();
            Thread.currentThread().interrupt();
        }
    }
}
