// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.simulated;

import io.mmubridge.AddressRange;
import io.mmubridge.MmuException;
import io.mmubridge.ShadowChanges;
import io.mmubridge.ShadowMode;
import io.mmubridge.ShadowStatistics;
import io.mmubridge.backend.BackendShadow;
import io.mmubridge.backend.ShadowRefusals;
import io.mmubridge.model.ErrnoException;
import io.mmubridge.model.Frame;
import io.mmubridge.model.HmmRange;
import io.mmubridge.model.MmStruct;
import java.nio.ByteBuffer;
import java.util.function.Consumer;

/**
 * A shadow of a simulated address space: what kmod/shadow.c does without the space's lock, or from one taking of it to the
 * next. By KVM's rule, {@code mmu_invalidate_retry()}:
 *
 * <pre>
 *   who looks                              who invalidates
 *
 *   lock: nothing overlaps in flight  (A)  lock: start: count it in flight,
 *         take the chunk's sequence              bump the chunk's sequence,
 *   walk the page tables                         drop entries             (C)
 *   lock: sequence unchanged, nothing (B)  change the page tables
 *         in flight: install               lock: end: not in flight       (D)
 * </pre>
 *
 * <p>Where C comes before A, and D has not, A waits for D. Where C comes between A and B, B finds the sequence changed, and
 * looks again. Where it comes after B, it finds the entry and drops it.
 *
 * <p>References, which the kernel needs to space and address space once the subscription is gone, are the garbage collector's
 * here.
 */
final class ModelShadow implements BackendShadow {
    private final Space space;
    private final MmStruct mm;
    private final ShadowMode mode;
    private final ShadowWords words;
    private final Consumer<ModelShadow> remover;

    /**
     * In no space yet.
     *
     * @param space which is to have it
     * @param words the range
     * @param mode how it comes by pages
     * @param remover takes it out of its space
     */
    ModelShadow(Space space, ShadowWords words, ShadowMode mode, Consumer<ModelShadow> remover) {
        this.space = space;
        this.mm = space.mm();
        this.words = words;
        this.mode = mode;
        this.remover = remover;
    }

    ShadowWords words() {
        return words;
    }

    AddressRange range() {
        return words.range();
    }

    /** Frames are simulated ones, and no secret. */
    @Override
    public boolean hasFrames() {
        return true;
    }

    @Override
    public long stateAcquire(int page) {
        return words.stateAcquire(page);
    }

    @Override
    public long state(int page) {
        return words.state(page);
    }

    @Override
    public long frame(int page) {
        return words.frame(page);
    }

    @Override
    public long dropped(int chunk) {
        return words.dropped(chunk);
    }

    @Override
    public boolean isEnded() {
        return words.end() != null;
    }

    @Override
    public ShadowStatistics statistics() {
        return space.locked(words::statistics);
    }

    @Override
    public void remove() {
        remover.accept(this);
    }

    private void checkEnd() {
        switch (words.end()) {
            case null -> {}
            case REMOVED -> throw ShadowRefusals.closed();
            case DETACHED -> throw ModelSubscription.detached();
            case RELEASED -> throw ShadowRefusals.ended(range());
        }
    }

    // ------------------------------------------------------------------------------------------------------ to look

    private static long faults(ShadowMode mode) {
        return switch (mode) {
            case SNAPSHOT -> 0;
            case READ -> HmmRange.REQ_FAULT;
            case WRITE -> HmmRange.REQ_FAULT | HmmRange.REQ_WRITE;
        };
    }

    /** {@code mmub_shadow_refresh()}. */
    @Override
    public ShadowChanges refresh(long start, long end, boolean wait) {
        ShadowWords.Found found = new ShadowWords.Found();
        ShadowWords.Walk walk = new ShadowWords.Walk();
        int last = words.page(end - 1);
        for (walk.first = words.page(start); walk.first <= last; walk.first += walk.count) {
            walk.count = Math.min(last, words.lastOf(words.chunk(walk.first))) - walk.first + 1;
            update(walk, faults(mode), wait, found);
        }
        return found.changes();
    }

    /** {@code mmub_shadow_update()}: brings some pages of one chunk up to date. */
    private void update(ShadowWords.Walk walk, long faults, boolean wait, ShadowWords.Found found) {
        do {
            if (wait) {
                space.awaitIdle(() -> begin(walk));
            } else if (!begin(walk)) {
                break;
            }
            checkEnd();
            look(walk, faults);
            if (install(walk, found)) {
                return;
            }
            checkEnd();
        } while (wait);
        found.busy += walk.count;
    }

    /** A: true if it can begin, or never will. */
    private boolean begin(ShadowWords.Walk walk) {
        return space.locked(() -> {
            words.begin(walk);
            return isEnded() || !isInFlight(walk);
        });
    }

