// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.simulated;

import io.mmubridge.AttachException;
import io.mmubridge.AttachException.Reason;
import io.mmubridge.Capabilities;
import io.mmubridge.model.Errno;
import io.mmubridge.model.ErrnoException;
import io.mmubridge.model.ExclusiveLock;
import io.mmubridge.model.LockClass;
import io.mmubridge.model.MmStruct;
import io.mmubridge.model.MmuNotifier;
import io.mmubridge.model.SimulatedKernel;
import java.util.HashMap;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * What the module is to a machine: subsystems, which are keys, spaces, and what may be had of both: kmod/space.c and
 * kmod/quota.c. There is one for a machine, whoever asks, so all who use a name share its notifiers. A machine has one user.
 */
final class Spaces {
    /** What the module's parameters are if nobody sets them. */
    static final Capabilities.Limits LIMITS =
            new Capabilities.Limits(4096, 16, 16, 64, 1024, 8, 1 << 16, 16, 4096, 64, 1 << 20);

    static final int SHADOW_PAGES_PER_SPACE = 1 << 22;

    private static final LockClass LOCK = LockClass.spinning("mmubridge spaces");

    private final SimulatedKernel kernel;
    private final Counters counters = new Counters();
    private final ExclusiveLock lock;

    // Under the lock.
    private final Map<String, Key> keys = new HashMap<>();
    private int subscriptions;
    private long lastId;
    private long lastTicket;

    /**
     * Spaces without users, by ticket. One is here from just before its last put until it is freed, or until a get that
     * found it still hashed counts itself.
     */
    private final NavigableMap<Long, Space> dying = new TreeMap<>();

    /** Its monitor is notified after a space has left {@link #dying}. */
    private final Object freed = new Object();

    private Spaces(SimulatedKernel kernel) {
        this.kernel = kernel;
        lock = new ExclusiveLock(kernel.lockdep(), LOCK);
    }

    /** Those of a machine. */
    static Spaces of(SimulatedKernel kernel) {
        return kernel.module(Spaces.class, Spaces::new);
    }

    SimulatedKernel kernel() {
        return kernel;
    }

    Counters counters() {
        return counters;
    }

    /** {@code mmub_user_charge()}: one more subscription, to be given back by {@link #uncharge}. */
    void charge() {
        lock.lock();
        try {
            if (subscriptions == LIMITS.subscriptionsPerUid()) {
                throw limit("there are as many subscriptions as there may be, " + subscriptions + ". Close some.");
            }
            subscriptions++;
        } finally {
            lock.unlock();
        }
    }

    void uncharge() {
        lock.lock();
        try {
            subscriptions--;
        } finally {
            lock.unlock();
        }
    }

    /**
     * A reference on the key of a name. Frees still on their way count, so they are waited for before it is refused.
     *
     * @throws AttachException if there are as many names as there may be
     */
    Key getKey(String name) {
        Key key = findOrBind(name);
        if (key == null) {
            awaitFrees(0);
            key = findOrBind(name);
        }
        if (key == null) {
            throw limit("there are as many subsystems as there may be, " + LIMITS.subsystemsPerUid() + ". Close some.");
        }
        return key;
    }

    /** {@code mmub_subsystem_get()}; null for -EUSERS. */
    private @Nullable Key findOrBind(String name) {
        lock.lock();
        try {
            Key key = keys.get(name);
            if (key == null) {
                if (keys.size() == LIMITS.subsystemsPerUid()) {
                    return null;
                }
                key = new Key(name, this);
                keys.put(name, key);
            }
            key.references++;
            return key;
        } finally {
            lock.unlock();
        }
    }

    /** {@code mmub_subsystem_put()}. */
    void putKey(Key key) {
        lock.lock();
        try {
            unreference(key);
        } finally {
            lock.unlock();
        }
    }

    private void unreference(Key key) {
        if (--key.references == 0) {
            keys.remove(key.name());
        }
    }

    /**
     * A space, and how the get came by it.
     *
     * @param space with one user more
     * @param shared whether it was there before
     */
    record Got(Space space, boolean shared) {}

    /**
     * {@code mmub_space_get()}: the caller is a user of the address space and holds its mmap lock for writing.
     *
     * @throws AttachException if the space has as many users as it may have
     */
    Got get(Key key, MmStruct mm) {
        Space space = (Space) getLocked(key, mm);
        counters.gets.increment();
        Boolean shared = bind(space, key);
        if (shared == null) {
            counters.puts.increment();
            MmuNotifier.put(space);
            throw limit("it has as many subscriptions on this address space as it may have, "
                    + LIMITS.subscriptionsPerSpace() + ". Close some.");
        }
        return new Got(space, shared);
    }

