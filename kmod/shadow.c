// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shadows: what the CPU's page tables have for a range.
 *
 * A shadow has a state word and a PFN for each page, which its user maps, and
 * for each 2 MiB a chunk: a word that the user maps too, and a sequence of our
 * own. Entries come in one place, mmub_shadow_install(), and go in one,
 * mmub_shadow_drop(), which the space's start callback calls before any page
 * table changes. Both hold space->lock; so does who copies to or from a page,
 * which he may do as long as the entry is there: what unmaps or frees the page
 * comes to the start callback first, and waits there. No page is pinned.
 *
 * Looking at the page tables takes long, and is done under no lock of ours. It
 * follows KVM's rule (virt/kvm/kvm_main.c, mmu_invalidate_retry()):
 *
 *   who looks                              who invalidates
 *
 *   lock: nothing overlaps in flight  (A)  lock: start: count it in flight,
 *         take the chunk's sequence              bump the chunk's sequence,
 *   walk the page tables                         drop entries             (C)
 *   lock: sequence unchanged, nothing (B)  change the page tables
 *         in flight: install               lock: end: not in flight       (D)
 *
 * Where C comes before A, and D has not, A waits for D: starts and ends are not
 * paired, so that is when nothing is in flight in the space. Where C comes
 * between A and B, B finds the sequence changed, and looks again. Where it comes
 * after B, it finds the entry and drops it.
 *
 * hmm_range_fault() wants an interval notifier, and its sequence, to give up a
 * walk early where the range has been invalidated. It is not needed for more than
 * that: the interval notifiers are called before the space's start, so B covers
 * what it would tell. Hence nobody waits in mmu_interval_read_begin(), which no
 * signal ends, but for D, which a signal does; and nothing is locked meanwhile, so
 * that DETACH and close go on.
 *
 * What the user sees:
 *
 *   start:   STORE state word without        LOAD state word, acquire
 *            PRESENT, or the chunk word      LOAD PFN
 *            write barrier             (E)   acquire fence                  (G)
 *   install: STORE PFN                       LOAD state word, chunk word
 *            STORE state word, release (F)
 *
 * E pairs with G: who reads the PFN of a later page sees that the entry he began
 * with has gone. F pairs with the first load: the PFN is that of the state word,
 * or a later one.
 */
#include <linux/highmem.h>
#include <linux/hmm.h>
#include <linux/kref.h>
#include <linux/magic.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "internal.h"

#define MMUB_CHUNK_PAGES	(1U << (MMUB_SHADOW_CHUNK_SHIFT - PAGE_SHIFT))
#define MMUB_SHADOW_FLAGS	(BIT_ULL(MMUB_SHADOW_GENERATION) - 1)
#define MMUB_SHADOW_KNOWN	(MMUB_SHADOW_PRESENT | MMUB_SHADOW_DROPPED)

/* The largest shadow fits into its room among the mmap offsets. */
static_assert(PAGE_SIZE + ((u64)MMUB_SHADOW_PAGES_MAX + MMUB_SHADOW_PAGES_MAX /
	      MMUB_CHUNK_PAGES + 2) * sizeof(u64) <= BIT_ULL(MMUB_SHADOW_SHIFT));
static_assert((u64)MMUB_SHADOWS_MAX << MMUB_SHADOW_SHIFT <=
	      BIT_ULL(MMUB_MAP_SHIFT));
static_assert(sizeof(struct mmub_shadow_header) == 128);

/**
 * struct mmub_chunk - the kernel's side of 2 MiB
 * @gen: the greatest generation that a state word of it has had
 * @seq: starts that overlapped it
 * @present: its entries
 *
 * Protected by space->lock.
 */
struct mmub_chunk {
	u64 gen;
	u64 seq;
	u32 present;
};

/**
 * struct mmub_shadow - a shadow
 * @ref: its slot, each mapping, each ioctl that has let go of sub->lock
 * @node: the bytes of the range, in space->shadows; space->lock
 * @sub: the subscription; valid while @node is in the tree
 * @space: its memory is pinned, also once the space is put; set once
 * @mm: pinned by mm_count; set once
 * @notifier: hmm_range_fault()'s, hooked from before @node is in the tree
 * @work: unhooks @notifier and drops the slot's reference
 * @mode: set once
 * @lead: pages of its first chunk before its first page; set once
 * @nr: its pages; set once
 * @nr_chunks: its chunks; set once
 * @end_error: what it answers once there are no entries any more; space->lock
 * @chunks: the kernel's side of the chunks
 * @state: header, chunk words and state words
 * @pfn_pages: the PFNs
 * @header: in @state
 * @floors: the chunk words, in @state; space->lock
 * @words: the state words, in @state; space->lock
 * @pfns: in @pfn_pages; space->lock
 *
 * The pages that the user maps are read back: no mapping of them can be made
 * writable.
 */
struct mmub_shadow {
	struct kref ref;
	struct interval_tree_node node;
	struct mmub_sub *sub;
	struct mmub_space *space;
	struct mm_struct *mm;
	struct mmu_interval_notifier notifier;
	struct work_struct work;
	u32 mode;
	u32 lead;
	u32 nr;
	u32 nr_chunks;
	int end_error;
	struct mmub_chunk *chunks;
	struct mmub_pages *state;
	struct mmub_pages *pfn_pages;
	struct mmub_shadow_header *header;
	u64 *floors;
	u64 *words;
	u64 *pfns;
};

/**
 * struct mmub_shadows - the shadows of a subscription
 * @lock: protects @slots for ->mmap, which must not take sub->lock; a leaf
 * @nr: in @slots; sub->lock
 * @pages: of all of them; sub->lock
 * @slots: by shadow_id; changed under sub->lock and @lock
 */
