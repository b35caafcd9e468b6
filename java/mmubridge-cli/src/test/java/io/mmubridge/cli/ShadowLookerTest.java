// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmubridge.AddressRange;
import io.mmubridge.MmuException;
import io.mmubridge.cli.ShadowLooker.Request;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ShadowLookerTest {
    private static final long PAGE = FakeShadows.PAGE;
    private static final long HUGE = 2L << 20;
    private static final long HEAP = 0x700000000L;
    private static final long LIBRARY = 0x7f0000000000L;

    private final FakeShadows memory = new FakeShadows();
    private final List<ProcMaps.Mapping> mappings = new ArrayList<>();
    private final ShadowEvents events = new ShadowEvents();

    private AddressRange map(long start, long size, String permissions, String name) {
        AddressRange range = new AddressRange(start, start + size);
        mappings.add(new ProcMaps.Mapping(range, permissions, name));
        return range;
    }

    private ShadowLooker looker(Request request) {
        return new ShadowLooker(1, memory, () -> List.copyOf(mappings), request);
    }

    private static Request once() {
        return new Request(null, null, 0, false, false, 64, 1 << 20);
    }

    private static Request again(long pageLimit) {
        return new Request(null, null, 0, true, false, 64, pageLimit);
    }

    private ShadowLook look(ShadowLooker looker) throws IOException, InterruptedException {
        return Objects.requireNonNull(looker.look(events));
    }

    private static @Nullable ShadowCounts counts(ShadowLook look, String name) {
        return look.areas().stream()
                .filter(area -> area.mapping().name().equals(name))
                .map(ShadowLook.Area::now)
                .findFirst()
                .orElse(null);
    }

    @Test
    void oneLookGoesThroughAllInPiecesAndKeepsNone() throws Exception {
        AddressRange heap = map(HEAP, 700L << 20, "rw-p", "");
        AddressRange library = map(LIBRARY, 3 * PAGE, "r-xp", "/lib/libc.so");
        memory.put(HEAP + (600L << 20), 512, 1, true, true);
        memory.put(LIBRARY + PAGE, 1, 9999, false, false);
        ShadowLook look = look(looker(new Request(null, null, 0, false, false, 64, 1 << 16)));

        assertThat(memory.open()).isEmpty();
        assertThat(memory.all()).hasSizeGreaterThan(3).allMatch(range -> Ranges.size(range) <= 256L << 20);
        assertThat(Ranges.total(memory.all())).isEqualTo(Ranges.size(heap) + Ranges.size(library));
        assertThat(look.leftOut()).isEmpty();
        assertThat(look.areas()).extracting(area -> area.mapping().range()).containsExactly(heap, library);
        assertThat(look.now().pages()).isEqualTo(700 * 256 + 3);
        assertThat(counts(look, "")).isEqualTo(new ShadowCounts(700 * 256, 512, 512, 512, 512, 0, 0, 0, 0, 0, 0));
        assertThat(look.now().present()).isEqualTo(513);
        assertThat(look.total().added()).isZero();
    }

    @Test
    void cellsStandAtMultiplesOfTheirSize() throws Exception {
        map(HEAP + PAGE, 4 * HUGE, "rw-p", "");
        ShadowLook look = look(looker(new Request(null, null, HUGE, false, false, 64, 1 << 20)));

        assertThat(look.cellSize()).isEqualTo(HUGE);
        assertThat(look.areas().getFirst().cells())
                .extracting(ShadowLook.Cell::range)
                .containsExactly(
                        new AddressRange(HEAP + PAGE, HEAP + HUGE),
                        new AddressRange(HEAP + HUGE, HEAP + 2 * HUGE),
                        new AddressRange(HEAP + 2 * HUGE, HEAP + 3 * HUGE),
                        new AddressRange(HEAP + 3 * HUGE, HEAP + 4 * HUGE),
                        new AddressRange(HEAP + 4 * HUGE, HEAP + 4 * HUGE + PAGE));
    }

    @Test
    void aCellIsAsLargeAsItMustBe() throws Exception {
        map(HEAP, 1024 * PAGE, "rw-p", "");
        assertThat(look(looker(once())).cellSize()).isEqualTo(PAGE);

        map(LIBRARY, 1L << 30, "rw-p", "");
        assertThat(look(looker(once())).cellSize()).isEqualTo(HUGE);
    }

    @Test
    void whatChangesBetweenLooksIsToldOnceAndSummed() throws Exception {
        map(HEAP, 16 * PAGE, "rw-p", "");
        memory.put(HEAP, 8, 100, true, false);
        ShadowLooker looker = looker(again(1 << 20));
        look(looker);
        memory.put(HEAP, 2, 500, true, false);
        memory.put(HEAP + 2 * PAGE, 1, 102, false, false);
        memory.remove(HEAP + 3 * PAGE, 1);
        memory.put(HEAP + 10 * PAGE, 1, 110, true, false);
        memory.drop(HEAP, 6);
        ShadowLook second = look(looker);
        memory.drop(HEAP, 1);
        ShadowLook third = look(looker);

        assertThat(second.number()).isEqualTo(2);
        assertThat(second.now()).isEqualTo(new ShadowCounts(16, 8, 7, 0, 1, 2, 2, 1, 1, 0, 0));
        assertThat(second.total()).isEqualTo(second.now());
        assertThat(third.now()).isEqualTo(new ShadowCounts(16, 8, 7, 0, 0, 1, 0, 0, 0, 0, 0));
        assertThat(third.total()).isEqualTo(new ShadowCounts(16, 8, 7, 0, 1, 3, 2, 1, 1, 0, 0));
        assertThat(memory.all()).hasSize(1);
        looker.close();
        assertThat(memory.open()).isEmpty();
    }

    @Test
    void whatIsMappedLaterHasShadowsThen() throws Exception {
        map(HEAP, 4 * PAGE, "rw-p", "");
        ShadowLooker looker = looker(again(1 << 20));
        look(looker);
        mappings.clear();
        map(HEAP, 8 * PAGE, "rw-p", "");
        map(LIBRARY, PAGE, "r--p", "/lib/libc.so");
        memory.put(LIBRARY, 1, 1, false, false);
        ShadowLook second = look(looker);

        assertThat(memory.open())
                .containsExactlyInAnyOrder(
                        new AddressRange(HEAP, HEAP + 4 * PAGE),
                        new AddressRange(HEAP + 4 * PAGE, HEAP + 8 * PAGE),
                        new AddressRange(LIBRARY, LIBRARY + PAGE));
        assertThat(second.areas())
                .extracting(area -> area.mapping().range())
                .containsExactly(new AddressRange(HEAP, HEAP + 8 * PAGE), new AddressRange(LIBRARY, LIBRARY + PAGE));
        assertThat(second.now().added()).isEqualTo(1);
    }

    @Test
    void whatIsUnmappedIsShownGoneAndThenNoMore() throws Exception {
        map(HEAP, 4 * PAGE, "rw-p", "heap");
        map(LIBRARY, 2 * PAGE, "r--p", "/lib/libc.so");
        memory.put(HEAP, 4, 1, true, false);
        ShadowLooker looker = looker(again(1 << 20));
        look(looker);
        mappings.removeFirst();
        memory.remove(HEAP, 4);
        memory.drop(HEAP, 4);
        ShadowLook second = look(looker);
        ShadowLook third = look(looker);

        assertThat(second.areas().getFirst().mapping().label()).contains("unmapped");
        assertThat(second.areas().getFirst().now().gone()).isEqualTo(4);
        assertThat(third.areas()).hasSize(1);
    }

    @Test
    void whatIsBeyondTheLimitIsLeftOutAndTheSmallIsNot() throws Exception {
        map(HEAP, 100 * PAGE, "rw-p", "heap");
        AddressRange library = map(LIBRARY, 10 * PAGE, "r-xp", "/lib/libc.so");
        ShadowLook look = look(looker(again(30)));

        assertThat(memory.open()).containsExactlyInAnyOrder(new AddressRange(HEAP, HEAP + 20 * PAGE), library);
        assertThat(counts(look, "heap")).extracting(ShadowCounts::pages).isEqualTo(20L);
        assertThat(look.leftOut()).singleElement().satisfies(left -> {
            assertThat(left.reason()).contains("30 pages");
            assertThat(left.ranges()).containsExactly(new AddressRange(HEAP + 20 * PAGE, HEAP + 100 * PAGE));
        });
    }

    @Test
    void whatTheKernelRefusesIsLeftOutWithItsReason() throws Exception {
        map(HEAP, 100 * PAGE, "rw-p", "heap");
        map(LIBRARY, 10 * PAGE, "r-xp", "/lib/libc.so");
        memory.allow(1);
        ShadowLook look = look(looker(again(1 << 20)));

        assertThat(look.areas()).hasSize(1);
        assertThat(look.leftOut()).singleElement().satisfies(left -> {
            assertThat(left.reason()).isEqualTo("as many shadows as there may be");
            assertThat(left.ranges()).containsExactly(new AddressRange(HEAP, HEAP + 100 * PAGE));
        });
    }

    @Test
    void ifAllIsRefusedThatIsTheEnd() {
        map(HEAP, 100 * PAGE, "rw-p", "heap");
        memory.allow(0);

        assertThatThrownBy(() -> look(looker(again(1 << 20)))).isInstanceOf(MmuException.class);
    }

    @Test
    void whatCannotBeReadHasNoShadow() throws Exception {
        AddressRange reserved = map(HEAP, 1L << 40, "---p", "");
        map(LIBRARY, PAGE, "r--p", "/lib/libc.so");
        ShadowLook look = look(looker(once()));

        assertThat(memory.all()).hasSize(1);
        assertThat(look.leftOut()).singleElement().satisfies(left -> {
            assertThat(left.reason()).contains("not readable");
            assertThat(left.ranges()).containsExactly(reserved);
        });
    }

    @Test
    void aRangeCutsMappingsToWholePages() throws Exception {
        map(HEAP, 100 * PAGE, "rw-p", "heap");
        map(LIBRARY, 10 * PAGE, "r-xp", "/lib/libc.so");
        memory.put(HEAP, 100, 40, true, false);
        Request request = new Request(
                new AddressRange(HEAP + 10 * PAGE + 1, HEAP + 12 * PAGE + 1), null, 0, false, true, 64, 1 << 20);
        ShadowLook look = look(looker(request));

        assertThat(look.areas())
                .extracting(area -> area.mapping().range())
                .containsExactly(new AddressRange(HEAP + 10 * PAGE, HEAP + 13 * PAGE));
        assertThat(look.pages())
                .containsExactly(
                        new ShadowSpace.Page(HEAP + 10 * PAGE, 50, true, false),
                        new ShadowSpace.Page(HEAP + 11 * PAGE, 51, true, false),
                        new ShadowSpace.Page(HEAP + 12 * PAGE, 52, true, false));
    }

    @Test
    void framesThatAreNotToldAreNoReasonToLook() {
        map(HEAP, 10 * PAGE, "rw-p", "");
        memory.hideFrames();

        assertThatThrownBy(() -> look(looker(new Request(null, null, 0, false, true, 64, 1 << 20))))
                .isInstanceOf(MmuException.class)
                .hasMessageContaining("CAP_SYS_ADMIN");
    }

    @Test
    void aNameChoosesMappings() throws Exception {
        map(HEAP, 10 * PAGE, "rw-p", "");
        map(LIBRARY, 10 * PAGE, "r-xp", "/lib/libc.so");

        assertThat(look(looker(new Request(null, "libc", 0, false, false, 64, 1 << 20)))
                        .areas())
                .extracting(area -> area.mapping().name())
                .containsExactly("/lib/libc.so");
        assertThat(look(looker(new Request(null, "anonymous", 0, false, false, 64, 1 << 20)))
                        .areas())
                .extracting(area -> area.mapping().range().start())
                .containsExactly(HEAP);
    }

    private void mapMany() {
        for (int i = 0; i < 500; i++) {
            map(LIBRARY + i * 4L * PAGE, 2 * PAGE, "r--p", "/lib/" + i);
        }
        map(HEAP, 2 * PAGE, "rw-p", "");
        mappings.sort(
                (one, other) -> Long.compare(one.range().start(), other.range().start()));
    }

    @ParameterizedTest
    @CsvSource({"64, 48", "4, 3"})
    void manyMappingsHaveFewerShadows(int limit, int shadows) throws Exception {
        mapMany();
        memory.allow(limit);
        ShadowLook look = look(looker(new Request(null, null, 0, true, false, limit, 1 << 20)));

        assertThat(memory.open()).hasSize(shadows);
        assertThat(look.leftOut()).isEmpty();
        assertThat(look.areas()).hasSize(501);
        assertThat(look.now().pages()).isEqualTo(1002);
    }

    @Test
    void whoLooksOnceNeedsOneShadowAtATime() throws Exception {
        mapMany();
        memory.allow(1);
        ShadowLook look = look(looker(new Request(null, null, 0, false, false, 1, 1 << 20)));

        assertThat(memory.all()).hasSizeGreaterThan(1);
        assertThat(look.areas()).hasSize(501);
        assertThat(look.now().pages()).isEqualTo(1002);
    }

    @Test
    void whenTheProcessEndsThereIsNoLook() throws Exception {
        map(HEAP, 10 * PAGE, "rw-p", "");
        ShadowLooker looker = looker(again(1 << 20));
        look(looker);
        memory.end();
        assertThat(looker.look(events)).isNull();

        mappings.clear();
        assertThat(looker.look(events)).isNull();
    }

    @Test
    void anInterruptEndsTheLook() {
        map(HEAP, 10 * PAGE, "rw-p", "");
        Thread.currentThread().interrupt();

        assertThatThrownBy(() -> look(looker(once()))).isInstanceOf(InterruptedException.class);
        assertThat(memory.open()).isEmpty();
    }
}
