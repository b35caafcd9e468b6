// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.kernel;

import static io.mmubridge.ffi.mmubridge_h.*;

import io.mmubridge.MmuException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * One daemon thread that sits in {@code epoll_wait} for all descriptors of a device, so that the threads that wait for
 * events are parked: they can be interrupted, have deadlines, and be virtual.
 *
 * <p>Registrations are level-triggered and one-shot: arming one whose descriptor is readable already reports it at once,
 * so nothing is missed between looking at a ring and arming, and nothing is reported that nobody waits for. The kernel is
 * told of a descriptor when it is armed for the first time, and so never of one that nobody waits for.
 *
 * <p>An eventfd, with the id 0, tells the thread to stop.
 */
final class Poller {
    private static final int EVENTS = 64;
    private static final long STOP = 0;

    private final Arena arena = Arena.ofAuto();
    private final int epoll;
    private final int stop;
    private final Thread thread;
    private final ConcurrentMap<Long, Registration> registrations = new ConcurrentHashMap<>();
    private final AtomicLong nextId = new AtomicLong(STOP + 1);
    private volatile @Nullable Throwable failure;

    private Poller(int epoll, int stop) {
        this.epoll = epoll;
        this.stop = stop;
        this.thread = Thread.ofPlatform().daemon().name("mmubridge-poller").unstarted(this::run);
    }

    /** Starts the thread. */
    static Poller start() {
        Arena arena = Arena.ofAuto();
        MemorySegment state = Epoll.newState(arena);
        int epoll = Epoll.create(state);
        int stop = -1;
        try {
            stop = Epoll.newEventDescriptor(state);
            Epoll.control(epoll, EPOLL_CTL_ADD(), stop, EPOLLIN(), STOP, Epoll.newEvents(1, arena), state);
            Poller poller = new Poller(epoll, stop);
            poller.thread.start();
            return poller;
        } catch (Throwable e) {
            closeBoth(epoll, stop);
            throw e;
        }
    }

    /** A descriptor that can be armed. Used by one thread at a time. */
    final class Registration {
        private final int descriptor;
        private final long id = nextId.getAndIncrement();
        private final Runnable ready;

        /** What calls need; null until it is armed for the first time. */
        private @Nullable Scratch scratch;

        private Registration(int descriptor, Runnable ready) {
            this.descriptor = descriptor;
            this.ready = ready;
        }

        /**
         * Asks for one run of {@code ready} when the descriptor is readable, urgent or hung up, or is so already.
         *
         * @throws MmuException if the kernel refuses, as it does for want of memory or at its limit
         */
        void arm() {
            int events = EPOLLIN() | EPOLLPRI() | EPOLLONESHOT();
            Scratch known = scratch;
            if (known != null) {
                checkFailure();
                control(EPOLL_CTL_MOD(), events, known);
                return;
            }
            Scratch made = new Scratch();
            // Before the look at the failure: either that is seen here, or this by the thread that failed.
            registrations.put(id, this);
            try {
                checkFailure();
                control(EPOLL_CTL_ADD(), events, made);
            } catch (Throwable e) {
                registrations.remove(id);
                throw e;
            }
            scratch = made;
        }

        /** Forgets the descriptor, before it is closed. */
        void cancel() {
            if (scratch != null) {
                registrations.remove(id);
                control(EPOLL_CTL_DEL(), 0, scratch);
            }
        }

        private void control(int operation, int events, Scratch scratch) {
            Epoll.control(epoll, operation, descriptor, events, id, scratch.event, scratch.state);
        }
    }

    /** Native memory that a call of epoll_ctl takes. */
    private static final class Scratch {
        final MemorySegment state;
        final MemorySegment event;

        Scratch() {
            Arena arena = Arena.ofAuto();
            state = Epoll.newState(arena);
            event = Epoll.newEvents(1, arena);
        }
    }

    /**
     * Makes a descriptor one that can be armed.
     *
     * @param descriptor open until {@link Registration#cancel()}
     * @param ready run on the poller's thread: must neither block nor throw
     */
    Registration register(int descriptor, Runnable ready) {
        return new Registration(descriptor, ready);
    }

    private void checkFailure() {
        Throwable cause = failure;
        if (cause != null) {
            throw new MmuException("The thread that waits for events has failed: " + cause.getMessage(), cause);
        }
    }

    /** Ends the thread, once all registrations are cancelled. */
    void stop() {
        if (failure != null) {
            closeBoth(epoll, stop);
        } else if (eventfd_write(stop, 1) < 0) {
            throw new MmuException("eventfd_write failed");
        }
    }

    private void run() {
        try {
            loop();
            closeBoth(epoll, stop);
        } catch (Throwable e) {
            // The descriptors stay open for those that are registered, until stop().
            failure = e;
            registrations.values().forEach(registration -> registration.ready.run());
        }
    }

    private void loop() {
        MemorySegment state = Epoll.newState(arena);
        MemorySegment events = Epoll.newEvents(EVENTS, arena);
        while (true) {
            int count = Epoll.await(epoll, events, EVENTS, state);
            for (int i = 0; i < count; i++) {
                long id = Epoll.data(events, i);
                if (id == STOP) {
                    return;
                }
                Registration registration = registrations.get(id);
                if (registration != null) {
                    registration.ready.run();
                }
            }
        }
    }

    private static void closeBoth(int epoll, int stop) {
        close(epoll);
        if (stop >= 0) {
            close(stop);
        }
    }
}
