// SPDX-License-Identifier: Apache-2.0
package io.mmubridge;

import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;

/**
 * Counts invalidations by their type and by their cause. It is a handler, alone or beside another:
 *
 * {@snippet lang = java :
 * InvalidationCounters counters = new InvalidationCounters();
 * subscription.events().drain(counters.andThen(event -> ...));
 * }
 *
 * <p>Counters only grow, and read as the sources of any library's meters do. With Micrometer, for one:
 *
 * {@snippet lang = java :
 * for (Cause cause : Cause.values()) {
 *     FunctionCounter.builder("mmu.invalidations", counters, c -> c.events(cause))
 *             .tag("cause", cause.label())
 *             .register(registry);
 * }
 * FunctionCounter.builder("mmu.invalidations.lost", counters, InvalidationCounters::lost).register(registry);
 * }
 *
 * <p>Any number of threads may count and read at the same time, so one object can count several streams. Counting allocates
 * nothing once the counters that threads contend for have spread. A sum that is read while others count is of no one moment.
 */
public final class InvalidationCounters implements Consumer<InvalidationEvent> {
    private final Map<EventType, Counter> types = counters(EventType.class);
    private final Map<Cause, Counter> causes = counters(Cause.class);
    private final LongAdder lost = new LongAdder();

    /** Begins at zero. */
    public InvalidationCounters() {}

    private static final class Counter {
        final LongAdder events = new LongAdder();
        final LongAdder bytes = new LongAdder();

        void add(long size) {
            events.increment();
            bytes.add(size);
        }
    }

    /** Complete, so never changed: any thread may look into it. */
    private static <K extends Enum<K>> Map<K, Counter> counters(Class<K> keys) {
        Map<K, Counter> counters = new EnumMap<>(keys);
        for (K key : keys.getEnumConstants()) {
            counters.put(key, new Counter());
        }
        return counters;
    }

    private static <K> Counter of(Map<K, Counter> counters, K key) {
        return Objects.requireNonNull(counters.get(key));
    }

    /**
     * Counts an event: one that has {@link EventPhase#START}, or what {@link EventPhase#LOST} tells of. Others are not
     * invalidations and count nothing.
     *
     * @param event need be valid during this call alone
     */
    @Override
    public void accept(InvalidationEvent event) {
        switch (event.phase()) {
            case START -> {
                long size = event.size();
                Cause cause = event.cause();
                // Before the type, so that no cause is ever missing from a total.
                if (cause != null) {
                    of(causes, cause).add(size);
                }
                of(types, event.type()).add(size);
            }
            case LOST -> lost.add(event.lostTo() - event.lostFrom() + 1);
            case RELEASE, EXEC, DETACHED -> {}
        }
    }

    /**
     * All invalidations but those that were lost.
     *
     * @return their number
     */
    public long events() {
        return types.values().stream()
                .mapToLong(counter -> counter.events.sum())
                .sum();
    }

    /**
     * Invalidations of one type.
     *
     * @param type which
     * @return their number
     */
    public long events(EventType type) {
        return of(types, type).events.sum();
    }

    /**
     * Invalidations of one cause. Where causes are not recorded, there are none of any.
     *
     * @param cause which
     * @return their number
     */
    public long events(Cause cause) {
        return of(causes, cause).events.sum();
    }

    /**
     * What all invalidations covered. A byte counts each time it is covered, whether or not its page was there and changed.
     *
     * @return the sum of their {@link InvalidationEvent#size()}
     */
    public long bytes() {
        return types.values().stream().mapToLong(counter -> counter.bytes.sum()).sum();
    }

    /**
     * What the invalidations of one type covered.
     *
     * @param type which
     * @return bytes, as for {@link #bytes()}
     */
    public long bytes(EventType type) {
        return of(types, type).bytes.sum();
    }

    /**
     * What the invalidations of one cause covered.
     *
     * @param cause which
     * @return bytes, as for {@link #bytes()}
     */
    public long bytes(Cause cause) {
        return of(causes, cause).bytes.sum();
    }

    /**
     * Events that found the ring full, as far as the stream has told of them: see {@link EventStream#lost()}.
     *
     * @return their number
     */
    public long lost() {
        return lost.sum();
    }
}
