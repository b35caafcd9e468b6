// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmubridge.AttachException;
import io.mmubridge.EventEntry;
import io.mmubridge.EventPhase;
import io.mmubridge.InvalidationEvent;
import io.mmubridge.Launch;
import io.mmubridge.LaunchEvent;
import io.mmubridge.LaunchException;
import io.mmubridge.LaunchOption;
import io.mmubridge.Mmu;
import io.mmubridge.Subscription;
import java.io.IOException;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Other processes: one that is there, and commands from their first instruction on. */
@KernelTest
class WatchOtherIT {
    private static final Duration LONG = Duration.ofMinutes(2);

    private Mmu mmu;

    @BeforeEach
    void open() {
        mmu = Mmu.openKernel();
    }

    @AfterEach
    void close() {
        mmu.close();
    }

    private static List<InvalidationEvent> untilTheEnd(Subscription subscription) throws InterruptedException {
        List<InvalidationEvent> events = new ArrayList<>();
        int polled;
        do {
            polled = subscription.events().poll(event -> events.add(event.copy()), LONG);
            assertThat(polled).as("time ran out").isNotZero();
        } while (polled > 0);
        return events;
    }

    @Test
    void aCommandIsWatchedFromItsFirstInstructionToItsExit() throws InterruptedException {
        try (Launch launch = mmu.launch(List.of("sh", "-c", "exit 7"));
                Subscription subscription = mmu.subsystem("it-other").get(launch.addressSpace())) {
            assertThat(subscription.statistics().seq()).as("nothing ran yet").isZero();
            launch.resume();
            List<InvalidationEvent> events = untilTheEnd(subscription);

            assertThat(launch.waitFor()).isEqualTo(7);
            assertThat(events.getFirst().seq()).isEqualTo(1);
            assertThat(events).allSatisfy(event -> assertThat(event.pid()).isEqualTo(Math.toIntExact(launch.pid())));
            InvalidationEvent last = events.getLast();
            assertThat(last.phase()).isEqualTo(EventPhase.RELEASE);
            assertThat(last.end()).isEqualTo(-1);
            assertThat(last.entry()).isEqualTo(EventEntry.EXIT);
            assertThat(last.syscall()).isNull();
        }
    }

    @Test
    void aCommandHasNoDescriptorsOfTheJvmUnlessItIsToHaveThem() throws IOException, InterruptedException {
        List<String> count =
                List.of("sh", "-c", "n=0; for fd in /proc/$$/fd/*; do [ -e $fd ] && n=$((n + 1)); done; exit $n");
        try (ServerSocket socket = new ServerSocket(0)) {
            assertThat(socket.isBound()).isTrue();
            try (Launch launch = mmu.launch(count)) {
                launch.resume();
                assertThat(launch.waitFor()).isEqualTo(3);
            }
            try (Launch launch = mmu.launchUntraced(count)) {
                launch.resume();
                assertThat(launch.waitFor()).isEqualTo(3);
            }
            try (Launch launch = mmu.launch(count, LaunchOption.INHERIT_DESCRIPTORS)) {
                launch.resume();
                assertThat(launch.waitFor()).isGreaterThan(3);
            }
        }
    }

    @Test
    void aCommandIsFollowedThroughItsExecs() throws InterruptedException {
        List<Subscription> subscriptions = new ArrayList<>();
        List<LaunchEvent> told = new CopyOnWriteArrayList<>();
        CountDownLatch ended = new CountDownLatch(1);
        try (Launch launch = mmu.launch(List.of("sh", "-c", "exec nice sh -c 'exit 7'"))) {
            subscriptions.add(mmu.subsystem("it-other").get(launch.addressSpace()));
            launch.follow(event -> {
                told.add(event);
                switch (event) {
                    case LaunchEvent.Exec exec -> {
                        Subscription subscription = mmu.subsystem("it-other").get(exec.addressSpace());
                        assertThat(subscription.statistics().seq()).isZero();
                        subscriptions.add(subscription);
                    }
                    case LaunchEvent.End() -> ended.countDown();
                    default -> {}
                }
            });
            assertThatThrownBy(launch::resume).isInstanceOf(IllegalStateException.class);
            assertThat(launch.waitFor()).isEqualTo(7);
            ended.await();

            assertThat(told)
                    .map(event -> event instanceof LaunchEvent.Exec exec ? exec.comm() : event)
                    .containsExactly("nice", "sh", new LaunchEvent.Exit(launch.pid(), 7), new LaunchEvent.End());
            assertThat(subscriptions).hasSize(3);
            for (Subscription subscription : subscriptions) {
                List<InvalidationEvent> events = untilTheEnd(subscription);
                assertThat(events.getFirst().seq()).isEqualTo(1);
                assertThat(events.getLast().phase()).isEqualTo(EventPhase.RELEASE);
                assertThat(events.getLast().n()).isEqualTo(events.size());
                subscription.close();
            }
        }
    }

    @Test
    void aHandlerThatThrowsIsTheEndOfFollowingAndNotOfTheCommand() throws InterruptedException {
        List<LaunchEvent> told = new CopyOnWriteArrayList<>();
        try (Launch launch = mmu.launch(List.of("sh", "-c", "exec nice sh -c 'exit 7'"))) {
            launch.follow(event -> {
                told.add(event);
                throw new IllegalStateException("as the test wants it");
            });
            assertThat(launch.waitFor()).isEqualTo(7);
            assertThat(told).hasSize(1);
        }
    }

    @Test
    void aCommandThatIsNotResumedIsKilled() {
        long pid;
        try (Launch launch = mmu.launch(List.of("true"))) {
            pid = launch.pid();
            assertThat(ProcessHandle.of(pid)).isPresent();
            assertThatThrownBy(launch::waitFor).isInstanceOf(IllegalStateException.class);
        }
        assertThat(ProcessHandle.of(pid)).isEmpty();
    }

    @Test
    void aCommandThatCannotBeStartedSaysWhy() {
        assertThatExceptionOfType(LaunchException.class)
                .isThrownBy(() -> mmu.launch(List.of("no-such-command")))
                .satisfies(e -> assertThat(e.reason()).isEqualTo(LaunchException.Reason.NOT_FOUND));
        assertThatExceptionOfType(LaunchException.class)
                .isThrownBy(() -> mmu.launch(List.of("/etc/passwd")))
                .satisfies(e -> assertThat(e.reason()).isEqualTo(LaunchException.Reason.NOT_EXECUTABLE));
    }

    @Test
    void aSignalIsAStatusAsInAShell() throws InterruptedException {
        try (Launch launch = mmu.launch(List.of("sh", "-c", "kill -9 $$"))) {
            launch.resume();
            assertThat(launch.waitFor()).isEqualTo(128 + 9);
        }
    }

    @Test
    void aProcessThatIsThereCanBeAttachedToAndOutlived() throws IOException, InterruptedException {
        Process process = new ProcessBuilder("cat").start();
        try (Subscription subscription = mmu.subsystem("it-other").get(mmu.process(process.toHandle()))) {
            process.getOutputStream().close();
            assertThat(untilTheEnd(subscription).getLast().phase()).isEqualTo(EventPhase.RELEASE);
            process.waitFor();

            assertThat(subscription.statistics().users())
                    .as("the reference is still owed a put")
                    .isEqualTo(1);
            assertThatExceptionOfType(AttachException.class)
                    .isThrownBy(() -> mmu.subsystem("it-other").get(mmu.process(process.toHandle())))
                    .satisfies(e -> assertThat(e.reason()).isEqualTo(AttachException.Reason.GONE));
        }
    }
}
