// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.simulated;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.mmubridge.AddressRange;
import io.mmubridge.AddressSpace;
import io.mmubridge.AttachException;
import io.mmubridge.Capabilities.Feature;
import io.mmubridge.Cause;
import io.mmubridge.EventEntry;
import io.mmubridge.EventPhase;
import io.mmubridge.Filter;
import io.mmubridge.InvalidationEvent;
import io.mmubridge.LaunchException;
import io.mmubridge.Mmu;
import io.mmubridge.MmuException;
import io.mmubridge.RingOptions;
import io.mmubridge.Subscription;
import io.mmubridge.model.Errno;
import io.mmubridge.model.ErrnoException;
import io.mmubridge.model.KernelProfile;
import io.mmubridge.model.MapRequest;
import io.mmubridge.model.SimulatedKernel;
import io.mmubridge.model.SimulatedProcess;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.MethodSource;

/** The handle on a simulated machine, and what it refuses. */
@Timeout(60)
class SimulatedMmuTest {
    private final SimulatedKernel kernel = SimulatedKernel.builder().build();
    private final Mmu mmu = Mmu.simulated(kernel);
    private final SimulatedProcess process = kernel.spawn("subject");

    @AfterEach
    void close() {
        mmu.close();
    }

    private Subscription get(AddressSpace space) {
        return mmu.subsystem("test").get(space);
    }

    private static List<InvalidationEvent> drain(Subscription subscription) {
        List<InvalidationEvent> events = new ArrayList<>();
        subscription.events().drain(event -> events.add(event.copy()));
        return events;
    }

    /** The snippet of the README, and in essence that of Mmu.simulated(). */
    @Test
    void theSnippetOfTheDocumentationWorks() {
        List<String> told = new ArrayList<>();
        try (Mmu machine = Mmu.simulated()) {
            SimulatedProcess subject = machine.simulatedKernel().orElseThrow().spawn("subject");
            long address = subject.mmap(MapRequest.anonymous(4 * 4096));
            subject.write(address, (byte) 1);
            try (Subscription s = machine.subsystem("rdma").get(machine.process(subject))) {
                subject.fork();
                subject.write(address, (byte) 2);
                s.events().drain(event -> told.add(event.type() + " " + event.cause()));
            }
        }
        assertThat(told).containsExactly("PROTECTION_PAGE FORK", "CLEAR COW");
    }

    @Test
    void whatTheProcessWasInIsTold() {
        long address = process.mmap(MapRequest.anonymous(4096));
        process.write(address, (byte) 1);
        Subscription subscription = get(mmu.process(process));
        process.fork();
        process.write(address, (byte) 2);
        process.exit();

        List<InvalidationEvent> events = drain(subscription);
        assertThat(events).allSatisfy(event -> {
            assertThat(event.pid()).isEqualTo(process.pid()).isEqualTo(event.tid());
            assertThat(event.comm()).isEqualTo("subject");
            assertThat(event.isForeign()).isFalse();
        });
        assertThat(events)
                .extracting(InvalidationEvent::entry)
                .containsExactly(EventEntry.SYSCALL, EventEntry.EXCEPTION, EventEntry.EXIT);
        assertThat(events).extracting(InvalidationEvent::syscall).containsExactly("fork", null, null);
        assertThat(events).extracting(InvalidationEvent::syscallNumber).containsExactly(57, -1, -1);
        assertThat(events).extracting(InvalidationEvent::cause).containsExactly(Cause.FORK, Cause.COW, Cause.EXIT);
    }

    @Test
    void whatNobodyOfTheMachineDoesIsForeign() {
        Subscription subscription = get(mmu.process(process));
        subscription.detach();

        assertThat(drain(subscription)).singleElement().satisfies(event -> {
            assertThat(event.phase()).isEqualTo(EventPhase.DETACHED);
            assertThat(event.isForeign()).isTrue();
            assertThat(event.pid()).isZero();
            assertThat(event.comm()).isEmpty();
            assertThat(event.cause()).isNull();
        });
    }

    @Test
    void anExecEndsTheAddressSpaceAndTheNextGetHasTheNewOne() {
        Subscription before = get(mmu.process(process));
        process.exec("other");
        Subscription after = get(mmu.process(process));

        assertThat(after.sharedNotifier()).isFalse();
        assertThat(after.spaceId()).isNotEqualTo(before.spaceId());
        assertThat(drain(before)).singleElement().satisfies(event -> {
            assertThat(event.phase()).isEqualTo(EventPhase.RELEASE);
            assertThat(event.cause()).isEqualTo(Cause.EXEC);
        });
        assertThat(drain(after)).isEmpty();
    }

    @Test
    void itSaysWhatItIs() {
        assertThat(mmu.backend()).isEqualTo("model");
        assertThat(mmu.reason()).contains("asked for");
        assertThat(mmu.simulatedKernel()).containsSame(kernel);
        assertThat(mmu.capabilities().features())
                .containsExactlyInAnyOrder(
                        Feature.WATCH,
                        Feature.SYNCHRONIZE,
                        Feature.CAUSE,
                        Feature.GUARD,
                        Feature.SHADOW,
                        Feature.ACCESS);
        assertThat(mmu.capabilities().foreignRefusal()).isNotNull();
    }

