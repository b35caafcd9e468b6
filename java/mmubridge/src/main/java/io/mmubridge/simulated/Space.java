// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.simulated;

import io.mmubridge.EventPhase;
import io.mmubridge.EventType;
import io.mmubridge.MmuException;
import io.mmubridge.SubscriptionStatistics;
import io.mmubridge.model.Activity;
import io.mmubridge.model.ExclusiveLock;
import io.mmubridge.model.KernelBugError;
import io.mmubridge.model.LockClass;
import io.mmubridge.model.MmStruct;
import io.mmubridge.model.MmuNotifier;
import io.mmubridge.model.MmuNotifierEvent;
import io.mmubridge.model.MmuNotifierOps;
import io.mmubridge.model.MmuNotifierRange;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** What one subsystem keeps about one address space: {@code struct mmub_space}. */
final class Space extends MmuNotifier {
    private static final LockClass LOCK = LockClass.spinning("mmubridge space");

    // Under the lock of Spaces.
    /** Null until bound; set once. */
    @Nullable
    Key key;

    /** Never used again; set once, with {@link #key}. */
    long id;

    /** Attached subscriptions. */
    int users;

    /** The order in which spaces came to no users. */
    long ticket;

    private final Spaces spaces;

    /** All that a callback takes. */
    private final ExclusiveLock lock;

    // Under the lock.
    private final List<ModelSubscription> subscriptions = new ArrayList<>();

    /** What is told to each subscription in turn. */
    private final QueuedEvent event = new QueuedEvent();

    private long seq;
    private long completedSeq;
    private long active;
    private long invalidations;
    private long nonblockable;

    /** What has been in flight since {@link #active} was 0 last: from the lowest address to the highest. */
    private long flightStart;

    private long flightEnd;

    private final Shadows shadows = new Shadows();
    private final Guards guards = new Guards();

    /** Nothing that comes after counts. */
    private boolean released;

    /** Its monitor is notified when nothing is in flight any more, and when a shadow ends. Taken before the lock. */
    private final Object idle = new Object();

    /** How many wait there; they count themselves before they look at {@link #active} under the lock. */
    private volatile int waiters;

    private Space(Spaces spaces, MmStruct mm) {
        this.spaces = spaces;
        lock = new ExclusiveLock(mm.kernel().lockdep(), LOCK);
    }

    /** A new key. */
    static MmuNotifierOps operations(String name, Spaces spaces) {
        return MmuNotifierOps.builder(name)
                .notifiers(mm -> allocate(spaces, mm), notifier -> spaces.free((Space) notifier))
                .invalidateRangeStart((notifier, range) -> ((Space) notifier).start(range))
                .invalidateRangeEnd((notifier, range) -> ((Space) notifier).end())
                .release((notifier, mm) -> ((Space) notifier).release())
                .build();
    }

    private static Space allocate(Spaces spaces, MmStruct mm) {
        spaces.counters().allocations.increment();
        spaces.counters().liveSpaces.increment();
        return new Space(spaces, mm);
    }

    private static EventType type(MmuNotifierEvent event) {
        return switch (event) {
            case UNMAP -> EventType.UNMAP;
            case CLEAR -> EventType.CLEAR;
            case PROTECTION_VMA -> EventType.PROTECTION_VMA;
            case PROTECTION_PAGE -> EventType.PROTECTION_PAGE;
            case SOFT_DIRTY -> EventType.SOFT_DIRTY;
            case RELEASE -> EventType.RELEASE;
            case MIGRATE -> EventType.MIGRATE;
            case EXCLUSIVE -> EventType.EXCLUSIVE;
        };
    }

    /** {@code mmub_invalidate_range_start()}. */
    private boolean start(MmuNotifierRange range) {
        checkLive();
        Activity activity = Activity.current();
        lock.lock();
        try {
            if (released) {
                return true;
            }
            seq++;
            invalidations++;
            if (!range.isBlockable()) {
                nonblockable++;
            }
            // The time is taken under the lock, so that it does not run backwards in a queue.
            event.begin(EventPhase.START, type(range.event()))
                    .by(activity)
                    .range(range.start(), range.end(), range.isBlockable())
                    .at(System.nanoTime(), seq);
            takeOff(range);
            // Before the guards, which tell of what was shadowed.
            shadows.start(event);
            guards.start(event);
            for (int i = 0; i < subscriptions.size(); i++) {
                subscriptions.get(i).started(event);
            }
        } finally {
            lock.unlock();
        }
        spaces.counters().invalidations.increment();
        if (!range.isBlockable()) {
            spaces.counters().nonblockable.increment();
        }
        return true;
    }

    /** {@code mmub_space_flight()}, and counts it. */
    private void takeOff(MmuNotifierRange range) {
        if (active == 0 || Long.compareUnsigned(range.start(), flightStart) < 0) {
            flightStart = range.start();
        }
        if (active == 0 || Long.compareUnsigned(range.end(), flightEnd) > 0) {
            flightEnd = range.end();
        }
        active++;
    }

