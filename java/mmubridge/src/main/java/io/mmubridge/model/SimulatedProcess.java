// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import io.mmubridge.Cause;
import io.mmubridge.EventEntry;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A process of a simulated machine: {@code struct task_struct}, of all its threads. Each method is a system call, or an access
 * to memory, of the process. Any thread may call any of them: whichever Java thread comes first is the main thread, each
 * other one is a thread of its own.
 *
 * <p>All of them throw an {@link ErrnoException} with ESRCH once the process has exited.
 */
public final class SimulatedProcess {
    /** What can be called, by its name and its number on x86-64. */
    private enum Syscall {
        WRITE(1),
        MMAP(9),
        MPROTECT(10),
        MUNMAP(11),
        MREMAP(25),
        MADVISE(28),
        FORK(57),
        EXECVE(59),
        FTRUNCATE(77),
        EXIT_GROUP(231),
        FALLOCATE(285);

        private final int number;

        Syscall(int number) {
            this.number = number;
        }

        private String label() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    private final SimulatedKernel kernel;
    private final int pid;
    private final AtomicReference<@Nullable MmStruct> mm;
    private final ThreadLocal<Integer> tids;
    private final AtomicBoolean mainThreadKnown = new AtomicBoolean();
    private volatile String comm;

    SimulatedProcess(SimulatedKernel kernel, int pid, String comm, MmStruct mm) {
        this.kernel = kernel;
        this.pid = pid;
        this.comm = comm;
        this.mm = new AtomicReference<>(mm);
        tids = ThreadLocal.withInitial(() -> mainThreadKnown.compareAndSet(false, true) ? pid : kernel.newPid());
    }

    /**
     * Its number.
     *
     * @return the number, from 1000 on
     */
    public int pid() {
        return pid;
    }

    /**
     * Its name.
     *
     * @return what it executes
     */
    public String comm() {
        return comm;
    }

    /**
     * {@code task->mm}.
     *
     * @return its address space, null once it has exited. The caller is no user of it yet: {@link MmStruct#getNotZero}
     */
    public @Nullable MmStruct mm() {
        return mm.get();
    }

    // ------------------------------------------------------------------------------------------------ system calls

    /**
     * {@code mmap(2)}.
     *
     * @param request what to map, and where
     * @return its address
     * @throws ErrnoException EINVAL, ENOMEM
     */
    public long mmap(MapRequest request) {
        return call(Syscall.MMAP, Cause.MMAP, space -> Mmap.map(space, request));
    }

    /**
     * {@code munmap(2)}.
     *
     * @param address of the first page
     * @param length in bytes, rounded up to pages
     * @throws ErrnoException EINVAL
     */
    public void munmap(long address, long length) {
        run(Syscall.MUNMAP, Cause.MUNMAP, space -> Mmap.unmap(space, address, length));
    }

    /**
     * {@code mremap(2)} with MREMAP_MAYMOVE.
     *
     * @param address of the first page
     * @param oldLength in bytes, rounded up to pages
     * @param newLength in bytes, rounded up to pages
     * @return where it is now
     * @throws ErrnoException EINVAL, EFAULT, ENOMEM
     */
    public long mremap(long address, long oldLength, long newLength) {
        return call(Syscall.MREMAP, Cause.MREMAP, space -> Mremap.remap(space, address, oldLength, newLength, -1));
    }

    /**
     * {@code mremap(2)} with MREMAP_FIXED.
     *
     * @param address of the first page
     * @param oldLength in bytes, rounded up to pages
     * @param newLength in bytes, rounded up to pages
     * @param to where to, over what is there
     * @throws ErrnoException EINVAL, EFAULT
     */
    public void mremap(long address, long oldLength, long newLength, long to) {
        run(Syscall.MREMAP, Cause.MREMAP, space -> Mremap.remap(space, address, oldLength, newLength, to));
    }

    /**
     * {@code mprotect(2)}.
     *
     * @param address of the first page
     * @param length in bytes, rounded up to pages
     * @param protection the new protection
     * @throws ErrnoException EINVAL; ENOMEM at a hole, before which all was done
     */
    public void mprotect(long address, long length, Protection protection) {
        run(Syscall.MPROTECT, Cause.MPROTECT, space -> Mprotect.protect(space, address, length, protection));
    }

    /**
     * {@code madvise(2)}.
     *
     * @param address of the first page
     * @param length in bytes, rounded up to pages
     * @param advice what to do with it
     * @throws ErrnoException EINVAL; ENOMEM if there are holes, all else was done
     */
    public void madvise(long address, long length, Advice advice) {
        run(Syscall.MADVISE, advice.cause(), space -> Madvise.advise(space, address, length, advice));
    }

