// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmubridge.AddressRange;
import io.mmubridge.Capabilities.Feature;
import io.mmubridge.EventPhase;
import io.mmubridge.Guard;
import io.mmubridge.InvalidationEvent;
import io.mmubridge.Mmu;
import io.mmubridge.MmuException;
import io.mmubridge.RingOptions;
import io.mmubridge.Shadow;
import io.mmubridge.ShadowChanges;
import io.mmubridge.ShadowEntry;
import io.mmubridge.ShadowMode;
import io.mmubridge.ShadowStatistics;
import io.mmubridge.Subscription;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;

/** What a shadow has is what the page table has, what an event drops is gone at once, and what became of it is told. */
public abstract class ShadowContract extends BackendContract {
    private static final RingOptions RING = RingOptions.ofRecords(64);
    private static final long PAGE = 4096;
    private static final int CHUNK = 512;

    protected ShadowContract(Machine machine) {
        super(machine);
    }

    private static AddressRange pages(AddressRange mapping, int from, int to) {
        return new AddressRange(mapping.start() + from * PAGE, mapping.start() + to * PAGE);
    }

    private static ShadowEntry lookup(Shadow shadow, int page) {
        ShadowEntry entry = new ShadowEntry();
        boolean found = shadow.lookup(shadow.range().start() + page * PAGE + 7, entry);
        assertThat(entry.isPresent()).isEqualTo(found);
        assertThat(entry.address()).isEqualTo(shadow.range().start() + page * PAGE + 7);
        assertThat(entry.frame() != ShadowEntry.NO_FRAME).isEqualTo(found && shadow.hasFrames());
        return entry;
    }

    private static ShadowEntry present(Shadow shadow, int page) {
        ShadowEntry entry = lookup(shadow, page);
        assertThat(entry.isPresent()).as(entry.toString()).isTrue();
        return entry;
    }

    private static ShadowChanges refresh(Shadow shadow) {
        ShadowChanges changes = shadow.refresh();
        assertThat(changes.mismatched()).as(changes.toString()).isZero();
        assertThat(changes.busy()).isZero();
        assertThat(shadow.statistics().present()).isEqualTo(changes.present());
        return changes;
    }

    /** Found, and nothing of it known to have changed. */
    private static ShadowChanges found(long present, long writable, long added) {
        return new ShadowChanges(present, writable, 0, added, 0, 0, 0, 0, 0, 0, 0);
    }

    private static long shadowed(Subscription subscription) {
        return drain(subscription).stream()
                .mapToLong(InvalidationEvent::shadowed)
                .sum();
    }

    @Test
    void itIsBuilt() {
        assertThat(mmu.capabilities().features()).contains(Feature.SHADOW, Feature.ACCESS);
        assertThat(mmu.capabilities().limits().shadowPagesPerSubscription()).isGreaterThanOrEqualTo(1 << 16);
    }

    // ------------------------------------------------------------------------------------------------- the entries

    @Test
    void thereIsNoEntryBeforeTheFirstRefresh() {
        AddressRange range = target.map(8);
        try (Subscription subscription = get(SUBSYSTEM);
                Shadow shadow = subscription.shadow(range)) {
            assertThat(shadow.range()).isEqualTo(range);
            assertThat(shadow.mode()).isEqualTo(ShadowMode.SNAPSHOT);
            assertThat(shadow.isEnded()).isFalse();
            for (int i = 0; i < 8; i++) {
                ShadowEntry entry = lookup(shadow, i);
                assertThat(entry.isPresent()).isFalse();
                assertThat(entry.isDropped()).isFalse();
                assertThat(entry.generation()).isZero();
                assertThat(shadow.isValid(entry)).isFalse();
            }
            assertThat(shadow.statistics()).isEqualTo(new ShadowStatistics(0, 0, 0, 0, 0, 0, 0, 0, 0));
        }
    }

    @Test
    void whatIsPresentIsFoundAndStaysUntouchedAsLongAsNothingHappens() {
        AddressRange range = target.map(8);
        target.discard(range, 3, 2);
        try (Subscription subscription = get(SUBSYSTEM);
                Shadow shadow = subscription.shadow(range)) {
            assertThat(refresh(shadow)).isEqualTo(found(6, 6, 6));
            List<ShadowEntry> entries = new ArrayList<>();
            Set<Long> frames = new HashSet<>();
            for (int i : new int[] {0, 1, 2, 5, 6, 7}) {
                ShadowEntry entry = present(shadow, i);
                assertThat(entry.isWritable()).isTrue();
                assertThat(entry.isHuge() || entry.isAccessed() || entry.isDirty() || entry.isDropped())
                        .isFalse();
                assertThat(entry.generation()).isPositive();
                entries.add(entry);
                frames.add(entry.frame());
            }
            assertThat(frames).hasSize(shadow.hasFrames() ? 6 : 1);
            assertThat(lookup(shadow, 3).isPresent()).isFalse();
            assertThat(lookup(shadow, 4).isPresent()).isFalse();

            assertThat(refresh(shadow)).isEqualTo(found(6, 6, 0));
            assertThat(entries).allMatch(shadow::isValid);
            target.discard(range, 5, 1);
            assertThat(entries.stream().map(shadow::isValid)).containsExactly(true, true, true, false, true, true);
            refresh(shadow);
            assertThat(entries.stream().map(shadow::isValid)).containsExactly(true, true, true, false, true, true);
        }
    }

