// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.kernel;

import static io.mmubridge.ffi.mmubridge_h.*;

import io.mmubridge.Cause;
import io.mmubridge.EventEntry;
import io.mmubridge.EventPhase;
import io.mmubridge.EventType;
import io.mmubridge.ShadowMode;
import java.util.Set;

/** The numbers that stand for the public enums in the kernel's interface. */
final class Codes {
    private static final EventPhase[] PHASES = new EventPhase[EventPhase.values().length];
    private static final EventType[] TYPES = new EventType[MMUB_TYPE_COUNT()];
    private static final EventEntry[] ENTRIES = new EventEntry[EventEntry.values().length];

    static {
        for (EventPhase phase : EventPhase.values()) {
            PHASES[code(phase)] = phase;
        }
        for (EventType type : EventType.values()) {
            TYPES[code(type)] = type;
        }
        for (EventEntry entry : EventEntry.values()) {
            ENTRIES[code(entry)] = entry;
        }
    }

    private static final Cause[] CAUSES = Cause.values();

    private Codes() {}

    static int code(EventPhase phase) {
        return switch (phase) {
            case START -> MMUB_PHASE_START();
            case RELEASE -> MMUB_PHASE_RELEASE();
            case EXEC -> MMUB_PHASE_EXEC();
            case LOST -> MMUB_PHASE_LOST();
            case DETACHED -> MMUB_PHASE_DETACHED();
        };
    }

    static int code(EventType type) {
        return switch (type) {
            case UNMAP -> MMUB_TYPE_UNMAP();
            case CLEAR -> MMUB_TYPE_CLEAR();
            case PROTECTION_VMA -> MMUB_TYPE_PROTECTION_VMA();
            case PROTECTION_PAGE -> MMUB_TYPE_PROTECTION_PAGE();
            case SOFT_DIRTY -> MMUB_TYPE_SOFT_DIRTY();
            case RELEASE -> MMUB_TYPE_RELEASE();
            case MIGRATE -> MMUB_TYPE_MIGRATE();
            case EXCLUSIVE -> MMUB_TYPE_EXCLUSIVE();
            case OTHER -> MMUB_TYPE_OTHER();
        };
    }

    /** The set as the kernel takes it, {@code 1 << code} each. */
    static long bits(Set<EventType> types) {
        long bits = 0;
        for (EventType type : types) {
            bits |= 1L << code(type);
        }
        return bits;
    }

    static int code(EventEntry entry) {
        return switch (entry) {
            case UNKNOWN -> MMUB_ENTRY_UNKNOWN();
            case SYSCALL -> MMUB_ENTRY_SYSCALL();
            case EXCEPTION -> MMUB_ENTRY_EXCEPTION();
            case KTHREAD -> MMUB_ENTRY_KTHREAD();
            case USER_WORKER -> MMUB_ENTRY_USER_WORKER();
            case EXIT -> MMUB_ENTRY_EXIT();
        };
    }

    static int code(ShadowMode mode) {
        return switch (mode) {
            case SNAPSHOT -> MMUB_SHADOW_SNAPSHOT();
            case READ -> MMUB_SHADOW_READ();
            case WRITE -> MMUB_SHADOW_WRITE();
        };
    }

    /** The phase; version 1 of the interface has no others. */
    static EventPhase phase(int code) {
        return PHASES[code];
    }

    /** The type; one that a later kernel invents is {@link EventType#OTHER}. */
    static EventType type(int code) {
        return code >= 0 && code < TYPES.length ? TYPES[code] : EventType.OTHER;
    }

    /** The cause, in the order of its numbers; one that a later module invents is {@link Cause#UNKNOWN}. */
    static Cause cause(int code) {
        return code >= 0 && code < CAUSES.length ? CAUSES[code] : Cause.UNKNOWN;
    }

    /** The entry; one that a later module invents is {@link EventEntry#UNKNOWN}. */
    static EventEntry entry(int code) {
        return code >= 0 && code < ENTRIES.length ? ENTRIES[code] : EventEntry.UNKNOWN;
    }
}
