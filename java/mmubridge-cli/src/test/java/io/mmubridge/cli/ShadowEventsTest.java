// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.mmubridge.AddressRange;
import io.mmubridge.Cause;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The munmap of {@link Events} is of two pages from 0x7f0000001000, three of which were shadowed. */
class ShadowEventsTest {
    private static final AddressRange BEFORE = new AddressRange(0x7f0000000000L, 0x7f0000001000L);
    private static final AddressRange FIRST = new AddressRange(0x7f0000001000L, 0x7f0000002000L);
    private static final AddressRange SECOND = new AddressRange(0x7f0000002000L, 0x7f0000004000L);
    private static final AddressRange AFTER = new AddressRange(0x7f0000004000L, 0x7f0000005000L);

    private final ShadowEvents events = new ShadowEvents();

    @Test
    void whatOverlapsNothingThatWasLookedAtDoesNotCount() {
        events.next(List.of(BEFORE, AFTER));
        events.add(Events.munmap(1, "java"));

        assertThat(events.next(List.of()).all().events()).isZero();
        assertThat(events.causes(BEFORE)).isEmpty();
    }

    @Test
    void anEventCountsForEachMappingThatItOverlaps() {
        events.next(List.of(BEFORE, FIRST, SECOND, AFTER));
        events.add(Events.munmap(1, "java"));
        events.add(Events.munmap(2, "java"));

        assertThat(events.causes(BEFORE)).isEmpty();
        assertThat(events.causes(FIRST)).isEqualTo(Map.of(Cause.MUNMAP, 2L));
        assertThat(events.causes(SECOND)).isEqualTo(Map.of(Cause.MUNMAP, 2L));
        assertThat(events.causes(AFTER)).isEmpty();
        ShadowEvents.Snapshot now = events.next(List.of(SECOND));
        assertThat(now.all()).isEqualTo(new ShadowEvents.Count(2, 4, 6, 1_000_000_002L));
        assertThat(now.byCause()).containsOnlyKeys(Cause.MUNMAP);
        assertThat(now.byTask()).containsOnlyKeys(new Tally.Task(100, 101, "java"));
    }

    @Test
    void aLookBeginsAnewAndTheTotalGoesOn() {
        events.next(List.of(FIRST));
        events.add(Events.munmap(1, "java"));
        events.add(Events.lost(2, 5));
        assertThat(events.next(List.of(FIRST)).lost()).isEqualTo(4);
        events.add(Events.munmap(6, "G1 Service"));

        assertThat(events.causes(FIRST)).isEqualTo(Map.of(Cause.MUNMAP, 1L));
        assertThat(events.next(List.of(FIRST)).all().events()).isEqualTo(1);
        assertThat(events.total().all().events()).isEqualTo(2);
        assertThat(events.total().lost()).isEqualTo(4);
        assertThat(events.total().byTask()).hasSize(2);
    }

    @Test
    void theEndIsNoChange() {
        events.next(List.of(FIRST));
        events.add(Events.release(1));
        events.add(Events.detached(1));

        assertThat(events.total().all().events()).isZero();
    }
}