    @Test
    void aPageThatComesIsThereAfterTheNextRefresh() {
        AddressRange range = target.map(4);
        target.discard(range, 0, 4);
        try (Subscription subscription = get(SUBSYSTEM);
                Shadow shadow = subscription.shadow(range)) {
            assertThat(refresh(shadow)).isEqualTo(found(0, 0, 0));
            target.read(range);
            assertThat(lookup(shadow, 0).isPresent()).isFalse();
            assertThat(refresh(shadow)).isEqualTo(found(4, 0, 4));
            assertThat(present(shadow, 0).frame())
                    .as("zeroes")
                    .isEqualTo(present(shadow, 3).frame());

            target.write(range, 1, 1);
            ShadowChanges changes = refresh(shadow);
            assertThat(changes.moved()).isEqualTo(1);
            assertThat(changes.writable()).isEqualTo(1);
            assertThat(present(shadow, 1).isWritable()).isTrue();
            assertThat(present(shadow, 2).isWritable()).isFalse();
        }
    }

    @Test
    void hugePagesAreKnownForWhatTheyAreAndDroppedByTheChunk() {
        AddressRange range = target.mapHuge(2);
        try (Subscription subscription = get(SUBSYSTEM);
                Shadow shadow = subscription.shadow(range)) {
            ShadowChanges changes = refresh(shadow);
            assertThat(changes.present()).isEqualTo(2 * CHUNK);
            assertThat(changes.huge()).isEqualTo(2 * CHUNK);
            ShadowEntry first = present(shadow, 0);
            ShadowEntry last = present(shadow, CHUNK - 1);
            ShadowEntry second = present(shadow, CHUNK);
            assertThat(first.isHuge()).isTrue();
            if (shadow.hasFrames()) {
                assertThat(first.frame() % CHUNK).isZero();
                assertThat(last.frame()).isEqualTo(first.frame() + CHUNK - 1);
            }

            target.protect(range, 0, CHUNK, false);
            assertThat(shadow.isValid(first) || shadow.isValid(last)).isFalse();
            assertThat(lookup(shadow, 1).isDropped()).isTrue();
            assertThat(shadow.isValid(second)).isTrue();
            assertThat(refresh(shadow).reprotected()).isEqualTo(CHUNK);

            // One page of the other makes small ones of all.
            target.protect(range, CHUNK + 100, 1, false);
            assertThat(shadow.isValid(second)).isFalse();
            changes = refresh(shadow);
            assertThat(changes.huge()).isEqualTo(CHUNK);
            assertThat(changes.same()).isEqualTo(CHUNK - 1);
            assertThat(changes.reprotected()).isEqualTo(1);
            assertThat(present(shadow, CHUNK).frame()).isEqualTo(second.frame());
            assertThat(present(shadow, CHUNK).isHuge()).isFalse();
        }
    }

    /** Of which the first chunk and the last are shadowed in part. */
    @Test
    void aShadowNeedNotFitTheChunks() {
        AddressRange mapping = target.map(3 * CHUNK);
        AddressRange range = pages(mapping, 300, 2 * CHUNK + 100);
        int size = 2 * CHUNK + 100 - 300;
        try (Subscription subscription = watch(RING, mapping);
                Shadow shadow = subscription.shadow(range)) {
            assertThat(refresh(shadow)).isEqualTo(found(size, size, size));
            target.discard(mapping, 0, 300);
            target.discard(mapping, 2 * CHUNK + 100, 10);
            assertThat(shadow.statistics().dropped()).isZero();

            target.discard(mapping, 299, 2);
            assertThat(lookup(shadow, 0).isDropped()).isTrue();
            present(shadow, 1);
            target.discard(mapping, 2 * CHUNK + 99, 2);
            assertThat(lookup(shadow, size - 1).isDropped()).isTrue();
            present(shadow, size - 2);
            target.discard(mapping, CHUNK - 1, 2);
            assertThat(drain(subscription).stream().map(InvalidationEvent::shadowed))
                    .containsExactly(0, 0, 1, 1, 2);
            assertThat(refresh(shadow).gone()).isEqualTo(4);

            target.discard(mapping, 0, 3 * CHUNK);
            assertThat(shadowed(subscription)).isEqualTo(size - 4);
            for (int i = 0; i < size; i++) {
                assertThat(lookup(shadow, i).isPresent()).isFalse();
            }
            assertThat(refresh(shadow).gone()).isEqualTo(size - 4);
        }
    }

    // --------------------------------------------------------------------------------------- whatever is done to it

    /** What has become of pages that were dropped. */
    private record Outcome(long same, long moved, long reprotected, long gone) {
        long dropped() {
            return same + moved + reprotected + gone;
        }
    }

    /**
     * The target does something to the page and perhaps to others: valid right before it, not right after it, to shadow and to
     * guard; the events say how much was shadowed, and the next refresh what has become of it.
     */
    private static ShadowChanges does(
            Subscription subscription, Shadow shadow, int page, Runnable operation, Outcome expected) {
        refresh(shadow);
        drain(subscription);
        Guard guard = subscription.guard(shadow.range());
        ShadowStatistics before = shadow.statistics();
        ShadowEntry entry = present(shadow, page);
        assertThat(guard.isValid()).isTrue();
        assertThat(shadow.isValid(entry)).isTrue();
        operation.run();

        assertThat(guard.isValid()).isFalse();
        assertThat(shadow.isValid(entry)).isFalse();
        ShadowEntry after = lookup(shadow, page);
        assertThat(after.isPresent()).isFalse();
        assertThat(after.isDropped()).isTrue();
        assertThat(after.isWritable()).as("what was").isEqualTo(entry.isWritable());
        assertThat(shadowed(subscription)).isEqualTo(expected.dropped());
        assertThat(shadow.statistics().dropped() - before.dropped()).isEqualTo(expected.dropped());
        assertThat(before.present() - shadow.statistics().present()).isEqualTo(expected.dropped());

        ShadowChanges changes = refresh(shadow);
        assertThat(new Outcome(changes.same(), changes.moved(), changes.reprotected(), changes.gone()))
                .isEqualTo(expected);
        ShadowStatistics now = shadow.statistics();
        assertThat(now.same() + now.moved() + now.reprotected() + now.gone()).isEqualTo(now.dropped());
        assertThat(shadow.isValid(entry)).as("whatever has come back").isFalse();
        guard.close();
        return changes;
    }

