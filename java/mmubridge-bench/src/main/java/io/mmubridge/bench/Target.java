// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;

/** The process that C and Java watch: native/bench/target.c says what it can be told. */
final class Target implements AutoCloseable {
    private final Process process;
    private final Writer in;
    private final BufferedReader out;

    private Target(Process process) {
        this.process = process;
        this.in = process.outputWriter(UTF_8);
        this.out = process.inputReader(UTF_8);
    }

    static Target start() throws IOException {
        Process process = new ProcessBuilder(CProgram.path(), "target")
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        Target target = new Target(process);
        target.hear("ready");
        return target;
    }

    long pid() {
        return process.pid();
    }

    /** So many events, which are over when this returns. */
    void burst(int events) throws IOException {
        say("burst " + events);
        hear("done");
    }

    /** An event every so often, until the end. */
    void pace(int microseconds) throws IOException {
        say("pace " + microseconds);
    }

    private void say(String line) throws IOException {
        in.write(line + "\n");
        in.flush();
    }

    private void hear(String expected) throws IOException {
        String line = out.readLine();
        if (!expected.equals(line)) {
            throw new IOException("the process to watch said '" + line + "', not '" + expected + "'");
        }
    }

    @Override
    public void close() throws IOException {
        in.close();
        process.onExit().join();
    }
}