struct mmub_shadows {
	spinlock_t lock; /* see above */
	u32 nr;
	u32 pages;
	struct mmub_shadow *slots[MMUB_SHADOWS_MAX];
};

/**
 * struct mmub_walk - part of one chunk, as the page tables have it
 * @first: its first page, from the start of the shadow
 * @nr: how many
 * @chunk: which
 * @seq: the chunk's sequence before the walk
 * @gen: its generation before the walk
 * @end_error: the shadow's before the walk
 * @faults: HMM_PFN_REQ_FAULT and HMM_PFN_REQ_WRITE
 * @nowait: give up instead of waiting
 * @pfns: what was found; 0 for nothing
 */
struct mmub_walk {
	u32 first;
	u32 nr;
	u32 chunk;
	u64 seq;
	u64 gen;
	int end_error;
	unsigned long faults;
	bool nowait;
	unsigned long pfns[MMUB_CHUNK_PAGES];
};

/* Unhooking waits for invalidations in flight, which nobody else should. */
static struct workqueue_struct *mmub_shadow_wq;

static u32 mmub_shadow_chunk(const struct mmub_shadow *shadow, u32 index)
{
	return (index + shadow->lead) / MMUB_CHUNK_PAGES;
}

static u32 mmub_shadow_chunk_first(const struct mmub_shadow *shadow, u32 chunk)
{
	return chunk ? chunk * MMUB_CHUNK_PAGES - shadow->lead : 0;
}

static u32 mmub_shadow_chunk_last(const struct mmub_shadow *shadow, u32 chunk)
{
	return min((chunk + 1) * MMUB_CHUNK_PAGES - shadow->lead, shadow->nr) - 1;
}

static u64 mmub_shadow_addr(const struct mmub_shadow *shadow, u32 index)
{
	return shadow->node.start + ((u64)index << PAGE_SHIFT);
}

static u32 mmub_shadow_index(const struct mmub_shadow *shadow, u64 addr)
{
	return (addr - shadow->node.start) >> PAGE_SHIFT;
}

/* Is it present? As the user asks it. */
static bool mmub_shadow_valid(const struct mmub_shadow *shadow, u32 chunk,
			      u64 word)
{
	return (word & MMUB_SHADOW_PRESENT) &&
	       word >> MMUB_SHADOW_GENERATION > shadow->floors[chunk];
}

/* A statistic that the user reads while it is written. */
static void mmub_shadow_add_to(__u64 *count, u64 n)
{
	WRITE_ONCE(*count, *count + n);
}

/* ------------------------------------------------------------------ dropping */

static u32 mmub_shadow_drop_chunk(struct mmub_shadow *shadow, u32 chunk,
				  u32 first, u32 last)
{
	struct mmub_chunk *c = &shadow->chunks[chunk];
	u32 before = c->present;
	u32 i;

	c->seq++;
	if (!before)
		return 0;

	if (first == mmub_shadow_chunk_first(shadow, chunk) &&
	    last == mmub_shadow_chunk_last(shadow, chunk)) {
		WRITE_ONCE(shadow->floors[chunk], c->gen);
		c->present = 0;
		return before;
	}

	c->gen++;
	for (i = first; i <= last && c->present; i++) {
		u64 word = shadow->words[i];

		if (!mmub_shadow_valid(shadow, chunk, word))
			continue;
		word &= MMUB_SHADOW_FLAGS & ~MMUB_SHADOW_PRESENT;
		word |= c->gen << MMUB_SHADOW_GENERATION | MMUB_SHADOW_DROPPED;
		WRITE_ONCE(shadow->words[i], word);
		c->present--;
	}
	return before - c->present;
}

static u32 mmub_shadow_drop(struct mmub_shadow *shadow,
			    const struct mmub_record *rec)
{
	u64 end = min_t(u64, rec->end - 1, shadow->node.last);
	u64 start = max_t(u64, rec->start, shadow->node.start);
	u32 first = mmub_shadow_index(shadow, start);
	u32 last = mmub_shadow_index(shadow, end);
	u32 chunk = mmub_shadow_chunk(shadow, first);
	u32 dropped = 0;

	for (; chunk <= mmub_shadow_chunk(shadow, last); chunk++)
		dropped += mmub_shadow_drop_chunk(shadow, chunk,
			max(first, mmub_shadow_chunk_first(shadow, chunk)),
			min(last, mmub_shadow_chunk_last(shadow, chunk)));
	if (dropped) {
		mmub_shadow_add_to(&shadow->header->dropped, dropped);
		mmub_shadow_add_to(&shadow->header->present, -(u64)dropped);
		WRITE_ONCE(shadow->header->event_seq, rec->seq);
	}
	return dropped;
}

/* No entries any more. Under space->lock. */
static void mmub_shadow_end(struct mmub_shadow *shadow, u32 state, int error)
{
	u32 chunk;

	for (chunk = 0; chunk < shadow->nr_chunks; chunk++) {
		WRITE_ONCE(shadow->floors[chunk], U64_MAX);
		shadow->chunks[chunk].present = 0;
	}
	WRITE_ONCE(shadow->header->present, 0);
	WRITE_ONCE(shadow->header->end_state, shadow->header->end_state | state);
	shadow->end_error = error;
}

/**
 * mmub_shadows_start - an invalidation has started, or the mm is released
 * @space: the space; its lock is held, and what is in flight counted
 * @rec: the record; what each subscription had shadowed is left in its
 *	@shadowed
 */
