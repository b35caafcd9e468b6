// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.it;

import io.mmubridge.AddressRange;
import io.mmubridge.cache.Registrar;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.LongBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Stands in for a device: what it registers is the frames of this process's pages, by /proc/self/pagemap, a witness that knows
 * nothing of us; and it sends from these, whatever lies in the range by then.
 */
final class FrameDevice implements Registrar<FrameDevice.Key> {
    /** Frames by page, from an address on. */
    record Key(long start, List<Long> frames) {}

    private static final long PAGE = 4096;
    private static final long PRESENT = 1L << 63;
    private static final long PFN = (1L << 55) - 1;

    private int registrations;
    private int live;
    private int wrong;

    @Override
    public Key register(AddressRange range) {
        registrations++;
        live++;
        return new Key(range.start() & -PAGE, frames(range));
    }

    @Override
    public void deregister(Key key) {
        live--;
    }

    /** The frames that lie in the range, 0 where there is none. */
    private static List<Long> frames(AddressRange range) {
        long first = range.start() / PAGE;
        int count = Math.toIntExact((range.end() + PAGE - 1) / PAGE - first);
        try (RandomAccessFile pagemap = new RandomAccessFile("/proc/self/pagemap", "r")) {
            byte[] bytes = new byte[count * Long.BYTES];
            pagemap.seek(first * Long.BYTES);
            pagemap.readFully(bytes);
            LongBuffer entries =
                    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asLongBuffer();
            List<Long> frames = new ArrayList<>(count);
            for (int i = 0; i < count; i++) {
                frames.add((entries.get(i) & PRESENT) == 0 ? 0 : entries.get(i) & PFN);
            }
            return frames;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Sends the range from the key's frames, which is wrong if others lie there. */
    void send(Key key, AddressRange range) {
        List<Long> present = frames(range);
        int first = Math.toIntExact(((range.start() & -PAGE) - key.start()) / PAGE);
        if (!key.frames().subList(first, first + present.size()).equals(present)) {
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

    /** How often the wrong frames were sent. */
    int wrong() {
        return wrong;
    }
}
