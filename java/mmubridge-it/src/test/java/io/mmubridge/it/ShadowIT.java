// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmubridge.AddressRange;
import io.mmubridge.Mmu;
import io.mmubridge.MmuException;
import io.mmubridge.Shadow;
import io.mmubridge.ShadowEntry;
import io.mmubridge.ShadowMode;
import io.mmubridge.Subscription;
import io.mmubridge.contract.ShadowContract;
import io.mmubridge.contract.Target;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The kernel's shadows are those of every backend, and agree with {@code /proc/PID/pagemap}. */
@KernelTest
class ShadowIT extends ShadowContract {
    private static final long PAGE = 4096;
    private static final long NONE = -1;

    ShadowIT() {
        super(new KernelMachine());
    }

    /** The number of the frame, by another way to the same page table; root alone is told. */
    private static long pagemap(String pid, long address) throws IOException {
        try (RandomAccessFile file = new RandomAccessFile("/proc/" + pid + "/pagemap", "r")) {
            file.seek(address / PAGE * Long.BYTES);
            long entry = Long.reverseBytes(file.readLong());
            boolean isPresent = entry < 0;
            return isPresent ? entry & ((1L << 55) - 1) : NONE;
        }
    }

    /** Compares what is there before pagemap is read, and after it, and so has been there meanwhile; how many those were. */
    private static int compare(Shadow shadow, String pid) throws IOException {
        ShadowEntry entry = new ShadowEntry();
        int compared = 0;
        AddressRange range = shadow.range();
        for (long address = range.start(); address < range.end(); address += PAGE) {
            if (shadow.lookup(address, entry)) {
                long frame = pagemap(pid, address);
                if (shadow.isValid(entry)) {
                    assertThat(frame).as("%s", entry).isEqualTo(entry.frame());
                    compared++;
                }
            }
        }
        return compared;
    }

    @Test
    void framesAreThoseOfPagemap() throws IOException {
        AddressRange range = target.map(64);
        target.discard(range, 10, 5);
        String pid = Integer.toString(target.pid());
        try (Subscription subscription = mmu.subsystem("pagemap").get(target.addressSpace());
                Shadow shadow = subscription.shadow(range)) {
            assertThat(shadow.hasFrames()).isTrue();
            shadow.refresh();
            assertThat(compare(shadow, pid)).isEqualTo(59);
            try (Target.Child child = target.fork()) {
                assertThat(child).isNotNull();
                target.write(range, 0, 8);
                assertThat(compare(shadow, pid)).as("fork has dropped all").isZero();
                assertThat(shadow.refresh().moved()).isEqualTo(8);
                assertThat(compare(shadow, pid)).isEqualTo(59);
            }
            target.mapOver(range);
            assertThat(compare(shadow, pid)).isZero();
            shadow.refresh();
            assertThat(compare(shadow, pid)).isEqualTo(64);
        }
    }

    /** Of this JVM, whose other threads go on meanwhile. */
    @Test
    void ownMemoryIsShadowedByItsSegment() throws IOException {
        try (Arena arena = Arena.ofConfined();
                Subscription subscription = mmu.subsystem("own").get(mmu.self())) {
            MemorySegment buffer = arena.allocate(5 * PAGE);
            buffer.fill((byte) 3);
            try (Shadow shadow = subscription.shadow(buffer, ShadowMode.WRITE)) {
                assertThat(shadow.range().start() % PAGE).isZero();
                assertThat(shadow.range().end()).isGreaterThanOrEqualTo(buffer.address() + buffer.byteSize());
                assertThat(shadow.refresh().present()).isGreaterThanOrEqualTo(5);
                assertThat(compare(shadow, "self")).isPositive();

                MemorySegment copy = arena.allocate(100);
                assertThat(shadow.read(buffer.address() + 2 * PAGE, copy)).isEqualTo(100);
                assertThat(copy.toArray(ValueLayout.JAVA_BYTE)).containsOnly(3);
                copy.fill((byte) 4);
                assertThat(shadow.write(buffer.address() + PAGE, copy)).isEqualTo(100);
                assertThat(buffer.asSlice(PAGE, 100).toArray(ValueLayout.JAVA_BYTE))
                        .containsOnly(4);
                assertThat(buffer.get(ValueLayout.JAVA_BYTE, PAGE + 100)).isEqualTo((byte) 3);
                // Into the very memory that is shadowed.
                assertThat(shadow.read(buffer.address(), buffer.asSlice(3 * PAGE, PAGE)))
                        .isEqualTo(PAGE);
            }
        }
    }