void mmub_shadows_start(struct mmub_space *space, const struct mmub_record *rec)
{
	struct interval_tree_node *node;
	struct mmub_shadow *shadow;
	u64 last = rec->end - 1;

	lockdep_assert_held(&space->lock);

	for (node = interval_tree_iter_first(&space->shadows, rec->start, last);
	     node; node = interval_tree_iter_next(node, rec->start, last)) {
		shadow = container_of(node, struct mmub_shadow, node);
		shadow->sub->shadowed += mmub_shadow_drop(shadow, rec);
		if (rec->phase == MMUB_PHASE_RELEASE)
			mmub_shadow_end(shadow, MMUB_SHADOW_RELEASED, -ESRCH);
	}
	/* E: before the page tables change. */
	smp_wmb();
}

/* ------------------------------------------------------------------- walking */

/* Under space->lock. */
static bool mmub_shadow_in_flight(const struct mmub_shadow *shadow,
				  const struct mmub_walk *walk)
{
	const struct mmub_space *space = shadow->space;

	return space->active &&
	       mmub_shadow_addr(shadow, walk->first) < space->flight_end &&
	       space->flight_start <
		       mmub_shadow_addr(shadow, walk->first + walk->nr);
}

/* A: true if it can begin, or never will, as @end_error says. */
static bool mmub_shadow_begin(struct mmub_shadow *shadow, struct mmub_walk *walk)
{
	struct mmub_space *space = shadow->space;
	bool ready;

	spin_lock(&space->lock);
	walk->seq = shadow->chunks[walk->chunk].seq;
	walk->gen = shadow->chunks[walk->chunk].gen;
	walk->end_error = shadow->end_error;
	ready = walk->end_error || !mmub_shadow_in_flight(shadow, walk);
	spin_unlock(&space->lock);
	return ready;
}

/*
 * The pages of secretmem are not in the kernel's direct map, so that they cannot
 * be copied, and who made them does not want them to be. Under mmap_lock.
 */
static void mmub_shadow_hide_secrets(struct mmub_shadow *shadow,
				     struct mmub_walk *walk)
{
	unsigned long addr = mmub_shadow_addr(shadow, walk->first);
	unsigned long end = mmub_shadow_addr(shadow, walk->first + walk->nr);
	unsigned long first = addr;
	struct vm_area_struct *vma;

	for (; addr < end; addr = vma->vm_end) {
		vma = find_vma(shadow->mm, addr);
		if (!vma || vma->vm_start >= end)
			return;
		if (!vma->vm_file ||
		    file_inode(vma->vm_file)->i_sb->s_magic != SECRETMEM_MAGIC)
			continue;
		for (addr = max(addr, vma->vm_start);
		     addr < min(end, vma->vm_end); addr += PAGE_SIZE)
			walk->pfns[(addr - first) >> PAGE_SHIFT] = 0;
	}
}

/*
 * hmm_range_fault() for some pages of the walk. What it was not asked to fault in
 * it finds or not; -EBUSY is an invalidation that has come in between.
 */
static int mmub_shadow_hmm(struct mmub_shadow *shadow, struct mmub_walk *walk,
			   u32 skip, u32 nr, unsigned long faults)
{
	struct hmm_range range = {
		.notifier = &shadow->notifier,
		.notifier_seq = READ_ONCE(shadow->notifier.invalidate_seq),
		.start = mmub_shadow_addr(shadow, walk->first + skip),
		.end = mmub_shadow_addr(shadow, walk->first + skip + nr),
		.hmm_pfns = walk->pfns + skip,
		.default_flags = faults,
	};

	memset(range.hmm_pfns, 0, nr * sizeof(*range.hmm_pfns));
	/* Then there is no shadow to ask for, nor the function to call. */
	if (!IS_ENABLED(CONFIG_HMM_MIRROR))
		return -EOPNOTSUPP;
	return hmm_range_fault(&range);
}

/* As far as they can be faulted in, one by one. */
static int mmub_shadow_hmm_single(struct mmub_shadow *shadow,
				  struct mmub_walk *walk)
{
	int ret;
	u32 i;

