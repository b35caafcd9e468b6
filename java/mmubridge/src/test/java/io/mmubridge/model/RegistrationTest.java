// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import static io.mmubridge.model.Threads.waiting;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** {@code mm_take_all_locks()}: no notifier is registered while an invalidation may be under way. */
@Timeout(60)
class RegistrationTest {
    private final Machine machine = new Machine();
    private final SimulatedProcess process = machine.spawn();
    private final MmStruct mm = Machine.space(process);
    private final MmuNotifier notifier =
            new MmuNotifier(MmuNotifierOps.builder("registered").build());

    private SimulatedFile mapped(String name) {
        SimulatedFile file = machine.kernel().file(name, Machine.PAGE);
        process.mmap(MapRequest.of(file, 0, Machine.PAGE));
        return file;
    }

    private RwSemaphore anonymous() {
        long address = process.mmap(MapRequest.anonymous(Machine.PAGE));
        process.write(address, (byte) 1);
        return mm.vmas().all().stream()
                .filter(vma -> vma.start() == address)
                .map(vma -> Objects.requireNonNull(vma.anonVma).rwsem)
                .findFirst()
                .orElseThrow();
    }

    private void waitsFor(RwSemaphore held) throws InterruptedException {
        held.lockRead();
        Thread registering = waiting(() -> MmuNotifier.register(notifier, mm));
        assertThat(mm.notifierSubscriptions()).isNull();

        held.unlockRead();
        registering.join();
        assertThat(notifier.hashed).isTrue();
    }

    @Test
    void itWaitsForWhoeverWalksAFilesMappings() throws Exception {
        waitsFor(mapped("file").iMmapRwsem());
    }

    @Test
    void itWaitsForWhoeverWalksThoseOfAnonymousPages() throws Exception {
        waitsFor(anonymous());
    }

    /** Of which the order is nobody's matter, since one thread at a time takes several. */
    @Test
    void itTakesAllUnderOneMutex() {
        mapped("one");
        mapped("other");
        anonymous();
        MmuNotifier.register(notifier, mm);

        assertThat(notifier.hashed).isTrue();
        machine.kernel().lockdep().assertNothingHeld();
        assertThat(machine.kernel().lockdep().errors()).isEmpty();
    }
}