    @Test
    void whatIsUnmappedIsGone() {
        AddressRange range = target.map(8);
        try (Subscription subscription = watch(RING, range);
                Shadow shadow = subscription.shadow(range)) {
            does(subscription, shadow, 1, () -> target.unmap(range, 0, 2), new Outcome(0, 0, 0, 2));
            does(subscription, shadow, 4, () -> target.unmap(range, 2, 6), new Outcome(0, 0, 0, 6));
        }
    }

    @Test
    void whatIsRemappedIsGoneFromWhereItWas() {
        AddressRange range = target.map(8);
        try (Subscription subscription = watch(RING, range);
                Shadow shadow = subscription.shadow(range)) {
            AddressRange[] moved = new AddressRange[1];
            does(subscription, shadow, 3, () -> moved[0] = target.move(range), new Outcome(0, 0, 0, 8));
            assertThat(moved[0]).isNotEqualTo(range);
            try (Shadow there = subscription.shadow(moved[0])) {
                assertThat(refresh(there)).isEqualTo(found(8, 8, 8));
            }
        }
    }

    @Test
    void whatIsProtectedIsTheSameWithAnotherPermission() {
        AddressRange range = target.map(8);
        try (Subscription subscription = watch(RING, range);
                Shadow shadow = subscription.shadow(range)) {
            ShadowEntry before = present(refreshed(shadow), 1);
            does(subscription, shadow, 1, () -> target.protect(range, 0, 2, false), new Outcome(0, 0, 2, 0));
            assertThat(present(shadow, 1).isWritable()).isFalse();
            assertThat(present(shadow, 1).frame()).isEqualTo(before.frame());
            assertThat(present(shadow, 1).generation()).isGreaterThan(before.generation());
            assertThat(present(shadow, 2).isWritable()).isTrue();

            Runnable backAndForth = () -> {
                target.protect(range, 2, 6, false);
                target.protect(range, 2, 6, true);
                target.write(range, 2, 6);
            };
            does(subscription, shadow, 5, backAndForth, new Outcome(6, 0, 0, 0));
        }
    }

    private static Shadow refreshed(Shadow shadow) {
        refresh(shadow);
        return shadow;
    }

    @Test
    void whatIsGivenBackIsGoneAndWhatComesInItsPlaceIsNew() {
        AddressRange range = target.map(8);
        try (Subscription subscription = watch(RING, range);
                Shadow shadow = subscription.shadow(range)) {
            does(subscription, shadow, 2, () -> target.discard(range, 2, 3), new Outcome(0, 0, 0, 3));
            target.write(range, 2, 3);
            assertThat(drain(subscription)).isEmpty();
            assertThat(refresh(shadow)).isEqualTo(found(8, 8, 3));
        }
    }

    @Test
    void whatIsForkedIsProtectedAndWhatIsWrittenToThenIsAnotherPage() {
        AddressRange range = target.map(8);
        try (Subscription subscription = watch(RING, range);
                Shadow shadow = subscription.shadow(range)) {
            Target.Child[] child = new Target.Child[1];
            does(subscription, shadow, 1, () -> child[0] = target.fork(), new Outcome(0, 0, 8, 0));
            ShadowEntry shared = present(shadow, 1);
            does(subscription, shadow, 1, () -> target.write(range, 1, 1), new Outcome(0, 1, 0, 0));
            assertThat(present(shadow, 1).isWritable()).isTrue();
            if (shadow.hasFrames()) {
                assertThat(present(shadow, 1).frame()).isNotEqualTo(shared.frame());
            }

            // The only one who has the page now writes to it: that is no event.
            child[0].close();
            drain(subscription);
            ShadowEntry entry = present(shadow, 2);
            target.write(range, 2, 1);
            assertThat(drain(subscription)).isEmpty();
            assertThat(shadow.isValid(entry)).isTrue();
            assertThat(present(shadow, 2).isWritable()).isFalse();
            ShadowChanges changes = refresh(shadow);
            assertThat(changes.upgraded()).isEqualTo(1);
            assertThat(changes.same() + changes.moved() + changes.reprotected() + changes.gone())
                    .isZero();
            assertThat(present(shadow, 2).isWritable()).isTrue();
            assertThat(present(shadow, 2).frame()).isEqualTo(entry.frame());
            assertThat(shadow.isValid(entry)).as("it was not writable").isFalse();
            assertThat(shadow.statistics().upgraded()).isEqualTo(1);
        }
    }

    @Test
    void theEndOfTheProcessEndsItsShadows() {
        AddressRange range = target.map(8);
        try (Subscription subscription = watch(RING, range)) {
            Shadow shadow = subscription.shadow(range, ShadowMode.READ);
            refresh(shadow);
            ShadowEntry entry = present(shadow, 1);
            Guard guard = subscription.guard(range);
            target.exit();

            assertThat(guard.isValid()).isFalse();
            assertThat(shadow.isValid(entry)).isFalse();
            assertThat(lookup(shadow, 1).isPresent()).isFalse();
            assertThat(lookup(shadow, 1).isDropped()).isTrue();
            assertThat(shadow.isEnded()).isTrue();
            List<InvalidationEvent> events = drain(subscription);
            assertThat(phases(events)).contains(EventPhase.RELEASE);
            assertThat(events.stream().mapToInt(InvalidationEvent::shadowed).sum())
                    .isEqualTo(8);
            assertThat(shadow.statistics().present()).isZero();
            assertThatThrownBy(shadow::refresh)
                    .isInstanceOf(MmuException.class)
                    .hasMessageContainingAll(range.toString(), "released");
            assertThatThrownBy(() -> shadow.tryRefresh(range)).isInstanceOf(MmuException.class);
            assertThatThrownBy(() -> shadow.read(range.start(), MemorySegment.ofArray(new byte[1])))
                    .isInstanceOf(MmuException.class)
                    .hasMessageContaining("released");
            assertThatThrownBy(() -> subscription.shadow(pages(range, 0, 1)))
                    .isInstanceOf(MmuException.class)
                    .hasMessageContaining("released");
            shadow.close();
            shadow.close();
            assertThat(lookup(shadow, 1).isPresent()).isFalse();
        }
    }

