// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.simulated;

import io.mmubridge.model.MmuNotifierOps;

/**
 * A name that has subscriptions, and the operations that are its key: {@code struct mmub_subsystem}. A name that is bound
 * again has other operations, so a space that still waits for its free is never found under the new ones.
 */
final class Key {
    private final String name;
    private final MmuNotifierOps ops;

    /** Subscriptions attached or attaching, and spaces not yet freed; under the lock of {@link Spaces}. */
    int references;

    Key(String name, Spaces spaces) {
        this.name = name;
        this.ops = Space.operations(name, spaces);
    }

    String name() {
        return name;
    }

    MmuNotifierOps ops() {
        return ops;
    }
}
