// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.simulated;

import static org.assertj.core.api.Assertions.assertThat;

import io.mmubridge.AddressRange;
import io.mmubridge.Filter;
import io.mmubridge.MmuException;
import io.mmubridge.RingOptions;
import io.mmubridge.Shadow;
import io.mmubridge.ShadowAccess;
import io.mmubridge.ShadowChanges;
import io.mmubridge.ShadowEntry;
import io.mmubridge.ShadowMode;
import io.mmubridge.ShadowStatistics;
import io.mmubridge.model.Advice;
import io.mmubridge.model.ErrnoException;
import io.mmubridge.model.MapRequest;
import io.mmubridge.model.MmStruct;
import io.mmubridge.model.PageState;
import io.mmubridge.model.PageTable;
import io.mmubridge.model.Protection;
import io.mmubridge.model.SimulatedKernel;
import io.mmubridge.model.SimulatedProcess;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Shadows of each mode, in use, over memory that several threads change at random: at the end what is present is what the page
 * table has, and after a refresh nothing is missing.
 */
@Timeout(120)
class ShadowRandomTest {
    private static final long PAGE = PageTable.PAGE_SIZE;
    private static final int PAGES = 3 * 512;
    private static final int OPERATIONS = 300;

    private final SimulatedKernel kernel = SimulatedKernel.builder().build();
    private final SimulatedProcess process = kernel.spawn("subject");
    private final MmStruct mm = Objects.requireNonNull(process.mm());
    private final long start = process.mmap(MapRequest.anonymous(PAGES * PAGE).withHugePages());

    /** Does something to some of the pages; what cannot be done there now is left. */
    private void operate(Random random) {
        int first = random.nextInt(PAGES);
        int count = 1 + random.nextInt(Math.min(PAGES - first, random.nextInt(8) == 0 ? PAGES : 16));
        long address = start + first * PAGE;
        long size = count * PAGE;
        try {
            switch (random.nextInt(12)) {
                case 0, 1, 2 -> write(address, Math.min(count, 16));
                case 3 -> process.read(address);
                case 4 -> process.madvise(address, size, Advice.DONTNEED);
                case 5 -> process.madvise(address, size, Advice.FREE);
                case 6 -> process.mprotect(address, size, Protection.READ);
                case 7 -> process.mprotect(address, size, Protection.READ_WRITE);
                case 8 -> process.mprotect(address, size, Protection.NONE);
                case 9 -> process.mmap(MapRequest.anonymous(size).at(address).withHugePages());
                case 10 -> {
                    SimulatedProcess child = process.fork();
                    write(address, 1);
                    child.exit();
                }
                default -> kernel.reclaim(8);
            }
        } catch (ErrnoException e) {
            assertThat(e.getMessage()).isNotEmpty();
        }
    }

    private void write(long address, int count) {
        for (int i = 0; i < count; i++) {
            process.write(address + i * PAGE, (byte) 1);
        }
    }

    private void use(Shadow shadow, Random random) {
        long address = start + random.nextInt(PAGES) * PAGE;
        MemorySegment segment = MemorySegment.ofArray(new byte[random.nextInt(3 * (int) PAGE) + 1]);
        try {
            switch (random.nextInt(4)) {
                case 0 -> shadow.read(address, segment);
                case 1 -> shadow.write(address, segment);
                case 2 -> shadow.tryRefresh(shadow.range());
                default -> shadow.refresh();
            }
        } catch (MmuException e) {
            assertThat(e).hasMessageContaining("0x" + Long.toHexString(address));
        }
    }

    private void agrees(Shadow shadow) {
        Map<Long, PageState> states =
                mm.snapshot().stream().collect(Collectors.toMap(PageState::address, Function.identity()));
        ShadowEntry entry = new ShadowEntry();
        for (long address = start; address < start + PAGES * PAGE; address += PAGE) {
            if (shadow.lookup(address, entry)) {
                PageState state = Objects.requireNonNull(states.get(address), entry::toString);
                assertThat(state.pfn()).as("%s, %s", entry, state).isEqualTo(entry.frame());
                assertThat(state.isWritable() || !entry.isWritable())
                        .as("%s, %s", entry, state)
                        .isTrue();
            }
        }
    }

    private void isExact(Shadow shadow, ShadowChanges changes) {
        List<PageState> states =
                mm.snapshot().stream().filter(PageState::isReadable).toList();
        ShadowEntry entry = new ShadowEntry();
        assertThat(states).hasSize((int) changes.present());
        for (PageState state : states) {
            assertThat(shadow.lookup(state.address(), entry)).as("%s", state).isTrue();
            assertThat(entry.frame()).isEqualTo(state.pfn());
            assertThat(entry.isWritable()).isEqualTo(state.isWritable());
            assertThat(entry.isHuge()).isEqualTo(state.isHuge());
        }
    }

    @ParameterizedTest
    @CsvSource({"1,SNAPSHOT", "2,READ", "3,WRITE", "4,SNAPSHOT", "5,READ", "6,WRITE"})
    void whatIsPresentIsWhatThePageTableHas(long seed, ShadowMode mode) throws Exception {
        ModelBackend backend = new ModelBackend(kernel, "a test");
        ModelSubscription subscription = backend.attach("test", mm, RingOptions.none(), Filter.all());
        AddressRange range = new AddressRange(start, start + PAGES * PAGE);
        Shadow shadow = ShadowAccess.of(subscription.shadow(range, mode), range, mode);
        AtomicBoolean over = new AtomicBoolean();
        List<FutureTask<Void>> changers = new ArrayList<>();
        List<FutureTask<Void>> users = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            Random changer = new Random(seed * 10 + i);
            changers.add(new FutureTask<>(() -> {
                // Those who use it may come late.
                for (int round = 0; round < OPERATIONS || shadow.statistics().dropped() == 0; round++) {
                    operate(changer);
                }
                return null;
            }));
            Random user = new Random(seed * 10 + 5 + i);
            users.add(new FutureTask<>(() -> {
                while (!over.get()) {
                    use(shadow, user);
                }
                return null;
            }));
        }
        changers.forEach(Thread.ofPlatform()::start);
        users.forEach(Thread.ofPlatform()::start);
        for (FutureTask<Void> changer : changers) {
            changer.get();
        }
        over.set(true);
        for (FutureTask<Void> user : users) {
            user.get();
        }

        agrees(shadow);
        isExact(shadow, shadow.refresh());
        ShadowStatistics statistics = shadow.statistics();
        assertThat(statistics.mismatched()).isZero();
        assertThat(statistics.dropped())
                .isEqualTo(statistics.same() + statistics.moved() + statistics.reprotected() + statistics.gone())
                .isPositive();
        backend.close();
        assertThat(kernel.failures()).isEmpty();
    }
}
