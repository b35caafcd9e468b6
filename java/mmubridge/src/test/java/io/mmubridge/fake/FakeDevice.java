// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.fake;

import io.mmubridge.AddressRange;
import io.mmubridge.AddressSpace;
import io.mmubridge.Capabilities;
import io.mmubridge.EventPhase;
import io.mmubridge.EventType;
import io.mmubridge.Filter;
import io.mmubridge.InvalidationEvent;
import io.mmubridge.LaunchOption;
import io.mmubridge.Mmu;
import io.mmubridge.MmuAccess;
import io.mmubridge.MmuStatistics;
import io.mmubridge.RingOptions;
import io.mmubridge.ShadowMode;
import io.mmubridge.SubscriptionStatistics;
import io.mmubridge.backend.Backend;
import io.mmubridge.backend.BackendGuard;
import io.mmubridge.backend.BackendLaunch;
import io.mmubridge.backend.BackendShadow;
import io.mmubridge.backend.BackendSubscription;
import io.mmubridge.model.SimulatedKernel;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A device that says what a test makes it say, and holds one subscription at a time. Its monitor is that of the subscription.
 */
public final class FakeDevice {
    private final Queue<InvalidationEvent> ring = new ArrayDeque<>();
    private boolean open;
    private boolean attached;
    private int attaches;
    private long events;

    /** Opens it. */
    public synchronized Mmu open() {
        if (open) {
            throw new IllegalStateException("open already");
        }
        open = true;
        return MmuAccess.open(new FakeBackend());
    }

    /** Writes into the ring. */
    public synchronized void tell(InvalidationEvent event) {
        if (!attached) {
            throw new IllegalStateException("nobody listens");
        }
        ring.add(event);
        if (event.phase() == EventPhase.START) {
            events++;
        }
        notifyAll();
    }

    /** Whether there is a subscription. */
    public synchronized boolean isAttached() {
        return attached;
    }

    /** Whether somebody has the device open. */
    public synchronized boolean isOpen() {
        return open;
    }

    /** How many subscriptions there have been. */
    public synchronized int attaches() {
        return attaches;
    }

    /** Waits until the subscription is gone. */
    public synchronized void awaitDetached() throws InterruptedException {
        while (attached) {
            wait();
        }
    }

    private synchronized void detach() {
        attached = false;
        ring.clear();
        notifyAll();
    }

    private final class FakeBackend implements Backend {
        @Override
        public String name() {
            return "fake";
        }

        @Override
        public String reason() {
            return "a test";
        }

        @Override
        public Optional<SimulatedKernel> simulatedKernel() {
            return Optional.empty();
        }

        @Override
        public Capabilities capabilities() {
            return new Capabilities(
                    "0", 1, Set.of(), null, new Capabilities.Limits(4096, 1, 1, 1, 1, 8, 4096, 0, 0, 0, 0));
        }

        @Override
        public MmuStatistics statistics() {
            throw new UnsupportedOperationException();
        }

        @Override
        public boolean synchronize(long timeoutNanos) {
            throw new UnsupportedOperationException();
        }

        @Override
        public AddressSpace process(long pid) {
            throw new UnsupportedOperationException();
        }

        @Override
        public BackendSubscription attach(String subsystem, AddressSpace space, RingOptions options, Filter filter) {
            synchronized (FakeDevice.this) {
                if (attached || !(space instanceof AddressSpace.Self)) {
                    throw new IllegalStateException("attached already, or to somebody else");
                }
                attached = true;
                attaches++;
                events = 0;
                return new FakeSubscription();
            }
        }

        @Override
        public List<String> frames(int stackId) {
            throw new UnsupportedOperationException();
        }

        @Override
        public BackendLaunch launch(List<String> command, boolean traced, Set<LaunchOption> options) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void close() {
            synchronized (FakeDevice.this) {
                detach();
                open = false;
            }
        }
    }

    private final class FakeSubscription implements BackendSubscription {
        @Override
        public long spaceId() {
            return 1;
        }

        @Override
        public boolean sharedNotifier() {
            return false;
        }

        @Override
        public SubscriptionStatistics statistics() {
            synchronized (FakeDevice.this) {
                if (!attached) {
                    throw new IllegalStateException("detached");
                }
                return new SubscriptionStatistics(1, 1, events, 0, events, events, 0, events, events, 0);
            }
        }

        @Override
        public void filter(Filter filter) {
            throw new UnsupportedOperationException();
        }

        @Override
        public BackendGuard guard(AddressRange range, Set<EventType> ignored) {
            throw new UnsupportedOperationException();
        }

        @Override
        public BackendShadow shadow(AddressRange range, ShadowMode mode) {
            throw new UnsupportedOperationException();
        }

        @Override
        public int drain(Consumer<? super InvalidationEvent> handler, int limit) {
            int drained = 0;
            while (drained < limit) {
                InvalidationEvent event = next();
                if (event == null) {
                    break;
                }
                handler.accept(event);
                drained++;
            }
            return drained;
        }

        private @Nullable InvalidationEvent next() {
            synchronized (FakeDevice.this) {
                return ring.poll();
            }
        }

        @Override
        public boolean await(long timeoutNanos) throws InterruptedException {
            long deadline = System.nanoTime() + timeoutNanos;
            synchronized (FakeDevice.this) {
                while (attached && ring.isEmpty()) {
                    long left = deadline - System.nanoTime();
                    if (left <= 0) {
                        return false;
                    }
                    FakeDevice.this.wait(left / 1_000_000 + 1);
                }
                return true;
            }
        }

        @Override
        public boolean isEnded() {
            return !isAttached();
        }

        @Override
        public long lost() {
            return 0;
        }

        @Override
        public void detach() {
            FakeDevice.this.detach();
        }

        @Override
        public void close() {
            FakeDevice.this.detach();
        }
    }
}