    /** {@code mmub_shadow_in_flight()}: under the lock, whether an invalidation in flight may overlap. */
    boolean isInFlight(long start, long end) {
        return active != 0 && Long.compareUnsigned(start, flightEnd) < 0 && Long.compareUnsigned(flightStart, end) < 0;
    }

    /**
     * {@code wait_event_killable(space->idle)}: waits until it is so. An interrupt does not end it.
     *
     * @param ready asked without the lock, again whenever nothing is in flight or a shadow has ended
     */
    @SuppressWarnings("NonAtomicVolatileUpdate") // within the monitor
    void awaitIdle(BooleanSupplier ready) {
        if (ready.getAsBoolean()) {
            return;
        }
        boolean interrupted = false;
        synchronized (idle) {
            waiters++;
            while (!ready.getAsBoolean()) {
                try {
                    idle.wait();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
            waiters--;
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private void wakeWaiters() {
        if (waiters != 0) {
            synchronized (idle) {
                idle.notifyAll();
            }
        }
    }

    /**
     * {@code mmub_invalidate_range_end()}. Ends are not paired with starts by range, since starts overlap between threads:
     * an invalidation is known to be over when all are.
     */
    private void end() {
        checkLive();
        lock.lock();
        try {
            if (released) {
                return;
            }
            if (active == 0) {
                throw new KernelBugError("an invalidation ends that did not start");
            }
            active--;
            if (active == 0) {
                completedSeq = seq;
                guards.settle();
            }
        } finally {
            lock.unlock();
        }
        wakeWaiters();
    }

    /**
     * {@code mmub_release()}: the puts are still owed. Others may still start invalidations of what is left, and the end of
     * one under way may or may not come; the range of this one covers them all.
     */
    private void release() {
        checkLive();
        Activity activity = Activity.current();
        lock.lock();
        try {
            seq++;
            released = true;
            active = 0;
            completedSeq = seq;
            event.begin(EventPhase.RELEASE, EventType.RELEASE)
                    .by(activity)
                    .range(0, -1, true)
                    .at(System.nanoTime(), seq);
            shadows.release(event);
            guards.release(event);
            for (int i = 0; i < subscriptions.size(); i++) {
                subscriptions.get(i).released(event);
            }
        } finally {
            lock.unlock();
        }
        wakeWaiters();
        spaces.counters().releases.increment();
    }

    /** {@code mmub_sub_join()}: under the mmap lock and as a user of the address space, so no release can come between. */
    void join(ModelSubscription subscription) {
        lock.lock();
        try {
            subscriptions.add(subscription);
        } finally {
            lock.unlock();
        }
    }

    /** {@code mmub_sub_leave()}: afterwards no callback knows of the subscription, nor of its guards and shadows. */
    void leave(ModelSubscription subscription) {
        checkLive();
        Activity activity = Activity.current();
        lock.lock();
        try {
            subscriptions.remove(subscription);
            subscription.guards().forEach(guards::remove);
            subscription.shadows().forEach(shadow -> shadows.remove(shadow.words(), ShadowWords.End.DETACHED));
            event.begin(EventPhase.DETACHED, EventType.OTHER)
                    .by(activity)
                    .withoutCause()
                    .at(System.nanoTime(), seq);
            subscription.left(event);
        } finally {
            lock.unlock();
        }
        wakeWaiters();
    }

    /** {@code mmub_guard_add()}: false if there is nothing to guard any more. */
    boolean add(ModelGuard guard) {
        lock.lock();
        try {
            if (released) {
                return false;
            }
            guards.add(guard, active != 0);
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** {@code mmub_guard_remove()}. */
    void remove(ModelGuard guard) {
        lock.lock();
        try {
            guards.remove(guard);
        } finally {
            lock.unlock();
        }
    }

    /**
     * {@code mmub_shadow_join()}: false if there is nothing to shadow any more.
     *
     * @throws MmuException if it overlaps, or there would be too many pages
     */
    boolean add(ShadowWords words) {
        lock.lock();
        try {
            if (released) {
                return false;
            }
            shadows.add(words);
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** {@code mmub_shadows_remove()}. */
    void remove(ShadowWords words) {
        lock.lock();
        try {
            shadows.remove(words, ShadowWords.End.REMOVED);
        } finally {
            lock.unlock();
        }
        wakeWaiters();
    }

    /** Does something between two callbacks. */
    <T> T locked(Supplier<T> action) {
        lock.lock();
        try {
            return action.get();
        } finally {
            lock.unlock();
        }
    }

    SubscriptionStatistics statistics(ModelSubscription subscription) {
        int nowUsers = spaces.users(this);
        lock.lock();
        try {
            return new SubscriptionStatistics(
                    id,
                    nowUsers,
                    invalidations,
                    nonblockable,
                    seq,
                    completedSeq,
                    active,
                    subscription.events(),
                    subscription.records(),
                    subscription.lost());
        } finally {
            lock.unlock();
        }
    }
}