	for (i = 0; i < walk->nr; i++) {
		ret = mmub_shadow_hmm(shadow, walk, i, 1, walk->faults);
		if (ret && ret != -EBUSY)
			ret = mmub_shadow_hmm(shadow, walk, i, 1, 0);
		if (ret)
			return ret;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

static int mmub_shadow_walk(struct mmub_shadow *shadow, struct mmub_walk *walk)
{
	struct mm_struct *mm = shadow->mm;
	int ret;

	/* Not while waiting: the process could not release its mm. */
	if (!mmget_not_zero(mm))
		return -ESRCH;
	if (mmap_read_lock_killable(mm)) {
		ret = -EINTR;
		goto put_mm;
	}
	ret = mmub_shadow_hmm(shadow, walk, 0, walk->nr, walk->faults);
	if (ret && ret != -EBUSY && walk->faults)
		ret = mmub_shadow_hmm_single(shadow, walk);
	if (!ret)
		mmub_shadow_hide_secrets(shadow, walk);
	mmap_read_unlock(mm);
put_mm:
	/* Were ours the last, exit_mmap() would run here. */
	mmput_async(mm);
	return ret;
}

/* ---------------------------------------------------------------- installing */

/* What is said of an entry of which something was known before. */
static void mmub_shadow_compare(struct mmub_shadow *shadow, bool valid, u64 old,
				u64 old_pfn, u64 new, u64 pfn,
				struct mmub_shadow_refresh *result)
{
	struct mmub_shadow_header *header = shadow->header;
	bool there = new & MMUB_SHADOW_PRESENT;
	bool same = there && old_pfn == pfn;
	u64 change = (old ^ new) & MMUB_SHADOW_WRITABLE;

	if (valid) {
		if (!same || (old & change)) {
			result->mismatched++;
			mmub_shadow_add_to(&header->mismatched, 1);
		} else if (change) {
			result->upgraded++;
			mmub_shadow_add_to(&header->upgraded, 1);
		}
	} else if (!there) {
		result->gone++;
		mmub_shadow_add_to(&header->gone, 1);
	} else if (!same) {
		result->moved++;
		mmub_shadow_add_to(&header->moved, 1);
	} else if (change) {
		result->reprotected++;
		mmub_shadow_add_to(&header->reprotected, 1);
	} else {
		result->same++;
		mmub_shadow_add_to(&header->same, 1);
	}
}

static void mmub_shadow_entry(struct mmub_shadow *shadow, u32 index,
			      u32 chunk, unsigned long hmm_pfn,
			      struct mmub_shadow_refresh *result)
{
	struct mmub_chunk *c = &shadow->chunks[chunk];
	u64 old = shadow->words[index];
	bool valid = mmub_shadow_valid(shadow, chunk, old);
	u64 new = 0, pfn = 0;

	if (hmm_pfn & HMM_PFN_VALID) {
		pfn = page_to_pfn(hmm_pfn_to_page(hmm_pfn));
		new = MMUB_SHADOW_PRESENT;
		result->present++;
		if (hmm_pfn & HMM_PFN_WRITE) {
			new |= MMUB_SHADOW_WRITABLE;
			result->writable++;
		}
		if (hmm_pfn_to_map_order(hmm_pfn) >=
		    MMUB_SHADOW_CHUNK_SHIFT - PAGE_SHIFT) {
			new |= MMUB_SHADOW_HUGE;
			result->huge++;
		}
	}
	if (old & MMUB_SHADOW_KNOWN)
		mmub_shadow_compare(shadow, valid, old, shadow->pfns[index], new,
				    pfn, result);
	else if (new)
		result->added++;
	else
		return;

	if (valid) {
		/* What was accessed stays so as long as it is the same page. */
		if (new && shadow->pfns[index] == pfn)
			new |= old & (MMUB_SHADOW_ACCESSED | MMUB_SHADOW_DIRTY);
		if (new == (old & MMUB_SHADOW_FLAGS))
			return;
		c->present--;
	}
	if (new) {
		c->present++;
		WRITE_ONCE(shadow->pfns[index], pfn);
	}
	new |= c->gen << MMUB_SHADOW_GENERATION;
	/* F: pairs with the user's acquire. */
	smp_store_release(&shadow->words[index], new);
}

/*
 * B: -EAGAIN if something has come between, be it somebody else's install: he may
 * have looked later, at pages that have come or become writable, which is no
 * event, and what was seen before that must not take them away.
 */
static int mmub_shadow_install(struct mmub_shadow *shadow,
			       const struct mmub_walk *walk,
			       struct mmub_shadow_refresh *result)
{
	struct mmub_chunk *c = &shadow->chunks[walk->chunk];
	struct mmub_space *space = shadow->space;
	int ret = 0;
	u32 before, i;

	spin_lock(&space->lock);
	if (shadow->end_error) {
		ret = shadow->end_error;
	} else if (c->seq != walk->seq || c->gen != walk->gen ||
		   mmub_shadow_in_flight(shadow, walk)) {
		ret = -EAGAIN;
	} else {
		before = c->present;
		/* Above the chunk's word, and above what the entries had. */
		c->gen++;
		for (i = 0; i < walk->nr; i++)
			mmub_shadow_entry(shadow, walk->first + i, walk->chunk,
					  walk->pfns[i], result);
		mmub_shadow_add_to(&shadow->header->present,
				   (u64)c->present - before);
	}
	spin_unlock(&space->lock);
	return ret;
}

/*
 * Bring some pages of one chunk up to date. Under no lock: what it waits for, the
 * end of an invalidation or the owner's mmap_lock, may hold others up for long.
 */
static int mmub_shadow_update(struct mmub_shadow *shadow, struct mmub_walk *walk,
			      struct mmub_shadow_refresh *result)
{
	int ret;

	walk->chunk = mmub_shadow_chunk(shadow, walk->first);
	do {
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
		if (!mmub_shadow_begin(shadow, walk)) {
			if (walk->nowait) {
				result->busy += walk->nr;
				return 0;
			}
			if (wait_event_killable(shadow->space->idle,
						mmub_shadow_begin(shadow, walk)))
				return -EINTR;
		}
		if (walk->end_error)
			return walk->end_error;
		ret = mmub_shadow_walk(shadow, walk);
		if (!ret)
			ret = mmub_shadow_install(shadow, walk, result);
		else if (ret == -EBUSY)
			ret = -EAGAIN;
	} while (ret == -EAGAIN && !walk->nowait);

	if (ret == -EAGAIN) {
		result->busy += walk->nr;
		return 0;
	}
	return ret;
}

static struct mmub_walk *mmub_walk_alloc(void)
{
	return kmalloc(sizeof(struct mmub_walk), GFP_KERNEL_ACCOUNT);
}

/**
 * mmub_shadow_refresh - SHADOW_REFRESH
 * @shadow: the caller has a reference, and no lock
 * @arg: see &struct mmub_shadow_refresh; flags are checked by the caller
 *
 * Return: 0 or an error.
 */
int mmub_shadow_refresh(struct mmub_shadow *shadow,
			struct mmub_shadow_refresh *arg)
{
	static const unsigned long faults[] = {
		[MMUB_SHADOW_SNAPSHOT] = 0,
		[MMUB_SHADOW_READ] = HMM_PFN_REQ_FAULT,
		[MMUB_SHADOW_WRITE] = HMM_PFN_REQ_FAULT | HMM_PFN_REQ_WRITE,
	};
	struct mmub_shadow_refresh result = {
		.flags = arg->flags,
		.shadow_id = arg->shadow_id,
		.start = arg->start,
		.end = arg->end,
	};
	struct mmub_walk *walk;
	u32 first, last;
	int ret = 0;

	if (!PAGE_ALIGNED(arg->start) || !PAGE_ALIGNED(arg->end) ||
	    arg->start >= arg->end || arg->start < shadow->node.start ||
	    arg->end - 1 > shadow->node.last)
		return -EINVAL;
	first = mmub_shadow_index(shadow, arg->start);
	last = mmub_shadow_index(shadow, arg->end - 1);

	walk = mmub_walk_alloc();
	if (!walk)
		return -ENOMEM;
	walk->faults = faults[shadow->mode];
	walk->nowait = arg->flags & MMUB_SHADOW_NOWAIT;
	for (walk->first = first; !ret && walk->first <= last;
	     walk->first += walk->nr) {
		u32 chunk = mmub_shadow_chunk(shadow, walk->first);

		walk->nr = min(last, mmub_shadow_chunk_last(shadow, chunk)) -
			   walk->first + 1;
		ret = mmub_shadow_update(shadow, walk, &result);
	}
	kfree(walk);
	if (!ret)
		*arg = result;
	return ret;
}

/* ------------------------------------------------------------------ accesses */

/*
 * Copy what is on one page, if the entry will do: -EAGAIN if not. The entry
 * cannot be dropped meanwhile, so the page stays what it is. The CPU could write
 * to it as we do, without a fault, so nothing else need be told but what its
 * MMU would have noted in the page table.
 */
static int mmub_shadow_copy(struct mmub_shadow *shadow, u64 addr, void *buffer,
			    u32 size, bool write)
{
	u32 index = mmub_shadow_index(shadow, addr);
	u32 chunk = mmub_shadow_chunk(shadow, index);
	struct mmub_space *space = shadow->space;
	struct page *page;
	int ret = 0;
	void *from;
	u64 word;

	spin_lock(&space->lock);
	word = shadow->words[index];
	if (shadow->end_error) {
		ret = shadow->end_error;
	} else if (!mmub_shadow_valid(shadow, chunk, word) ||
		   (write && !(word & MMUB_SHADOW_WRITABLE))) {
		ret = -EAGAIN;
	} else {
		page = pfn_to_page(shadow->pfns[index]);
		from = kmap_local_page(page);
		if (write) {
			memcpy(from + offset_in_page(addr), buffer, size);
			set_page_dirty(page);
			word |= MMUB_SHADOW_DIRTY;
		} else {
			memcpy(buffer, from + offset_in_page(addr), size);
		}
		kunmap_local(from);
		WRITE_ONCE(shadow->words[index], word | MMUB_SHADOW_ACCESSED);
	}
	spin_unlock(&space->lock);
	return ret;
}

static unsigned long mmub_shadow_access_faults(const struct mmub_shadow *shadow,
					       bool write)
{
	if (!write)
		return shadow->mode == MMUB_SHADOW_SNAPSHOT ? 0 :
			HMM_PFN_REQ_FAULT;
	return shadow->mode == MMUB_SHADOW_WRITE ?
		HMM_PFN_REQ_FAULT | HMM_PFN_REQ_WRITE : 0;
}

static int mmub_shadow_access_page(struct mmub_shadow *shadow,
				   struct mmub_walk *walk, u64 addr,
				   void *buffer, u32 size, bool write)
{
	struct mmub_shadow_refresh found;
	int ret;

	for (;;) {
		ret = mmub_shadow_copy(shadow, addr, buffer, size, write);
		if (ret != -EAGAIN)
			return ret;
		found = (struct mmub_shadow_refresh) {};
		walk->first = mmub_shadow_index(shadow, addr);
		walk->nr = 1;
		ret = mmub_shadow_update(shadow, walk, &found);
		if (ret)
			return ret;
		if (!found.present)
			return -ENODATA;
		if (write && !found.writable)
			return -EACCES;
	}
}

/*
 * Through a buffer, since the copy from or to the user may fault, also on the
 * very memory that is shadowed.
 */
static int mmub_shadow_access_part(struct mmub_shadow *shadow,
				   struct mmub_walk *walk, u64 addr,
				   void __user *user, void *buffer, u32 size,
				   bool write)
{
	int ret;

	if (write && copy_from_user(buffer, user, size))
		return -EFAULT;
	ret = mmub_shadow_access_page(shadow, walk, addr, buffer, size, write);
	if (!ret && !write && copy_to_user(user, buffer, size))
		return -EFAULT;
	return ret;
}

/**
 * mmub_shadow_access - READ and WRITE
 * @shadow: has @arg->addr; the caller has a reference, and no lock
 * @arg: see &struct mmub_access
 * @write: which
 *
 * Return: 0 or an error.
 */
int mmub_shadow_access(struct mmub_shadow *shadow, struct mmub_access *arg,
		       bool write)
{
	u64 left = min(arg->size, shadow->node.last - arg->addr + 1);
	struct mmub_walk *walk;
	void *buffer;
	u64 done = 0;
	int ret = -ENOMEM;

	walk = mmub_walk_alloc();
	if (!walk)
		return -ENOMEM;
	walk->faults = mmub_shadow_access_faults(shadow, write);
	walk->nowait = false;
	buffer = kmalloc(PAGE_SIZE, GFP_KERNEL_ACCOUNT);
	if (!buffer)
		goto free_walk;

	ret = 0;
	while (done < left) {
		u64 addr = arg->addr + done;
		u32 size = min_t(u64, left - done,
				 PAGE_SIZE - offset_in_page(addr));

		ret = mmub_shadow_access_part(shadow, walk, addr,
					      u64_to_user_ptr(arg->buffer + done),
					      buffer, size, write);
		if (ret)
			break;
		done += size;
		if (fatal_signal_pending(current))
			break;
		cond_resched();
	}
	kfree(buffer);
	if (done)
		ret = 0;
	if (!ret)
		arg->size = done;
free_walk:
	kfree(walk);
	return ret;
}

/* ---------------------------------------------------------- making, unmaking */

static bool mmub_shadow_invalidate(struct mmu_interval_notifier *notifier,
				   const struct mmu_notifier_range *range,
				   unsigned long seq)
{
	/*
	 * Under no lock: the sequence is only a hint to give up a walk, and B
	 * decides. RELEASE, and the UNMAP that may follow it, are no exceptions.
	 */
	mmu_interval_set_seq(notifier, seq);
	return true;
}

static const struct mmu_interval_notifier_ops mmub_shadow_notifier_ops = {
	.invalidate	= mmub_shadow_invalidate,
};

static void mmub_shadow_free(struct kref *ref)
{
	struct mmub_shadow *shadow = container_of(ref, struct mmub_shadow, ref);

	vunmap(shadow->pfns);
	vunmap(shadow->header);
	if (!IS_ERR_OR_NULL(shadow->pfn_pages))
		mmub_pages_free(shadow->pfn_pages);
	if (!IS_ERR_OR_NULL(shadow->state))
		mmub_pages_free(shadow->state);
	kvfree(shadow->chunks);
	mmdrop(shadow->mm);
	mmub_space_unpin(shadow->space);
	kfree(shadow);
}

/**
 * mmub_shadow_put - drop a reference
 * @shadow: the shadow
 */
void mmub_shadow_put(struct mmub_shadow *shadow)
{
	kref_put(&shadow->ref, mmub_shadow_free);
}

static void mmub_shadow_unhook(struct work_struct *work)
{
	struct mmub_shadow *shadow = container_of(work, struct mmub_shadow, work);

	mmu_interval_notifier_remove(&shadow->notifier);
	mmub_shadow_put(shadow);
}

static int mmub_shadow_hook(struct mmub_shadow *shadow)
{
	struct mm_struct *mm = shadow->mm;
	int ret;

	if (!mmget_not_zero(mm))
		return -ESRCH;
	/* mmu_interval_notifier_insert() would take it uninterruptibly. */
	if (mmap_write_lock_killable(mm)) {
		ret = -EINTR;
		goto put_mm;
	}
	ret = mmu_interval_notifier_insert_locked(&shadow->notifier, mm,
						  shadow->node.start,
						  (unsigned long)shadow->nr << PAGE_SHIFT,
						  &mmub_shadow_notifier_ops);
	mmap_write_unlock(mm);
put_mm:
	mmput_async(mm);
	return ret;
}

static int mmub_shadow_alloc_arrays(struct mmub_shadow *shadow)
{
	size_t chunks_size = shadow->nr_chunks * sizeof(*shadow->chunks);
	size_t states = PAGE_SIZE + ALIGN(shadow->nr_chunks * sizeof(u64),
					  SMP_CACHE_BYTES);

	shadow->chunks = kvzalloc(chunks_size, GFP_KERNEL_ACCOUNT);
	if (!shadow->chunks)
		return -ENOMEM;
	shadow->state = mmub_pages_alloc(DIV_ROUND_UP(states + shadow->nr * sizeof(u64),
						      PAGE_SIZE), chunks_size);
	if (IS_ERR(shadow->state))
		return PTR_ERR(shadow->state);
	shadow->pfn_pages = mmub_pages_alloc(DIV_ROUND_UP(shadow->nr * sizeof(u64),
							  PAGE_SIZE), 0);
	if (IS_ERR(shadow->pfn_pages))
		return PTR_ERR(shadow->pfn_pages);

	shadow->header = vmap(shadow->state->pages, shadow->state->nr, VM_MAP,
			      PAGE_KERNEL);
	shadow->pfns = vmap(shadow->pfn_pages->pages, shadow->pfn_pages->nr,
			    VM_MAP, PAGE_KERNEL);
	if (!shadow->header || !shadow->pfns)
		return -ENOMEM;
	shadow->floors = (void *)shadow->header + PAGE_SIZE;
	shadow->words = (void *)shadow->header + states;

	shadow->header->start = shadow->node.start;
	shadow->header->end = shadow->node.last + 1;
	shadow->header->mode = shadow->mode;
	shadow->header->chunks_offset = PAGE_SIZE;
	shadow->header->states_offset = states;
	return 0;
}

/**
 * mmub_shadow_alloc - make a shadow that is in no tree and no slot yet
 * @space: the space, pinned by the caller; the pin becomes the shadow's also
 *	where this fails
 * @mm: the space's, with a reference by mm_count, likewise
 * @arg: see &struct mmub_shadow_add, checked by the caller
 *
 * Waits for the mm's mmap_lock, so that the caller should hold no lock. Return:
 * the shadow, to be given to mmub_shadows_join() or mmub_shadow_discard(), or an
 * error as &struct mmub_shadow_add lists them.
 */
struct mmub_shadow *mmub_shadow_alloc(struct mmub_space *space,
				      struct mm_struct *mm,
				      const struct mmub_shadow_add *arg)
{
	struct mmub_shadow *shadow;
	int ret;

	shadow = kzalloc(sizeof(*shadow), GFP_KERNEL_ACCOUNT);
	if (!shadow) {
		mmdrop(mm);
		mmub_space_unpin(space);
		return ERR_PTR(-ENOMEM);
	}
	kref_init(&shadow->ref);
	INIT_WORK(&shadow->work, mmub_shadow_unhook);
	shadow->space = space;
	shadow->mm = mm;
	shadow->mode = arg->mode;
	shadow->node.start = arg->start;
	shadow->node.last = arg->end - 1;
	shadow->nr = (arg->end - arg->start) >> PAGE_SHIFT;
	shadow->lead = (arg->start >> PAGE_SHIFT) % MMUB_CHUNK_PAGES;
	shadow->nr_chunks = mmub_shadow_chunk(shadow, shadow->nr - 1) + 1;

	ret = mmub_shadow_alloc_arrays(shadow);
	if (!ret)
		ret = mmub_shadow_hook(shadow);
	if (ret) {
		mmub_shadow_put(shadow);
		return ERR_PTR(ret);
	}
	return shadow;
}

/**
 * mmub_shadow_discard - give up a shadow that is in no tree and no slot
 * @shadow: the shadow; the reference that its slot has, or would have, goes
 *
 * mmu_interval_notifier_remove() waits, and no signal ends that, for what is in
 * flight. So that is for a worker.
 */
void mmub_shadow_discard(struct mmub_shadow *shadow)
{
	queue_work(mmub_shadow_wq, &shadow->work);
}

/**
 * mmub_shadows_alloc - make the slots of a subscription
 *
 * Return: the slots, or NULL.
 */
struct mmub_shadows *mmub_shadows_alloc(void)
{
	struct mmub_shadows *shadows;

	shadows = kzalloc(sizeof(*shadows), GFP_KERNEL_ACCOUNT);
	if (shadows)
		spin_lock_init(&shadows->lock);
	return shadows;
}

/**
 * mmub_shadows_free - free slots that are empty
 * @shadows: the slots, or NULL
 */
void mmub_shadows_free(struct mmub_shadows *shadows)
{
	kfree(shadows);
}

static void mmub_shadows_set(struct mmub_shadows *shadows, u32 id,
			     struct mmub_shadow *shadow)
{
	spin_lock(&shadows->lock);
	shadows->slots[id] = shadow;
	spin_unlock(&shadows->lock);
}

/* Under space->lock. */
static int mmub_shadow_join(struct mmub_shadow *shadow, struct mmub_sub *sub)
{
	struct mmub_space *space = shadow->space;
	struct interval_tree_node *node;

	if (space->released)
		return -ESRCH;
	if (space->shadow_pages + shadow->nr >
	    READ_ONCE(mmub_shadow_pages_per_space))
		return -EMLINK;
	for (node = interval_tree_iter_first(&space->shadows, shadow->node.start,
					     shadow->node.last);
	     node; node = interval_tree_iter_next(node, shadow->node.start,
						  shadow->node.last))
		if (container_of(node, struct mmub_shadow, node)->sub == sub)
			return -EEXIST;

	shadow->sub = sub;
	space->shadow_pages += shadow->nr;
	interval_tree_insert(&shadow->node, &space->shadows);
	return 0;
}

/* Under space->lock. */
static void mmub_shadow_leave(struct mmub_shadow *shadow, int error)
{
	struct mmub_space *space = shadow->space;

	interval_tree_remove(&shadow->node, &space->shadows);
	space->shadow_pages -= shadow->nr;
	mmub_shadow_end(shadow, MMUB_SHADOW_REMOVED, error);
}

/**
 * mmub_shadows_join - put a shadow into a slot, and its range into the space
 * @shadows: the slots; sub->lock is held
 * @sub: the subscription, attached to the shadow's space
 * @shadow: of mmub_shadow_alloc()
 * @arg: what the user is told of it is filled in
 *
 * Return: 0 or an error, with nothing done.
 */
int mmub_shadows_join(struct mmub_shadows *shadows, struct mmub_sub *sub,
		      struct mmub_shadow *shadow, struct mmub_shadow_add *arg)
{
	u64 offset;
	int ret;
	u32 id;

	if (shadows->nr >= mmub_shadows_max() ||
	    shadows->pages + shadow->nr > mmub_shadow_pages_max())
		return -ENOSPC;
	/* There is one: as many are in use as @nr says. */
	for (id = 0; shadows->slots[id]; id++)
		;

	spin_lock(&shadow->space->lock);
	ret = mmub_shadow_join(shadow, sub);
	spin_unlock(&shadow->space->lock);
	if (ret)
		return ret;

	shadows->nr++;
	shadows->pages += shadow->nr;
	mmub_shadows_set(shadows, id, shadow);

	offset = (u64)id << MMUB_SHADOW_SHIFT;
	arg->shadow_id = id;
	arg->state_offset = ((u64)MMUB_MAP_SHADOW << MMUB_MAP_SHIFT) + offset;
	arg->pfn_offset = ((u64)MMUB_MAP_PFNS << MMUB_MAP_SHIFT) + offset;
	arg->state_size = (u64)shadow->state->nr << PAGE_SHIFT;
	arg->pfn_size = (u64)shadow->pfn_pages->nr << PAGE_SHIFT;
	return 0;
}

/**
 * mmub_shadows_max - how many shadows a subscription may have
 */
u32 mmub_shadows_max(void)
{
	if (!IS_ENABLED(CONFIG_HMM_MIRROR))
		return 0;
	return min_t(u32, READ_ONCE(mmub_shadows_per_subscription),
		     MMUB_SHADOWS_MAX);
}

/**
 * mmub_shadow_pages_max - how many pages they may have together
 */
u32 mmub_shadow_pages_max(void)
{
	if (!IS_ENABLED(CONFIG_HMM_MIRROR))
		return 0;
	return min_t(u32, READ_ONCE(mmub_shadow_pages_per_subscription),
		     MMUB_SHADOW_PAGES_MAX);
}

/**
 * mmub_shadows_get - a shadow by its number
 * @shadows: the slots, or NULL
 * @id: of the user's choice
 *
 * Return: the shadow, to be given to mmub_shadow_put(), or NULL.
 */
struct mmub_shadow *mmub_shadows_get(struct mmub_shadows *shadows, u32 id)
{
	struct mmub_shadow *shadow;

	if (!shadows || id >= MMUB_SHADOWS_MAX)
		return NULL;
	spin_lock(&shadows->lock);
	shadow = shadows->slots[array_index_nospec(id, MMUB_SHADOWS_MAX)];
	if (shadow)
		kref_get(&shadow->ref);
	spin_unlock(&shadows->lock);
	return shadow;
}

/**
 * mmub_shadows_find - the shadow that has an address
 * @shadows: the slots, or NULL; sub->lock is held
 * @addr: the address
 *
 * Return: as mmub_shadows_get().
 */
struct mmub_shadow *mmub_shadows_find(struct mmub_shadows *shadows, u64 addr)
{
	struct mmub_shadow *shadow;
	u32 id;

	for (id = 0; shadows && id < MMUB_SHADOWS_MAX; id++) {
		shadow = shadows->slots[id];
		if (shadow && addr >= shadow->node.start &&
		    addr <= shadow->node.last) {
			kref_get(&shadow->ref);
			return shadow;
		}
	}
	return NULL;
}

/* The slot is free, and the shadow goes when nobody uses it any more. */
static void mmub_shadows_drop_slot(struct mmub_shadows *shadows, u32 id)
{
	struct mmub_shadow *shadow = shadows->slots[id];

	mmub_shadows_set(shadows, id, NULL);
	shadows->nr--;
	shadows->pages -= shadow->nr;
	mmub_shadow_discard(shadow);
}

static void mmub_shadow_wake(struct mmub_space *space)
{
	/* Who waits in mmub_shadow_update() sees end_error. */
	wake_up_all(&space->idle);
}

/**
 * mmub_shadows_remove - SHADOW_REMOVE
 * @shadows: the slots, or NULL; sub->lock is held
 * @id: of SHADOW_ADD
 *
 * Return: 0 or -ENOENT.
 */
int mmub_shadows_remove(struct mmub_shadows *shadows, u32 id)
{
	struct mmub_shadow *shadow = mmub_shadows_get(shadows, id);

	if (!shadow)
		return -ENOENT;
	spin_lock(&shadow->space->lock);
	mmub_shadow_leave(shadow, -ENOENT);
	mmub_shadow_wake(shadow->space);
	spin_unlock(&shadow->space->lock);
	mmub_shadows_drop_slot(shadows, id);
	mmub_shadow_put(shadow);
	return 0;
}

/**
 * mmub_shadows_leave - the subscription is detached
 * @shadows: its slots
 * @space: the space; its lock is held
 *
 * mmub_shadows_drop() is to follow, without the lock.
 */
void mmub_shadows_leave(struct mmub_shadows *shadows, struct mmub_space *space)
{
	u32 id;

	lockdep_assert_held(&space->lock);

	for (id = 0; id < MMUB_SHADOWS_MAX; id++)
		if (shadows->slots[id])
			mmub_shadow_leave(shadows->slots[id], -ESHUTDOWN);
	mmub_shadow_wake(space);
}

/**
 * mmub_shadows_drop - empty the slots of a subscription that has left its space
 * @shadows: the slots
 */
void mmub_shadows_drop(struct mmub_shadows *shadows)
{
	u32 id;

	for (id = 0; id < MMUB_SHADOWS_MAX; id++)
		if (shadows->slots[id])
			mmub_shadows_drop_slot(shadows, id);
}

/* A mapping outlives the shadow's slot, and the pages stay charged with it. */
static void mmub_shadow_vm_open(struct vm_area_struct *vma)
{
	struct mmub_shadow *shadow = vma->vm_private_data;

	kref_get(&shadow->ref);
}

static void mmub_shadow_vm_close(struct vm_area_struct *vma)
{
	mmub_shadow_put(vma->vm_private_data);
}

static const struct vm_operations_struct mmub_shadow_vm_ops = {
	.open	= mmub_shadow_vm_open,
	.close	= mmub_shadow_vm_close,
};

/**
 * mmub_shadows_mmap - map state words or PFNs
 * @shadows: the slots, or NULL
 * @map: MMUB_MAP_SHADOW or MMUB_MAP_PFNS; whether the user may see PFNs has been
 *	checked
 * @offset: behind that of @map, in bytes
 * @vma: the caller's, checked to be shared
 *
 * Return: as mmub_pages_mmap(), -EINVAL, or -ENXIO.
 */
int mmub_shadows_mmap(struct mmub_shadows *shadows, enum mmub_map map,
		      u64 offset, struct vm_area_struct *vma)
{
	struct mmub_shadow *shadow;
	struct mmub_pages *pages;
	int ret;

	if (offset & (BIT_ULL(MMUB_SHADOW_SHIFT) - 1))
		return -EINVAL;
	shadow = mmub_shadows_get(shadows, offset >> MMUB_SHADOW_SHIFT);
	if (!shadow)
		return -ENXIO;
	pages = map == MMUB_MAP_PFNS ? shadow->pfn_pages : shadow->state;
	ret = mmub_pages_mmap(pages, 0, pages->nr, false, vma);
	if (ret) {
		mmub_shadow_put(shadow);
		return ret;
	}
	vma->vm_private_data = shadow;
	vma->vm_ops = &mmub_shadow_vm_ops;
	return 0;
}

/**
 * mmub_shadow_init - at load
 *
 * Return: 0 or -ENOMEM.
 */
int __init mmub_shadow_init(void)
{
	mmub_shadow_wq = alloc_workqueue("mmubridge", WQ_UNBOUND, 0);
	return mmub_shadow_wq ? 0 : -ENOMEM;
}

/**
 * mmub_shadow_exit - wait until every shadow has gone
 *
 * No file is open any more, so none is mapped, and all are with the workers.
 */
void mmub_shadow_exit(void)
{
	destroy_workqueue(mmub_shadow_wq);
}
