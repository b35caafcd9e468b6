// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.kernel;

import io.mmubridge.AddressRange;
import io.mmubridge.ShadowChanges;
import io.mmubridge.ShadowStatistics;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import org.jspecify.annotations.NullMarked;

/**
 * A shadow in a memfd, of which every page is present: what native/bench/shadow.c has in C. {@link KernelShadow} reads its
 * words the same way.
 *
 * <p>Here, among classes that are hidden elsewhere.
 */
@NullMarked
public final class MemoryShadow extends MappedShadow {
    private static final long PAGE = 1L << PAGE_SHIFT;
    private static final long CHUNK = 1L << CHUNK_SHIFT;

    /** At the start of a chunk. */
    private static final long START = 1L << 40;

    private final AddressRange range;

    /** Mapped as long as this can be reached. */
    @SuppressWarnings("UnusedVariable")
    private final MemorySegment mapped;

    private MemoryShadow(AddressRange range, MemorySegment mapped, long chunks, long states, long pfns) {
        super(chunks, states, pfns);
        this.range = range;
        this.mapped = mapped;
    }

    /** Makes one of so many pages. */
    public static MemoryShadow map(int pages) throws IOException {
        MemorySegment mapped = Memfd.map(PAGE + 2L * pages * Long.BYTES);
        MemorySegment chunks = mapped.asSlice(0, PAGE);
        MemorySegment states = mapped.asSlice(PAGE, (long) pages * Long.BYTES);
        MemorySegment pfns = mapped.asSlice(PAGE + (long) pages * Long.BYTES, (long) pages * Long.BYTES);
        for (int i = 0; i < pages * PAGE / CHUNK; i++) {
            chunks.setAtIndex(ValueLayout.JAVA_LONG, i, 1);
        }
        for (int i = 0; i < pages; i++) {
            states.setAtIndex(ValueLayout.JAVA_LONG, i, 2 << GENERATION_SHIFT | PRESENT);
            pfns.setAtIndex(ValueLayout.JAVA_LONG, i, i + 1);
        }
        return new MemoryShadow(
                new AddressRange(START, START + pages * PAGE),
                mapped,
                chunks.address(),
                states.address(),
                pfns.address());
    }

    /** What it shadows, which is nothing. */
    public AddressRange range() {
        return range;
    }

    @Override
    public boolean isEnded() {
        return false;
    }

    @Override
    public ShadowStatistics statistics() {
        throw new UnsupportedOperationException();
    }

    @Override
    public ShadowChanges refresh(long start, long end, boolean wait) {
        throw new UnsupportedOperationException();
    }

    @Override
    public int read(long address, ByteBuffer into) {
        throw new UnsupportedOperationException();
    }

    @Override
    public int write(long address, ByteBuffer from) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void remove() {}
}
