// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import static io.mmubridge.model.Machine.BASE;
import static io.mmubridge.model.Machine.MIB_2;
import static io.mmubridge.model.Machine.PAGE;
import static org.assertj.core.api.Assertions.assertThat;

import io.mmubridge.AddressRange;
import io.mmubridge.Cause;
import io.mmubridge.Guard;
import io.mmubridge.InvalidationEvent;
import io.mmubridge.Mmu;
import io.mmubridge.Shadow;
import io.mmubridge.ShadowChanges;
import io.mmubridge.ShadowEntry;
import io.mmubridge.Subscription;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Guards and shadow under each operation of {@link EventsByOperationTest}: right before it, while each of its invalidations is
 * held open, behind its start and before its end, and after it.
 */
class HeldOperationTest {
    private static final AddressRange WATCHED = new AddressRange(BASE, BASE + 2 * MIB_2);

    /** Pages of a guard: one each where most operations are, and beyond that more. */
    private static final long SMALL = 16 * PAGE;

    static Stream<EventsByOperationTest.Case> cases() {
        return EventsByOperationTest.cases();
    }

    /** What is looked at, and by whom. */
    private static final class Look {
        private final List<Guard> guards = new ArrayList<>();
        private final Shadow shadow;
        private final ShadowEntry entry = new ShadowEntry();

        /** Ranges of the invalidations that have begun. */
        private final List<MmuNotifierRange> begun = new ArrayList<>();

        private int starts;
        private int ends;
        private boolean released;

        Look(Subscription subscription) {
            long start = WATCHED.start();
            while (start < WATCHED.end()) {
                long end = start + (start < BASE + SMALL ? PAGE : SMALL);
                guards.add(subscription.guard(new AddressRange(start, end)));
                start = end;
            }
            shadow = subscription.shadow(WATCHED);
            shadow.refresh();
        }

        private boolean isBegun(AddressRange range) {
            return begun.stream().anyMatch(each -> range.overlaps(each.start(), each.end()));
        }

        void guards() {
            for (Guard guard : guards) {
                assertThat(guard.isValid()).as("%s", guard.range()).isEqualTo(!isBegun(guard.range()) && !released);
                assertThat(guard.isEnded()).isEqualTo(released);
            }
        }

        boolean start(MmuNotifierRange range) {
            starts++;
            begun.add(range);
            held(range);
            return true;
        }

        void end(MmuNotifierRange range) {
            ends++;
            held(range);
        }

        private void held(MmuNotifierRange range) {
            guards();
            long end = Math.min(range.end(), WATCHED.end());
            for (long page = Math.max(range.start() & -PAGE, WATCHED.start()); page < end; page += PAGE) {
                assertThat(shadow.lookup(page, entry)).as("0x%x", page).isFalse();
            }
        }

        void release() {
            released = true;
            guards();
            assertThat(shadow.isEnded()).isTrue();
            assertThat(frames()).isEmpty();
        }

        /** What the shadow has. */
        Map<Long, Long> frames() {
            Map<Long, Long> frames = new HashMap<>();
            for (long page = WATCHED.start(); page < WATCHED.end(); page += PAGE) {
                if (shadow.lookup(page, entry)) {
                    frames.put(page, entry.frame());
                }
            }
            return frames;
        }
    }

    /** What the page table has. */
    private static Map<Long, Long> frames(MmStruct mm) {
        Map<Long, Long> frames = new HashMap<>();
        for (PageState page : mm.snapshot()) {
            if (page.isReadable() && WATCHED.overlaps(page.address(), page.address() + PAGE)) {
                frames.put(page.address(), page.pfn());
            }
        }
        return frames;
    }

    @ParameterizedTest
    @MethodSource("cases")
    void guardsAndShadowSeeIt(EventsByOperationTest.Case each) {
        EventsByOperationTest.Row row = each.row();
        try (Machine machine = new Machine(each.profile(), 1 << 16);
                Mmu mmu = Mmu.simulated(machine.kernel())) {
            EventsByOperationTest.Scene scene = new EventsByOperationTest.Scene(
                    machine.kernel(), machine.spawn(), machine.kernel().file("f", 8 * PAGE));
            row.prepare().accept(scene);
            MmStruct mm = Machine.space(scene.process());
            Look[] look = new Look[1];
            // Notifiers are called the last one first: behind the subscription's start, and before its end.
            MmuNotifier behind = MmuNotifier.get(
                    ops("behind")
                            .invalidateRangeStart((notifier, range) -> look[0].start(range))
                            .release((notifier, released) -> look[0].release())
                            .build(),
                    mm);
            try (Subscription subscription = mmu.subsystem("held").get(mmu.process(scene.process()))) {
                look[0] = new Look(subscription);
                MmuNotifier before = MmuNotifier.get(
                        ops("before")
                                .invalidateRangeEnd((notifier, range) -> look[0].end(range))
                                .build(),
                        mm);
                look[0].guards();
                assertThat(look[0].frames()).isEqualTo(frames(mm));

                row.operate().accept(scene);

                // A start with its end begins with their type.
                assertThat(look[0].starts)
                        .isEqualTo(row.expected().of(each.profile()).stream()
                                .filter(call -> call.startsWith("start") || Character.isUpperCase(call.charAt(0)))
                                .count());
                after(look[0], row.cause(), mm);
                MmuNotifier.put(before);
            }
            MmuNotifier.put(behind);
        }
    }

    private static void after(Look look, Set<Cause> causes, MmStruct mm) {
        assertThat(look.ends).isEqualTo(look.starts);
        look.guards();
        for (Guard guard : look.guards) {
            if (look.isBegun(guard.range())) {
                InvalidationEvent event = Objects.requireNonNull(guard.invalidation());
                assertThat(causes).contains(event.cause());
            }
        }
        if (look.released) {
            assertThat(look.frames()).isEmpty();
            return;
        }
        // What was there and was not invalidated is there still; what is there is right.
        Map<Long, Long> present = frames(mm);
        assertThat(present.entrySet()).containsAll(look.frames().entrySet());
        ShadowChanges changes = look.shadow.refresh();
        assertThat(changes.mismatched()).isZero();
        assertThat(look.frames()).isEqualTo(present);
        assertThat(changes.present()).isEqualTo(present.size());
    }

    private static MmuNotifierOps.Builder ops(String name) {
        return MmuNotifierOps.builder(name).notifiers(mm -> new MmuNotifier(), notifier -> {});
    }
}
