// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import io.mmubridge.AddressRange;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** What a process has mapped, as {@code /proc/PID/maps} has it. */
final class ProcMaps {
    private static final Pattern LINE =
            Pattern.compile("([0-9a-f]+)-([0-9a-f]+) ([-rwxsp]{4}) [0-9a-f]+ [0-9a-f]+:[0-9a-f]+ [0-9]+ *(.*)");

    /** The kernel's word for a process that has no memory any more, be it not gone yet. */
    private static final String NO_SUCH_PROCESS = "No such process";

    private ProcMaps() {}

    /**
     * A mapping.
     *
     * @param range its addresses
     * @param permissions such as {@code rw-p}; empty where something was mapped and is not
     * @param name a path or a word in brackets; empty where it has none
     */
    record Mapping(AddressRange range, String permissions, String name) {
        /** Where something was mapped. */
        static Mapping hole(AddressRange range) {
            return new Mapping(range, "", "unmapped, or not readable any more");
        }

        /** Whether its pages can be looked at. */
        boolean isReadable() {
            return permissions.startsWith("r");
        }

        String label() {
            return name.isEmpty() ? "anonymous" : name;
        }

        /** Without the folders. */
        String shortLabel() {
            return label().startsWith("/") ? label().substring(label().lastIndexOf('/') + 1) : label();
        }
    }

    /**
     * What is mapped now, in the order of the addresses; empty once the process has exited.
     *
     * @param pid the process
     */
    static List<Mapping> read(long pid) throws IOException {
        // Names are bytes; none of them fails here.
        try (Stream<String> lines =
                Files.lines(Path.of("/proc", Long.toString(pid), "maps"), StandardCharsets.ISO_8859_1)) {
            return lines.map(line -> utf8(line))
                    .map(ProcMaps::parse)
                    // The page of vsyscalls is the kernel's.
                    .filter(mapping -> mapping.range().start() >= 0)
                    .toList();
        } catch (NoSuchFileException e) {
            return List.of();
        } catch (UncheckedIOException e) {
            IOException cause = Objects.requireNonNull(e.getCause());
            if (NO_SUCH_PROCESS.equals(cause.getMessage())) {
                return List.of();
            }
            throw cause;
        } catch (FileSystemException e) {
            if (NO_SUCH_PROCESS.equals(e.getReason())) {
                return List.of();
            }
            throw e;
        }
    }

    private static String utf8(String bytes) {
        return new String(bytes.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
    }

    static Mapping parse(String line) {
        Matcher matcher = LINE.matcher(line);
        if (!matcher.matches()) {
            throw new IllegalArgumentException("not a line of /proc/PID/maps: " + line);
        }
        AddressRange range = new AddressRange(
                Long.parseUnsignedLong(matcher.group(1), 16), Long.parseUnsignedLong(matcher.group(2), 16));
        return new Mapping(range, matcher.group(3), matcher.group(4));
    }
}
