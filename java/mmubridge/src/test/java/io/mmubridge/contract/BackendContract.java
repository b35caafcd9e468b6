// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.contract;

import io.mmubridge.AddressRange;
import io.mmubridge.EventPhase;
import io.mmubridge.Filter;
import io.mmubridge.InvalidationEvent;
import io.mmubridge.Mmu;
import io.mmubridge.MmuStatistics;
import io.mmubridge.RingOptions;
import io.mmubridge.Subscription;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** A device and a process, and what tests do with them. */
public abstract class BackendContract {
    /** Names that no other test uses at the same time. */
    static final String SUBSYSTEM = "contract";

    /** The open device. */
    protected Mmu mmu;

    /** The process. */
    protected Target target;

    private final Machine machine;
    private MmuStatistics before;

    BackendContract(Machine machine) {
        this.machine = machine;
    }

    Mmu openMmu() {
        return machine.open();
    }

    Target startTarget() {
        return machine.start(mmu);
    }

    @BeforeEach
    void open() {
        mmu = openMmu();
        mmu.synchronize();
        before = mmu.statistics();
        target = startTarget();
    }

    @AfterEach
    void close() {
        try {
            target.close();
            mmu.close();
        } finally {
            machine.check();
        }
    }

    Subscription get(String subsystem) {
        return get(subsystem, RingOptions.none(), Filter.all());
    }

    Subscription get(String subsystem, RingOptions ring, Filter filter) {
        return mmu.subsystem(subsystem).get(target.addressSpace(), ring, filter);
    }

    Subscription watch(RingOptions ring, AddressRange range) {
        return get(SUBSYSTEM, ring, Filter.all().withRange(range));
    }

    /** The counters since the test began. */
    MmuStatistics since() {
        return mmu.statistics().since(before);
    }

    static List<InvalidationEvent> drain(Subscription subscription) {
        List<InvalidationEvent> events = new ArrayList<>();
        subscription.events().drain(event -> events.add(event.copy()));
        return events;
    }

    static List<EventPhase> phases(List<InvalidationEvent> events) {
        return events.stream().map(InvalidationEvent::phase).toList();
    }
}
