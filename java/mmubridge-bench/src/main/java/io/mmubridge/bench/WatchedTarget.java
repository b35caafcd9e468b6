// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.bench;

import io.mmubridge.EventStream;
import io.mmubridge.Filter;
import io.mmubridge.Mmu;
import io.mmubridge.RingOptions;
import io.mmubridge.Subscription;
import java.io.IOException;

/** The target, and the ring that its events come to. */
final class WatchedTarget implements AutoCloseable {
    private static final int RECORDS = 8192;

    private final Mmu mmu = Mmu.openKernel();
    private final Target target;
    private final Subscription subscription;

    WatchedTarget() {
        try {
            target = Target.start();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
        subscription = mmu.subsystem(Subscriptions.SUBSYSTEM)
                .get(mmu.process(target.pid()), RingOptions.ofRecords(RECORDS), Filter.all());
    }

    Target target() {
        return target;
    }

    EventStream events() {
        return subscription.events();
    }

    @Override
    public void close() throws IOException {
        mmu.close();
        target.close();
    }
}
