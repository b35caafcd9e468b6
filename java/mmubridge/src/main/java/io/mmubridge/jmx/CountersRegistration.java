// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.jmx;

import io.mmubridge.Cause;
import io.mmubridge.EventType;
import io.mmubridge.InvalidationCounters;
import java.lang.management.ManagementFactory;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.ToLongFunction;
import javax.management.InstanceAlreadyExistsException;
import javax.management.InstanceNotFoundException;
import javax.management.JMException;
import javax.management.ObjectName;

/**
 * Counters in the platform's MBean server, as an {@link InvalidationsMXBean}.
 *
 * {@snippet lang = java :
 * InvalidationCounters counters = new InvalidationCounters();
 * try (CountersRegistration registration = CountersRegistration.register("heap", counters)) {
 *     while (subscription.events().poll(counters, Duration.ofDays(1)) >= 0) {}
 * }
 * }
 */
public final class CountersRegistration implements AutoCloseable {
    private final ObjectName name;
    private final AtomicBoolean registered = new AtomicBoolean(true);

    private CountersRegistration(ObjectName name) {
        this.name = name;
    }

    /**
     * Registers counters as {@code io.mmubridge:type=Invalidations,name="NAME"}.
     *
     * @param name tells these counters from others, in any characters
     * @param counters what to show; they know nothing of it
     * @return to be closed when they are to be shown no longer
     * @throws IllegalStateException if the name is taken
     */
    public static CountersRegistration register(String name, InvalidationCounters counters) {
        try {
            ObjectName objectName = new ObjectName("io.mmubridge:type=Invalidations,name=" + ObjectName.quote(name));
            ManagementFactory.getPlatformMBeanServer().registerMBean(new View(counters), objectName);
            return new CountersRegistration(objectName);
        } catch (InstanceAlreadyExistsException e) {
            throw new IllegalStateException("counters are registered as " + name + " already", e);
        } catch (JMException e) {
            throw new IllegalStateException("the MBean server refuses the counters", e);
        }
    }

    /**
     * The name in the MBean server.
     *
     * @return the text of a {@link ObjectName}
     */
    public String objectName() {
        return name.getCanonicalName();
    }

    /** Takes the counters out of the MBean server. Does nothing the second time, or if somebody else has done it. */
    @Override
    public void close() {
        if (registered.compareAndSet(true, false)) {
            try {
                ManagementFactory.getPlatformMBeanServer().unregisterMBean(name);
            } catch (InstanceNotFoundException e) {
                // Whoever has the server may do so.
            } catch (JMException e) {
                throw new IllegalStateException("the MBean server keeps the counters", e);
            }
        }
    }

    private record View(InvalidationCounters counters) implements InvalidationsMXBean {
        @Override
        public long getEvents() {
            return counters.events();
        }

        @Override
        public long getBytes() {
            return counters.bytes();
        }

        @Override
        public long getLost() {
            return counters.lost();
        }

        @Override
        public Map<String, Long> getEventsByType() {
            return byType(counters::events);
        }

        @Override
        public Map<String, Long> getBytesByType() {
            return byType(counters::bytes);
        }

        @Override
        public Map<String, Long> getEventsByCause() {
            return byCause(counters::events);
        }

        @Override
        public Map<String, Long> getBytesByCause() {
            return byCause(counters::bytes);
        }

        private static Map<String, Long> byType(ToLongFunction<EventType> counter) {
            Map<String, Long> values = new TreeMap<>();
            for (EventType type : EventType.values()) {
                values.put(type.name(), counter.applyAsLong(type));
            }
            return values;
        }

        private Map<String, Long> byCause(ToLongFunction<Cause> counter) {
            Map<String, Long> values = new TreeMap<>();
            for (Cause cause : Cause.values()) {
                if (counters.events(cause) > 0) {
                    values.put(cause.label(), counter.applyAsLong(cause));
                }
            }
            return values;
        }
    }
}
