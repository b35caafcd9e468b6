// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.kernel;

import static io.mmubridge.ffi.mmubridge_h.*;

import io.mmubridge.AddressSpace;
import io.mmubridge.LaunchEvent;
import io.mmubridge.LaunchException;
import io.mmubridge.LaunchException.Reason;
import io.mmubridge.LaunchOption;
import io.mmubridge.MmuException;
import io.mmubridge.backend.BackendLaunch;
import io.mmubridge.ffi.mmub_spawn;
import io.mmubridge.ffi.mmub_spawn_event;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.function.Consumer;

/**
 * A command and the thread that started it.
 *
 * <p>A command is traced by the thread that started it, and only that thread can let it go or follow it. So each launch
 * has a daemon thread of its own, which starts the command, waits for a decision, carries it out, and waits for the
 * command's end. Callers may be any thread: they talk to it through futures.
 */
final class KernelLaunch implements BackendLaunch {
    private sealed interface Decision {
        record Resume() implements Decision {}

        record Follow(int flags, Consumer<? super LaunchEvent> handler) implements Decision {}

        record Kill() implements Decision {}
    }

    private final boolean traced;
    private final int flags;
    private final CompletableFuture<MemorySegment> started = new CompletableFuture<>();
    private final CompletableFuture<Decision> decision = new CompletableFuture<>();
    private final CompletableFuture<Void> carriedOut = new CompletableFuture<>();
    private final CompletableFuture<Integer> status = new CompletableFuture<>();

    private KernelLaunch(boolean traced, Set<LaunchOption> options) {
        this.traced = traced;
        flags = options.contains(LaunchOption.INHERIT_DESCRIPTORS) ? 0 : MMUB_SPAWN_STDIO();
    }

    /** Starts a command, and returns when it is stopped at its first instruction; or, if it is not traced, runs. */
    static KernelLaunch start(List<String> command, boolean traced, Set<LaunchOption> options) {
        List<String> arguments = List.copyOf(command);
        if (arguments.isEmpty()) {
            throw new IllegalArgumentException("a command needs a program");
        }
        KernelLaunch launch = new KernelLaunch(traced, options);
        Thread.ofPlatform().daemon().name("mmubridge-launch").start(() -> launch.run(arguments));
        join(launch.started);
        return launch;
    }

    private void run(List<String> command) {
        try {
            startAndObey(command);
        } catch (Throwable e) {
            // Nobody is to wait for this thread; what was completed before stays so.
            started.completeExceptionally(e);
            carriedOut.completeExceptionally(e);
            status.completeExceptionally(e);
            throw e;
        }
    }

    private void startAndObey(List<String> command) {
        MemorySegment spawn = mmub_spawn.allocate(Arena.ofAuto());
        int result = spawn(command, spawn);
        if (result < 0) {
            started.completeExceptionally(failure(command.getFirst(), -result));
            return;
        }
        started.complete(spawn);
        switch (decision.join()) {
            case Decision.Resume() -> {
                carryOut("mmub_spawn_resume", traced ? mmub_spawn_resume(spawn) : 0);
                waitForEnd(spawn);
            }
            case Decision.Follow(int flags, Consumer<? super LaunchEvent> handler) -> {
                carryOut("mmub_spawn_follow", traced ? mmub_spawn_follow(spawn, flags) : 0);
                follow(spawn, handler);
            }
            case Decision.Kill() -> carryOut("mmub_spawn_kill", mmub_spawn_kill(spawn));
        }
    }

