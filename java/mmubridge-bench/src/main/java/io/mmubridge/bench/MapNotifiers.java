// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.bench;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * The obvious way with a concurrent map: one for all, by subsystem and address space. A callback may run while the last
 * reference is put, so whoever calls one pins the notifier, and whoever unpins it last frees it.
 */
final class MapNotifiers implements Notifiers<MapNotifiers.Counted> {
    /** As in the kernel, both are compared by identity. */
    private record Key(Object subsystem, Object space) {}

    static final class Counted {
        private final Key key;

        /** Written inside the map's compute. */
        private int users;

        /** One for being in the map, one for each callback that runs; once 0 it stays. */
        private final AtomicInteger pins = new AtomicInteger(1);

        private Counted(Key key) {
            this.key = key;
        }

        private boolean pin() {
            return pins.getAndUpdate(seen -> seen == 0 ? 0 : seen + 1) != 0;
        }
    }

    private final Map<Key, Counted> notifiers = new ConcurrentHashMap<>();
    private final Object[] subsystems;
    private final Object[] spaces;
    private final Callbacks callbacks;

    MapNotifiers(int subsystems, int spaces, Callbacks callbacks) {
        this.subsystems = objects(subsystems);
        this.spaces = objects(spaces);
        this.callbacks = callbacks;
    }

    private static Object[] objects(int count) {
        Object[] objects = new Object[count];
        for (int i = 0; i < count; i++) {
            objects[i] = new Object();
        }
        return objects;
    }

    @Override
    public Counted get(int subsystem, int space) {
        return notifiers.compute(new Key(subsystems[subsystem], spaces[space]), (key, present) -> {
            Counted notifier = present == null ? new Counted(key) : present;
            notifier.users++;
            return notifier;
        });
    }

    @Override
    public void put(Counted notifier) {
        if (notifiers.computeIfPresent(notifier.key, MapNotifiers::drop) == null) {
            unpin(notifier);
        }
    }

    private static @Nullable Counted drop(Key key, Counted notifier) {
        return --notifier.users == 0 ? null : notifier;
    }

    private void unpin(Counted notifier) {
        if (notifier.pins.decrementAndGet() == 0) {
            callbacks.freed();
        }
    }

    @Override
    public void invalidate(int space) {
        for (Object subsystem : subsystems) {
            Counted notifier = notifiers.get(new Key(subsystem, spaces[space]));
            if (notifier != null && notifier.pin()) {
                try {
                    callbacks.invalidated();
                } finally {
                    unpin(notifier);
                }
            }
        }
    }

    @Override
    public void drain() {
        // Freed by then, unless a callback runs, which frees it.
    }
}
