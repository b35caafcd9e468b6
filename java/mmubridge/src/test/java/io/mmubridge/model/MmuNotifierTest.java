// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class MmuNotifierTest {
    private static final long PAGE = 0x1000;

    /** SRCU callbacks run when the test says so. */
    private final Queue<Runnable> callbacks = new ArrayDeque<>();

    private final SrcuTest.Watched watched = new SrcuTest.Watched();
    private final SimulatedKernel kernel = kernel(KernelProfile.LINUX_6_1, true);
    private final MmStruct mm = new MmStruct(kernel);

    /** What was called, in order. */
    private final List<String> calls = new ArrayList<>();

    private final List<MmuNotifier> allocated = new ArrayList<>();
    private final List<MmuNotifier> freed = new ArrayList<>();

    private SimulatedKernel kernel(KernelProfile profile, boolean panicOnWarn) {
        return SimulatedKernel.builder()
                .profile(profile)
                .panicOnWarn(panicOnWarn)
                .lockdep(Lockdep.on())
                .srcu((lockdep, failures) -> new Srcu(lockdep, failures, callbacks::add, watched, 4))
                .build();
    }

    private void runCallbacks() {
        for (Runnable each = callbacks.poll(); each != null; each = callbacks.poll()) {
            each.run();
        }
    }

    private MmuNotifierOps.Builder ops(String name) {
        return MmuNotifierOps.builder(name)
                .notifiers(
                        space -> {
                            allocated.add(new MmuNotifier());
                            return allocated.getLast();
                        },
                        freed::add);
    }

    /** That writes all its calls down. */
    private MmuNotifierOps.Builder told(String name) {
        return ops(name)
                .release((notifier, space) -> calls.add(name + " release"))
                .invalidateRangeStart((notifier, range) -> calls.add(name + " start"))
                .invalidateRangeEnd((notifier, range) -> calls.add(name + " end"));
    }

    private MmuNotifier registered(MmuNotifierOps ops) {
        MmuNotifier notifier = new MmuNotifier(ops);
        MmuNotifier.register(notifier, mm);
        return notifier;
    }

    private MmuNotifierRange range() {
        return MmuNotifierRange.of(mm, MmuNotifierEvent.CLEAR, 0, PAGE);
    }

    private static MmuNotifierRange nonBlockable(MmStruct of) {
        return new MmuNotifierRange(of, MmuNotifierEvent.UNMAP, 0, PAGE, false);
    }

    private static Errno errno(Runnable call) {
        return catchThrowableOfType(ErrnoException.class, call::run).errno();
    }

    // ------------------------------------------------------------------------------------------------- get and put

    @Test
    void oneForEachKeyAndAddressSpace() {
        MmuNotifierOps one = ops("one").build();
        MmuNotifierOps other = ops("one").build();
        MmuNotifier notifier = MmuNotifier.get(one, mm);

        assertThat(notifier.mm()).isSameAs(mm);
        assertThat(notifier.ops()).isSameAs(one);
        assertThat(notifier.users()).isEqualTo(1);
        assertThat(MmuNotifier.get(one, mm)).isSameAs(notifier);
        assertThat(notifier.users()).isEqualTo(2);
        // Keys are compared by identity, not by what they say.
        assertThat(MmuNotifier.get(other, mm)).isNotSameAs(notifier);
        assertThat(MmuNotifier.get(one, new MmStruct(kernel))).isNotSameAs(notifier);
        assertThat(allocated).hasSize(3);
        assertThat(kernel.failures()).isEmpty();
    }

    @Test
    void usersAreCountedUpToTheLastUnsignedNumber() {
        MmuNotifierOps ops = ops("many").build();
        MmuNotifier notifier = MmuNotifier.get(ops, mm);
        notifier.users = -2;
        MmuNotifier.get(ops, mm);

        assertThat(errno(() -> MmuNotifier.get(ops, mm))).isEqualTo(Errno.EOVERFLOW);
        assertThat(notifier.users()).isEqualTo(-1);
        assertThat(mm.mmapLock().isWriteHeld()).isFalse();
        MmuNotifier.put(notifier);
        assertThat(MmuNotifier.get(ops, mm)).isSameAs(notifier);
    }

    @Test
    void theLastPutFreesOnceAndOnlyAfterTheReaders() throws Exception {
        MmuNotifierOps ops = ops("got").build();
        MmuNotifier notifier = MmuNotifier.get(ops, mm);
        MmuNotifier.get(ops, mm);
        MmuNotifier.put(notifier);
        assertThat(callbacks).isEmpty();

        int section = kernel.srcu().readLock();
        MmuNotifier.put(notifier);
        assertThat(notifier.users()).isZero();
        CompletableFuture<Void> srcu = CompletableFuture.runAsync(this::runCallbacks);
        watched.waits.await();
        assertThat(freed).isEmpty();
        assertThat(mm.count()).isEqualTo(2);

        kernel.srcu().readUnlock(section);
        srcu.join();
        assertThat(freed).containsExactly(notifier);
        assertThat(mm.count()).isEqualTo(1);
        assertThatThrownBy(notifier::users).isInstanceOf(UseAfterFreeError.class);
        assertThatThrownBy(() -> MmuNotifier.put(notifier)).isInstanceOf(UseAfterFreeError.class);
        assertThat(kernel.failures()).isEmpty();
    }

    @Test
    void aGetAfterTheLastPutMakesASecondOne() {
        MmuNotifierOps ops = ops("got").build();
        MmuNotifier first = MmuNotifier.get(ops, mm);
        MmuNotifier.put(first);
        MmuNotifier second = MmuNotifier.get(ops, mm);

        assertThat(second).isNotSameAs(first);
        assertThat(freed).isEmpty();
        runCallbacks();
        assertThat(freed).containsExactly(first);
        assertThat(second.users()).isEqualTo(1);
        MmuNotifier.put(second);
        runCallbacks();
        assertThat(freed).containsExactly(first, second);
    }

    @Test
    void releaseMayPut() {
        MmuNotifier.get(
                ops("puts")
                        .release((notifier, space) -> MmuNotifier.put(notifier))
                        .build(),
                mm);
        mm.put();

        assertThat(freed).isEmpty();
        runCallbacks();
        assertThat(freed).hasSize(1);
        assertThat(mm.count()).isZero();
        assertThat(kernel.failures()).isEmpty();
    }

    @Test
    void everyGetIsPutAfterTheEndToo() {
        MmuNotifier below = MmuNotifier.get(told("below").build(), mm);
        MmuNotifier head = MmuNotifier.get(told("head").build(), mm);
        mm.put();
        assertThat(calls).containsExactly("head release", "below release");
        assertThat(head.users()).isEqualTo(1);

        // Unlinked already: the list must not be taken apart twice.
        MmuNotifier.put(head);
        MmuNotifier.put(below);
        runCallbacks();
        assertThat(freed).containsExactly(head, below);
        assertThat(mm.count()).isZero();
        assertThat(calls).hasSize(2);
        assertThat(kernel.failures()).isEmpty();
    }

    /** {@code hlist_del_init_rcu()}, which may come twice: the second time must not link what stood behind. */
    @Test
    void whatTheEndHasUnlinkedStaysSo() {
        MmuNotifier below = MmuNotifier.get(told("below").build(), mm);
        MmuNotifier head = MmuNotifier.get(told("head").build(), mm);
        mm.put();
        MmuNotifier.put(head);
        MmuNotifier.invalidateRangeStart(range());

        assertThat(calls).containsExactly("head release", "below release");
        MmuNotifier.put(below);
    }

    @Test
    void onePutTooManyIsAWarningAndNothingElse() {
        MmuNotifierOps ops = ops("got").build();
        MmuNotifier notifier = MmuNotifier.get(ops, mm);
        MmuNotifier.put(notifier);
        assertThatThrownBy(() -> MmuNotifier.put(notifier)).isInstanceOf(KernelBugError.class);

        SimulatedKernel goesOn = kernel(KernelProfile.LINUX_6_1, false);
        MmuNotifier other = MmuNotifier.get(ops, new MmStruct(goesOn));
        MmuNotifier.put(other);
        MmuNotifier.put(other);
        assertThat(goesOn.failures()).singleElement().isInstanceOf(KernelBugError.class);
        runCallbacks();
        assertThat(freed).containsExactly(notifier, other);
    }

    @Test
    void whatAllocThrowsIsPassedOnAndNothingIsLeft() {
        MmuNotifierOps ops = MmuNotifierOps.builder("poor")
                .notifiers(
                        space -> {
                            throw new ErrnoException(Errno.ENOMEM, "none left");
                        },
                        freed::add)
                .build();

        assertThat(errno(() -> MmuNotifier.get(ops, mm))).isEqualTo(Errno.ENOMEM);
        assertThat(mm.count()).isEqualTo(1);
        assertThat(mm.mmapLock().isWriteHeld()).isFalse();
        assertThat(freed).isEmpty();
    }

    @Test
    void aSignalMakesTheGetFailAndFreesAtOnce() {
        Thread.currentThread().interrupt();
        try {
            assertThat(errno(() -> MmuNotifier.get(ops("got").build(), mm))).isEqualTo(Errno.EINTR);
        } finally {
            assertThat(Thread.interrupted()).isTrue();
        }
        assertThat(freed).isEqualTo(allocated).hasSize(1);
        assertThat(callbacks).isEmpty();
        assertThat(mm.count()).isEqualTo(1);
        assertThat(mm.notifierSubscriptions()).isNull();

        MmuNotifier.get(ops("got").build(), mm);
        assertThat(kernel.failures()).isEmpty();
    }

    @Test
    void from6Dot6OnAFlushAndAStartExcludeEachOther() {
        for (MmuNotifierOps ops : List.of(
                ops("flush and start")
                        .invalidateRange((notifier, space, start, end) -> {})
                        .invalidateRangeStart((notifier, range) -> true)
                        .build(),
                ops("flush and end")
                        .invalidateRange((notifier, space, start, end) -> {})
                        .invalidateRangeEnd((notifier, range) -> {})
                        .build())) {
            MmuNotifier.get(ops, mm);
            SimulatedKernel newer = kernel(KernelProfile.LINUX_6_12, false);
            MmStruct there = new MmStruct(newer);
            freed.clear();

            assertThat(errno(() -> MmuNotifier.get(ops, there))).isEqualTo(Errno.EINVAL);
            assertThat(newer.failures()).singleElement().isInstanceOf(KernelBugError.class);
            assertThat(freed).containsExactly(allocated.getLast());
            assertThat(errno(() -> MmuNotifier.register(new MmuNotifier(ops), there)))
                    .isEqualTo(Errno.EINVAL);
            assertThat(there.count()).isEqualTo(1);
        }
    }

    @Test
    void aFreeThatThrowsIsToldAndCostsNoReference() {
        MmuNotifier notifier = MmuNotifier.get(
                MmuNotifierOps.builder("broken")
                        .notifiers(space -> new MmuNotifier(), freeing -> {
                            throw new IllegalStateException("broken");
                        })
                        .build(),
                mm);
        MmuNotifier.put(notifier);
        runCallbacks();

        assertThat(kernel.failures()).singleElement().isInstanceOf(IllegalStateException.class);
        assertThat(mm.count()).isEqualTo(1);
    }

    @Test
    void freeMustNotSleep() {
        MmuNotifier notifier = MmuNotifier.get(
                MmuNotifierOps.builder("sleeps")
                        .notifiers(
                                space -> new MmuNotifier(),
                                freeing -> kernel.lockdep().mightSleep())
                        .build(),
                mm);
        MmuNotifier.put(notifier);
        runCallbacks();

        assertThat(kernel.failures()).hasAtLeastOneElementOfType(LockOrderError.class);
    }

    @Test
    void whatCannotBeGot() {
        MmuNotifierOps unmade = MmuNotifierOps.builder("registers only").build();
        assertThatThrownBy(() -> MmuNotifier.get(unmade, mm)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> MmuNotifier.getLocked(ops("got").build(), mm)).isInstanceOf(KernelBugError.class);
        mm.grab();
        mm.put();
        assertThatThrownBy(() -> MmuNotifier.get(ops("got").build(), mm)).isInstanceOf(KernelBugError.class);
    }

    // ------------------------------------------------------------------------------------- register and unregister

    @Test
    void unregisterReleases() {
        MmuNotifier notifier = registered(told("registered").build());
        assertThat(mm.count()).isEqualTo(2);
        MmuNotifier.unregister(notifier, mm);

        assertThat(calls).containsExactly("registered release");
        assertThat(mm.count()).isEqualTo(1);
        MmuNotifier.invalidateRangeStart(range());
        assertThat(calls).hasSize(1);
        // It is its owner's, who may register it again.
        MmuNotifier.register(notifier, mm);
        MmuNotifier.invalidateRangeStart(range());
        assertThat(calls).containsExactly("registered release", "registered start");
    }

    @Test
    void unregisterAfterTheEndDoesNotReleaseAgain() {
        MmuNotifier below = registered(told("below").build());
        MmuNotifier head = registered(told("head").build());
        mm.put();
        assertThat(calls).containsExactly("head release", "below release");

        MmuNotifier.unregister(head, mm);
        MmuNotifier.unregister(below, mm);
        assertThat(calls).hasSize(2);
        assertThat(mm.count()).isZero();
        assertThatThrownBy(() -> MmuNotifier.invalidateRange(mm, 0, PAGE)).isInstanceOf(UseAfterFreeError.class);
    }

    @Test
    void whatIsRegisteredIsNotRegisteredAgain() {
        MmuNotifier notifier = registered(told("registered").build());

        assertThatThrownBy(() -> MmuNotifier.register(notifier, mm)).isInstanceOf(KernelBugError.class);
    }

    /** The deadlock of those who unregister with a lock held that their callbacks take. */
    @Test
    void unregisterWaitsForCallbacks() {
        ExclusiveLock lock = new ExclusiveLock(kernel.lockdep(), LockClass.sleeping("driver"));
        MmuNotifier notifier = registered(MmuNotifierOps.builder("locks")
                .invalidateRangeStart((told, range) -> {
                    lock.lock();
                    lock.unlock();
                    return true;
                })
                .build());
        MmuNotifier.invalidateRangeStart(range());

        lock.lock();
        assertThatThrownBy(() -> MmuNotifier.unregister(notifier, mm)).isInstanceOf(LockOrderError.class);
        lock.unlock();
    }

    // ----------------------------------------------------------------------------------------------- invalidations

    @Test
    void everyNotifierIsToldTheNewestFirst() {
        MmuNotifier.get(told("one").build(), mm);
        MmuNotifier.get(told("two").build(), mm);
        MmuNotifier.invalidateRangeStart(range());
        MmuNotifier.invalidateRangeEnd(range());

        assertThat(calls).containsExactly("two start", "one start", "two end", "one end");
    }

    @Test
    void whoeverStartedIsEndedIfAnotherRefuses() {
        registered(told("last").build());
        registered(MmuNotifierOps.builder("refuses")
                .invalidateRangeStart((notifier, range) -> {
                    calls.add("refuses");
                    return false;
                })
                .build());
        registered(MmuNotifierOps.builder("starts only")
                .invalidateRangeStart((notifier, range) -> calls.add("starts only"))
                .build());
        registered(told("first").build());

        assertThat(MmuNotifier.invalidateRangeStartNonblock(nonBlockable(mm))).isFalse();
        assertThat(calls)
                .containsExactly("first start", "starts only", "refuses", "last start", "first end", "last end");
        assertThat(kernel.failures()).isEmpty();
    }

    @Test
    void whoeverHasAnEndMustNotRefuse() {
        SimulatedKernel goesOn = kernel(KernelProfile.LINUX_6_1, false);
        MmStruct there = new MmStruct(goesOn);
        MmuNotifier.register(
                new MmuNotifier(MmuNotifierOps.builder("refuses")
                        .invalidateRangeStart((notifier, range) -> false)
                        .invalidateRangeEnd((notifier, range) -> calls.add("end"))
                        .build()),
                there);

        assertThat(MmuNotifier.invalidateRangeStartNonblock(nonBlockable(there)))
                .isFalse();
        assertThat(goesOn.failures()).hasSize(1);
        assertThat(calls).containsExactly("end");
    }

    @Test
    void nobodyRefusesWhatIsBlockable() {
        SimulatedKernel goesOn = kernel(KernelProfile.LINUX_6_1, false);
        MmStruct there = new MmStruct(goesOn);
        MmuNotifier.register(
                new MmuNotifier(MmuNotifierOps.builder("refuses")
                        .invalidateRangeStart((notifier, range) -> false)
                        .build()),
                there);
        MmuNotifier.invalidateRangeStart(MmuNotifierRange.of(there, MmuNotifierEvent.CLEAR, 0, PAGE));

        assertThat(goesOn.failures()).singleElement().isInstanceOf(KernelBugError.class);
    }

    @Test
    void callbacksOfWhatIsNotBlockableMustNotSleep() {
        registered(MmuNotifierOps.builder("sleeps")
                .invalidateRangeStart((notifier, range) -> {
                    kernel.lockdep().mightSleep();
                    return true;
                })
                .build());
        MmuNotifier.invalidateRangeStart(range());

        assertThatThrownBy(() -> MmuNotifier.invalidateRangeStartNonblock(nonBlockable(mm)))
                .isInstanceOf(LockOrderError.class);
        kernel.lockdep().assertNothingHeld();
        // The section is over although the callback threw, and the thread may sleep again.
        kernel.srcu().synchronize();
    }

    @Test
    void aRangeIsWhatItsStartNeeds() {
        assertThatThrownBy(() -> MmuNotifier.invalidateRangeStart(nonBlockable(mm)))
                .isInstanceOf(KernelBugError.class);
        assertThatThrownBy(() -> MmuNotifier.invalidateRangeStartNonblock(range()))
                .isInstanceOf(KernelBugError.class);
        assertThatThrownBy(() -> MmuNotifierRange.of(mm, MmuNotifierEvent.CLEAR, PAGE, PAGE))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void theEndFlushesUpTo6Dot5() {
        MmuNotifierOps flushes = MmuNotifierOps.builder("flushes")
                .invalidateRange((notifier, space, start, end) -> calls.add("flush"))
                .build();
        registered(flushes);
        MmuNotifier.invalidateRangeStart(range());
        MmuNotifier.invalidateRangeEnd(range());
        assertThat(calls).containsExactly("flush");
        MmuNotifier.invalidateRangeOnlyEnd(range());
        assertThat(calls).hasSize(1);
        MmuNotifier.invalidateRange(mm, 0, PAGE);
        assertThat(calls).hasSize(2);

        MmStruct newer = new MmStruct(kernel(KernelProfile.LINUX_6_12, true));
        MmuNotifier.register(new MmuNotifier(flushes), newer);
        MmuNotifier.invalidateRangeEnd(MmuNotifierRange.of(newer, MmuNotifierEvent.CLEAR, 0, PAGE));
        assertThat(calls).hasSize(2);
        MmuNotifier.invalidateRange(newer, 0, PAGE);
        assertThat(calls).hasSize(3);
    }

    @Test
    void changePteWasUpTo6Dot9() {
        MmuNotifierOps changes = MmuNotifierOps.builder("changes")
                .changePte((notifier, space, address, pte) -> calls.add(address + " to " + pte))
                .build();
        registered(changes);
        MmuNotifier.changePte(mm, 1, 2);
        MmStruct newer = new MmStruct(kernel(KernelProfile.LINUX_6_12, true));
        MmuNotifier.register(new MmuNotifier(changes), newer);
        MmuNotifier.changePte(newer, 3, 4);

        assertThat(calls).containsExactly("1 to 2");
    }

    @Test
    void allAreAskedToForgetAndOneIsEnoughToTell() {
        for (boolean young : new boolean[] {false, true, false}) {
            registered(MmuNotifierOps.builder("young")
                    .clearFlushYoung((notifier, space, start, end) -> {
                        calls.add("clear and flush");
                        return young;
                    })
                    .clearYoung((notifier, space, start, end) -> {
                        calls.add("clear");
                        return young;
                    })
                    .testYoung((notifier, space, address) -> {
                        calls.add("test");
                        return young;
                    })
                    .build());
        }

        assertThat(MmuNotifier.clearFlushYoung(mm, 0, PAGE)).isTrue();
        assertThat(MmuNotifier.clearYoung(mm, 0, PAGE)).isTrue();
        assertThat(MmuNotifier.testYoung(mm, 0)).isTrue();
        assertThat(calls)
                .containsExactly(
                        "clear and flush",
                        "clear and flush",
                        "clear and flush",
                        "clear",
                        "clear",
                        "clear",
                        "test",
                        "test");
    }

    @Test
    void withoutNotifiersNothingHappens() {
        MmuNotifier.invalidateRangeStart(range());
        assertThat(MmuNotifier.invalidateRangeStartNonblock(nonBlockable(mm))).isTrue();
        MmuNotifier.invalidateRangeEnd(range());
        MmuNotifier.invalidateRange(mm, 0, PAGE);
        MmuNotifier.changePte(mm, 0, 1);
        assertThat(MmuNotifier.clearYoung(mm, 0, PAGE)).isFalse();
        assertThat(MmuNotifier.testYoung(mm, 0)).isFalse();
        mm.put();
        assertThat(mm.count()).isZero();
        assertThat(kernel.failures()).isEmpty();
    }
}