    @Test
    void anEventSaysWhatItsSubscriptionHasShadowed() {
        AddressRange range = target.map(8);
        try (Subscription first = watch(RING, range);
                Subscription second = watch(RING, range);
                Subscription third = watch(RING, range);
                Shadow all = first.shadow(range);
                Shadow low = second.shadow(pages(range, 0, 2));
                Shadow high = second.shadow(pages(range, 6, 8))) {
            refresh(all);
            refresh(low);
            refresh(high);
            Guard guard = first.guard(range);
            Guard other = third.guard(range);
            target.discard(range, 1, 6);

            assertThat(drain(first).stream().map(InvalidationEvent::shadowed)).containsExactly(6);
            assertThat(drain(second).stream().map(InvalidationEvent::shadowed)).containsExactly(2);
            assertThat(drain(third).stream().map(InvalidationEvent::shadowed)).containsExactly(0);
            InvalidationEvent event = Objects.requireNonNull(guard.invalidation());
            assertThat(event.shadowed()).isEqualTo(6);
            assertThat(Objects.requireNonNull(other.invalidation()).shadowed()).isZero();
            assertThat(all.statistics().lastEvent()).isEqualTo(event.seq());
            assertThat(low.statistics().dropped()).isEqualTo(1);

            // What is dropped is not there to be dropped.
            target.discard(range, 0, 8);
            assertThat(drain(first).stream().map(InvalidationEvent::shadowed)).containsExactly(2);
            target.discard(range, 0, 8);
            assertThat(drain(first).stream().map(InvalidationEvent::shadowed)).containsExactly(0);
            assertThat(all.statistics().lastEvent()).isEqualTo(event.seq() + 1);
        }
    }

    // --------------------------------------------------------------------------------------------------- the modes

    @Test
    void aSnapshotFaultsNothingInAndTheOtherModesDo() {
        AddressRange range = target.map(8);
        target.discard(range, 0, 8);
        try (Subscription subscription = get(SUBSYSTEM);
                Subscription another = get(SUBSYSTEM);
                Subscription third = get(SUBSYSTEM);
                Shadow snapshot = subscription.shadow(range, ShadowMode.SNAPSHOT);
                Shadow read = another.shadow(pages(range, 0, 4), ShadowMode.READ);
                Shadow write = third.shadow(pages(range, 2, 6), ShadowMode.WRITE)) {
            assertThat(refresh(snapshot)).isEqualTo(found(0, 0, 0));
            assertThat(refresh(read)).isEqualTo(found(4, 0, 4));
            assertThat(refresh(snapshot)).isEqualTo(found(4, 0, 4));
            assertThat(refresh(write)).isEqualTo(found(4, 4, 4));
            ShadowChanges changes = refresh(snapshot);
            assertThat(changes.present()).isEqualTo(6);
            assertThat(changes.writable()).isEqualTo(4);
            assertThat(changes.moved()).as("zeroes no more").isEqualTo(2);
            assertThat(lookup(read, 2).isPresent()).isFalse();
        }
    }

    @Test
    void whatCannotBeFaultedInIsTakenAsItIsFound() {
        AddressRange range = target.map(8);
        target.unmap(range, 6, 2);
        target.protect(range, 0, 4, false);
        target.discard(range, 3, 3);
        try (Subscription subscription = get(SUBSYSTEM);
                Shadow write = subscription.shadow(range, ShadowMode.WRITE)) {
            assertThat(refresh(write)).isEqualTo(found(5, 2, 5));
            assertThat(present(write, 2).isWritable()).isFalse();
            assertThat(lookup(write, 3).isPresent())
                    .as("read-only and not there")
                    .isFalse();
            assertThat(present(write, 4).isWritable()).isTrue();
            assertThat(lookup(write, 6).isPresent()).isFalse();
        }
    }

    /** What is shared copy-on-write is copied by who shadows it for writing: his own doing drops nothing of what he finds. */
    @Test
    void writeModeCopiesWhatIsShared() {
        AddressRange range = target.map(4);
        try (Target.Child child = target.fork();
                Subscription subscription = watch(RING, range);
                Shadow snapshot = subscription.shadow(pages(range, 0, 2));
                Shadow write = subscription.shadow(pages(range, 2, 4), ShadowMode.WRITE)) {
            assertThat(child).isNotNull();
            assertThat(refresh(snapshot)).isEqualTo(found(2, 0, 2));
            assertThat(drain(subscription)).isEmpty();
            assertThat(refresh(write)).isEqualTo(found(2, 2, 2));
            assertThat(drain(subscription)).hasSize(2).allMatch(event -> event.shadowed() == 0);
        }
    }

