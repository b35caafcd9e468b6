// SPDX-License-Identifier: Apache-2.0
package io.mmubridge;

import static io.mmubridge.backend.BackendShadow.ACCESSED;
import static io.mmubridge.backend.BackendShadow.DIRTY;
import static io.mmubridge.backend.BackendShadow.DROPPED;
import static io.mmubridge.backend.BackendShadow.GENERATION_SHIFT;
import static io.mmubridge.backend.BackendShadow.HUGE;
import static io.mmubridge.backend.BackendShadow.PRESENT;
import static io.mmubridge.backend.BackendShadow.WRITABLE;

import org.jspecify.annotations.Nullable;

/**
 * What {@link Shadow#lookup} has found of a page: a copy, to be filled in again and again. Of one thread alone.
 *
 * <p>Where there is no entry the state is that of the one that was there last, if {@link #isDropped()}. Once the shadow is closed
 * it says nothing.
 */
public final class ShadowEntry {
    /** {@link #frame()} where there is none, or frames are not readable. */
    public static final long NO_FRAME = -1;

    private @Nullable Shadow shadow;
    private long address;
    private long frame = NO_FRAME;
    private long state;
    private boolean present;

    /** An entry that nothing was looked up in. */
    public ShadowEntry() {}

    void set(Shadow newShadow, long newAddress, long newFrame, long newState, boolean isPresent) {
        if (shadow != newShadow) {
            // It mostly is, and the garbage collector makes more of the storing of a reference.
            shadow = newShadow;
        }
        address = newAddress;
        frame = isPresent ? newFrame : NO_FRAME;
        state = newState;
        present = isPresent;
    }

    boolean isOf(Shadow candidate) {
        return shadow == candidate;
    }

    long state() {
        return state;
    }

    /**
     * What was looked up.
     *
     * @return the address, as it was given
     */
    public long address() {
        return address;
    }

    /**
     * The number of the frame that the page is in.
     *
     * @return the PFN; {@link #NO_FRAME} without an entry, and where {@link Shadow#hasFrames()} is false
     */
    public long frame() {
        return frame;
    }

    /**
     * Whether there was an entry.
     *
     * @return what the lookup returned
     */
    public boolean isPresent() {
        return present;
    }

    /**
     * Whether the processor may write to the page without a fault.
     *
     * @return true if so
     */
    public boolean isWritable() {
        return (state & WRITABLE) != 0;
    }

    /**
     * Whether the processor maps the page as part of 2 MiB or more.
     *
     * @return true if so
     */
    public boolean isHuge() {
        return (state & HUGE) != 0;
    }

    /**
     * Whether the page was accessed through the shadow, by {@link Shadow#read} or {@link Shadow#write}. The bit that the
     * processor sets in its own page table is another one, and not visible.
     *
     * @return true if so
     */
    public boolean isAccessed() {
        return (state & ACCESSED) != 0;
    }

    /**
     * Whether the page was written to through the shadow, by {@link Shadow#write}. The bit that the processor sets in its own
     * page table is another one, and not visible.
     *
     * @return true if so
     */
    public boolean isDirty() {
        return (state & DIRTY) != 0;
    }

    /**
     * Whether there was an entry, which an event, the detach or the release has dropped, and nobody has looked at the page since:
     * what became of it the next {@link Shadow#refresh()} tells.
     *
     * @return true if so; false if {@link #isPresent()}
     */
    public boolean isDropped() {
        return !present && (state & (PRESENT | DROPPED)) != 0;
    }

    /**
     * Numbers what became of the page and of its neighbours: an entry that was dropped and has come back has a greater one,
     * be it the same page.
     *
     * @return the generation; 0 if there never was an entry
     */
    public long generation() {
        return state >>> GENERATION_SHIFT;
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder("ShadowEntry[0x").append(Long.toHexString(address));
        if (present) {
            text.append(frame == NO_FRAME ? "" : ", frame 0x" + Long.toHexString(frame))
                    .append(isWritable() ? ", writable" : "")
                    .append(isHuge() ? ", huge" : "")
                    .append(isAccessed() ? ", accessed" : "")
                    .append(isDirty() ? ", dirty" : "");
        } else {
            text.append(isDropped() ? ", dropped" : ", none");
        }
        return text.append(", generation ").append(generation()).append(']').toString();
    }
}