    /** A get that no interrupt ends: who uses the kernel's has it tried again, too. */
    private static MmuNotifier getLocked(Key key, MmStruct mm) {
        boolean interrupted = false;
        try {
            while (true) {
                interrupted |= Thread.interrupted();
                try {
                    return MmuNotifier.getLocked(key.ops(), mm);
                } catch (ErrnoException e) {
                    if (e.errno() != Errno.EINTR) {
                        throw e;
                    }
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /**
     * {@code mmub_space_bind()}: counts a get that has succeeded, unless there would be too many: then null. No other get can
     * come between, since all hold the mmap lock for writing. But a put can: one that has taken the last user off this count
     * and not yet off the notifier's.
     */
    private @Nullable Boolean bind(Space space, Key key) {
        boolean shared;
        boolean revived = false;
        boolean counted;
        lock.lock();
        try {
            shared = space.key != null;
            if (!shared) {
                space.key = key;
                space.id = ++lastId;
                key.references++;
            }
            counted = space.users < LIMITS.subscriptionsPerSpace();
            if (counted) {
                if (space.users == 0 && shared) {
                    dying.remove(space.ticket);
                    revived = true;
                }
                space.users++;
            }
        } finally {
            lock.unlock();
        }
        if (revived) {
            wakeAll();
        }
        return counted ? (Boolean) shared : null;
    }

    /** {@code mmub_space_put()}: not used any more by the caller. */
    void put(Space space) {
        lock.lock();
        try {
            space.users--;
            if (space.users == 0) {
                space.ticket = ++lastTicket;
                dying.put(space.ticket, space);
            }
        } finally {
            lock.unlock();
        }
        counters.puts.increment();
        MmuNotifier.put(space);
    }

    /**
     * {@code mmub_free_notifier()}: from an SRCU callback; or, of a space that could not be registered and so was never
     * bound, from the get.
     */
    void free(Space space) {
        lock.lock();
        try {
            if (space.key != null) {
                dying.remove(space.ticket);
                unreference(space.key);
            }
            // Who sees the space gone sees it counted.
            counters.frees.increment();
            counters.liveSpaces.decrement();
        } finally {
            lock.unlock();
        }
        wakeAll();
    }

    int users(Space space) {
        lock.lock();
        try {
            return space.users;
        } finally {
            lock.unlock();
        }
    }

    /**
     * {@code mmub_space_synchronize()}.
     *
     * @param timeoutNanos 0 for no limit; does not bound {@code mmu_notifier_synchronize()}
     * @return false if time ran out
     */
    boolean synchronize(long timeoutNanos) {
        MmuNotifier.synchronize(kernel);
        return awaitFrees(timeoutNanos);
    }

    /** {@code mmub_space_wait()}: for the frees that puts so far have queued. An interrupt does not end it. */
    private boolean awaitFrees(long timeoutNanos) {
        long ticket = lastTicket();
        long deadline = System.nanoTime() + timeoutNanos;
        boolean interrupted = false;
        try {
            // Whoever lets a space leave does so before he enters the monitor, so nobody sleeps through it.
            synchronized (freed) {
                while (!isFreedUpTo(ticket)) {
                    long left = deadline - System.nanoTime();
                    if (timeoutNanos != 0 && left <= 0) {
                        return false;
                    }
                    try {
                        if (timeoutNanos == 0) {
                            freed.wait();
                        } else {
                            // Zero would be no limit.
                            freed.wait(TimeUnit.NANOSECONDS.toMillis(left) + 1);
                        }
                    } catch (InterruptedException e) {
                        interrupted = true;
                    }
                }
            }
            return true;
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private long lastTicket() {
        lock.lock();
        try {
            return lastTicket;
        } finally {
            lock.unlock();
        }
    }

    /** {@code mmub_freed_up_to()}. */
    private boolean isFreedUpTo(long ticket) {
        lock.lock();
        try {
            return dying.isEmpty() || dying.firstKey() > ticket;
        } finally {
            lock.unlock();
        }
    }

    private void wakeAll() {
        synchronized (freed) {
            freed.notifyAll();
        }
    }

    private static AttachException limit(String message) {
        return new AttachException(Reason.LIMIT, "The subsystem cannot be got on this simulated machine: " + message);
    }
}
