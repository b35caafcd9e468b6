// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmubridge.Cause;
import io.mmubridge.EventEntry;
import io.mmubridge.EventPhase;
import io.mmubridge.EventType;
import io.mmubridge.InvalidationEvent;
import io.mmubridge.MmuException;
import io.mmubridge.ffi.mmub_ring_header;
import io.mmubridge.ffi.mmubridge_h;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.LongStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RingReaderTest {
    @Test
    void everyFieldArrives() {
        FakeRing fake = new FakeRing(8);
        fake.start();

        assertThat(drain(fake.reader()))
                .containsExactly(new InvalidationEvent.Snapshot(
                        1,
                        1,
                        10,
                        EventPhase.START,
                        EventType.CLEAR,
                        0x1000,
                        0x2000,
                        true,
                        false,
                        42,
                        43,
                        "fake",
                        EventEntry.SYSCALL,
                        "munmap",
                        11,
                        Cause.MADV_DONTNEED,
                        mmubridge_h.MMUB_CAUSE_MADV_DONTNEED(),
                        0,
                        0,
                        0));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, -5, Integer.MAX_VALUE - 5})
    void recordsArriveInOrderWhereverTheIndicesAre(int firstIndex) {
        FakeRing fake = new FakeRing(16, firstIndex);
        RingReader reader = fake.reader();
        List<Long> numbers = new ArrayList<>();
        for (int round = 0; round < 20; round++) {
            for (int i = 0; i < 7; i++) {
                fake.start();
            }
            reader.drain(event -> numbers.add(event.n()), Integer.MAX_VALUE, () -> false);
        }

        assertThat(numbers)
                .containsExactlyElementsOf(
                        LongStream.rangeClosed(1, 140).boxed().toList());
        assertThat(fake.lost()).isZero();
    }

    @Test
    void anEmptyRingHasNothing() {
        RingReader reader = new FakeRing(8).reader();

        assertThat(drain(reader)).isEmpty();
        assertThat(reader.isReadable()).isFalse();
        assertThat(reader.isEnded()).isFalse();
    }

    @Test
    void aLimitLeavesTheRest() {
        FakeRing fake = new FakeRing(16);
        for (int i = 0; i < 10; i++) {
            fake.start();
        }
        RingReader reader = fake.reader();
        List<Long> numbers = new ArrayList<>();

        assertThat(reader.drain(event -> numbers.add(event.n()), 4, () -> false))
                .isEqualTo(4);
        assertThat(reader.drain(event -> numbers.add(event.n()), 0, () -> false))
                .isZero();
        assertThat(reader.isReadable()).isTrue();
        assertThat(reader.drain(event -> numbers.add(event.n()), 100, () -> false))
                .isEqualTo(6);
        assertThat(numbers)
                .containsExactlyElementsOf(LongStream.rangeClosed(1, 10).boxed().toList());
    }

    @Test
    void whatFoundTheRingFullIsAnnouncedBeforeTheNextEvent() {
        FakeRing fake = new FakeRing(8);
        for (int i = 0; i < 9; i++) {
            fake.start();
        }
        RingReader reader = fake.reader();
        assertThat(drain(reader)).extracting(InvalidationEvent::n).containsExactly(1L, 2L, 3L, 4L, 5L);

        fake.start();
        List<InvalidationEvent> events = drain(reader);

        assertThat(events).extracting(InvalidationEvent::phase).containsExactly(EventPhase.LOST, EventPhase.START);
        assertThat(events.getFirst().lostFrom()).isEqualTo(6);
        assertThat(events.getFirst().lostTo()).isEqualTo(9);
        assertThat(events.getLast().n()).isEqualTo(10);
        assertThat(reader.lost()).isEqualTo(4);
    }

    @Test
    void lossMakesTheRingReadableUntilADrainAcknowledgesIt() {
        FakeRing fake = new FakeRing(8);
        RingReader reader = fake.reader();
        for (int i = 0; i < 9; i++) {
            fake.start();
        }
        assertThat(fake.lostSeen()).isZero();
        drain(reader);

        assertThat(fake.lostSeen()).isEqualTo(4);
        assertThat(reader.isReadable()).isFalse();
    }

    @Test
    void releaseAndDetachFindRoomInAFullRingAndEndIt() {
        FakeRing fake = new FakeRing(8);
        for (int i = 0; i < 20; i++) {
            fake.start();
        }
        fake.release();
        RingReader reader = fake.reader();
        List<InvalidationEvent> events = drain(reader);

        assertThat(events).extracting(InvalidationEvent::phase).endsWith(EventPhase.LOST, EventPhase.RELEASE);
        assertThat(reader.isEnded()).isTrue();
        fake.detached();
        assertThat(drain(reader)).extracting(InvalidationEvent::phase).containsExactly(EventPhase.DETACHED);
    }

    @Test
    void anEventWhoseHandlerThrowsIsConsumedAndTheRestStays() {
        FakeRing fake = new FakeRing(8);
        fake.start();
        fake.start();
        RingReader reader = fake.reader();

        assertThatThrownBy(() -> reader.drain(
                        event -> {
                            throw new UnsupportedOperationException("event " + event.n());
                        },
                        Integer.MAX_VALUE,
                        () -> false))
                .isInstanceOf(UnsupportedOperationException.class)
                .hasMessage("event 1");
        assertThat(drain(reader)).extracting(InvalidationEvent::n).containsExactly(2L);
    }

    @Test
    void roomIsGivenBackWithinALongDrain() {
        FakeRing fake = new FakeRing(64);
        for (int i = 0; i < 61; i++) {
            fake.start();
        }
        RingReader reader = fake.reader();

        reader.drain(
                event -> {
                    if (event.n() == 40) {
                        fake.start();
                    }
                },
                Integer.MAX_VALUE,
                () -> false);

        assertThat(fake.lost()).isZero();
        assertThat(drain(reader)).extracting(InvalidationEvent::n).containsExactly(62L);
    }

    @Test
    void aViewThatIsKeptShowsThePresentEventAndACopyItsOwn() {
        FakeRing fake = new FakeRing(8);
        fake.start();
        fake.start();
        List<InvalidationEvent> views = new ArrayList<>();
        List<InvalidationEvent> copies = new ArrayList<>();
        fake.reader()
                .drain(
                        event -> {
                            views.add(event);
                            copies.add(event.copy());
                            assertThat(views).extracting(InvalidationEvent::n).containsOnly(event.n());
                        },
                        Integer.MAX_VALUE,
                        () -> false);

        assertThat(copies).extracting(InvalidationEvent::n).containsExactly(1L, 2L);
    }

    @Test
    void aViewThatEscapesItsDrainOrItsThreadShowsNothing() {
        FakeRing fake = new FakeRing(8);
        fake.start();
        fake.start();
        RingReader reader = fake.reader();
        List<InvalidationEvent> views = new ArrayList<>();
        reader.drain(
                event -> {
                    views.add(event);
                    CompletableFuture<Long> elsewhere = CompletableFuture.supplyAsync(event::n);
                    assertThatThrownBy(elsewhere::join).hasCauseInstanceOf(IllegalStateException.class);
                },
                1,
                () -> false);
        assertThatThrownBy(() -> reader.drain(
                        event -> {
                            throw new UnsupportedOperationException();
                        },
                        1,
                        () -> false))
                .isInstanceOf(UnsupportedOperationException.class);

        InvalidationEvent view = views.getFirst();
        assertThat(List.<ThrowingCallable>of(view::n, view::phase, view::comm, view::syscall, view::cause, view::copy))
                .allSatisfy(access -> assertThatThrownBy(access).isInstanceOf(IllegalStateException.class));
    }

    @Test
    void theRecordThatAHandlerLooksAtIsNotGivenBack() {
        FakeRing fake = new FakeRing(64);
        for (int i = 0; i < 61; i++) {
            fake.start();
        }
        fake.reader()
                .drain(
                        event -> {
                            long number = event.n();
                            for (int i = 0; i < 64; i++) {
                                fake.start();
                            }
                            assertThat(event.n()).isEqualTo(number);
                        },
                        61,
                        () -> false);
    }

    @ParameterizedTest
    @ValueSource(ints = {9, 1000, -1, Integer.MIN_VALUE})
    void aHeadThatCannotBeIsAnErrorAndReadsNothing(int head) {
        FakeRing fake = new FakeRing(8);
        RingReader reader = fake.reader();
        fake.forgeHead(head);

        assertThatThrownBy(() -> drain(reader)).isInstanceOf(MmuException.class).hasMessageContaining("corrupt");
    }

    @Test
    void aHeaderOfAnotherVersionOrSizeIsRefused() {
        FakeRing version = new FakeRing(8);
        mmub_ring_header.abi_version(version.ring, 2);
        FakeRing size = new FakeRing(8);
        mmub_ring_header.records(size.ring, 16);
        FakeRing power = new FakeRing(8);
        mmub_ring_header.records(power.ring, 7);
        FakeRing record = new FakeRing(8);
        mmub_ring_header.record_size(record.ring, 64);

        assertThat(List.of(version, size, power, record))
                .allSatisfy(fake -> assertThatThrownBy(fake::reader).isInstanceOf(MmuException.class));
    }

    @Test
    void codesThatALaterKernelInventsHaveAPlace() {
        assertThat(Codes.type(99)).isEqualTo(EventType.OTHER);
        assertThat(Codes.type(-1)).isEqualTo(EventType.OTHER);
        assertThat(Codes.entry(99)).isEqualTo(EventEntry.UNKNOWN);
        assertThat(Codes.cause(999)).isEqualTo(Cause.UNKNOWN);
        assertThat(Codes.cause(-1)).isEqualTo(Cause.UNKNOWN);
    }

    @Test
    void causesHaveTheNumbersOfTheInterface() throws ReflectiveOperationException {
        assertThat(Cause.values()).hasSize(mmubridge_h.MMUB_CAUSE_COUNT());
        for (Cause cause : Cause.values()) {
            int number = (int)
                    mmubridge_h.class.getMethod("MMUB_CAUSE_" + cause.name()).invoke(null);
            assertThat(Codes.cause(number)).isEqualTo(cause);
        }
    }

    @Test
    void anEventWithoutAStackHasAnUnknownCauseWhereCausesAreRecorded() {
        CauseCache causes = new CauseCache(id -> {
            throw new AssertionError("asked for " + id);
        });
        assertThat(causes.get(0)).isEqualTo(Cause.UNKNOWN);
    }

    @Test
    void eachStackIsAskedForOnce() {
        List<Integer> asked = new ArrayList<>();
        CauseCache causes = new CauseCache(id -> {
            asked.add(id);
            return Codes.cause(id % 5);
        });
        for (int round = 0; round < 2; round++) {
            for (int id : new int[] {1, 2, 300, 70_000}) {
                assertThat(causes.get(id)).isEqualTo(Codes.cause(id % 5));
            }
        }
        assertThat(asked).containsExactly(1, 2, 300, 70_000);
    }

    private static List<InvalidationEvent> drain(RingReader reader) {
        List<InvalidationEvent> events = new ArrayList<>();
        reader.drain(event -> events.add(event.copy()), Integer.MAX_VALUE, () -> false);
        return events;
    }
}
