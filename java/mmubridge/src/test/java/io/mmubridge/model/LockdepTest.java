// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class LockdepTest {
    private static final LockClass OUTER = LockClass.sleeping("outer");
    private static final LockClass INNER = LockClass.sleeping("inner");
    private static final LockClass INNERMOST = LockClass.sleeping("innermost");
    private static final LockClass SPIN = LockClass.spinning("spin");

    private final Lockdep lockdep = Lockdep.on();
    private final ExclusiveLock outer = new ExclusiveLock(lockdep, OUTER);
    private final ExclusiveLock inner = new ExclusiveLock(lockdep, INNER);
    private final ExclusiveLock innermost = new ExclusiveLock(lockdep, INNERMOST);
    private final ExclusiveLock spin = new ExclusiveLock(lockdep, SPIN);
    private final Srcu srcu = new Srcu(lockdep, failure -> {}, Runnable::run);

    private static void nest(ExclusiveLock first, ExclusiveLock second) {
        first.lock();
        try {
            second.lock();
            second.unlock();
        } finally {
            first.unlock();
        }
    }

    @Test
    void oneOrderIsSound() {
        nest(outer, inner);
        nest(outer, inner);
        nest(inner, innermost);
        nest(outer, innermost);

        assertThat(lockdep.errors()).isEmpty();
        lockdep.assertNothingHeld();
    }

    @Test
    void twoInACircle() {
        nest(outer, inner);

        assertThatThrownBy(() -> nest(inner, outer))
                .isInstanceOf(LockOrderError.class)
                .hasMessageContaining("outer is taken with inner held")
                .hasMessageContaining("outer > inner");
        assertThat(lockdep.errors()).hasSize(1);
        assertThat(outer.isHeld()).isFalse();
        lockdep.assertNothingHeld();
    }

    @Test
    void threeInACircle() {
        nest(outer, inner);
        nest(inner, innermost);

        assertThatThrownBy(() -> nest(innermost, outer))
                .isInstanceOf(LockOrderError.class)
                .hasMessageContaining("outer > inner > innermost");
    }

    @Test
    void theOrderIsLearnedFromEveryThread() {
        CompletableFuture.runAsync(() -> nest(outer, inner)).join();

        assertThatThrownBy(() -> nest(inner, outer)).isInstanceOf(LockOrderError.class);
    }

    @Test
    void whatAnotherThreadHoldsIsNoMatter() {
        outer.lock();
        try {
            CompletableFuture.runAsync(() -> nest(inner, innermost)).join();
        } finally {
            outer.unlock();
        }
        // Had outer been taken for held there, this would close a circle.
        nest(innermost, outer);
        assertThat(lockdep.errors()).isEmpty();
    }

    @Test
    void twoOfAClass() {
        ExclusiveLock another = new ExclusiveLock(lockdep, OUTER);

        assertThatThrownBy(() -> nest(outer, another))
                .isInstanceOf(LockOrderError.class)
                .hasMessageContaining("holds one of that class");
        assertThatThrownBy(() -> nest(outer, outer)).isInstanceOf(LockOrderError.class);
    }

    @Test
    void severalOfAClassUnderAnOuterLock() {
        ExclusiveLock another = new ExclusiveLock(lockdep, INNER);
        outer.lock();
        inner.lockNested(outer);
        another.lockNested(outer);
        // In any order.
        inner.unlock();
        another.unlock();
        outer.unlock();
        assertThat(lockdep.errors()).isEmpty();
        lockdep.assertNothingHeld();

        inner.lock();
        assertThatThrownBy(() -> another.lockNested(outer)).isInstanceOf(LockOrderError.class);
        inner.unlock();
    }

    @Test
    void semaphoresTakePartWhetherForReadingOrWriting() {
        RwSemaphore semaphore = new RwSemaphore(lockdep, LockClass.MMAP_LOCK);
        semaphore.lockRead();
        outer.lock();
        outer.unlock();
        semaphore.unlockRead();

        outer.lock();
        assertThatThrownBy(semaphore::lockWrite).isInstanceOf(LockOrderError.class);
        assertThatThrownBy(semaphore::mightLock).isInstanceOf(LockOrderError.class);
        outer.unlock();

        semaphore.lockRead();
        assertThatThrownBy(semaphore::lockRead).isInstanceOf(LockOrderError.class);
        semaphore.unlockRead();
        lockdep.assertNothingHeld();
    }

    @Test
    void noSleepWithASpinlockHeld() {
        spin.lock();
        assertThatThrownBy(lockdep::mightSleep)
                .isInstanceOf(LockOrderError.class)
                .hasMessageContaining("atomic");
        assertThatThrownBy(outer::lock)
                .isInstanceOf(LockOrderError.class)
                .hasMessageContaining("to take outer in atomic context");
        spin.unlock();
        lockdep.mightSleep();
        nest(outer, spin);
    }

    @Test
    void noSleepInWhatIsNotBlockable() {
        lockdep.nonBlockStart();
        lockdep.nonBlockStart();
        lockdep.nonBlockEnd();
        assertThatThrownBy(lockdep::mightSleep)
                .isInstanceOf(LockOrderError.class)
                .hasMessageContaining("not blockable");
        assertThatThrownBy(outer::lock).isInstanceOf(LockOrderError.class);
        spin.lock();
        spin.unlock();
        lockdep.nonBlockEnd();
        lockdep.mightSleep();
    }

    @Test
    void sectionsNest() {
        int first = srcu.readLock();
        int second = srcu.readLock();
        outer.lock();
        int third = srcu.readLock();
        srcu.readUnlock(first);
        outer.unlock();
        srcu.readUnlock(third);
        srcu.readUnlock(second);

        assertThat(lockdep.errors()).isEmpty();
        lockdep.assertNothingHeld();
    }

    /** Nobody waits to enter one. */
    @Test
    void toEnterASectionOrdersNothing() {
        outer.lock();
        srcu.readUnlock(srcu.readLock());
        outer.unlock();

        int section = srcu.readLock();
        outer.lock();
        outer.unlock();
        srcu.readUnlock(section);
        assertThat(lockdep.errors()).isEmpty();
    }

    @Test
    void whoeverWaitsForHisOwnSection() {
        int section = srcu.readLock();
        assertThatThrownBy(srcu::synchronize)
                .isInstanceOf(LockOrderError.class)
                .hasMessageContaining("would wait for itself");
        srcu.readUnlock(section);
        srcu.synchronize();
    }

    /** The reader waits for the lock, and who holds it for the reader. */
    @Test
    void whoeverWaitsForSectionsThatTakeHisLock() {
        int section = srcu.readLock();
        nest(outer, inner);
        srcu.readUnlock(section);

        inner.lock();
        assertThatThrownBy(srcu::synchronize)
                .isInstanceOf(LockOrderError.class)
                .hasMessageContaining("srcu is taken with inner held")
                .hasMessageContaining("srcu > inner");
        inner.unlock();
    }

    @Test
    void whatIsTakenInSectionsMustNotWaitForThem() {
        inner.lock();
        srcu.synchronize();
        inner.unlock();

        int section = srcu.readLock();
        assertThatThrownBy(inner::lock).isInstanceOf(LockOrderError.class);
        srcu.readUnlock(section);
    }

    @Test
    void whatMustBeHeld() {
        assertThatThrownBy(() -> lockdep.assertHeld(outer)).isInstanceOf(LockOrderError.class);
        outer.lock();
        lockdep.assertHeld(outer);
        assertThatThrownBy(lockdep::assertNothingHeld)
                .isInstanceOf(LockOrderError.class)
                .hasMessageContaining("outer");
        outer.unlock();
        assertThatThrownBy(() -> lockdep.release(outer)).isInstanceOf(LockOrderError.class);
    }

    @Test
    void offItChecksNothing() {
        Lockdep off = Lockdep.off();
        ExclusiveLock one = new ExclusiveLock(off, OUTER);
        ExclusiveLock other = new ExclusiveLock(off, SPIN);
        nest(one, other);
        nest(other, one);
        off.release(one);
        assertThat(off.errors()).isEmpty();
    }

    /** With or without a checker the kernel's thread would hang. */
    @Test
    void evenThenWhatCannotEndIsABug() {
        ExclusiveLock lock = new ExclusiveLock(Lockdep.off(), OUTER);
        lock.lock();
        assertThatThrownBy(lock::lock).isInstanceOf(KernelBugError.class);

        RwSemaphore semaphore = new RwSemaphore(Lockdep.off(), OUTER);
        semaphore.lockWrite();
        assertThatThrownBy(semaphore::lockRead).isInstanceOf(KernelBugError.class);
        assertThatThrownBy(semaphore::lockWrite).isInstanceOf(KernelBugError.class);
    }
}