    @Test
    void aPartIsRefreshedAlone() {
        AddressRange range = target.map(8);
        try (Subscription subscription = get(SUBSYSTEM);
                Shadow shadow = subscription.shadow(range)) {
            assertThat(shadow.refresh(pages(range, 2, 5))).isEqualTo(found(3, 3, 3));
            assertThat(lookup(shadow, 1).isPresent()).isFalse();
            present(shadow, 2);
            present(shadow, 4);
            assertThat(lookup(shadow, 5).isPresent()).isFalse();
            assertThat(shadow.tryRefresh(pages(range, 4, 6))).isEqualTo(found(2, 2, 1));
            target.discard(range, 0, 8);
            assertThat(shadow.refresh(pages(range, 0, 3)).gone()).isEqualTo(1);
            assertThat(shadow.refresh(pages(range, 3, 8)).gone()).isEqualTo(3);

            for (AddressRange wrong : List.of(
                    new AddressRange(range.start() - PAGE, range.start() + PAGE),
                    new AddressRange(range.start(), range.end() + PAGE),
                    new AddressRange(range.end(), range.end() + PAGE),
                    new AddressRange(range.start() + 1, range.end()),
                    new AddressRange(range.start(), range.end() - 1))) {
                assertThatThrownBy(() -> shadow.refresh(wrong))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining(wrong.toString());
                assertThatThrownBy(() -> shadow.tryRefresh(wrong)).isInstanceOf(IllegalArgumentException.class);
            }
        }
    }

    // ------------------------------------------------------------------------------------------- reads and writes

    private static String text(MemorySegment segment) {
        return new String(segment.toArray(ValueLayout.JAVA_BYTE), StandardCharsets.US_ASCII);
    }

    private static MemorySegment segment(String text) {
        return MemorySegment.ofArray(text.getBytes(StandardCharsets.US_ASCII));
    }

    @Test
    void memoryIsReadAndWrittenThroughTheShadow() {
        AddressRange range = target.map(4);
        target.setText(range, 4090, "over the edge");
        try (Arena arena = Arena.ofConfined();
                Subscription subscription = get(SUBSYSTEM);
                Shadow shadow = subscription.shadow(range, ShadowMode.WRITE)) {
            for (MemorySegment into : List.of(
                    arena.allocate(13),
                    MemorySegment.ofArray(new byte[13]),
                    MemorySegment.ofArray(new byte[20]).asSlice(3, 13),
                    MemorySegment.ofArray(new char[10]).asSlice(2, 13))) {
                assertThat(shadow.read(range.start() + 4090, into)).isEqualTo(13);
                assertThat(text(into)).isEqualTo("over the edge");
            }
            assertThat(present(shadow, 0).isAccessed()).isTrue();
            assertThat(present(shadow, 1).isAccessed()).isTrue();
            assertThat(present(shadow, 1).isDirty()).isFalse();
            assertThat(lookup(shadow, 2).isPresent()).as("nobody has looked").isFalse();

            ShadowEntry entry = present(shadow, 1);
            assertThat(shadow.write(range.start() + 8190, segment("here and there")))
                    .isEqualTo(14);
            assertThat(target.text(range, 8190, 14)).isEqualTo("here and there");
            assertThat(shadow.isValid(entry))
                    .as("it has been written to, and is there")
                    .isTrue();
            assertThat(present(shadow, 1).isDirty()).isTrue();
            assertThat(present(shadow, 2).isDirty()).isTrue();
            assertThat(present(shadow, 0).isDirty()).isFalse();
            assertThat(refresh(shadow)).isEqualTo(found(4, 4, 1));
            assertThat(present(shadow, 2).isDirty()).as("the same page").isTrue();

            MemorySegment other = arena.allocateFrom("again", StandardCharsets.US_ASCII);
            assertThat(shadow.write(range.start() + 8190, other.asSlice(0, 5))).isEqualTo(5);
            assertThat(shadow.write(range.start() + 8196, segment("read-only").asReadOnly()))
                    .isEqualTo(9);
            assertThat(target.text(range, 8190, 15)).isEqualTo("againaread-only");

            // Another page in its place is not what was accessed.
            target.discard(range, 2, 1);
            target.setText(range, 8192, "anew");
            refresh(shadow);
            assertThat(present(shadow, 2).isAccessed()).isFalse();
            assertThat(shadow.read(range.start(), MemorySegment.ofArray(new byte[0])))
                    .isZero();
        }
    }

    @Test
    void anAccessEndsWhereTheShadowEndsOrAPageIsMissing() {
        AddressRange range = target.map(8);
        target.discard(range, 2, 2);
        try (Subscription subscription = get(SUBSYSTEM);
                Shadow snapshot = subscription.shadow(pages(range, 0, 4));
                Shadow high = subscription.shadow(pages(range, 4, 6))) {
            MemorySegment buffer = MemorySegment.ofArray(new byte[(int) (5 * PAGE)]);
            assertThat(snapshot.read(range.start() + 10, buffer)).isEqualTo(2 * PAGE - 10);
            assertThat(snapshot.write(range.start() + PAGE, buffer)).isEqualTo(PAGE);
            assertThat(high.read(range.start() + 4 * PAGE, buffer)).isEqualTo(2 * PAGE);
            assertThatThrownBy(() -> snapshot.read(range.start() + 2 * PAGE, buffer))
                    .isInstanceOf(MmuException.class)
                    .hasMessageContainingAll("0x" + Long.toHexString(range.start() + 2 * PAGE), "SNAPSHOT");
            assertThatThrownBy(() -> snapshot.write(range.start() + 2 * PAGE, buffer))
                    .isInstanceOf(MmuException.class);
            for (long wrong : new long[] {range.start() - 1, range.start() + 4 * PAGE, 0, -1}) {
                assertThatThrownBy(() -> snapshot.read(wrong, buffer))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("0x" + Long.toHexString(wrong));
                assertThatThrownBy(() -> snapshot.write(wrong, buffer)).isInstanceOf(IllegalArgumentException.class);
                assertThatThrownBy(() -> snapshot.lookup(wrong, new ShadowEntry()))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("0x" + Long.toHexString(wrong));
            }
            assertThatThrownBy(() -> snapshot.read(range.start(), buffer.asReadOnly()))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("read-only");
        }
    }

