// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.jmx;

import java.util.Map;

/** What {@link io.mmubridge.InvalidationCounters} has counted, as JMX shows it. */
public interface InvalidationsMXBean {
    /**
     * All invalidations but those that were lost.
     *
     * @return their number
     */
    long getEvents();

    /**
     * What they covered.
     *
     * @return bytes
     */
    long getBytes();

    /**
     * Events that found the ring full.
     *
     * @return their number
     */
    long getLost();

    /**
     * Invalidations by the name of their {@link io.mmubridge.EventType}.
     *
     * @return their numbers, of every type
     */
    Map<String, Long> getEventsByType();

    /**
     * What they covered, by the name of their {@link io.mmubridge.EventType}.
     *
     * @return bytes, of every type
     */
    Map<String, Long> getBytesByType();

    /**
     * Invalidations by the name of their {@link io.mmubridge.Cause}.
     *
     * @return their numbers, of every cause that there was
     */
    Map<String, Long> getEventsByCause();

    /**
     * What they covered, by the name of their {@link io.mmubridge.Cause}.
     *
     * @return bytes, of every cause that there was
     */
    Map<String, Long> getBytesByCause();
}
