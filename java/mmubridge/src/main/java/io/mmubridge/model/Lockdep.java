// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;

/**
 * Checks that locks are taken in one order, after the kernel's {@code kernel/locking/lockdep.c}.
 *
 * <p>It learns from every acquisition: that class B was taken with A held orders A before B. An acquisition that closes a
 * circle could deadlock with some other thread, even if none is there now, and is a {@link LockOrderError} before the lock
 * is taken. So is a lock of a class that the thread holds already, unless an outer lock makes that sound, and anything
 * that may sleep where the thread must not: with a spinlock held, or inside a callback that is not blockable.
 *
 * <p>A section orders what is taken inside it, but nobody waits to enter one, so to enter it with a lock held orders
 * nothing. Whoever waits for sections to end is ordered as if he took it: with a lock held that some section takes, he could
 * wait for one that waits for him.
 *
 * <p>Errors are also kept, since whoever gets one may not be the one who tests. Thread-safe.
 */
public final class Lockdep {
    /** Checks nothing and costs a branch. */
    private static final Lockdep OFF = new Lockdep(false);

    /** A lock that a thread holds. */
    private record Held(Object lock, LockClass lockClass) {
        @SuppressWarnings("ReferenceEquality") // this very lock
        boolean isOf(Object other) {
            return lock == other;
        }
    }

    /** What one thread holds, outermost first. */
    private static final class Context {
        final List<Held> held = new ArrayList<>();
        int nonBlock;

        boolean holds(Object lock) {
            return held.stream().anyMatch(each -> each.isOf(lock));
        }
    }

    private final boolean enabled;
    private final ThreadLocal<Context> contexts = ThreadLocal.withInitial(Context::new);
    private final Map<LockClass, Set<LockClass>> after = new ConcurrentHashMap<>();
    private final Queue<LockOrderError> errors = new ConcurrentLinkedQueue<>();

    private Lockdep(boolean enabled) {
        this.enabled = enabled;
    }

    /**
     * A checker that has learned nothing yet.
     *
     * @return the checker
     */
    public static Lockdep on() {
        return new Lockdep(true);
    }

    /**
     * The checker that checks nothing.
     *
     * @return it
     */
    public static Lockdep off() {
        return OFF;
    }

    /**
     * What was found so far.
     *
     * @return a copy
     */
    public List<LockOrderError> errors() {
        return List.copyOf(errors);
    }

    /**
     * Before a lock is taken: {@code lock_acquire()}.
     *
     * @param lock the lock
     * @param lockClass its class
     */
    void acquire(Object lock, LockClass lockClass) {
        if (enabled) {
            check(lock, lockClass, null);
        }
    }

    /**
     * Before one of several locks of a class is taken, of which {@code under} says that nobody else takes several:
     * {@code spin_lock_nest_lock()}.
     *
     * @param lock the lock
     * @param lockClass its class
     * @param under an outer lock that this thread holds
     */
    void acquireNested(Object lock, LockClass lockClass, Object under) {
        if (enabled) {
            check(lock, lockClass, under);
        }
    }

    /**
     * After a lock was given back, in any order: {@code lock_release()}.
     *
     * @param lock the lock
     */
    void release(Object lock) {
        if (!enabled) {
            return;
        }
        List<Held> held = contexts.get().held;
        for (int i = held.size() - 1; i >= 0; i--) {
            if (held.get(i).isOf(lock)) {
                held.remove(i);
                return;
            }
        }
        throw fail("a lock is given back that this thread does not hold: " + lock);
    }

    /**
     * Before a lock is taken that is not needed every time: {@code might_lock()}.
     *
     * @param lock the lock
     * @param lockClass its class
     */
    void mightLock(Object lock, LockClass lockClass) {
        if (enabled) {
            check(lock, lockClass, null);
            release(lock);
        }
    }

    /**
     * Before this thread waits for all sections of a class to end: {@code lock_sync()}. Inside one of them that would be
     * for ever.
     *
     * @param section the lock
     * @param lockClass its class
     */
    void awaitSections(Object section, LockClass lockClass) {
        if (!enabled) {
            return;
        }
        Context context = contexts.get();
        checkSleep("to wait for " + lockClass, context);
        if (context.holds(section)) {
            throw fail("this thread would wait for itself: it holds " + names(context));
        }
        for (Held held : context.held) {
            learn(held.lockClass(), lockClass, context);
        }
    }

