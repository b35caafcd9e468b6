// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.kernel;

import static io.mmubridge.ffi.mmubridge_h.*;

import io.mmubridge.AddressRange;
import io.mmubridge.EventType;
import io.mmubridge.InvalidationEvent;
import io.mmubridge.MmuException;
import io.mmubridge.ffi.mmub_guard;
import io.mmubridge.ffi.mmub_guards;
import io.mmubridge.ffi.mmub_record;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Cleaner;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The slots of a subscription's guards, which libmmubridge has mapped.
 *
 * <p>Guards are asked for as long as somebody has them, also once the subscription is closed, and without any check of
 * whether it is. So what is mapped here stays mapped while a guard can be reached: at the close, pages in which every word is odd
 * take the place of the slots ({@code mmub_guards_retire()}), and a cleaner unmaps those. The subscription's file is released
 * at the close.
 */
final class GuardTable {
    private static final Cleaner CLEANER = Cleaner.create();

    private final int descriptor;
    private final MemorySegment guards;
    private final long slots;
    private final RecordView view;

    /** Where an event is written that is asked for. */
    private final MemorySegment record;

    private int flags;

    private GuardTable(int descriptor, MemorySegment guards, boolean causes) {
        this.descriptor = descriptor;
        this.guards = guards;
        this.slots = mmub_guards.slots(guards).address();
        this.flags = causes ? MMUB_GUARD_CAUSE() : 0;
        record = mmub_record.allocate(Arena.ofAuto());
        view = new RecordView(
                RingMapping::syscall, causes ? new CauseCache(id -> RingMapping.cause(descriptor, id)) : null);
        CLEANER.register(this, () -> KernelBackend.check("munmap", mmub_guards_close(guards)));
    }

    /**
     * Sets the slots up and maps them.
     *
     * @param slotCount how many guards there may be
     * @param causes whether the events that guards name are to have their cause, where the module knows it
     */
    static GuardTable open(int descriptor, int slotCount, boolean causes) {
        MemorySegment guards = mmub_guards.allocate(Arena.ofAuto());
        int result = mmub_guards_open(descriptor, slotCount, guards);
        if (result == -ENOBUFS()) {
            throw new MmuException("Guards cannot be had: this user's RLIMIT_MEMLOCK is spent. "
                    + "Close other subscriptions, or raise the limit (ulimit -l).");
        }
        if (result == -ESHUTDOWN()) {
            throw new IllegalStateException(KernelSubscription.DETACHED);
        }
        KernelBackend.check("MMUB_IOC_GUARD_SETUP", result);
        return new GuardTable(descriptor, guards, causes);
    }

    /** Guards a range; the caller keeps the descriptor open. */
    synchronized int add(AddressRange range, Set<EventType> ignored) {
        long types = Codes.bits(ignored);
        int slot = mmub_guard_add(descriptor, range.start(), range.end(), types, flags);
        if (slot == -EOPNOTSUPP() && flags != 0) {
            flags = 0;
            slot = mmub_guard_add(descriptor, range.start(), range.end(), types, flags);
        }
        if (slot < 0) {
            throw refusal(range, -slot);
        }
        return slot;
    }

    private RuntimeException refusal(AddressRange range, int error) {
        if (error == ENOSPC()) {
            return new MmuException("The subscription has as many guards as it may have, "
                    + Integer.toUnsignedString(mmub_guards.nr_slots(guards))
                    + ". Close some, or make one of several ranges.");
        }
        if (error == EMLINK()) {
            return new MmuException(
                    "The subscriptions of this subsystem to this process have as many guards together as "
                            + "they may have (the module's parameter guards_per_space).");
        }
        if (error == ESRCH()) {
            return new MmuException("The range " + range + " cannot be guarded: the address space has been released, "
                    + "since its process exited or executed another program.");
        }
        if (error == ESHUTDOWN()) {
            return new IllegalStateException(KernelSubscription.DETACHED);
        }
        if (error == EINVAL()) {
            return new IllegalArgumentException("The range " + range + " ends beyond the address space.");
        }
        return new MmuException("MMUB_IOC_GUARD_ADD failed: " + Errno.name(error) + ".");
    }

    /** Gives a slot back; the caller keeps the descriptor open. Does nothing after the detach. */
    synchronized void remove(int slot) {
        int result = mmub_guard_remove(descriptor, slot);
        if (result != -ESHUTDOWN()) {
            KernelBackend.check("MMUB_IOC_GUARD_REMOVE", result);
        }
    }

    /** The event that a guard names, if it does; the caller keeps the descriptor open. */
    synchronized InvalidationEvent.@Nullable Snapshot event(int slot) {
        int result = mmub_guard_event(descriptor, slot, 0, record);
        if (result == -ENODATA() || result == -ENOENT()) {
            return null;
        }
        KernelBackend.check("MMUB_IOC_GUARD_EVENT", result);
        view.reveal();
        try {
            view.show(record.address());
            return view.copy();
        } finally {
            view.hide();
        }
    }

    /** Where the word of a slot is, in memory that is mapped while this can be reached. */
    long wordAddress(int slot) {
        return slots + slot * mmub_guard.sizeof() + mmub_guard.word$offset();
    }

    /** Puts odd pages in place of the slots, after the detach. */
    void retire() {
        KernelBackend.check("mremap", mmub_guards_retire(guards));
    }
}
