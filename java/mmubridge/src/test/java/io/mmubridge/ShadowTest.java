// SPDX-License-Identifier: Apache-2.0
package io.mmubridge;

import static io.mmubridge.backend.BackendShadow.ACCESSED;
import static io.mmubridge.backend.BackendShadow.DIRTY;
import static io.mmubridge.backend.BackendShadow.DROPPED;
import static io.mmubridge.backend.BackendShadow.GENERATION_SHIFT;
import static io.mmubridge.backend.BackendShadow.HUGE;
import static io.mmubridge.backend.BackendShadow.PRESENT;
import static io.mmubridge.backend.BackendShadow.WRITABLE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmubridge.backend.BackendShadow;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a shadow makes of its words. */
@Timeout(60)
class ShadowTest {
    /** From the last page of a chunk to the first of the one after the next. */
    private static final long START = 0x1ff000;

    private static final int PAGES = 514;
    private static final AddressRange RANGE = new AddressRange(START, START + PAGES * 4096L);

    /** Words that the test sets. */
    private static final class Words implements BackendShadow {
        final long[] states = new long[PAGES];
        final long[] frames = new long[PAGES];
        final long[] dropped = new long[3];
        boolean hasFrames = true;

        /** Run once each, after a state word was loaded first. */
        final List<Runnable> meanwhile = new ArrayList<>();

        /** What is given to an access at most, and in how many parts it came. */
        long available;

        final List<Integer> parts = new ArrayList<>();

        @Nullable
        RuntimeException refusal;

        @Override
        public boolean hasFrames() {
            return hasFrames;
        }

        @Override
        public long stateAcquire(int page) {
            long state = states[page];
            if (!meanwhile.isEmpty()) {
                meanwhile.removeFirst().run();
            }
            return state;
        }

        @Override
        public long state(int page) {
            return states[page];
        }

        @Override
        public long frame(int page) {
            if (!hasFrames) {
                throw new AssertionError("there are none");
            }
            return frames[page];
        }

        @Override
        public long dropped(int chunk) {
            return dropped[chunk];
        }

        @Override
        public boolean isEnded() {
            return false;
        }

        @Override
        public ShadowStatistics statistics() {
            throw new UnsupportedOperationException();
        }

        @Override
        public ShadowChanges refresh(long start, long end, boolean wait) {
            throw new UnsupportedOperationException();
        }

        @Override
        public int read(long address, ByteBuffer into) {
            int done = (int) Math.min(available, into.limit());
            if (done == 0 && refusal != null) {
                throw refusal;
            }
            for (int i = 0; i < done; i++) {
                into.put(i, (byte) (address + i));
            }
            available -= done;
            parts.add(done);
            return done;
        }

        @Override
        public int write(long address, ByteBuffer from) {
            parts.add(from.limit());
            return from.limit();
        }

        @Override
        public void remove() {}
    }

    private final Words words = new Words();
    private final Shadow shadow = new Shadow(words, RANGE, ShadowMode.SNAPSHOT);
    private final ShadowEntry entry = new ShadowEntry();

    private static long word(long generation, long bits) {
        return (generation << GENERATION_SHIFT) | bits;
    }

    private boolean lookup(int page) {
        return shadow.lookup(START + page * 4096L, entry);
    }

    @Test
    void anEntryIsPresentIfItsGenerationIsGreaterThanItsChunksWord() {
        for (int page : new int[] {0, 1, 512, 513}) {
            int chunk = page == 0 ? 0 : page == 513 ? 2 : 1;
            words.states[page] = word(7, PRESENT | WRITABLE | HUGE);
            words.frames[page] = 42L + page;
            words.dropped[chunk] = 6;
            assertThat(lookup(page)).isTrue();
            assertThat(entry.frame()).isEqualTo(42L + page);
            assertThat(entry.generation()).isEqualTo(7);
            assertThat(entry.isWritable() && entry.isHuge() && !entry.isDropped())
                    .isTrue();
            assertThat(shadow.isValid(entry)).isTrue();

            words.dropped[chunk] = 7;
            assertThat(shadow.isValid(entry)).isFalse();
            assertThat(lookup(page)).isFalse();
            assertThat(entry.isDropped()).isTrue();
            assertThat(entry.frame()).isEqualTo(ShadowEntry.NO_FRAME);
            // For good: the largest unsigned number.
            words.dropped[chunk] = -1;
            assertThat(lookup(page)).isFalse();
        }
    }