    /**
     * {@code fork(2)}.
     *
     * @return the child
     */
    public SimulatedProcess fork() {
        return call(Syscall.FORK, Cause.FORK, space -> kernel.adopt(comm, Fork.duplicate(space)));
    }

    /**
     * {@code execve(2)}: from here on the process has a new address space, with nothing mapped.
     *
     * @param newComm its new name
     */
    public void exec(String newComm) {
        MmStruct fresh = new MmStruct(kernel);
        // exec_mmap()
        MmStruct old = mm.getAndUpdate(seen -> seen == null ? null : fresh);
        if (old == null) {
            fresh.put();
            throw noProcess();
        }
        comm = newComm;
        activity(EventEntry.SYSCALL, Syscall.EXECVE, Cause.EXEC).run(old::put);
    }

    /**
     * {@code exit_group(2)}. What other threads of the process have begun goes on to its end, and the address space is torn
     * down behind it.
     */
    public void exit() {
        MmStruct old = mm.getAndSet(null);
        if (old == null) {
            throw noProcess();
        }
        kernel.reap(this);
        activity(EventEntry.EXIT, Syscall.EXIT_GROUP, Cause.EXIT).run(old::put);
    }

    /**
     * Writes 4 to {@code /proc/self/clear_refs}: all pages count as not written from here on.
     */
    public void clearRefs() {
        run(Syscall.WRITE, Cause.CLEAR_REFS, ClearRefs::softDirty);
    }

    /**
     * {@code ftruncate(2)}: makes a file longer or shorter, whoever maps it.
     *
     * @param file which
     * @param bytes its new length
     * @throws ErrnoException EINVAL if it is negative
     */
    public void truncate(SimulatedFile file, long bytes) {
        run(Syscall.FTRUNCATE, Cause.TRUNCATE, space -> file.setSize(bytes));
    }

    /**
     * {@code fallocate(2)} with FALLOC_FL_PUNCH_HOLE: a range of a file is zeroes from here on.
     *
     * @param file which
     * @param offset its first byte
     * @param bytes its length
     * @throws ErrnoException EINVAL if the range is empty, or begins before the file
     */
    public void punchHole(SimulatedFile file, long offset, long bytes) {
        run(Syscall.FALLOCATE, Cause.HOLE_PUNCH, space -> file.punch(offset, bytes));
    }

    // -------------------------------------------------------------------------------------------- accesses to memory

    /**
     * Loads a byte, through the page table, with page faults as it needs them.
     *
     * @param address any
     * @return the byte
     * @throws ErrnoException EFAULT for SIGSEGV, EBUS for SIGBUS, ENOMEM
     */
    public byte read(long address) {
        return enter(activity(EventEntry.EXCEPTION, null, Cause.UNKNOWN), space -> CpuAccess.read(space, address));
    }

    /**
     * Stores a byte, through the page table, with page faults as it needs them.
     *
     * @param address any
     * @param value the byte
     * @throws ErrnoException EFAULT for SIGSEGV, EBUS for SIGBUS, ENOMEM
     */
    public void write(long address, byte value) {
        enter(activity(EventEntry.EXCEPTION, null, Cause.UNKNOWN), space -> {
            CpuAccess.write(space, address, value);
            return 0;
        });
    }

    // --------------------------------------------------------------------------------------------------------------

    private void run(Syscall syscall, Cause cause, Consumer<MmStruct> operation) {
        call(syscall, cause, space -> {
            operation.accept(space);
            return 0;
        });
    }

    private <T> T call(Syscall syscall, Cause cause, Function<MmStruct, T> operation) {
        return enter(activity(EventEntry.SYSCALL, syscall, cause), operation);
    }

    private <T> T enter(Activity activity, Function<MmStruct, T> operation) {
        MmStruct space = getTaskMm();
        try {
            return activity.call(() -> operation.apply(space));
        } finally {
            activity.with(Cause.LAST_REFERENCE).run(space::put);
        }
    }

    /** {@code get_task_mm()}. */
    private MmStruct getTaskMm() {
        while (true) {
            MmStruct space = mm.get();
            if (space == null) {
                throw noProcess();
            }
            // Else it has executed something else, or exited, just now.
            if (space.getNotZero()) {
                return space;
            }
        }
    }

    private ErrnoException noProcess() {
        return new ErrnoException(Errno.ESRCH, "process " + pid + " has exited");
    }

    private Activity activity(EventEntry entry, @Nullable Syscall syscall, Cause cause) {
        String name = syscall == null ? null : syscall.label();
        return new Activity(pid, tids.get(), comm, entry, name, syscall == null ? -1 : syscall.number, cause);
    }

    @Override
    public String toString() {
        return comm + " " + pid;
    }
}