    /** Where a thread may sleep, whether it does so this time or not: {@code might_sleep()}. */
    void mightSleep() {
        if (enabled) {
            checkSleep("a sleep", contexts.get());
        }
    }

    /** Begins a section in which sleeping is not allowed: {@code non_block_start()}. */
    void nonBlockStart() {
        if (enabled) {
            contexts.get().nonBlock++;
        }
    }

    /** Ends it: {@code non_block_end()}. */
    void nonBlockEnd() {
        if (enabled) {
            contexts.get().nonBlock--;
        }
    }

    /**
     * That this thread holds nothing, as a thread does that returns to user space: {@code lockdep_sys_exit()}.
     *
     * @throws LockOrderError if it does
     */
    public void assertNothingHeld() {
        if (enabled && !contexts.get().held.isEmpty()) {
            throw fail("this thread leaves with locks held: " + names(contexts.get()));
        }
    }

    /**
     * That this thread holds a lock: {@code lockdep_assert_held()}.
     *
     * @param lock the lock
     */
    void assertHeld(Object lock) {
        if (enabled && !contexts.get().holds(lock)) {
            throw fail("this needs a lock that the thread does not hold: " + lock);
        }
    }

    private void check(Object lock, LockClass lockClass, @Nullable Object under) {
        Context context = contexts.get();
        if (lockClass.kind() == LockClass.Kind.SLEEPING) {
            checkSleep("to take " + lockClass, context);
        }
        if (lockClass.kind() != LockClass.Kind.SECTION) {
            boolean nested = under != null && context.holds(under);
            for (Held held : context.held) {
                if (held.lockClass() != lockClass) {
                    learn(held.lockClass(), lockClass, context);
                } else if (!nested) {
                    // Of locks of one class the order is unknown.
                    throw fail(lockClass + " is taken by a thread that holds one of that class: " + names(context));
                }
            }
        }
        context.held.add(new Held(lock, lockClass));
    }

    private void learn(LockClass outer, LockClass inner, Context context) {
        Set<LockClass> inners = after.computeIfAbsent(outer, absent -> ConcurrentHashMap.newKeySet());
        if (inners.contains(inner)) {
            return;
        }
        // One at a time, or two threads could each close half of a circle.
        synchronized (after) {
            List<LockClass> path = path(inner, outer);
            if (!path.isEmpty()) {
                throw fail(inner + " is taken with " + outer + " held, against the order seen before: "
                        + String.join(" > ", path.stream().map(LockClass::name).toList()) + "; this thread holds "
                        + names(context));
            }
            inners.add(inner);
        }
    }

    /** Classes from one to another, each taken with the one before it held; empty if there is no such way. */
    private List<LockClass> path(LockClass from, LockClass to) {
        Map<LockClass, LockClass> reachedFrom = new HashMap<>();
        Set<LockClass> seen = new HashSet<>(Set.of(from));
        Deque<LockClass> open = new ArrayDeque<>(List.of(from));
        while (!open.isEmpty()) {
            LockClass next = open.remove();
            if (next == to) {
                List<LockClass> path = new ArrayList<>(List.of(to));
                while (path.getFirst() != from) {
                    path.addFirst(reachedFrom.get(path.getFirst()));
                }
                return path;
            }
            for (LockClass inner : after.getOrDefault(next, Set.of())) {
                if (seen.add(inner)) {
                    reachedFrom.put(inner, next);
                    open.add(inner);
                }
            }
        }
        return List.of();
    }

    private void checkSleep(String what, Context context) {
        if (context.nonBlock > 0) {
            throw fail(what + " in a callback that is not blockable");
        }
        for (Held held : context.held) {
            if (held.lockClass().kind() == LockClass.Kind.SPINNING) {
                throw fail(what + " in atomic context: this thread holds " + names(context));
            }
        }
    }

    private static List<String> names(Context context) {
        return context.held.stream().map(held -> held.lockClass().name()).toList();
    }

    private LockOrderError fail(String message) {
        LockOrderError error = new LockOrderError(message);
        errors.add(error);
        return error;
    }
}