    static final List<KernelProfile> PROFILES =
            List.of(KernelProfile.LINUX_6_1, KernelProfile.LINUX_6_12, KernelProfile.LINUX_7_3);

    @ParameterizedTest
    @FieldSource("PROFILES")
    void itSaysWhichKernelItMirrors(KernelProfile profile) {
        try (Mmu machine =
                Mmu.simulated(SimulatedKernel.builder().profile(profile).build())) {
            assertThat(machine.capabilities().moduleVersion()).isEqualTo("model of Linux " + profile.version());
        }
    }

    @Test
    void withoutTheModuleOpenTakesTheModelAndSaysWhy() {
        assumeThat(Path.of("/dev/mmubridge")).doesNotExist();
        try (Mmu machine = Mmu.open()) {
            assertThat(machine.backend()).isEqualTo("model");
            assertThat(machine.reason()).contains("/dev/mmubridge", "modprobe mmubridge", "--vm");
            SimulatedProcess spawned = machine.simulatedKernel().orElseThrow().spawn("subject");
            assertThat(machine.subsystem("test").get(machine.process(spawned)).sharedNotifier())
                    .isFalse();
        }
    }

    // -------------------------------------------------------------------------------------- what is real is refused

    private static AttachException refusal(Callable<?> attempt) {
        try {
            attempt.call();
        } catch (AttachException e) {
            return e;
        } catch (Exception e) {
            throw new AssertionError(e);
        }
        throw new AssertionError("it was not refused");
    }

    static Stream<AddressSpace> real() {
        return Stream.of(
                new AddressSpace.Self(),
                new AddressSpace.OfProcess(ProcessHandle.current()),
                new AddressSpace.OfPidfd(0),
                new AddressSpace.OfMemoryDescriptor(0));
    }

    @ParameterizedTest
    @MethodSource("real")
    void aRealAddressSpaceIsRefusedWithTheWayOut(AddressSpace space) {
        AttachException refusal = refusal(() -> get(space));

        assertThat(refusal.reason()).isEqualTo(AttachException.Reason.SIMULATED);
        assertThat(refusal)
                .hasMessageContaining("is real")
                .hasMessageContaining("--vm")
                .hasMessageContaining("modprobe");
        assertThat(mmu.statistics().gets()).isZero();
    }

    @Test
    void aPidIsRefusedEvenIfTheModelHasAProcessOfThatNumber() {
        assertThat(refusal(() -> mmu.process(process.pid())).reason()).isEqualTo(AttachException.Reason.SIMULATED);
        assertThat(refusal(() -> mmu.process(ProcessHandle.current().pid())).reason())
                .isEqualTo(AttachException.Reason.SIMULATED);
    }

    @Test
    void nativeMemoryIsRefusedWithTheWayOut() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment segment = arena.allocate(4096);
            Filter filter = Filter.all().withRange(AddressRange.of(segment));
            assertThatExceptionOfType(IllegalArgumentException.class)
                    .isThrownBy(() -> mmu.subsystem("test").get(mmu.process(process), RingOptions.defaults(), filter))
                    .withMessageContaining("native memory")
                    .withMessageContaining("--vm");
            Subscription subscription = get(mmu.process(process));
            assertThatExceptionOfType(IllegalArgumentException.class).isThrownBy(() -> subscription.filter(filter));
            assertThatExceptionOfType(ErrnoException.class)
                    .as("nor does a simulated process reach it")
                    .isThrownBy(() -> process.read(segment.address()))
                    .satisfies(e -> assertThat(e.errno()).isEqualTo(Errno.EFAULT));
        }
    }

    @Test
    void noCommandIsStarted() {
        for (Callable<?> launch :
                List.<Callable<?>>of(() -> mmu.launch(List.of("true")), () -> mmu.launchUntraced(List.of("true")))) {
            assertThatExceptionOfType(LaunchException.class)
                    .isThrownBy(launch::call)
                    .withMessageContaining("--vm")
                    .satisfies(e -> assertThat(e.reason()).isEqualTo(LaunchException.Reason.SIMULATED));
        }
    }

    @Test
    void thereAreNoStacks() {
        assertThatExceptionOfType(MmuException.class)
                .isThrownBy(() -> mmu.frames(1))
                .withMessageContaining("no stacks");
    }

    @Test
    void aProcessOfAnotherMachineIsRefused() {
        SimulatedProcess other = SimulatedKernel.builder().build().spawn("other");

        assertThatExceptionOfType(IllegalArgumentException.class)
                .isThrownBy(() -> get(mmu.process(other)))
                .withMessageContaining("another simulated machine");
    }

    @Test
    void aProcessThatHasExitedIsGone() {
        process.exit();

        AttachException refusal = refusal(() -> get(mmu.process(process)));
        assertThat(refusal.reason()).isEqualTo(AttachException.Reason.GONE);
        assertThat(refusal).hasMessageContaining("has exited");
    }
}
