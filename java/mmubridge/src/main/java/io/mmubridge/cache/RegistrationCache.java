// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cache;

import io.mmubridge.AddressRange;
import io.mmubridge.Capabilities;
import io.mmubridge.Cause;
import io.mmubridge.EventType;
import io.mmubridge.Filter;
import io.mmubridge.Guard;
import io.mmubridge.InvalidationEvent;
import io.mmubridge.Mmu;
import io.mmubridge.MmuException;
import io.mmubridge.RingOptions;
import io.mmubridge.Subscription;
import io.mmubridge.model.IntervalTree;
import java.lang.System.Logger.Level;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/**
 * Registrations of memory with a device, kept for the next use, and never found again once the memory behind them has changed.
 *
 * {@snippet lang = java :
 * try (Mmu mmu = Mmu.open();
 *         RegistrationCache<Key> cache = RegistrationCache.builder(mmu, device).build()) {
 *     try (Lease<Key> lease = cache.acquire(buffer)) {
 *         device.send(lease.handle(), buffer);
 *     }
 * }
 * }
 *
 * <p>Each registration has a {@link Guard}, taken before it is made; an acquire asks the guard, which costs one load, and what
 * is stale is a miss. A registration is taken back when its last user lets go, and not while a lease is open.
 *
 * <p><b>What is found.</b> An acquire finds a registration that contains its range, and is of the same
 * {@link MemorySegment#scope() scope}. Memory of {@code malloc}, which arenas are made of, is freed and handed out again without
 * any change of the address space, so that no guard could tell. But another arena is another scope: what was registered through a
 * closed arena is never found again, whatever lies at its addresses. Ranges without a segment are of no scope, and find each
 * other; whoever acquires by them answers for what is freed.
 *
 * <p><b>Without the kernel</b> nobody knows whether real memory has changed, so every acquire registers and every close of
 * its lease deregisters: it is as if there were no cache. {@link #refusal()} says why. The same is true of a range that cannot be
 * guarded, and of all where the cache is {@linkplain #setEnabled off}.
 *
 * <p><b>Limits.</b> Where there are more registrations, or more bytes of them, than there may be, those that nobody uses are taken
 * back, the least recently used first. What is in use counts, and is never taken back for room; so leases alone can exceed the
 * limits.
 *
 * <p>Any thread may call any method at any time. One lock is held for a lookup and no longer: nobody registers, deregisters
 * or waits with it. Threads that need a range which another thread registers wait for that one.
 *
 * @param <H> what a registration is known by
 */
public final class RegistrationCache<H> implements AutoCloseable {
    /** The system property that turns all caches off that are made while it is {@code off}. */
    public static final String PROPERTY = "mmubridge.cache";

    /** How often memory may change while it is registered, before it is not kept. */
    private static final int ATTEMPTS = 3;

    /** How long invalidations may be in flight before memory is registered regardless, and not kept. */
    private static final Duration PATIENCE = Duration.ofMillis(100);

    private static final System.Logger LOG = System.getLogger("io.mmubridge.cache");

    private final Registrar<H> registrar;
    private final @Nullable BiFunction<AddressRange, Set<EventType>, Guard> guards;
    private final @Nullable Subscription own;
    private final Set<EventType> ignored;
    private final boolean merging;
    private final int maxEntries;
    private final long maxBytes;

    private final ReentrantLock lock = new ReentrantLock();

    /** Some entry is not pending any more. */
    private final Condition made = lock.newCondition();

    // Under the lock.
    private final IntervalTree<Entry<H>> index = new IntervalTree<>();

    /** Those of the index, the least recently used first. */
    private final LinkedHashMap<Entry<H>, Entry<H>> byUse = new LinkedHashMap<>(16, 0.75f, true);

    private long bytes;
    private boolean enabled;
    private boolean closed;
    private @Nullable String refusal;
    private long leases;
    private long hits;
    private long misses;
    private long registrations;
    private long deregistrations;
    private long deregistrationFailures;
    private long uncached;
    private long evictions;
    private long merges;
    private long invalidations;
    private long scopesClosed;
    private final Map<Cause, Long> byCause = new EnumMap<>(Cause.class);

