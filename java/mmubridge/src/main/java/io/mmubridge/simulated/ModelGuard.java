// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.simulated;

import io.mmubridge.AddressRange;
import io.mmubridge.EventType;
import io.mmubridge.InvalidationEvent;
import io.mmubridge.backend.BackendGuard;
import io.mmubridge.model.IntervalTree;
import java.lang.invoke.VarHandle;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.function.Consumer;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;

/** A range in the tree of a space, and a slot in the page of a subscription: {@code struct mmub_guard_node}. */
final class ModelGuard extends IntervalTree.Node implements BackendGuard {
    private final AtomicLongArray page;
    private final int slot;
    private final Set<EventType> ignored;
    private final boolean causes;
    private final IntSupplier shadowed;
    private final Consumer<ModelGuard> remover;

    /** What {@code MMUB_IOC_GUARD_EVENT} tells; set before the word becomes odd. */
    private volatile InvalidationEvent.@Nullable Snapshot invalidation;

    /** Odd for good; the slot may be another's. Set under the lock of the space, after the word became odd. */
    private volatile boolean ended;

    /**
     * In no space yet.
     *
     * @param page the words
     * @param slot its own, which nobody else has
     * @param range what it guards
     * @param ignored what leaves it valid
     * @param causes whether it keeps causes
     * @param shadowed how many pages the event that is told has taken from the subscription's shadows
     * @param remover takes it out of its space and gives its slot back
     */
    ModelGuard(
            AtomicLongArray page,
            int slot,
            AddressRange range,
            Set<EventType> ignored,
            boolean causes,
            IntSupplier shadowed,
            Consumer<ModelGuard> remover) {
        super(range.start(), range.end() - 1);
        this.page = page;
        this.slot = slot;
        this.ignored = ignored;
        this.causes = causes;
        this.shadowed = shadowed;
        this.remover = remover;
    }

    int slot() {
        return slot;
    }

    @Override
    public long word() {
        return page.getAcquire(slot);
    }

    @Override
    public boolean isEnded() {
        return ended;
    }

    @Override
    public InvalidationEvent.@Nullable Snapshot invalidation() {
        return invalidation;
    }

    /** The module keeps it no longer than the slot. */
    void forget() {
        invalidation = null;
    }

    @Override
    public void remove() {
        remover.accept(this);
    }

    // ------------------------------------------------------------------------------------ under the space's lock

    private boolean isOdd() {
        return (page.getPlain(slot) & 1) != 0;
    }

    /** The slot is odd, since nobody had it, or zero, since nobody ever had. */
    void begin(boolean inFlight) {
        long word = page.getPlain(slot) | 1;
        page.setRelease(slot, inFlight ? word + 2 : word + 1);
    }

    /** An invalidation starts; false if the word was odd already, or the guard does not mind. */
    boolean start(QueuedEvent event) {
        if (isOdd() || ignored.contains(event.type())) {
            return false;
        }
        makeOdd(event);
        return true;
    }

    private void makeOdd(QueuedEvent event) {
        QueuedEvent own = new QueuedEvent().set(event).shadowed(shadowed.getAsInt());
        invalidation = (causes ? own : own.withoutCause()).copy();
        page.setOpaque(slot, page.getPlain(slot) + 1);
        // smp_wmb(): before the callback returns, and so before what the invalidation is about.
        VarHandle.storeStoreFence();
    }

    /** Nothing is in flight any more. */
    void settle() {
        page.setRelease(slot, page.getPlain(slot) + 1);
    }

    /** The address space is released, which nobody ignores. */
    void release(QueuedEvent event) {
        if (!isOdd()) {
            makeOdd(event);
        }
        ended = true;
    }

    /** Guards no more. */
    void end() {
        if (!isOdd()) {
            page.setOpaque(slot, page.getPlain(slot) + 1);
            VarHandle.storeStoreFence();
        }
        ended = true;
    }
}