    @Test
    void whatWasIsToldOfWhatIsNot() {
        assertThat(lookup(3)).isFalse();
        assertThat(entry.isDropped()).isFalse();
        words.states[3] = word(9, DROPPED | WRITABLE | DIRTY | ACCESSED);
        assertThat(lookup(3)).isFalse();
        assertThat(entry.isDropped() && entry.isWritable() && entry.isDirty() && entry.isAccessed())
                .isTrue();
        assertThat(shadow.isValid(entry)).isFalse();
    }

    @Test
    void anAccessThroughTheShadowLeavesAnEntryValid() {
        words.states[1] = word(1, PRESENT);
        assertThat(lookup(1)).isTrue();
        words.states[1] |= ACCESSED | DIRTY;
        assertThat(shadow.isValid(entry)).isTrue();
        words.states[1] |= WRITABLE;
        assertThat(shadow.isValid(entry)).isFalse();
    }

    /** Whatever comes between the two loads of a state word, the frame is that of the word that is told. */
    @Test
    void aWordThatChangesMeanwhileIsLoadedAgain() {
        words.states[1] = word(1, PRESENT);
        words.frames[1] = 10;
        words.meanwhile.add(() -> {
            words.frames[1] = 11;
            words.states[1] = word(3, PRESENT | WRITABLE);
        });
        words.meanwhile.add(() -> words.states[1] |= ACCESSED);
        assertThat(lookup(1)).isTrue();
        assertThat(entry.frame()).isEqualTo(11);
        assertThat(entry.generation()).isEqualTo(3);

        words.meanwhile.add(() -> words.states[1] = word(4, DROPPED));
        assertThat(lookup(1)).isFalse();
        assertThat(entry.isDropped()).isTrue();
        assertThat(words.meanwhile).isEmpty();
    }

    @Test
    void framesAreNotAskedForWhereThereAreNone() {
        words.hasFrames = false;
        words.states[1] = word(1, PRESENT);
        assertThat(lookup(1)).isTrue();
        assertThat(entry.frame()).isEqualTo(ShadowEntry.NO_FRAME);
        assertThat(entry.toString()).contains("0x200000", "generation 1").doesNotContain("frame");
    }

    @Test
    void noWordIsLoadedOfWhatIsOutside() {
        for (long address : new long[] {START - 1, RANGE.end(), 0, -1, Long.MIN_VALUE}) {
            assertThatThrownBy(() -> shadow.lookup(address, entry))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContainingAll("0x" + Long.toHexString(address), RANGE.toString());
        }
        assertThatThrownBy(() -> shadow.isValid(entry)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void anAccessGoesOnUntilSomethingIsMissing() {
        MemorySegment segment = MemorySegment.ofArray(new int[100]);
        words.available = 1000;
        assertThat(shadow.read(START, segment)).isEqualTo(400);
        words.available = 150;
        assertThat(shadow.read(START + 1, segment)).isEqualTo(150);
        words.refusal = new MmuException("no page");
        assertThatThrownBy(() -> shadow.read(START, segment)).isSameAs(words.refusal);
        assertThat(shadow.write(RANGE.end() - 10, segment)).isEqualTo(10);
        assertThat(words.parts).containsExactly(400, 150, 10);
    }

    /** More than one buffer can have. */
    @Test
    void aLargeAccessComesInParts() {
        AddressRange huge = new AddressRange(START, START + (1L << 33));
        Shadow large = new Shadow(words, huge, ShadowMode.SNAPSHOT);
        MemorySegment untouched = MemorySegment.NULL.reinterpret(3L << 30);
        assertThat(large.write(START, untouched)).isEqualTo(3L << 30);
        assertThat(words.parts).containsExactly(1 << 30, 1 << 30, 1 << 30);
    }

    @Test
    void thePagesOfASegmentAreThoseThatItTouches() {
        assertThat(Shadow.pages(new AddressRange(0x1fff, 0x2001))).isEqualTo(new AddressRange(0x1000, 0x3000));
        assertThat(Shadow.pages(new AddressRange(0x1000, 0x3000))).isEqualTo(new AddressRange(0x1000, 0x3000));
        try (Arena arena = Arena.ofConfined()) {
            AddressRange range = Shadow.pages(AddressRange.of(arena.allocate(4096)));
            assertThat(range.isNative()).isTrue();
            assertThat(range.end() - range.start()).isBetween(4096L, 8192L);
        }
    }
}