    RegistrationCache(
            Builder<H> builder,
            @Nullable BiFunction<AddressRange, Set<EventType>, Guard> guards,
            @Nullable Subscription own,
            @Nullable String refusal) {
        this.registrar = builder.registrar;
        this.guards = guards;
        this.own = own;
        this.refusal = refusal;
        this.merging = builder.merging;
        this.maxEntries = builder.maxEntries;
        this.maxBytes = builder.maxBytes;
        Set<EventType> types = EnumSet.noneOf(EventType.class);
        types.addAll(builder.ignored);
        if (builder.forkPolicy == ForkPolicy.SURVIVE) {
            types.add(EventType.PROTECTION_PAGE);
        }
        this.ignored = Set.copyOf(types);
        this.enabled = builder.enabled && !"off".equals(System.getProperty(PROPERTY));
    }

    /**
     * A cache of registrations of this JVM's memory. It takes a subscription of its own, where the kernel's can be had.
     *
     * @param mmu the kernel's; with a simulated machine nothing is kept
     * @param registrar makes them
     * @param <H> what a registration is known by
     * @return the builder
     */
    public static <H> Builder<H> builder(Mmu mmu, Registrar<H> registrar) {
        return new Builder<>(mmu, null, registrar);
    }

    /**
     * A cache of registrations of the memory that a subscription is on.
     *
     * @param subscription stays the caller's, who closes the cache before it
     * @param registrar makes them
     * @param <H> what a registration is known by
     * @return the builder
     */
    public static <H> Builder<H> builder(Subscription subscription, Registrar<H> registrar) {
        return new Builder<>(null, subscription, registrar);
    }

    /**
     * How a cache is to be.
     *
     * @param <H> what a registration is known by
     */
    public static final class Builder<H> {
        private final @Nullable Mmu mmu;
        private final @Nullable Subscription subscription;
        private final Registrar<H> registrar;
        private String subsystem = "registration-cache";
        private boolean merging = true;
        private boolean enabled = true;
        private int maxEntries = 1024;
        private long maxBytes = Long.MAX_VALUE;
        private ForkPolicy forkPolicy = ForkPolicy.INVALIDATE;
        private Set<EventType> ignored = Set.of();

        private Builder(@Nullable Mmu mmu, @Nullable Subscription subscription, Registrar<H> registrar) {
            this.mmu = mmu;
            this.subscription = subscription;
            this.registrar = registrar;
        }

        /** A cache over guards that a test makes. */
        static <H> Builder<H> ofGuards(Registrar<H> registrar) {
            return new Builder<>(null, null, registrar);
        }

        /**
         * Whose notifier the cache's own subscription shares.
         *
         * @param name see {@link Mmu#subsystem}; {@code registration-cache} by default
         * @return this
         */
        public Builder<H> subsystem(String name) {
            subsystem = name;
            return this;
        }

        /**
         * How many registrations are kept.
         *
         * @param entries 1 or more; 1024 by default. The limit of guards holds besides
         * @return this
         * @throws IllegalArgumentException if it is less than 1
         */
        public Builder<H> maxEntries(int entries) {
            if (entries < 1) {
                throw new IllegalArgumentException("a cache keeps at least 1 registration, not " + entries);
            }
            maxEntries = entries;
            return this;
        }

        /**
         * How much memory is kept registered.
         *
         * @param newMaxBytes 1 or more, without a limit by default. What is larger alone is registered and not kept
         * @return this
         * @throws IllegalArgumentException if it is less than 1
         */
        public Builder<H> maxBytes(long newMaxBytes) {
            if (newMaxBytes < 1) {
                throw new IllegalArgumentException("a cache keeps at least 1 byte registered, not " + newMaxBytes);
            }
            maxBytes = newMaxBytes;
            return this;
        }

        /**
         * Whether a range that overlaps or adjoins what is registered is registered together with it, as one. Then fewer
         * registrations serve more ranges; but when any page of one changes, all of it is stale.
         *
         * @param newMerging true by default
         * @return this
         */
        public Builder<H> merging(boolean newMerging) {
            merging = newMerging;
            return this;
        }

