// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.bench;

import java.util.ArrayList;
import java.util.List;

/**
 * The obvious way with {@code synchronized}: a list in each address space, under one monitor with its callbacks, which
 * therefore wait for each other, and none runs when the last reference is put.
 */
final class MonitorNotifiers implements Notifiers<MonitorNotifiers.Counted> {
    static final class Counted {
        private final int subsystem;
        private final Space space;
        private int users = 1;

        private Counted(int subsystem, Space space) {
            this.subsystem = subsystem;
            this.space = space;
        }
    }

    private static final class Space {
        private final List<Counted> notifiers = new ArrayList<>(1);
    }

    private final Space[] spaces;
    private final Callbacks callbacks;

    MonitorNotifiers(int spaces, Callbacks callbacks) {
        this.spaces = new Space[spaces];
        for (int i = 0; i < spaces; i++) {
            this.spaces[i] = new Space();
        }
        this.callbacks = callbacks;
    }

    @Override
    public Counted get(int subsystem, int space) {
        Space locked = spaces[space];
        synchronized (locked) {
            for (Counted each : locked.notifiers) {
                if (each.subsystem == subsystem) {
                    each.users++;
                    return each;
                }
            }
            Counted made = new Counted(subsystem, locked);
            locked.notifiers.add(made);
            return made;
        }
    }

    @Override
    public void put(Counted notifier) {
        synchronized (notifier.space) {
            if (--notifier.users == 0) {
                notifier.space.notifiers.remove(notifier);
                callbacks.freed();
            }
        }
    }

    @Override
    @SuppressWarnings("UnusedVariable") // one callback for each
    public void invalidate(int space) {
        Space locked = spaces[space];
        synchronized (locked) {
            for (Counted each : locked.notifiers) {
                callbacks.invalidated();
            }
        }
    }

    @Override
    public void drain() {
        // Freed by then.
    }
}
