// SPDX-License-Identifier: Apache-2.0
package io.mmubridge;

/**
 * The ring through which the kernel hands events over. Each takes 128 bytes, locked into memory and counted against
 * {@code RLIMIT_MEMLOCK}; three of the records are kept for the marks of the stream. Events that find the ring full are
 * lost and counted: the process that is watched never waits.
 *
 * @param records how many, a power of two within {@link Capabilities.Limits}; 0 for no ring, hence no events
 * @param wakeupEvents wake a thread that waits when so many are unread; from 1 to half of {@code records}
 * @param causes record the cause of each event, where the backend can: see {@link Capabilities.Feature#CAUSE}. It costs the
 *     process that is watched a walk of its kernel stack at each invalidation
 */
public record RingOptions(int records, int wakeupEvents, boolean causes) {
    private static final RingOptions DEFAULTS = new RingOptions(4096, 1, true);
    private static final RingOptions NONE = new RingOptions(0, 0, false);

    /**
     * Checks the numbers, as far as they do not depend on the module's limits.
     *
     * @throws IllegalArgumentException if they cannot be
     */
    public RingOptions {
        if (records < 0 || Integer.bitCount(records) > 1) {
            throw new IllegalArgumentException("records must be a power of two, not " + records);
        }
        if (records == 0 ? wakeupEvents != 0 : wakeupEvents < 1 || wakeupEvents > records / 2) {
            throw new IllegalArgumentException(
                    "wakeupEvents must be from 1 to half of " + records + " records, not " + wakeupEvents);
        }
        if (records == 0 && causes) {
            throw new IllegalArgumentException("causes need a ring");
        }
    }

    /**
     * 4096 records, half a MiB, with causes, and a wake-up at each event.
     *
     * @return these options
     */
    public static RingOptions defaults() {
        return DEFAULTS;
    }

    /**
     * No ring: a subscription that holds its reference and is counted, and has no events.
     *
     * @return these options
     */
    public static RingOptions none() {
        return NONE;
    }

    /**
     * A ring of another size.
     *
     * @param records how many, a power of two
     * @return the new options, with causes, and a wake-up at each event
     */
    public static RingOptions ofRecords(int records) {
        return new RingOptions(records, 1, true);
    }

    /**
     * Fewer wake-ups: a thread that waits sleeps until so many records are unread, or its time runs out.
     *
     * @param events from 1 to half of the records
     * @return the new options
     */
    public RingOptions withWakeupEvents(int events) {
        return new RingOptions(records, events, causes);
    }

    /**
     * Events without causes, which cost the process that is watched least.
     *
     * @return the new options
     */
    public RingOptions withoutCauses() {
        return new RingOptions(records, wakeupEvents, false);
    }
}