        /**
         * What a fork means.
         *
         * @param policy {@link ForkPolicy#INVALIDATE} by default
         * @return this
         */
        public Builder<H> forkPolicy(ForkPolicy policy) {
            forkPolicy = policy;
            return this;
        }

        /**
         * Which invalidations leave registrations valid; see {@link Subscription#guard(AddressRange, Set)}.
         *
         * @param types none by default
         * @return this
         */
        public Builder<H> ignoring(Set<EventType> types) {
            ignored = Set.copyOf(types);
            return this;
        }

        /**
         * Whether it is on at first; see {@link RegistrationCache#setEnabled}.
         *
         * @param newEnabled true by default
         * @return this
         */
        public Builder<H> enabled(boolean newEnabled) {
            enabled = newEnabled;
            return this;
        }

        /**
         * Makes the cache.
         *
         * @return the cache, to be closed
         * @throws MmuException if the kernel's is open and a subscription of this process cannot be had
         */
        public RegistrationCache<H> build() {
            if (subscription != null) {
                return new RegistrationCache<>(this, subscription::guard, null, null);
            }
            Mmu from = Objects.requireNonNull(mmu);
            if (from.simulatedKernel().isPresent()) {
                return new RegistrationCache<>(
                        this, null, null, "The model vouches for no real memory. Why it was taken: " + from.reason());
            }
            if (!from.capabilities().features().contains(Capabilities.Feature.GUARD)) {
                return new RegistrationCache<>(
                        this, null, null, "The loaded kernel module has no guards. Load the one that came with this.");
            }
            // The ring is for the causes alone: it is never read, and what finds it full is dropped.
            RingOptions ring =
                    RingOptions.ofRecords(from.capabilities().limits().ringRecordsMin());
            Subscription own = from.subsystem(subsystem)
                    .get(from.self(), ring, Filter.all().withTypes(Set.of(EventType.RELEASE)));
            return new RegistrationCache<>(this, own::guard, own, null);
        }

        /** Over guards that a test makes. */
        RegistrationCache<H> build(BiFunction<AddressRange, Set<EventType>, Guard> guards) {
            return new RegistrationCache<>(this, guards, null, null);
        }
    }

    // ------------------------------------------------------------------------------------------------ acquire

    /**
     * Finds or makes the registration of a segment.
     *
     * @param segment native memory, not empty
     * @return its use, to be closed
     * @throws IllegalArgumentException if the segment is on the heap or empty
     * @throws IllegalStateException after {@link #close()}, if the segment's scope is not alive, or in the registrar of this cache
     */
    public Lease<H> acquire(MemorySegment segment) {
        AddressRange range = AddressRange.of(segment);
        MemorySegment.Scope scope = segment.scope();
        if (!scope.isAlive()) {
            throw new IllegalStateException("the arena of the segment is closed: " + segment);
        }
        return acquire(range, scope);
    }

    /**
     * Finds or makes the registration of a range, which is of no segment.
     *
     * @param range of the memory that the cache's subscription is on
     * @return its use, to be closed
     * @throws IllegalStateException after {@link #close()}, or in the registrar of this cache
     */
    public Lease<H> acquire(AddressRange range) {
        return acquire(range, null);
    }

    private Lease<H> acquire(AddressRange range, MemorySegment.@Nullable Scope scope) {
        boolean counted = false;
        boolean alone = false;
        for (int attempt = 1; ; attempt++) {
            List<Entry<H>> dropped = new ArrayList<>(0);
            Entry<H> entry;
            boolean found;
            lock.lock();
            try {
                checkOpen();
                boolean keep = enabled && guards != null && attempt <= ATTEMPTS;
                Entry<H> known = keep ? find(range, scope) : null;
                found = known != null;
                if (!counted) {
                    counted = true;
                    hits += found ? 1 : 0;
                    misses += found ? 0 : 1;
                }
                entry = known != null ? known : begin(range, scope, keep, alone, dropped);
            } finally {
                lock.unlock();
            }
            retire(dropped);
            if (found || make(entry, range)) {
                return new Lease<>(this, entry, scope);
            }
            alone |= !entry.range().equals(range);
        }
    }