    /** B: false if something has come between. */
    private boolean install(ShadowWords.Walk walk, ShadowWords.Found found) {
        return space.locked(() -> !isEnded() && !isInFlight(walk) && words.install(walk, found));
    }

    private boolean isInFlight(ShadowWords.Walk walk) {
        return space.isInFlight(words.address(walk.first), words.address(walk.first + walk.count));
    }

    /** {@code mmub_shadow_walk()}. */
    private void look(ShadowWords.Walk walk, long faults) {
        // Not while waiting: the process could not release its address space.
        if (!mm.getNotZero()) {
            throw ShadowRefusals.ended(range());
        }
        try {
            mm.mmapLock().lockRead();
            try {
                if (!tryFault(walk, 0, walk.count, faults)) {
                    lookOneByOne(walk, faults);
                }
            } finally {
                mm.mmapLock().unlockRead();
            }
        } finally {
            // Were it the last, the address space would be torn down, as it is without any lock of ours.
            mm.putAsync();
        }
    }

    /** {@code mmub_shadow_hmm_single()}: as far as they can be faulted in. */
    private void lookOneByOne(ShadowWords.Walk walk, long faults) {
        for (int i = 0; i < walk.count; i++) {
            if (!tryFault(walk, i, 1, faults)) {
                fault(walk, i, 1, 0);
            }
        }
    }

    private boolean tryFault(ShadowWords.Walk walk, int skip, int count, long faults) {
        try {
            fault(walk, skip, count, faults);
            return true;
        } catch (ErrnoException e) {
            return false;
        }
    }

    /** {@code mmub_shadow_hmm()}. */
    private void fault(ShadowWords.Walk walk, int skip, int count, long faults) {
        int first = walk.first + skip;
        HmmRange.fault(mm, words.address(first), words.address(first + count), faults, walk.found, skip);
    }

    // --------------------------------------------------------------------------------------------------- to access

    @Override
    public int read(long address, ByteBuffer into) {
        return access(address, into, false);
    }

    @Override
    public int write(long address, ByteBuffer from) {
        return access(address, from, true);
    }

    /** {@code mmub_shadow_access()}. */
    private int access(long address, ByteBuffer buffer, boolean write) {
        // Between: what the user's buffer may throw is not for the lock.
        byte[] bytes = new byte[Frame.SIZE];
        int left = (int) Math.min(buffer.limit(), range().end() - address);
        int done = 0;
        while (done < left) {
            int size = Math.min(left - done, Frame.SIZE - offset(address + done));
            try {
                if (write) {
                    buffer.get(done, bytes, 0, size);
                }
                accessPage(address + done, bytes, size, write);
            } catch (MmuException | IllegalStateException e) {
                if (done == 0) {
                    throw e;
                }
                break;
            }
            if (!write) {
                buffer.put(done, bytes, 0, size);
            }
            done += size;
        }
        return done;
    }

    private static int offset(long address) {
        return (int) (address & Frame.SIZE - 1);
    }

    /** {@code mmub_shadow_access_page()}. */
    private void accessPage(long address, byte[] bytes, int size, boolean write) {
        while (!space.locked(() -> copy(address, bytes, size, write))) {
            ShadowWords.Walk walk = new ShadowWords.Walk();
            walk.first = words.page(address);
            walk.count = 1;
            ShadowWords.Found found = new ShadowWords.Found();
            update(walk, accessFaults(write), true, found);
            if (found.present == 0) {
                throw ShadowRefusals.noPage(address, mode);
            }
            if (write && found.writable == 0) {
                throw ShadowRefusals.notWritable(address, mode);
            }
        }
    }

    private long accessFaults(boolean write) {
        if (write) {
            return mode == ShadowMode.WRITE ? faults(mode) : 0;
        }
        return mode == ShadowMode.SNAPSHOT ? 0 : HmmRange.REQ_FAULT;
    }

    /**
     * {@code mmub_shadow_copy()}, under the lock: what frees the page comes to the start callback first, and waits there. False
     * if there is no entry that will do.
     */
    private boolean copy(long address, byte[] bytes, int size, boolean write) {
        checkEnd();
        int page = words.page(address);
        if (!words.allows(page, write)) {
            return false;
        }
        Frame frame = mm.kernel().memory().frame(words.frame(page));
        for (int i = 0; i < size; i++) {
            if (write) {
                frame.write(offset(address) + i, bytes[i]);
            } else {
                bytes[i] = frame.read(offset(address) + i);
            }
        }
        if (write) {
            frame.setDirty();
        }
        words.mark(page, write);
        return true;
    }
}
