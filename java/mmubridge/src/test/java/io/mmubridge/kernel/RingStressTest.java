// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import io.mmubridge.EventPhase;
import io.mmubridge.InvalidationEvent;
import io.mmubridge.backend.Lifetime;
import io.mmubridge.backend.RingStream;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A producer and a consumer, two threads on a small ring, for many turns of it. */
@Timeout(120)
class RingStressTest {
    private static final int EVENTS = 2_000_000;

    /** Checks each event as it comes. */
    private static final class Auditor {
        long received;
        long lost;
        long last;

        void accept(InvalidationEvent event) {
            if (event.phase() == EventPhase.DETACHED) {
                assertThat(event.n()).isEqualTo(last);
                return;
            }
            if (event.phase() == EventPhase.LOST) {
                assertThat(event.lostFrom())
                        .as("a gap begins where the stream broke off")
                        .isEqualTo(last + 1);
                lost += event.lostTo() - event.lostFrom() + 1;
                last = event.lostTo();
                return;
            }
            if (event.n() != last + 1 || event.start() != event.n() << 12 || event.timeNanos() != event.n() * 10) {
                throw new AssertionError("after " + last + " came " + event.copy());
            }
            received++;
            last = event.n();
        }
    }

    @ParameterizedTest
    @CsvSource({"8, 0", "64, -1000", "1024, 2147483000"})
    void everyEventArrivesOnceOrIsCountedAsLost(int records, int firstIndex) throws Exception {
        FakeRing fake = new FakeRing(records, firstIndex);
        RingReader reader = fake.reader();
        FutureTask<Void> producer = new FutureTask<>(
                () -> {
                    for (int i = 0; i < EVENTS; i++) {
                        fake.start();
                    }
                    fake.release();
                    fake.detached();
                },
                null);
        Thread.ofPlatform().start(producer);

        Auditor auditor = new Auditor();
        while (!reader.isEnded()) {
            reader.drain(auditor::accept, Integer.MAX_VALUE, () -> false);
        }
        producer.get();
        reader.drain(auditor::accept, Integer.MAX_VALUE, () -> false);

        assertThat(auditor.received + auditor.lost).isEqualTo(EVENTS + 1);
        assertThat(auditor.lost).isEqualTo(fake.lost()).isEqualTo(fake.lostSeen());
    }

    /** The memory is zeroed at the release, as an unmapped page would be gone: nobody may look at it afterwards. */
    @RepeatedTest(200)
    void nobodyTouchesTheRingAfterItsRelease() throws Exception {
        FakeRing fake = new FakeRing(64);
        AtomicInteger releases = new AtomicInteger();
        Lifetime lifetime = new Lifetime(() -> {
            fake.forgeHead(Integer.MIN_VALUE);
            releases.incrementAndGet();
        });
        RingStream stream = new RingStream(fake.reader(), lifetime, () -> {});
        AtomicBoolean stop = new AtomicBoolean();
        FutureTask<Void> producer = new FutureTask<>(
                () -> {
                    while (!stop.get() && releases.get() == 0 && lifetime.enter()) {
                        fake.start();
                        lifetime.exit();
                    }
                },
                null);
        FutureTask<Void> reader = new FutureTask<>(
                () -> {
                    while (!stream.isEnded()) {
                        stream.drain(event -> {}, Integer.MAX_VALUE);
                    }
                },
                null);
        Thread.ofPlatform().start(producer);
        Thread.ofVirtual().start(reader);
        Thread.onSpinWait();
        lifetime.close();
        stop.set(true);
        producer.get();
        reader.get();

        assertThat(releases).hasValue(1);
    }
}
