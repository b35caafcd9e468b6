// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.mmubridge.AddressRange;
import io.mmubridge.AddressSpace;
import io.mmubridge.Mmu;
import io.mmubridge.contract.Target;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;

/** The subject of native/: one command is one line, and so is one reply. */
final class ProgramTarget implements Target {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Mmu mmu;
    private final Process process;
    private final BufferedWriter commands;
    private final BufferedReader replies;
    private final Map<AddressRange, String> names = new HashMap<>();
    private int mappings;

    private ProgramTarget(Mmu mmu, Process process) {
        this.mmu = mmu;
        this.process = process;
        commands = process.outputWriter(UTF_8);
        replies = process.inputReader(UTF_8);
    }

    static ProgramTarget start(Mmu mmu) {
        try {
            ProgramTarget target = new ProgramTarget(
                    mmu,
                    new ProcessBuilder(Objects.requireNonNull(System.getProperty("mmubridge.subject")))
                            .redirectError(ProcessBuilder.Redirect.INHERIT)
                            .start());
            target.reply();
            return target;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private JsonNode run(String command) {
        try {
            commands.write(command);
            commands.newLine();
            commands.flush();
            return reply();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private JsonNode reply() throws IOException {
        JsonNode reply = JSON.readTree(Objects.requireNonNull(replies.readLine(), "the subject has ended"));
        assertThat(reply.get("ok").asBoolean()).as(reply.toString()).isTrue();
        return reply;
    }

    private static long address(JsonNode number) {
        return Long.parseUnsignedLong(number.asText().substring(2), 16);
    }

    @Override
    public AddressSpace addressSpace() {
        return mmu.process(process.toHandle());
    }

    @Override
    public int pid() {
        return Math.toIntExact(process.pid());
    }

    @Override
    public AddressRange map(int pages) {
        String name = newName();
        JsonNode reply = run("map " + name + " anon " + pages);
        AddressRange range = new AddressRange(address(reply.get("start")), address(reply.get("end")));
        names.put(range, name);
        run("touch " + name + " write");
        return range;
    }

    private String newName() {
        return "m" + mappings++;
    }

    @Override
    public void discardAndWrite(AddressRange mapping) {
        run("advise " + names.get(mapping) + " DONTNEED");
        write(mapping);
    }

    @Override
    public void discard(AddressRange mapping, int first, int pages) {
        run("advise " + names.get(mapping) + " DONTNEED " + first + " " + pages);
    }

    @Override
    public void write(AddressRange mapping) {
        run("touch " + names.get(mapping) + " write");
    }

    @Override
    public void write(AddressRange mapping, int first, int pages) {
        run("touch " + names.get(mapping) + " write " + first + " " + pages);
    }

    @Override
    public void read(AddressRange mapping) {
        run("touch " + names.get(mapping) + " read");
    }

    @Override
    public void setText(AddressRange mapping, int offset, String text) {
        run("write " + names.get(mapping) + " " + offset + " " + text);
    }

    @Override
    public String text(AddressRange mapping, int offset, int length) {
        return run("read " + names.get(mapping) + " " + offset + " " + length)
                .get("text")
                .asText();
    }

    @Override
    public AddressRange mapHuge(int chunks) {
        String name = newName();
        JsonNode reply = run("map " + name + " anon " + chunks * 512 + " thp");
        AddressRange range = new AddressRange(address(reply.get("start")), address(reply.get("end")));
        names.put(range, name);
        run("advise " + name + " HUGEPAGE");
        write(range);
        return range;
    }

    @Override
    public void protect(AddressRange mapping, int first, int pages, boolean writable) {
        run("protect " + names.get(mapping) + (writable ? " rw " : " r ") + first + " " + pages);
    }

    @Override
    public AddressRange move(AddressRange mapping) {
        long pages = (mapping.end() - mapping.start()) / 4096;
        String other = newName();
        run("map " + other + " anon " + pages);
        JsonNode reply = run("remap " + names.get(mapping) + " " + pages + " to " + other);
        AddressRange range = new AddressRange(address(reply.get("start")), address(reply.get("end")));
        names.put(range, Objects.requireNonNull(names.remove(mapping)));
        return range;
    }

    @Override
    public Child fork() {
        String name = newName();
        run("fork " + name);
        return () -> run("wait " + name);
    }

    @Override
    public void mapOver(AddressRange mapping) {
        String name = newName();
        long pages = (mapping.end() - mapping.start()) / 4096;
        run("map " + name + " anon " + pages + " at 0x" + Long.toHexString(mapping.start()) + " over");
        names.put(mapping, name);
        write(mapping);
    }

    @Override
    public void unmap(AddressRange mapping) {
        run("unmap " + names.get(mapping));
    }

    @Override
    public void unmap(AddressRange mapping, int first, int pages) {
        run("unmap " + names.get(mapping) + " " + first + " " + pages);
    }

    /** It exits when its input ends. */
    @Override
    public void exit() {
        try {
            commands.close();
            process.waitFor();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
