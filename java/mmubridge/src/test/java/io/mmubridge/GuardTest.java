// SPDX-License-Identifier: Apache-2.0
package io.mmubridge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmubridge.backend.BackendGuard;
import io.mmubridge.contract.Garbage;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.FutureTask;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a guard makes of its word. */
@Timeout(60)
class GuardTest {
    /** A slot whose word the test sets. */
    private static final class Slot implements BackendGuard {
        volatile long word = 2;
        volatile boolean ended;

        /** Run once, before a word is given. */
        volatile @Nullable Runnable meanwhile;

        @Override
        public long word() {
            Runnable first = meanwhile;
            if (first != null) {
                meanwhile = null;
                first.run();
            }
            return word;
        }

        @Override
        public boolean isEnded() {
            return ended;
        }

        @Override
        public InvalidationEvent.@Nullable Snapshot invalidation() {
            return null;
        }

        @Override
        public void remove() {
            ended = true;
        }
    }

    private final Slot slot = new Slot();

    private Guard guard() {
        return new Guard(slot, new AddressRange(0, 4096), Set.of());
    }

    /** Those that libmmubridge puts in place of closed ones among them. */
    @Test
    void noOddWordIsValid() {
        for (long word : new long[] {1, 3, Long.MIN_VALUE | 1, -1}) {
            slot.word = word;
            assertThat(guard().isValid()).as(Long.toHexString(word)).isFalse();
        }
    }

    @Test
    void amidAnInvalidationItIsNotValidByItself() throws InterruptedException {
        slot.word = 3;
        Guard guard = guard();
        assertThat(guard.isValid()).isFalse();
        assertThat(guard.awaitValid(Duration.ZERO)).isFalse();
        assertThat(guard.awaitValid(Duration.ofMillis(1))).isFalse();
        slot.word = 4;
        assertThat(guard.isValid())
                .as("who has not awaited it may have made something before")
                .isFalse();

        assertThat(guard.awaitValid(Duration.ZERO)).isTrue();
        assertThat(guard.isValid()).isTrue();
        slot.word = 6;
        assertThat(guard.isValid()).isFalse();
        assertThat(guard.awaitValid(Duration.ofDays(1))).isFalse();
    }

    /** The first has made something, which changed, when the second comes round to look at the word. */
    @Test
    void ofTwoWhoAwaitItTheFirstDecidesWithWhichWordItIsValid() throws InterruptedException {
        slot.word = 3;
        Guard guard = guard();
        slot.word = 4;
        slot.meanwhile = () -> {
            assertThat(awaited(guard)).isTrue();
            slot.word = 6;
        };

        assertThat(guard.awaitValid(Duration.ZERO)).isFalse();
        assertThat(guard.isValid()).isFalse();
    }

    private static boolean awaited(Guard guard) {
        try {
            return guard.awaitValid(Duration.ZERO);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void whoWaitsIsParkedAndSeesTheEnd() throws Exception {
        slot.word = 3;
        Guard guard = guard();
        FutureTask<Boolean> waiter = new FutureTask<>(() -> guard.awaitValid(Duration.ofDays(1)));
        Thread thread = Thread.ofPlatform().start(waiter);
        while (thread.getState() != Thread.State.TIMED_WAITING) {
            Thread.onSpinWait();
        }
        slot.word = 4;

        assertThat(waiter.get()).isTrue();
    }

    @Test
    void anInterruptEndsTheWaitAndNotTheGuard() throws Exception {
        slot.word = 3;
        Guard guard = guard();
        Thread.currentThread().interrupt();
        assertThatThrownBy(() -> guard.awaitValid(Duration.ofDays(1))).isInstanceOf(InterruptedException.class);
        slot.word = 4;

        assertThat(guard.awaitValid(Duration.ofDays(1))).isTrue();
    }

    @Test
    void theEndEndsTheWait() throws Exception {
        slot.word = 3;
        Guard guard = guard();
        FutureTask<Boolean> waiter = new FutureTask<>(() -> guard.awaitValid(Duration.ofDays(1)));
        Thread.ofPlatform().start(waiter);
        guard.close();

        assertThat(waiter.get()).isFalse();
    }

    @Test
    void onceItsSlotIsAnothersItTakesNoWordOfIt() throws InterruptedException {
        slot.word = 3;
        Guard guard = guard();
        guard.close();
        slot.word = 6;

        assertThat(guard.awaitValid(Duration.ofDays(1))).isFalse();
        assertThat(guard.renew().isValid()).isFalse();
        assertThat(guard.renew().awaitValid(Duration.ofDays(1))).isFalse();
    }

    /** A slot whose word is in native memory. */
    private record NativeSlot(MemorySegment memory) implements BackendGuard {
        @Override
        public long word() {
            return memory.get(ValueLayout.JAVA_LONG, 0);
        }

        @Override
        public long wordAddress() {
            return memory.address();
        }

        @Override
        public boolean isEnded() {
            return false;
        }

        @Override
        public InvalidationEvent.@Nullable Snapshot invalidation() {
            return null;
        }

        @Override
        public void remove() {}
    }

    @Test
    void aWordInNativeMemoryIsLookedAtThere() {
        MemorySegment memory = Arena.ofAuto().allocate(ValueLayout.JAVA_LONG);
        memory.set(ValueLayout.JAVA_LONG, 0, 2);
        Guard guard = new Guard(new NativeSlot(memory), new AddressRange(0, 4096), Set.of());
        assertThat(guard.isValid()).isTrue();
        memory.set(ValueLayout.JAVA_LONG, 0, 3);
        assertThat(guard.isValid()).isFalse();
        memory.set(ValueLayout.JAVA_LONG, 0, 4);
        assertThat(guard.isValid()).isFalse();
        assertThat(guard.renew().isValid()).isTrue();
    }

    @Test
    void checkingAllocatesNothing() {
        checkingAllocatesNothing(guard());
    }

    @Test
    void checkingNativeMemoryAllocatesNothing() {
        MemorySegment memory = Arena.ofAuto().allocate(ValueLayout.JAVA_LONG);
        memory.set(ValueLayout.JAVA_LONG, 0, 2);
        checkingAllocatesNothing(new Guard(new NativeSlot(memory), new AddressRange(0, 4096), Set.of()));
    }

    private static void checkingAllocatesNothing(Guard guard) {
        long[] valid = new long[1];
        Garbage.assertNone(() -> {
            for (int i = 0; i < Garbage.ROUNDS; i++) {
                valid[0] += guard.isValid() ? 1 : 0;
            }
        });

        assertThat(valid[0]).isPositive();
    }
}
