// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.kernel;

import static io.mmubridge.ffi.mmubridge_h.*;
import static java.lang.foreign.MemoryLayout.PathElement.groupElement;

import io.mmubridge.MmuException;
import io.mmubridge.ffi.epoll_event;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;

/**
 * epoll(7) and eventfd(2), with the reason when a call fails: jextract's handles do not capture {@code errno}, so these
 * are made by hand from its descriptors.
 */
final class Epoll {
    private static final Linker.Option ERRNO = Linker.Option.captureCallState("errno");
    private static final MemoryLayout STATE = Linker.Option.captureStateLayout();
    private static final VarHandle ERRNO_OF_STATE = STATE.varHandle(groupElement("errno"));

    private static final MethodHandle EPOLL_CREATE1 = handle(epoll_create1$address(), epoll_create1$descriptor());
    private static final MethodHandle EPOLL_CTL = handle(epoll_ctl$address(), epoll_ctl$descriptor());
    private static final MethodHandle EPOLL_WAIT = handle(epoll_wait$address(), epoll_wait$descriptor());
    private static final MethodHandle EVENTFD = handle(eventfd$address(), eventfd$descriptor());

    private static final VarHandle EVENTS = epoll_event.layout().varHandle(groupElement("events"));
    private static final VarHandle DATA = epoll_event.layout().varHandle(groupElement("data"), groupElement("u64"));

    private Epoll() {}

    private static MethodHandle handle(MemorySegment address, FunctionDescriptor descriptor) {
        return Linker.nativeLinker().downcallHandle(address, descriptor, ERRNO);
    }

    /** Room for the reason of a failure; one for each thread at a time. */
    static MemorySegment newState(Arena arena) {
        return arena.allocate(STATE);
    }

    /** Room for {@code count} events. */
    static MemorySegment newEvents(int count, Arena arena) {
        return epoll_event.allocateArray(count, arena);
    }

    static long data(MemorySegment events, int index) {
        return (long) DATA.get(events, index * epoll_event.sizeof());
    }

    static int create(MemorySegment state) {
        try {
            return check("epoll_create1", (int) EPOLL_CREATE1.invokeExact(state, EPOLL_CLOEXEC()), state);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    static int newEventDescriptor(MemorySegment state) {
        try {
            return check("eventfd", (int) EVENTFD.invokeExact(state, 0, EFD_CLOEXEC()), state);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /** Adds, changes or deletes {@code descriptor}; {@code event} is scratch. */
    static void control(
            int epoll, int operation, int descriptor, int events, long data, MemorySegment event, MemorySegment state) {
        EVENTS.set(event, 0L, events);
        DATA.set(event, 0L, data);
        try {
            check("epoll_ctl", (int) EPOLL_CTL.invokeExact(state, epoll, operation, descriptor, event), state);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /** Waits without a limit; gives the number of events, which can be 0. */
    static int await(int epoll, MemorySegment events, int count, MemorySegment state) {
        try {
            int ready = (int) EPOLL_WAIT.invokeExact(state, epoll, events, count, -1);
            if (ready < 0 && (int) ERRNO_OF_STATE.get(state, 0L) == EINTR()) {
                return 0;
            }
            return check("epoll_wait", ready, state);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    private static int check(String call, int result, MemorySegment state) {
        if (result < 0) {
            throw new MmuException(call + " failed: " + Errno.name((int) ERRNO_OF_STATE.get(state, 0L)));
        }
        return result;
    }

    private static RuntimeException unexpected(Throwable e) {
        if (e instanceof Error error) {
            throw error;
        }
        return e instanceof RuntimeException exception ? exception : new IllegalStateException(e);
    }
}