    @Test
    void whereNothingCanBeAReadSaysSo() {
        try (Subscription subscription = mmu.subsystem("none").get(mmu.self());
                Shadow shadow = subscription.shadow(new AddressRange(0, PAGE), ShadowMode.READ)) {
            assertThat(shadow.refresh().present()).isZero();
            assertThatThrownBy(() -> shadow.read(0, MemorySegment.ofArray(new byte[1])))
                    .isInstanceOf(MmuException.class)
                    .hasMessageContaining("no page at 0x0");
        }
    }

    /** Looks at four pages of its own, gives one back, looks again; and says what it has seen, as whoever it is started by. */
    static final class OwnPages {
        private OwnPages() {}

        public static void main(String[] arguments) {
            Memory memory = Memory.map(4 * PAGE);
            AddressRange range = memory.range();
            try (Mmu mmu = Mmu.openKernel();
                    Subscription subscription = mmu.subsystem("pages").get(mmu.self());
                    Shadow shadow = subscription.shadow(range)) {
                shadow.refresh();
                System.out.print(present(shadow) + " present, " + framesOf(shadow) + " with frames; ");
                memory.discard(0);
                System.out.println(
                        present(shadow) + " left, " + shadow.refresh().gone() + " gone; frames: " + shadow.hasFrames());
            }
        }

        private static long present(Shadow shadow) {
            return entries(shadow).filter(ShadowEntry::isPresent).count();
        }

        private static long framesOf(Shadow shadow) {
            return entries(shadow)
                    .filter(entry -> entry.frame() != ShadowEntry.NO_FRAME)
                    .count();
        }

        private static Stream<ShadowEntry> entries(Shadow shadow) {
            AddressRange range = shadow.range();
            return LongStream.range(0, (range.end() - range.start()) / PAGE).mapToObj(page -> {
                ShadowEntry entry = new ShadowEntry();
                shadow.lookup(range.start() + page * PAGE, entry);
                return entry;
            });
        }
    }

    private static List<String> ownPages(String... prefix) throws IOException, InterruptedException {
        List<String> command = Jvm.command(
                List.of(prefix), List.of("-cp", System.getProperty("java.class.path"), OwnPages.class.getName()));
        Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        List<String> output = process.inputReader(UTF_8).lines().toList();
        assertThat(process.waitFor()).isZero();
        return output;
    }

    @Test
    void framesAreForAnOpenerWithTheCapabilityAndEntriesForAll() throws IOException, InterruptedException {
        String group = "--regid=" + Files.getAttribute(Path.of("/dev/mmubridge"), "unix:gid");

        assertThat(ownPages("setpriv", "--reuid=0"))
                .containsExactly("4 present, 4 with frames; 3 left, 1 gone; frames: true");
        String without = "4 present, 0 with frames; 3 left, 1 gone; frames: false";
        assertThat(ownPages("setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"))
                .as("root without the capability")
                .containsExactly(without);
        assertThat(ownPages("setpriv", "--reuid=65534", group, "--clear-groups", "--inh-caps=-all"))
                .as("nobody")
                .containsExactly(without);
    }

    @Test
    void theLimitOfASubsystemAndAProcessIsSaidByItsName() throws IOException {
        Path parameter = Path.of("/sys/module/mmubridge/parameters/shadow_pages_per_space");
        String before = Files.readString(parameter);
        AddressRange range = target.map(8);
        AddressRange half = new AddressRange(range.start(), range.start() + 4 * PAGE);
        Files.writeString(parameter, "11");
        try (Subscription subscription = mmu.subsystem("limit").get(target.addressSpace());
                Subscription other = mmu.subsystem("limit").get(target.addressSpace());
                Shadow shadow = subscription.shadow(range)) {
            assertThatThrownBy(() -> other.shadow(half))
                    .isInstanceOf(MmuException.class)
                    .hasMessageContainingAll(half.toString(), "shadow_pages_per_space");
            assertThat(shadow.refresh().present()).isEqualTo(8);

            Files.writeString(parameter, "12");
            try (Shadow another = other.shadow(half)) {
                assertThat(another.refresh().present()).isEqualTo(4);
            }
        } finally {
            Files.writeString(parameter, before);
        }
    }
}
