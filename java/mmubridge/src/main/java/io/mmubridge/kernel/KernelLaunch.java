// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.kernel;

import static io.mmubridge.ffi.mmubridge_h.*;

import io.mmubridge.AddressSpace;
import io.mmubridge.LaunchException;
import io.mmubridge.LaunchException.Reason;
import io.mmubridge.MmuException;
import io.mmubridge.backend.BackendLaunch;
import io.mmubridge.ffi.mmub_spawn;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;

/**
 * A command and the thread that started it.
 *
 * <p>Until it runs, the command is traced by the thread that started it, and only that thread can let it go. So each
 * launch has a daemon thread of its own, which starts the command, waits for a decision, carries it out, and waits for the
 * command's end. Callers may be any thread: they talk to it through futures.
 */
final class KernelLaunch implements BackendLaunch {
    private enum Decision {
        RESUME,
        KILL
    }

    private final CompletableFuture<MemorySegment> started = new CompletableFuture<>();
    private final CompletableFuture<Decision> decision = new CompletableFuture<>();
    private final CompletableFuture<Void> carriedOut = new CompletableFuture<>();
    private final CompletableFuture<Integer> status = new CompletableFuture<>();

    private KernelLaunch() {}

    /** Starts a command, and returns when it is stopped at its first instruction. */
    static KernelLaunch start(List<String> command) {
        List<String> arguments = List.copyOf(command);
        if (arguments.isEmpty()) {
            throw new IllegalArgumentException("a command needs a program");
        }
        KernelLaunch launch = new KernelLaunch();
        Thread.ofPlatform().daemon().name("mmubridge-launch").start(() -> launch.run(arguments));
        join(launch.started);
        return launch;
    }

    private void run(List<String> command) {
        MemorySegment spawn = mmub_spawn.allocate(Arena.ofAuto());
        int result = spawn(command, spawn);
        if (result < 0) {
            started.completeExceptionally(failure(command.getFirst(), -result));
            return;
        }
        started.complete(spawn);
        switch (decision.join()) {
            case RESUME -> {
                carryOut("mmub_spawn_resume", mmub_spawn_resume(spawn));
                int ended = mmub_spawn_wait(spawn);
                if (ended < 0) {
                    status.completeExceptionally(
                            new MmuException("The command cannot be waited for: " + Errno.name(-ended)));
                } else {
                    status.complete(ended);
                }
            }
            case KILL -> carryOut("mmub_spawn_kill", mmub_spawn_kill(spawn));
        }
    }

    private static int spawn(List<String> command, MemorySegment spawn) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment argv = arena.allocate(C_POINTER, command.size() + 1L);
            for (int i = 0; i < command.size(); i++) {
                argv.setAtIndex(C_POINTER, i, arena.allocateFrom(command.get(i)));
            }
            return mmub_spawn_stopped(argv, MemorySegment.NULL, spawn);
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
                            + "(a set-uid program, kernel.yama.ptrace_scope 3, or a container's seccomp profile).");
        }
        return new LaunchException(Reason.OTHER, program + ": cannot be started: " + Errno.name(error) + ".");
    }

    @Override
    public long pid() {
        return mmub_spawn.pid(started.resultNow());
    }

    @Override
    public AddressSpace addressSpace() {
        if (decision.isDone()) {
            throw new IllegalStateException("the command is not stopped any more");
        }
        return new AddressSpace.OfMemoryDescriptor(mmub_spawn.mem_fd(started.resultNow()));
    }

    @Override
    public void resume() {
        if (!decision.complete(Decision.RESUME)) {
            throw new IllegalStateException("the command was resumed or killed before");
        }
        join(carriedOut);
    }

    @Override
    public int waitFor() throws InterruptedException {
        if (!decision.isDone() || decision.resultNow() != Decision.RESUME) {
            throw new IllegalStateException("the command was not resumed");
        }
        try {
            return status.get();
        } catch (ExecutionException e) {
            throw causeOf(e);
        }
    }

    @Override
    public void close() {
        if (decision.complete(Decision.KILL)) {
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