    @Test
    void theModeDecidesWhatAnAccessMayBringIn() {
        AddressRange range = target.map(6);
        target.discard(range, 0, 2);
        target.protect(range, 4, 2, false);
        MemorySegment buffer = MemorySegment.ofArray(new byte[4]);
        try (Subscription subscription = get(SUBSYSTEM)) {
            try (Shadow read = subscription.shadow(range, ShadowMode.READ)) {
                buffer.fill((byte) 5);
                assertThat(read.read(range.start(), buffer)).isEqualTo(4);
                assertThat(buffer.toArray(ValueLayout.JAVA_BYTE)).containsOnly(0);
                assertThat(present(read, 0).isWritable()).isFalse();
                assertThatThrownBy(() -> read.write(range.start(), buffer))
                        .isInstanceOf(MmuException.class)
                        .hasMessageContainingAll("0x" + Long.toHexString(range.start()), "READ");
                assertThat(read.write(range.start() + 2 * PAGE, buffer))
                        .as("writable as it is")
                        .isEqualTo(4);
            }
            try (Shadow write = subscription.shadow(range, ShadowMode.WRITE)) {
                assertThat(write.write(range.start(), segment("abcd"))).isEqualTo(4);
                assertThat(target.text(range, 0, 4)).isEqualTo("abcd");
                assertThatThrownBy(() -> write.write(range.start() + 4 * PAGE, buffer))
                        .isInstanceOf(MmuException.class)
                        .hasMessageContaining("not writable");
                assertThat(write.read(range.start() + 4 * PAGE, buffer)).isEqualTo(4);
            }
        }
    }

    // ---------------------------------------------------------------------------------------------------- its end

    @Test
    void whatIsClosedHasNoEntriesAndItsRangeIsFree() {
        AddressRange range = target.map(4);
        try (Subscription subscription = watch(RING, range)) {
            Shadow first = subscription.shadow(range);
            refresh(first);
            ShadowEntry entry = present(first, 0);
            target.discard(range, 1, 1);
            first.close();

            assertThat(first.isEnded()).isTrue();
            assertThat(first.isValid(entry)).isFalse();
            assertThat(lookup(first, 0).isPresent()).isFalse();
            assertThat(first.statistics().dropped()).isEqualTo(1);
            assertThat(first.statistics().present()).isZero();
            MemorySegment buffer = MemorySegment.ofArray(new byte[1]);
            for (Runnable use : List.<Runnable>of(
                    first::refresh,
                    () -> first.refresh(range),
                    () -> first.tryRefresh(range),
                    () -> first.read(range.start(), buffer),
                    () -> first.write(range.start(), buffer))) {
                assertThatThrownBy(use::run)
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessageContaining("closed");
            }

            try (Shadow second = subscription.shadow(range)) {
                drain(subscription);
                assertThat(refresh(second)).isEqualTo(found(3, 3, 3));
                first.close();
                present(second, 0);
                assertThat(first.isValid(entry)).isFalse();
                assertThat(lookup(first, 0).isPresent()).isFalse();
                assertThatThrownBy(first::refresh).isInstanceOf(IllegalStateException.class);
                target.discard(range, 0, 4);
                assertThat(shadowed(subscription)).isEqualTo(3);
            }
        }
    }

    @Test
    void theDetachEndsItsShadowsAndNoOthers() {
        AddressRange range = target.map(4);
        try (Subscription first = get(SUBSYSTEM);
                Subscription second = get(SUBSYSTEM);
                Shadow other = second.shadow(range)) {
            Shadow shadow = first.shadow(range);
            refresh(shadow);
            refresh(other);
            ShadowEntry entry = present(shadow, 0);
            first.detach();

            assertThat(shadow.isEnded()).isTrue();
            assertThat(shadow.isValid(entry)).isFalse();
            assertThat(lookup(shadow, 0).isPresent()).isFalse();
            assertThat(lookup(shadow, 0).isDropped()).isTrue();
            assertThat(shadow.statistics().present()).isZero();
            assertThatThrownBy(shadow::refresh)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("detached");
            assertThatThrownBy(() -> shadow.read(range.start(), MemorySegment.ofArray(new byte[1])))
                    .isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(() -> first.shadow(range)).isInstanceOf(IllegalStateException.class);
            shadow.close();
            assertThat(lookup(shadow, 0).isPresent()).isFalse();
            assertThat(shadow.isEnded()).isTrue();
            present(other, 0);
            assertThat(other.isEnded()).isFalse();
        }
    }

