// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import org.jspecify.annotations.Nullable;

/**
 * What a subsystem wants to be told: {@code struct mmu_notifier_ops}, and at the same time the key of
 * {@link MmuNotifier#get}, compared by identity. Each operation may be left out, as a null pointer is in the kernel's.
 *
 * <p>Operations are called on the thread that changes the address space, inside a read section of SRCU, with the locks held
 * that the kernel holds there. They may take locks of their own, and must not wait for anything that waits for an
 * invalidation.
 */
public final class MmuNotifierOps {
    /** {@code alloc_notifier()}: makes the notifier that {@link MmuNotifier#get} did not find. */
    @FunctionalInterface
    public interface AllocNotifier {
        /**
         * Makes a notifier. Called with the mmap lock held for writing; may sleep.
         *
         * @param mm the address space
         * @return a new one
         * @throws ErrnoException to make the get fail
         */
        MmuNotifier allocNotifier(MmStruct mm);
    }

    /** {@code free_notifier()}: the last reference was put, and no callback can see the notifier any more. */
    @FunctionalInterface
    public interface FreeNotifier {
        /**
         * Frees a notifier; must not sleep. Afterwards the notifier is poisoned.
         *
         * @param subscription what {@link AllocNotifier} made
         */
        void freeNotifier(MmuNotifier subscription);
    }

    /** {@code release()}: the address space ends, before anything of it is unmapped. */
    @FunctionalInterface
    public interface Release {
        /**
         * Drops all that is cached. It may run beside other callbacks, and beside the last put.
         *
         * @param subscription the notifier
         * @param mm the address space
         */
        void release(MmuNotifier subscription, MmStruct mm);
    }

    /** {@code invalidate_range_start()}: the range is about to change. */
    @FunctionalInterface
    public interface InvalidateRangeStart {
        /**
         * Drops what is cached of a range, and caches nothing of it until the end.
         *
         * @param subscription the notifier
         * @param range what may change
         * @return false for {@code -EAGAIN}: it would have to sleep, where the range is not blockable. Not allowed to
         *     operations that have an {@link InvalidateRangeEnd}
         */
        boolean invalidateRangeStart(MmuNotifier subscription, MmuNotifierRange range);
    }

    /** {@code invalidate_range_end()}: the range has changed. */
    @FunctionalInterface
    public interface InvalidateRangeEnd {
        /**
         * Allows caching again, if no other invalidation is under way.
         *
         * @param subscription the notifier
         * @param range as at the start
         */
        void invalidateRangeEnd(MmuNotifier subscription, MmuNotifierRange range);
    }

    /** {@code invalidate_range()}, up to 6.5, {@code arch_invalidate_secondary_tlbs()} since: entries were cleared. */
    @FunctionalInterface
    public interface InvalidateRange {
        /**
         * Flushes a TLB that walks the page tables itself. Called under the page table's lock, too: must not sleep.
         *
         * @param subscription the notifier
         * @param mm the address space
         * @param start the first byte
         * @param end the first byte after the range
         */
        void invalidateRange(MmuNotifier subscription, MmStruct mm, long start, long end);
    }

    /** {@code clear_flush_young()}, {@code clear_young()}: was the range accessed? */
    @FunctionalInterface
    public interface ClearYoung {
        /**
         * Tells, and forgets.
         *
         * @param subscription the notifier
         * @param mm the address space
         * @param start the first byte
         * @param end the first byte after the range
         * @return true if it was accessed through this subsystem
         */
        boolean clearYoung(MmuNotifier subscription, MmStruct mm, long start, long end);
    }

    /** {@code test_young()}: was the page accessed? */
    @FunctionalInterface
    public interface TestYoung {
        /**
         * Tells.
         *
         * @param subscription the notifier
         * @param mm the address space
         * @param address of the page
         * @return true if it was accessed through this subsystem
         */
        boolean testYoung(MmuNotifier subscription, MmStruct mm, long address);
    }

    /** {@code change_pte()}, up to 6.9: the kernel puts another page in place. */
    @FunctionalInterface
    public interface ChangePte {
        /**
         * Takes over the new entry. Called under the page table's lock: must not sleep.
         *
         * @param subscription the notifier
         * @param mm the address space
         * @param address of the page
         * @param pte the new entry
         */
        void changePte(MmuNotifier subscription, MmStruct mm, long address, long pte);
    }