    private int spawn(List<String> command, MemorySegment spawn) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment argv = arena.allocate(C_POINTER, command.size() + 1L);
            for (int i = 0; i < command.size(); i++) {
                argv.setAtIndex(C_POINTER, i, arena.allocateFrom(command.get(i)));
            }
            return traced
                    ? mmub_spawn_stopped(argv, MemorySegment.NULL, flags, spawn)
                    : mmub_spawn_running(argv, MemorySegment.NULL, flags, spawn);
        }
    }

    private void follow(MemorySegment spawn, Consumer<? super LaunchEvent> handler) {
        boolean told = false;
        try {
            MemorySegment event = mmub_spawn_event.allocate(Arena.ofAuto());
            int result = traced ? 0 : -ECHILD();
            while (result != -ECHILD()) {
                // Other errors: a signal came, or somebody new had to be let go.
                result = mmub_spawn_next(spawn, event);
                if (result == 0) {
                    told |= isEndOfCommand(event);
                    handler.accept(event(event));
                }
                if (told) {
                    status.complete(mmub_spawn.status(spawn));
                }
            }
        } finally {
            // Lets go of whoever is left, if the handler has thrown.
            waitForEnd(spawn);
        }
        if (!told && status.state() == CompletableFuture.State.SUCCESS) {
            handler.accept(new LaunchEvent.Exit(pid(), status.resultNow()));
        }
        handler.accept(new LaunchEvent.End());
    }

    private boolean isEndOfCommand(MemorySegment event) {
        return mmub_spawn_event.what(event) == MMUB_SPAWN_EXIT() && mmub_spawn_event.pid(event) == pid();
    }

    private static LaunchEvent event(MemorySegment event) {
        int pid = mmub_spawn_event.pid(event);
        int what = mmub_spawn_event.what(event);
        if (what == MMUB_SPAWN_EXIT()) {
            return new LaunchEvent.Exit(pid, mmub_spawn_event.status(event));
        }
        AddressSpace space = space(pid, mmub_spawn_event.mem_fd(event));
        if (what == MMUB_SPAWN_CHILD()) {
            return new LaunchEvent.Child(pid, mmub_spawn_event.parent(event), space);
        }
        return new LaunchEvent.Exec(
                pid, mmub_spawn_event.comm(event).getString(0), mmub_spawn_event.time_ns(event), space);
    }

    /** A descriptor that could not be had is tried again by the get, which explains the refusal. */
    private static AddressSpace space(long pid, int descriptor) {
        if (descriptor < 0) {
            ProcessHandle handle = ProcessHandle.of(pid).orElse(null);
            if (handle != null) {
                return new AddressSpace.OfProcess(handle);
            }
        }
        return new AddressSpace.OfMemoryDescriptor(descriptor);
    }

    private void waitForEnd(MemorySegment spawn) {
        int ended = mmub_spawn_wait(spawn);
        if (ended < 0) {
            status.completeExceptionally(new MmuException("The command cannot be waited for: " + Errno.name(-ended)));
        } else {
            status.complete(ended);
        }
    }

    private void carryOut(String call, int result) {
        if (result < 0) {
            carriedOut.completeExceptionally(new MmuException(call + " failed: " + Errno.name(-result) + "."));
        } else {
            carriedOut.complete(null);
        }
    }

    private static LaunchException failure(String program, int error) {
        if (error == ENOENT()) {
            return new LaunchException(Reason.NOT_FOUND, program + ": no such command.");
        }
        if (error == EACCES()) {
            return new LaunchException(Reason.NOT_EXECUTABLE, program + ": cannot be executed: permission denied.");
        }
        if (error == EPERM()) {
            return new LaunchException(
                    Reason.NOT_TRACEABLE,
                    program + ": cannot be stopped at its first instruction: ptrace is not allowed here "
                            + "(a set-uid or unreadable program, kernel.yama.ptrace_scope 3, or a container's seccomp "
                            + "profile).");
        }
        return new LaunchException(Reason.OTHER, program + ": cannot be started: " + Errno.name(error) + ".");
    }

    @Override
    public long pid() {
        return mmub_spawn.pid(started.resultNow());
    }

    @Override
    public boolean isStartMissed() {
        return !traced;
    }

    @Override
    public AddressSpace addressSpace() {
        if (decision.isDone()) {
            throw new IllegalStateException("the command is not stopped any more");
        }
        return space(pid(), mmub_spawn.mem_fd(started.resultNow()));
    }

    @Override
    public void resume() {
        decide(new Decision.Resume());
    }

    @Override
    public void follow(boolean children, Consumer<? super LaunchEvent> handler) {
        decide(new Decision.Follow(children ? MMUB_FOLLOW_CHILDREN() : 0, handler));
    }

    private void decide(Decision made) {
        if (!decision.complete(made)) {
            throw new IllegalStateException("the command was let run or killed before");
        }
        join(carriedOut);
    }

    @Override
    public int waitFor() throws InterruptedException {
        if (!decision.isDone() || decision.resultNow() instanceof Decision.Kill) {
            throw new IllegalStateException("the command was not let run");
        }
        try {
            return status.get();
        } catch (ExecutionException e) {
            throw causeOf(e);
        }
    }

    @Override
    public void close() {
        if (decision.complete(new Decision.Kill())) {
            join(carriedOut);
        }
    }

    private static void join(CompletableFuture<?> future) {
        try {
            future.join();
        } catch (CompletionException e) {
            throw causeOf(e);
        }
    }

    private static RuntimeException causeOf(Exception e) {
        return e.getCause() instanceof MmuException cause ? cause : new IllegalStateException(e);
    }
}
