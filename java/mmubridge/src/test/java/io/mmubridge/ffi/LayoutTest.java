// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.ffi;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.GroupLayout;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.PaddingLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every structure and every ioctl number is, in Java, what the C compiler says it is. */
class LayoutTest {
    private static final Pattern STRUCT = Pattern.compile("^struct (\\w+) \\{", Pattern.MULTILINE);
    private static final Pattern IOCTL =
            Pattern.compile("^#define (MMUB_IOC_\\w+)\\s+MMUB_IO(W|WR)\\((\\w+), (\\w+)\\)", Pattern.MULTILINE);

    /** All structures of the two headers, and the one of the system's that an event loop needs. */
    private static final List<GroupLayout> LAYOUTS = List.of(
            epoll_event.layout(),
            mmub_access.layout(),
            mmub_attach.layout(),
            mmub_detach.layout(),
            mmub_filter.layout(),
            mmub_guard.layout(),
            mmub_guard_add.layout(),
            mmub_guard_event.layout(),
            mmub_guard_remove.layout(),
            mmub_guard_setup.layout(),
            mmub_guards.layout(),
            mmub_info.layout(),
            mmub_range.layout(),
            mmub_record.layout(),
            mmub_ring.layout(),
            mmub_ring_consumer.layout(),
            mmub_ring_header.layout(),
            mmub_ring_setup.layout(),
            mmub_shadow.layout(),
            mmub_shadow_add.layout(),
            mmub_shadow_entry.layout(),
            mmub_shadow_header.layout(),
            mmub_shadow_refresh.layout(),
            mmub_shadow_remove.layout(),
            mmub_spawn.layout(),
            mmub_spawn_event.layout(),
            mmub_stack.layout(),
            mmub_stats.layout(),
            mmub_synchronize.layout(),
            mmub_window_create.layout());

    @TempDir
    private Path directory;

    @Test
    void structuresHaveTheSizeAndOffsetsOfC() throws IOException, InterruptedException {
        List<String> expected = new ArrayList<>();
        StringBuilder program = new StringBuilder("""
                #include <stdio.h>
                #include <sys/epoll.h>
                #include "mmubridge.h"
                int main(void) {
                """);
        for (GroupLayout layout : LAYOUTS) {
            String struct = layout.name().orElseThrow();
            expected.add("%s %d".formatted(struct, layout.byteSize()));
            program.append("printf(\"%1$s %%zu\\n\", sizeof(struct %1$s));%n".formatted(struct));
            for (String field : fields(layout)) {
                MemoryLayout type = layout.select(PathElement.groupElement(field));
                long offset = layout.byteOffset(PathElement.groupElement(field));
                expected.add("%s.%s %d %d".formatted(struct, field, offset, type.byteSize()));
                program.append(
                        "printf(\"%1$s.%2$s %%zu %%zu\\n\", offsetof(struct %1$s, %2$s), sizeof(((struct %1$s *)0)->%2$s));%n"
                                .formatted(struct, field));
            }
        }
        program.append("return 0; }\n");

        assertThat(CCompiler.run(directory, program.toString())).isEqualTo(expected);
    }

    @Test
    void everyStructureOfTheHeadersIsCompared() throws IOException {
        TreeSet<String> declared = new TreeSet<>();
        for (String header : List.of("kmod/mmubridge_uapi.h", "native/include/mmubridge.h")) {
            find(STRUCT, header).map(match -> match.group(1)).forEach(declared::add);
        }

        assertThat(LAYOUTS.stream()
                        .map(layout -> layout.name().orElseThrow())
                        .filter(name -> !name.equals("epoll_event")))
                .containsExactlyInAnyOrderElementsOf(declared);
    }

    @Test
    void ioctlNumbersFollowFromTheLayouts() throws IOException, InterruptedException {
        List<MatchResult> ioctls = find(IOCTL, "kmod/mmubridge_uapi.h").toList();
        StringBuilder program = new StringBuilder("""
                #include <stdio.h>
                #include "mmubridge.h"
                int main(void) {
                """);
        ioctls.forEach(ioctl -> program.append(
                "printf(\"%%d %%lu\\n\", MMUB_NR_%s, (unsigned long)%s);%n".formatted(ioctl.group(3), ioctl.group(1))));
        program.append("return 0; }\n");

        List<String> expected = new ArrayList<>();
        for (int number = 0; number < ioctls.size(); number++) {
            MatchResult ioctl = ioctls.get(number);
            long direction = ioctl.group(2).equals("WR") ? 3 : 1;
            long size = layout(ioctl.group(4)).byteSize();
            expected.add(number + " " + (direction << 30 | size << 16 | mmubridge_h.MMUB_IOC_MAGIC() << 8 | number));
        }

        assertThat(ioctls).hasSize(mmubridge_h.MMUB_NR_COUNT());
        assertThat(CCompiler.run(directory, program.toString())).isEqualTo(expected);
    }

    private static Stream<MatchResult> find(Pattern pattern, String header) throws IOException {
        return pattern.matcher(Files.readString(CCompiler.ROOT.resolve(header))).results();
    }

    private static GroupLayout layout(String struct) {
        return LAYOUTS.stream()
                .filter(layout -> layout.name().orElseThrow().equals(struct))
                .findFirst()
                .orElseThrow();
    }

    private static List<String> fields(GroupLayout layout) {
        return layout.memberLayouts().stream()
                .filter(member -> !(member instanceof PaddingLayout))
                .map(member -> member.name().orElseThrow())
                .toList();
    }
}