    private void checkOpen() {
        if (closed) {
            throw new IllegalStateException("this cache is closed");
        }
    }

    /** The entry to use, after those that could be it are made; the caller is its user from here on. Null if there is none. */
    private @Nullable Entry<H> find(AddressRange range, MemorySegment.@Nullable Scope scope) {
        while (true) {
            Entry<H> pending = null;
            for (Entry<H> entry = first(range); entry != null; entry = next(entry, range)) {
                if (entry.contains(range) && entry.isOf(scope)) {
                    if (entry.state == Entry.State.PENDING) {
                        pending = entry;
                    } else if (entry.isValid()) {
                        byUse.get(entry);
                        use(entry);
                        return entry;
                    }
                }
            }
            if (pending == null) {
                return null;
            }
            if (pending.maker.equals(Thread.currentThread())) {
                throw new IllegalStateException("the registrar of " + pending.range() + " acquires a part of it");
            }
            while (pending.state == Entry.State.PENDING) {
                made.awaitUninterruptibly();
            }
            checkOpen();
        }
    }

    private @Nullable Entry<H> first(AddressRange range) {
        return index.first(range.start(), range.end() - 1);
    }

    private @Nullable Entry<H> next(Entry<H> entry, AddressRange range) {
        return index.next(entry, range.start(), range.end() - 1);
    }

    private void use(Entry<H> entry) {
        entry.users++;
        leases++;
    }

    /**
     * An entry to be made by the caller, who is its user.
     *
     * @param keep whether it is to be found
     * @param alone whether it is not to be merged with others
     * @param dropped gets what is found to be stale
     */
    private Entry<H> begin(
            AddressRange range,
            MemorySegment.@Nullable Scope scope,
            boolean keep,
            boolean alone,
            List<Entry<H>> dropped) {
        for (Entry<H> entry : overlapping(range)) {
            dropIfStale(entry, dropped);
        }
        Entry<H> entry = new Entry<>(keep && merging && !alone ? merged(range, scope) : range, scope);
        use(entry);
        if (keep && Long.compareUnsigned(entry.bytes(), maxBytes) <= 0) {
            index.insert(entry);
            byUse.put(entry, entry);
            bytes += entry.bytes();
        }
        return entry;
    }

    private List<Entry<H>> overlapping(AddressRange range) {
        List<Entry<H>> entries = new ArrayList<>();
        for (Entry<H> entry = first(range); entry != null; entry = next(entry, range)) {
            entries.add(entry);
        }
        return entries;
    }

    /** The range with all that overlaps or adjoins it, unless that is more than may be kept. */
    private AddressRange merged(AddressRange range, MemorySegment.@Nullable Scope scope) {
        long start = range.start();
        long end = range.end();
        AddressRange around = new AddressRange(start == 0 ? 0 : start - 1, end == -1 ? -1 : end + 1);
        for (Entry<H> entry : overlapping(around)) {
            if (entry.state == Entry.State.READY && entry.isOf(scope) && entry.isValid()) {
                AddressRange other = entry.range();
                start = Long.compareUnsigned(other.start(), start) < 0 ? other.start() : start;
                end = Long.compareUnsigned(other.end(), end) > 0 ? other.end() : end;
            }
        }
        return Long.compareUnsigned(end - start, maxBytes) <= 0
                ? new AddressRange(start, end, range.isNative())
                : range;
    }

    // --------------------------------------------------------------------------------------------------- make

    /**
     * Registers, with the guard taken before.
     *
     * @param entry whose only user is the caller
     * @param wanted what was acquired
     * @return whether it is of use to the caller; else he uses it no more, and tries again
     */
    private boolean make(Entry<H> entry, AddressRange wanted) {
        try {
            Guard guard = isKept(entry) ? guard(entry.range()) : null;
            entry.guard = guard;
            entry.guarded = guard != null && awaitValid(guard);
            entry.handle = registrar.register(entry.range());
        } catch (Throwable e) {
            finish(entry, Entry.State.FAILED, false);
            letGo(entry);
            if (e instanceof RuntimeException && !entry.range().equals(wanted)) {
                // What adjoins it may be what cannot be registered with it.
                return false;
            }
            throw e;
        }
        boolean stays = entry.isValid();
        finish(entry, Entry.State.READY, stays);
        if (entry.guarded && !stays) {
            // It changed while it was registered.
            letGo(entry);
            return false;
        }
        return true;
    }

