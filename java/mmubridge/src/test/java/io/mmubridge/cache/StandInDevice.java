// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cache;

import io.mmubridge.AddressRange;
import io.mmubridge.model.MmStruct;
import io.mmubridge.model.PageState;
import java.util.HashMap;
import java.util.Map;

/**
 * Stands in for a network card: to register memory it looks up which frames lie there, and sends from these, whatever lies there
 * by then. Nothing is pinned.
 *
 * <p>A registration costs what UCX reckons for InfiniBand: 16 us and 0.06 ns a byte ({@code ib_md.c}). Nobody waits for
 * that; it is added up.
 */
final class StandInDevice implements Registrar<StandInDevice.Key> {
    /** One registration: frames by page. */
    record Key(Map<Long, Long> frames) {}

    private static final double REGISTRATION_NANOS = 16_000;
    private static final double BYTE_NANOS = 0.06;
    private static final long PAGE = 4096;

    private final MmStruct mm;
    private double nanos;
    private int registrations;
    private int live;
    private int wrong;

    StandInDevice(MmStruct mm) {
        this.mm = mm;
    }

    @Override
    public Key register(AddressRange range) {
        registrations++;
        live++;
        nanos += REGISTRATION_NANOS + BYTE_NANOS * (range.end() - range.start());
        return new Key(frames(range));
    }

    private Map<Long, Long> frames(AddressRange range) {
        Map<Long, Long> frames = new HashMap<>();
        for (PageState page : mm.snapshot()) {
            if (range.overlaps(page.address(), page.address() + PAGE)) {
                frames.put(page.address(), page.pfn());
            }
        }
        return frames;
    }

    @Override
    public void deregister(Key key) {
        live--;
    }

    /** Sends what the key's frames have; which is wrong if others lie in the range now. */
    void send(Key key, AddressRange range) {
        if (!key.frames().entrySet().containsAll(frames(range).entrySet())) {
            wrong++;
        }
    }

    int registrations() {
        return registrations;
    }

    /** Registrations that were not taken back. */
    int live() {
        return live;
    }

    /** What the registrations cost, in microseconds. */
    long micros() {
        return Math.round(nanos / 1000);
    }

    /** How often the wrong bytes were sent. */
    int wrong() {
        return wrong;
    }
}