    private final String name;
    final @Nullable AllocNotifier allocNotifier;
    final @Nullable FreeNotifier freeNotifier;
    final @Nullable Release release;
    final @Nullable InvalidateRangeStart invalidateRangeStart;
    final @Nullable InvalidateRangeEnd invalidateRangeEnd;
    final @Nullable InvalidateRange invalidateRange;
    final @Nullable ClearYoung clearFlushYoung;
    final @Nullable ClearYoung clearYoung;
    final @Nullable TestYoung testYoung;
    final @Nullable ChangePte changePte;

    private MmuNotifierOps(Builder builder) {
        name = builder.name;
        allocNotifier = builder.allocNotifier;
        freeNotifier = builder.freeNotifier;
        release = builder.release;
        invalidateRangeStart = builder.invalidateRangeStart;
        invalidateRangeEnd = builder.invalidateRangeEnd;
        invalidateRange = builder.invalidateRange;
        clearFlushYoung = builder.clearFlushYoung;
        clearYoung = builder.clearYoung;
        testYoung = builder.testYoung;
        changePte = builder.changePte;
    }

    /**
     * Operations of which none is there yet.
     *
     * @param name for reports
     * @return a builder
     */
    public static Builder builder(String name) {
        return new Builder(name);
    }

    @Override
    public String toString() {
        return name;
    }

    /** Makes {@link MmuNotifierOps}. */
    public static final class Builder {
        private final String name;
        private @Nullable AllocNotifier allocNotifier;
        private @Nullable FreeNotifier freeNotifier;
        private @Nullable Release release;
        private @Nullable InvalidateRangeStart invalidateRangeStart;
        private @Nullable InvalidateRangeEnd invalidateRangeEnd;
        private @Nullable InvalidateRange invalidateRange;
        private @Nullable ClearYoung clearFlushYoung;
        private @Nullable ClearYoung clearYoung;
        private @Nullable TestYoung testYoung;
        private @Nullable ChangePte changePte;

        private Builder(String name) {
            this.name = name;
        }

        /**
         * What {@link MmuNotifier#get} and the last {@link MmuNotifier#put} need; both or neither.
         *
         * @param alloc makes a notifier
         * @param free frees it
         * @return this
         */
        public Builder notifiers(AllocNotifier alloc, FreeNotifier free) {
            allocNotifier = alloc;
            freeNotifier = free;
            return this;
        }

        /**
         * Sets {@code release}.
         *
         * @param operation the operation
         * @return this
         */
        public Builder release(Release operation) {
            release = operation;
            return this;
        }

        /**
         * Sets {@code invalidate_range_start}.
         *
         * @param operation the operation
         * @return this
         */
        public Builder invalidateRangeStart(InvalidateRangeStart operation) {
            invalidateRangeStart = operation;
            return this;
        }

        /**
         * Sets {@code invalidate_range_end}.
         *
         * @param operation the operation
         * @return this
         */
        public Builder invalidateRangeEnd(InvalidateRangeEnd operation) {
            invalidateRangeEnd = operation;
            return this;
        }

        /**
         * Sets {@code invalidate_range}.
         *
         * @param operation the operation
         * @return this
         */
        public Builder invalidateRange(InvalidateRange operation) {
            invalidateRange = operation;
            return this;
        }

        /**
         * Sets {@code clear_flush_young}.
         *
         * @param operation the operation
         * @return this
         */
        public Builder clearFlushYoung(ClearYoung operation) {
            clearFlushYoung = operation;
            return this;
        }

        /**
         * Sets {@code clear_young}.
         *
         * @param operation the operation
         * @return this
         */
        public Builder clearYoung(ClearYoung operation) {
            clearYoung = operation;
            return this;
        }

        /**
         * Sets {@code test_young}.
         *
         * @param operation the operation
         * @return this
         */
        public Builder testYoung(TestYoung operation) {
            testYoung = operation;
            return this;
        }

        /**
         * Sets {@code change_pte}.
         *
         * @param operation the operation
         * @return this
         */
        public Builder changePte(ChangePte operation) {
            changePte = operation;
            return this;
        }

        /**
         * The operations.
         *
         * @return a new key
         */
        public MmuNotifierOps build() {
            return new MmuNotifierOps(this);
        }
    }
}