    @Test
    void whatIsClosedWithItsSubscriptionOrItsMmuHasNoEntries() {
        AddressRange range = target.map(4);
        Mmu another = openMmu();
        Subscription closed = another.subsystem(SUBSYSTEM).get(target.addressSpace());
        Subscription forgotten = another.subsystem(SUBSYSTEM).get(target.addressSpace());
        Shadow first = refreshed(closed.shadow(range));
        Shadow second = refreshed(forgotten.shadow(range));
        ShadowEntry ofFirst = present(first, 0);
        ShadowEntry ofSecond = present(second, 0);
        closed.close();
        assertThat(first.isValid(ofFirst)).isFalse();
        assertThat(lookup(first, 0).isPresent()).isFalse();
        assertThat(second.isValid(ofSecond)).isTrue();
        another.close();

        assertThat(second.isValid(ofSecond)).isFalse();
        assertThat(List.of(first, second)).allMatch(Shadow::isEnded);
        for (int i = 0; i < 4; i++) {
            assertThat(lookup(first, i).isPresent() || lookup(second, i).isPresent())
                    .isFalse();
        }
        assertThat(first.statistics().present()).isZero();
        assertThatThrownBy(first::refresh).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> closed.shadow(range)).isInstanceOf(IllegalStateException.class);
        first.close();
        second.close();
        mmu.synchronize();
        assertThat(since().liveSpaces()).isZero();
    }

    // ---------------------------------------------------------------------------------------------------- misuse

    @Test
    void whatOverlapsIsRefusedOnTheSameSubscription() {
        AddressRange range = target.map(8);
        try (Subscription subscription = get(SUBSYSTEM);
                Subscription another = get(SUBSYSTEM);
                Shadow shadow = subscription.shadow(pages(range, 2, 6))) {
            for (AddressRange wrong :
                    List.of(range, pages(range, 0, 3), pages(range, 5, 8), pages(range, 3, 4), pages(range, 2, 6))) {
                assertThatThrownBy(() -> subscription.shadow(wrong))
                        .isInstanceOf(MmuException.class)
                        .hasMessageContainingAll(
                                wrong.toString(), shadow.range().toString(), "overlaps");
            }
            try (Shadow before = subscription.shadow(pages(range, 0, 2));
                    Shadow after = subscription.shadow(pages(range, 6, 8));
                    Shadow others = another.shadow(range)) {
                assertThat(refresh(before)).isEqualTo(found(2, 2, 2));
                assertThat(refresh(after)).isEqualTo(found(2, 2, 2));
                assertThat(refresh(others)).isEqualTo(found(8, 8, 8));
            }
        }
    }

    @Test
    void rangesThatCannotBeShadowedAreRefused() {
        AddressRange range = target.map(2);
        try (Subscription subscription = get(SUBSYSTEM)) {
            for (AddressRange wrong : List.of(
                    new AddressRange(range.start() + 1, range.end()),
                    new AddressRange(range.start(), range.end() - 8))) {
                assertThatThrownBy(() -> subscription.shadow(wrong))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContainingAll(wrong.toString(), "4096");
            }
            AddressRange beyond = new AddressRange(0x7fff_ffff_e000L, 0x8000_0000_0000L);
            assertThatThrownBy(() -> subscription.shadow(beyond))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining(beyond.toString());
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment own = arena.allocate(64);
                assertThatThrownBy(() -> subscription.shadow(own, ShadowMode.SNAPSHOT))
                        .as("of this JVM, and the subscription is on another process")
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("native memory");
            }
            assertThatThrownBy(() -> subscription.shadow(MemorySegment.ofArray(new byte[64]), ShadowMode.SNAPSHOT))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("heap");
        }
    }

    @Test
    void anEntryIsAskedOfTheShadowThatItWasLookedUpIn() {
        AddressRange range = target.map(4);
        try (Subscription subscription = get(SUBSYSTEM);
                Shadow first = subscription.shadow(pages(range, 0, 2));
                Shadow second = subscription.shadow(pages(range, 2, 4))) {
            refresh(first);
            refresh(second);
            ShadowEntry entry = present(first, 0);
            assertThatThrownBy(() -> second.isValid(entry))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining(second.range().toString());
            assertThatThrownBy(() -> first.isValid(new ShadowEntry())).isInstanceOf(IllegalArgumentException.class);
            second.lookup(range.start() + 2 * PAGE, entry);
            assertThat(second.isValid(entry)).isTrue();
        }
    }

    @Test
    void theLimitsAreSaidAndWhatIsClosedComesBack() {
        int limit = mmu.capabilities().limits().shadowPagesPerSubscription();
        try (Subscription subscription = get(SUBSYSTEM)) {
            AddressRange somewhere = new AddressRange(1L << 40, 1L << 41);
            AddressRange large = new AddressRange(1L << 40, (1L << 40) + (limit + 1L) * PAGE);
            assertThatThrownBy(() -> subscription.shadow(large))
                    .isInstanceOf(MmuException.class)
                    .hasMessageContainingAll(large.toString(), Integer.toString(limit));

            List<Shadow> shadows = new ArrayList<>();
            MmuException refusal = null;
            int most = mmu.capabilities().limits().shadowsPerSubscription();
            for (int i = 0; i <= most && refusal == null; i++) {
                try {
                    shadows.add(subscription.shadow(pages(somewhere, 2 * i, 2 * i + 1)));
                } catch (MmuException e) {
                    refusal = e;
                }
            }
            assertThat(refusal).hasMessageContaining("as many as they may be");
            assertThat(shadows).hasSize(most).hasSizeBetween(2, 256);
            shadows.getFirst().close();
            shadows.getLast().close();
            AddressRange rest = new AddressRange(1L << 41, (1L << 41) + (limit - shadows.size() + 2L) * PAGE);
            assertThat(subscription.shadow(rest).isEnded()).isFalse();
            assertThatThrownBy(() -> subscription.shadow(new AddressRange(1L << 42, (1L << 42) + PAGE)))
                    .as("all pages are taken")
                    .isInstanceOf(MmuException.class);
        }
    }

    /** However they are spread over subscriptions; another subsystem has room of its own. */
    @Test
    void theSubscriptionsOfASubsystemShareTheRoomThatItHas() {
        AddressRange mapping = target.map(4);
        long each = mmu.capabilities().limits().shadowPagesPerSubscription();
        AddressRange most = new AddressRange(1L << 40, (1L << 40) + each * PAGE);
        List<Subscription> full = new ArrayList<>();
        try (Subscription refused = get(SUBSYSTEM);
                Subscription elsewhere = get(SUBSYSTEM + "-2")) {
            MmuException refusal = null;
            while (refusal == null && full.size() < 16) {
                full.add(get(SUBSYSTEM));
                try {
                    assertThat(full.getLast().shadow(most).isEnded()).isFalse();
                } catch (MmuException e) {
                    refusal = e;
                }
            }
            assertThat(refusal).hasMessageContainingAll(most.toString(), "as many pages together as they may");
            assertThat(full).hasSizeGreaterThan(2);
            assertThatThrownBy(() -> refused.shadow(most))
                    .isInstanceOf(MmuException.class)
                    .hasMessageContaining("as many pages together as they may");
            assertThat(elsewhere.shadow(most).isEnded()).isFalse();

            // What is refused changes nothing, and what is closed comes back.
            full.removeFirst().close();
            try (Shadow shadow = refused.shadow(mapping)) {
                assertThat(refresh(shadow)).isEqualTo(found(4, 4, 4));
                target.discard(mapping, 0, 1);
                assertThat(lookup(shadow, 0).isDropped()).isTrue();
                assertThat(refresh(shadow).gone()).isEqualTo(1);
            }
        } finally {
            full.forEach(Subscription::close);
        }
    }

    // ------------------------------------------------------------------------------------------------ other threads

    private static final class Round {
        final ShadowEntry entry = new ShadowEntry();
        volatile boolean over;
    }

    /** Who looks entries up, and who refreshes, while the target takes pages away and writes to new ones. */
    @Test
    void noEntryOfBeforeTheCallIsValidAfterIt() throws Exception {
        AddressRange range = target.map(4);
        try (Subscription subscription = get(SUBSYSTEM);
                Shadow shadow = subscription.shadow(range)) {
            refresh(shadow);
            Round[] present = {new Round()};
            assertThat(shadow.lookup(range.start(), present[0].entry)).isTrue();
            Object lock = new Object();
            List<FutureTask<Integer>> tasks = new ArrayList<>();
            for (int i = 0; i < 2; i++) {
                tasks.add(new FutureTask<>(() -> {
                    int wrong = 0;
                    while (true) {
                        Round round;
                        synchronized (lock) {
                            round = present[0];
                        }
                        if (round == null) {
                            return wrong;
                        }
                        // Looked at first: if the call is over, the entry has gone.
                        boolean over = round.over;
                        if (over && shadow.isValid(round.entry)) {
                            wrong++;
                        }
                    }
                }));
            }
            tasks.add(new FutureTask<>(() -> {
                int mismatched = 0;
                while (true) {
                    synchronized (lock) {
                        if (present[0] == null) {
                            return mismatched;
                        }
                    }
                    mismatched += (int) shadow.refresh().mismatched();
                }
            }));
            tasks.forEach(Thread.ofPlatform()::start);
            for (int i = 0; i < 200; i++) {
                Round round = present[0];
                target.discardAndWrite(range);
                round.over = true;
                assertThat(shadow.isValid(round.entry)).isFalse();
                Round next = new Round();
                do {
                    shadow.refresh();
                } while (!shadow.lookup(range.start(), next.entry));
                synchronized (lock) {
                    present[0] = next;
                }
            }
            synchronized (lock) {
                present[0] = null;
            }
            for (FutureTask<Integer> task : tasks) {
                assertThat(task.get()).isZero();
            }
            assertThat(shadow.statistics().mismatched()).isZero();
        }
    }

    /** In use by other threads while it is closed, detached and closed with all: none reads what is not there. */
    @Test
    void itMayEndWhileOthersUseIt() throws Exception {
        AddressRange range = target.map(4);
        for (int round = 0; round < 24; round++) {
            Subscription subscription = get(SUBSYSTEM);
            Shadow shadow = refreshed(subscription.shadow(range));
            List<FutureTask<Boolean>> users = new ArrayList<>();
            for (int i = 0; i < 2; i++) {
                users.add(new FutureTask<>(() -> {
                    ShadowEntry entry = new ShadowEntry();
                    while (!shadow.isEnded()) {
                        if (shadow.lookup(range.start() + PAGE, entry)) {
                            shadow.isValid(entry);
                        }
                        shadow.statistics();
                    }
                    // Ended, and no entry comes after that.
                    return !shadow.lookup(range.start() + PAGE, entry) && !shadow.isValid(entry);
                }));
            }
            users.add(new FutureTask<>(() -> {
                MemorySegment buffer = MemorySegment.ofArray(new byte[8]);
                try {
                    while (true) {
                        shadow.refresh();
                        shadow.read(range.start(), buffer);
                    }
                } catch (IllegalStateException e) {
                    return true;
                }
            }));
            users.forEach(Thread.ofPlatform()::start);
            switch (round % 3) {
                case 0 -> shadow.close();
                case 1 -> subscription.detach();
                default -> subscription.close();
            }
            for (FutureTask<Boolean> user : users) {
                assertThat(user.get()).isTrue();
            }
            shadow.close();
            subscription.close();
        }
    }

    @Test
    void lookingUpAllocatesNothing() {
        AddressRange range = target.map(4);
        try (Subscription subscription = get(SUBSYSTEM);
                Shadow shadow = subscription.shadow(range)) {
            refresh(shadow);
            ShadowEntry entry = new ShadowEntry();
            long[] valid = new long[1];
            Garbage.assertNone(() -> {
                for (int i = 0; i < Garbage.ROUNDS; i++) {
                    boolean found = shadow.lookup(range.start() + (i & 3) * PAGE, entry);
                    valid[0] += found && shadow.isValid(entry) ? 1 : 0;
                }
            });

            assertThat(valid[0]).isPositive();
        }
    }
}