    private boolean isKept(Entry<H> entry) {
        lock.lock();
        try {
            return entry.isLinked();
        } finally {
            lock.unlock();
        }
    }

    private @Nullable Guard guard(AddressRange range) {
        try {
            return Objects.requireNonNull(guards).apply(range, ignored);
        } catch (MmuException | IllegalArgumentException | IllegalStateException e) {
            lock.lock();
            try {
                refusal = e.getMessage();
            } finally {
                lock.unlock();
            }
            return null;
        }
    }

    private static boolean awaitValid(Guard guard) {
        try {
            return guard.awaitValid(PATIENCE);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    /**
     * The entry is made, or is not to be.
     *
     * @param stays whether it can be found from here on
     */
    private void finish(Entry<H> entry, Entry.State state, boolean stays) {
        List<Entry<H>> dropped = new ArrayList<>(0);
        lock.lock();
        try {
            entry.state = state;
            registrations += state == Entry.State.READY ? 1 : 0;
            if (!stays) {
                uncached += state == Entry.State.READY && !entry.guarded ? 1 : 0;
                unlink(entry);
            } else if (entry.isLinked()) {
                dropMerged(entry, dropped);
                trim(dropped);
            }
            made.signalAll();
        } finally {
            lock.unlock();
        }
        retire(dropped);
    }

    private void dropMerged(Entry<H> whole, List<Entry<H>> dropped) {
        if (merging) {
            for (Entry<H> entry : overlapping(whole.range())) {
                if (!entry.equals(whole)
                        && entry.state == Entry.State.READY
                        && whole.contains(entry.range())
                        && entry.isSameScope(whole)) {
                    merges++;
                    drop(entry, dropped);
                }
            }
        }
    }

    // --------------------------------------------------------------------------------------------------- drop

    private boolean isOverLimit() {
        return byUse.size() > maxEntries || Long.compareUnsigned(bytes, maxBytes) > 0;
    }

    /** Drops what is too much: first what is stale, then what was used least recently, and nothing that is in use. */
    private void trim(List<Entry<H>> dropped) {
        if (isOverLimit()) {
            dropAllStale(dropped);
        }
        if (isOverLimit()) {
            for (Entry<H> entry : List.copyOf(byUse.keySet())) {
                if (entry.users == 0) {
                    evictions++;
                    drop(entry, dropped);
                    if (!isOverLimit()) {
                        return;
                    }
                }
            }
        }
    }

    private void dropAllStale(List<Entry<H>> dropped) {
        for (Entry<H> entry : List.copyOf(byUse.keySet())) {
            dropIfStale(entry, dropped);
        }
    }

    private void dropIfStale(Entry<H> entry, List<Entry<H>> dropped) {
        if (entry.state != Entry.State.READY || entry.isValid()) {
            return;
        }
        if (entry.isGuarded()) {
            scopesClosed++;
        } else {
            invalidations++;
            entry.stale = true;
        }
        drop(entry, dropped);
    }

    /** Nobody finds it any more. {@link #retire} is its user, until it has looked at it without the lock. */
    private void drop(Entry<H> entry, List<Entry<H>> dropped) {
        unlink(entry);
        entry.users++;
        dropped.add(entry);
    }

    private void unlink(Entry<H> entry) {
        if (entry.isLinked()) {
            index.remove(entry);
            byUse.remove(entry);
            bytes -= entry.bytes();
        }
    }

    /** Without the lock. */
    private void retire(List<Entry<H>> dropped) {
        for (Entry<H> entry : dropped) {
            if (entry.stale) {
                countCause(entry);
            }
            letGo(entry, false);
        }
    }

    private void countCause(Entry<H> entry) {
        InvalidationEvent event = Objects.requireNonNull(entry.guard).invalidation();
        Cause cause = event == null ? null : event.cause();
        if (cause != null) {
            lock.lock();
            try {
                byCause.merge(cause, 1L, Long::sum);
            } finally {
                lock.unlock();
            }
        }
    }

    /** A lease is closed. */
    void letGo(Entry<H> entry) {
        letGo(entry, true);
    }

    private void letGo(Entry<H> entry, boolean isLease) {
        List<Entry<H>> dropped = new ArrayList<>(0);
        boolean last;
        lock.lock();
        try {
            entry.users--;
            leases -= isLease ? 1 : 0;
            last = entry.users == 0 && !entry.isLinked();
            trim(dropped);
        } finally {
            lock.unlock();
        }
        if (last) {
            dispose(entry);
        }
        retire(dropped);
    }

    /** By its last user. */
    private void dispose(Entry<H> entry) {
        Guard guard = entry.guard;
        if (guard != null) {
            guard.close();
        }
        H handle = entry.handle;
        if (handle == null) {
            return;
        }
        boolean failed = false;
        try {
            registrar.deregister(handle);
        } catch (RuntimeException e) {
            failed = true;
            LOG.log(Level.WARNING, "the registration of " + entry.range() + " could not be taken back", e);
        }
        lock.lock();
        try {
            deregistrations++;
            deregistrationFailures += failed ? 1 : 0;
        } finally {
            lock.unlock();
        }
    }

    // ------------------------------------------------------------------------------------------------ the whole

    /**
     * Drops what is stale now, wherever it is. An acquire does so for its own range alone, and whatever makes room for
     * others; so a registration of memory that is gone otherwise stays until then.
     */
    public void prune() {
        List<Entry<H>> dropped = new ArrayList<>();
        lock.lock();
        try {
            dropAllStale(dropped);
        } finally {
            lock.unlock();
        }
        retire(dropped);
    }

    /** Drops everything; what is in use is taken back by its last user. */
    public void clear() {
        List<Entry<H>> dropped = new ArrayList<>();
        lock.lock();
        try {
            dropAll(dropped);
        } finally {
            lock.unlock();
        }
        retire(dropped);
    }

    private void dropAll(List<Entry<H>> dropped) {
        for (Entry<H> entry : List.copyOf(byUse.keySet())) {
            drop(entry, dropped);
        }
    }

    /**
     * Turns the cache off, or on again. Off, it keeps nothing: every acquire registers, and every close of its lease
     * deregisters. The system property {@value #PROPERTY} with the value {@code off} does the same for all caches at their start.
     *
     * @param newEnabled whether it is to keep registrations
     */
    public void setEnabled(boolean newEnabled) {
        List<Entry<H>> dropped = new ArrayList<>();
        lock.lock();
        try {
            enabled = newEnabled;
            if (!newEnabled) {
                dropAll(dropped);
            }
        } finally {
            lock.unlock();
        }
        retire(dropped);
    }

    /**
     * Why something was not kept, the last time that a guard could not be had: for want of the kernel, say.
     *
     * @return a sentence for people; empty if every guard could be had so far
     */
    public Optional<String> refusal() {
        lock.lock();
        try {
            return Optional.ofNullable(refusal);
        } finally {
            lock.unlock();
        }
    }

    /**
     * What it has done.
     *
     * @return its counters now
     */
    public CacheStatistics statistics() {
        lock.lock();
        try {
            return new CacheStatistics(
                    hits,
                    misses,
                    registrations,
                    deregistrations,
                    deregistrationFailures,
                    uncached,
                    evictions,
                    merges,
                    invalidations,
                    byCause,
                    scopesClosed,
                    byUse.size(),
                    bytes,
                    leases);
        } finally {
            lock.unlock();
        }
    }

    /** Drops everything, and lets nobody acquire any more. Leases that are open stay to be closed. */
    @Override
    public void close() {
        List<Entry<H>> dropped = new ArrayList<>();
        lock.lock();
        try {
            closed = true;
            dropAll(dropped);
        } finally {
            lock.unlock();
        }
        retire(dropped);
        if (own != null) {
            own.close();
        }
    }
}
