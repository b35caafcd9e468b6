// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.kernel;

import static io.mmubridge.ffi.mmubridge_h.*;

import io.mmubridge.AttachException;
import io.mmubridge.AttachException.Reason;
import io.mmubridge.model.SimulatedProcess;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Makes of an error number the rule that refused, and what to do about it. */
final class AttachFailures {
    private static final long TEXT_SIZE = 512;

    private AttachFailures() {}

    /**
     * Why a process's memory could not be opened.
     *
     * @param pid the process
     * @param error a positive error number
     */
    static AttachException ofOpen(long pid, int error) {
        if (error != ESRCH() && error != EACCES() && error != EPERM()) {
            return new AttachException(
                    Reason.OTHER, "The memory of process " + pid + " cannot be opened: " + Errno.name(error) + ".");
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment text = arena.allocate(TEXT_SIZE);
            Reason reason = reason(mmub_refusal(Math.toIntExact(pid), text, TEXT_SIZE));
            if (error == ESRCH() && reason != Reason.KERNEL_THREAD) {
                return gone(pid);
            }
            return new AttachException(
                    reason,
                    "The kernel refuses to attach to process " + pid + ": " + text.getString(0) + ". "
                            + advice(reason));
        }
    }

    /** There is no such process. */
    static AttachException gone(long pid) {
        return new AttachException(
                Reason.GONE,
                "There is no process " + pid + " any more, or /proc hides it (mount option hidepid). "
                        + "Look with ps -p " + pid + ", as the user who runs it.");
    }

    /** It is none of this machine. */
    static AttachException simulated(SimulatedProcess process) {
        return new AttachException(
                Reason.SIMULATED,
                "The process " + process + " is a simulated one, of which the kernel knows nothing. "
                        + "Open its machine with Mmu.simulated(SimulatedKernel).");
    }

    /** What was given names no process. */
    static AttachException notAProcess(String what) {
        return new AttachException(Reason.NOT_A_PROCESS, what + " names no process. Pass one of pidfd_open(2).");
    }

    /**
     * Why a reference could not be had.
     *
     * @param subsystem its name
     * @param error a positive error number
     */
    static AttachException ofAttach(String subsystem, int error) {
        String subject = "The subsystem " + subsystem + " cannot be got: ";
        if (error == ESRCH()) {
            return new AttachException(Reason.GONE, subject + "the process has exited, or is a kernel thread.");
        }
        if (error == EOPNOTSUPP()) {
            return new AttachException(
                    Reason.NOT_SUPPORTED,
                    subject + "the module cannot attach to other processes here; mmubridge info says why.");
        }
        if (error == EUSERS()) {
            return new AttachException(
                    Reason.LIMIT,
                    subject + "this user has as many subsystems or subscriptions as one user may. "
                            + "Close some, or raise the module's parameters.");
        }
        if (error == ENOSPC()) {
            return new AttachException(
                    Reason.LIMIT,
                    subject + "the module's pool of subsystems is spent, over all users. "
                            + "Use fewer names, or wait for others to be freed.");
        }
        if (error == EMLINK()) {
            return new AttachException(
                    Reason.LIMIT,
                    subject + "it has as many subscriptions on this address space as it may. Close some.");
        }
        if (error == EBADF() || error == EINVAL() || error == EACCES()) {
            return new AttachException(
                    Reason.NOT_A_PROCESS,
                    subject + "the descriptor is not one of /proc/PID/mem, open for reading: " + Errno.name(error)
                            + ".");
        }
        return new AttachException(Reason.OTHER, subject + Errno.name(error) + ".");
    }

    private static Reason reason(int refusal) {
        if (refusal == MMUB_REFUSAL_GONE()) {
            return Reason.GONE;
        }
        if (refusal == MMUB_REFUSAL_KTHREAD()) {
            return Reason.KERNEL_THREAD;
        }
        if (refusal == MMUB_REFUSAL_UID()) {
            return Reason.OTHER_USER;
        }
        if (refusal == MMUB_REFUSAL_DUMPABLE()) {
            return Reason.NOT_DUMPABLE;
        }
        if (refusal == MMUB_REFUSAL_YAMA()) {
            return Reason.YAMA;
        }
        if (refusal == MMUB_REFUSAL_CAPS()) {
            return Reason.CAPABILITIES;
        }
        if (refusal == MMUB_REFUSAL_LSM()) {
            return Reason.SECURITY_MODULE;
        }
        return Reason.OTHER;
    }

    private static String advice(Reason reason) {
        return switch (reason) {
            case GONE -> "Look with ps, as the user who runs it.";
            case KERNEL_THREAD -> "Choose a process with memory of its own.";
            case OTHER_USER, CAPABILITIES -> "Run as that user, or with CAP_SYS_PTRACE in its user namespace.";
            case NOT_DUMPABLE -> "Run with CAP_SYS_PTRACE, or let it call prctl(PR_SET_DUMPABLE, 1).";
            case YAMA ->
                "Start it from here instead (watch -- COMMAND), let it call prctl(PR_SET_PTRACER, PID), "
                        + "run with CAP_SYS_PTRACE, or set kernel.yama.ptrace_scope to 0.";
            case SECURITY_MODULE ->
                "Look into the logs of the security module, and at the seccomp profile of a container.";
            default -> "Try again: what refused may be gone.";
        };
    }
}
