// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guards: is this range still what it was?
 *
 * A guard is a range in the space's interval tree and a word in a page that its
 * user maps. The word goes up, and only up, by the table at struct mmub_guard
 * in the header; what changes it holds space->lock. A guard in the tree that is
 * odd is on space->touched, and nothing else is, so that the end of the last
 * invalidation in flight finds those that become even again. Once the space is
 * released no end is counted, and they stay as they are.
 *
 *   who invalidates                         who has cached
 *
 *   start: STORE ->event_seq                LOAD ->word, acquire     (C)
 *          STORE ->word odd     (A)         read the memory, register it
 *   change the page tables                  ...
 *   end:   STORE ->word even    (B)         LOAD ->word, acquire     (D)
 *   return to the caller                    use what he has made
 *
 * A: write barriers on either side. Who sees the word odd sees what made it so;
 * and who sees, by whatever means, that the page tables have changed or that the
 * call has returned, sees the word at D that is not the one at C. B is a release
 * and pairs with C: who finds the word even reads no memory as it was before.
 * Where the start of an invalidation comes between C and D, D sees it or the call
 * has not returned: what is used then may have been used a moment before.
 *
 * ADD takes space->lock. If it comes after a start, space->active says so and the
 * guard begins odd, without asking whether that range is the one: starts and ends
 * are not paired, so what is in flight is over when all is. If it comes before,
 * the start finds it in the tree.
 *
 * What a callback needs is there before it comes. An event is named once for
 * all guards of a subscription that it touches; an event in use is named by a
 * guard at least, and a guard names one at most, so that as many events as slots
 * are enough.
 */
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/slab.h>

#include "internal.h"

/**
 * struct mmub_named - an event that guards name
 * @rec: its record, in the pid namespace of the subscription
 * @guards: how many name it; free at 0
 * @next: of the free ones
 *
 * Protected by space->lock while attached, by sub->lock after that.
 */
struct mmub_named {
	struct mmub_record rec;
	u32 guards;
	struct mmub_named *next;
};

/**
 * struct mmub_guard_state - the kernel's side of a slot
 * @node: the pages of the range, in space->guards; space->lock
 * @touched: on space->touched; space->lock
 * @guards: the table; set once
 * @slot: the user's side; set once. What it says is in @word and never read back
 * @word: the word; space->lock
 * @named: the event that last made it odd, or NULL; space->lock while attached,
 *	sub->lock after that
 * @ignore: bits 1 << enum mmub_type; written before @node is in the tree
 * @flags: enum mmub_guard_flag; likewise
 * @used: a guard of the user is in it; sub->lock
 * @next: of the free ones, index + 1; sub->lock
 */
struct mmub_guard_state {
	struct interval_tree_node node;
	struct list_head touched;
	struct mmub_guards *guards;
	struct mmub_guard *slot;
	u64 word;
	struct mmub_named *named;
	u32 ignore;
	u32 flags;
	bool used;
	u32 next;
};

/**
 * struct mmub_guards - the table of a subscription
 * @sub: the subscription; set once
 * @pages: the slots; set once
 * @nr: how many slots there are; set once
 * @free: the first free one, index + 1, or 0; sub->lock
 * @want_stacks: how many have MMUB_GUARD_CAUSE; space->lock
 * @last: the event that was named last; space->lock
 * @free_named: events that no guard names; as @named of a guard
 * @named: all of them
 * @states: one a slot
 */
struct mmub_guards {
	struct mmub_sub *sub;
	struct mmub_pages *pages;
	u32 nr;
	u32 free;
	u32 want_stacks;
	struct mmub_named *last;
	struct mmub_named *free_named;
	struct mmub_named *named;
	struct mmub_guard_state states[];
};

#define MMUB_GUARDS_PER_PAGE	(PAGE_SIZE / sizeof(struct mmub_guard))

static_assert(PAGE_SIZE % sizeof(struct mmub_guard) == 0);

static bool mmub_guard_valid(const struct mmub_guard_state *guard)
{
	return !(guard->word & 1);
}

static struct mmub_guard *mmub_guard_slot(const struct mmub_pages *pages,
					  u32 index)
{
	struct mmub_guard *slots;

	slots = page_address(pages->pages[index / MMUB_GUARDS_PER_PAGE]);
	return &slots[index % MMUB_GUARDS_PER_PAGE];
}

/**
 * mmub_guards_max - how many guards a table may have
 */
u32 mmub_guards_max(void)
{
	return min_t(u32, READ_ONCE(mmub_guards_per_subscription),
		     MMUB_GUARDS_MAX);
}

/**
 * mmub_guards_alloc - make a table, charged to the caller
 * @sub: the subscription whose it is
 * @slots: how many, checked by the caller
 *
 * Return: the table, -ENOBUFS, or -ENOMEM.
 */
struct mmub_guards *mmub_guards_alloc(struct mmub_sub *sub, u32 slots)
{
	struct mmub_guards *guards;
	int ret = -ENOMEM;
	u32 i;

	guards = kvzalloc(struct_size(guards, states, slots), GFP_KERNEL_ACCOUNT);
	if (!guards)
		return ERR_PTR(-ENOMEM);
	guards->named = kvcalloc(slots, sizeof(*guards->named), GFP_KERNEL_ACCOUNT);
	if (!guards->named)
		goto free_guards;
	guards->pages = mmub_pages_alloc(DIV_ROUND_UP(slots, MMUB_GUARDS_PER_PAGE),
					 struct_size(guards, states, slots) +
					 slots * sizeof(*guards->named));
	if (IS_ERR(guards->pages)) {
		ret = PTR_ERR(guards->pages);
		goto free_named;
	}

	guards->sub = sub;
	guards->nr = slots;
	/* Backwards, so that they are taken in order. */
	for (i = slots; i--;) {
		struct mmub_guard_state *guard = &guards->states[i];

		guard->guards = guards;
		guard->slot = mmub_guard_slot(guards->pages, i);
		INIT_LIST_HEAD(&guard->touched);
		guard->word = 1;
		guard->next = guards->free;
		guards->free = i + 1;
		guards->named[i].next = guards->free_named;
		guards->free_named = &guards->named[i];
	}
	/* Odd, also those that the last page has over. */
	for (i = 0; i < guards->pages->nr * MMUB_GUARDS_PER_PAGE; i++)
		mmub_guard_slot(guards->pages, i)->word = 1;
	return guards;

free_named:
	kvfree(guards->named);
free_guards:
	kvfree(guards);
	return ERR_PTR(ret);
}

/**
 * mmub_guards_free - free a table that nobody maps, and no space knows any more
 * @guards: the table, or NULL
 */
void mmub_guards_free(struct mmub_guards *guards)
{
	if (!guards)
		return;
	mmub_pages_free(guards->pages);
	kvfree(guards->named);
	kvfree(guards);
}

/**
 * mmub_guards_size - bytes of the mapping of the slots
 * @guards: the table
 */
size_t mmub_guards_size(const struct mmub_guards *guards)
{
	return (size_t)guards->pages->nr << PAGE_SHIFT;
}

/**
 * mmub_guards_mmap - map the slots
 * @guards: the table
 * @vma: the caller's, checked to be shared
 *
 * Return: as mmub_pages_mmap().
 */
int mmub_guards_mmap(struct mmub_guards *guards, struct vm_area_struct *vma)
{
	return mmub_pages_mmap(guards->pages, 0, guards->pages->nr, false, vma);
}

/* No event is named any more by the guard. */
static void mmub_guard_forget(struct mmub_guard_state *guard)
{
	struct mmub_named *named = guard->named;

	guard->named = NULL;
	if (!named || --named->guards)
		return;
	named->next = guard->guards->free_named;
	guard->guards->free_named = named;
}

/* The event of @rec as the guard's subscription is to be told of it. */
static struct mmub_named *mmub_guards_named(struct mmub_guards *guards,
					    const struct mmub_record *rec)
{
	struct mmub_named *named = guards->last;

	/* Named for another guard by this callback: seq is never used again. */
	if (named && named->rec.seq == rec->seq)
		return named;

	named = guards->free_named;
	guards->free_named = named->next;
	guards->last = named;
	named->rec = *rec;
	named->rec.shadowed = guards->sub->shadowed;
	if (!guards->want_stacks && !mmub_ring_wants_stacks(guards->sub->ring))
		named->rec.stack_id = 0;
	mmub_who_in_ns(&named->rec, guards->sub->pid_ns);
	return named;
}

static void mmub_guard_name(struct mmub_guard_state *guard,
			    const struct mmub_record *rec)
{
	/* First, so that there is one to be had. */
	mmub_guard_forget(guard);
	guard->named = mmub_guards_named(guard->guards, rec);
	guard->named->guards++;
	WRITE_ONCE(guard->slot->event_seq, rec->seq);
}

/* Odd, by whatever it names. */
static void mmub_guard_invalidate(struct mmub_guard_state *guard)
{
	guard->word++;
	/* A: event_seq first. */
	smp_wmb();
	WRITE_ONCE(guard->slot->word, guard->word);
}

/* Even: a generation that was not there before. */
static void mmub_guard_validate(struct mmub_guard_state *guard)
{
	guard->word++;
	/* B: pairs with the user's acquire. */
	smp_store_release(&guard->slot->word, guard->word);
}

/* Odd, and no even word comes after it. */
static void mmub_guard_end(struct mmub_guard_state *guard)
{
	guard->word |= MMUB_GUARD_ENDED | 1;
	/* A: event_seq first. */
	smp_wmb();
	WRITE_ONCE(guard->slot->word, guard->word);
}

/**
 * mmub_guards_start - an invalidation has started
 * @space: the space; its lock is held
 * @rec: the record, but for what differs between subscriptions
 *
 * What does not overlap is not looked at: the tree's depth, and then one step for
 * each guard that does.
 */
void mmub_guards_start(struct mmub_space *space, const struct mmub_record *rec)
{
	struct interval_tree_node *node;
	struct mmub_guard_state *guard;
	u64 last = rec->end - 1;

	lockdep_assert_held(&space->lock);

	for (node = interval_tree_iter_first(&space->guards, rec->start, last);
	     node; node = interval_tree_iter_next(node, rec->start, last)) {
		guard = container_of(node, struct mmub_guard_state, node);
		if (guard->ignore & BIT(rec->type))
			continue;
		if (mmub_guard_valid(guard)) {
			mmub_guard_name(guard, rec);
			mmub_guard_invalidate(guard);
			list_add(&guard->touched, &space->touched);
		} else if (!guard->named) {
			/* Odd since ADD: the first event that is known to be. */
			mmub_guard_name(guard, rec);
		}
	}
	/* A: before the page tables change. */
	smp_wmb();
}

/**
 * mmub_guards_end - nothing is in flight any more
 * @space: the space; its lock is held
 */
void mmub_guards_end(struct mmub_space *space)
{
	struct mmub_guard_state *guard, *next;

	lockdep_assert_held(&space->lock);

	list_for_each_entry_safe(guard, next, &space->touched, touched) {
		list_del_init(&guard->touched);
		mmub_guard_validate(guard);
	}
}

/**
 * mmub_guards_release - the mm is released
 * @space: the space; its lock is held
 * @rec: the record, but for what differs between subscriptions
 */
void mmub_guards_release(struct mmub_space *space, const struct mmub_record *rec)
{
	struct interval_tree_node *node;
	struct mmub_guard_state *guard;

	lockdep_assert_held(&space->lock);

	for (node = interval_tree_iter_first(&space->guards, 0, ULONG_MAX);
	     node; node = interval_tree_iter_next(node, 0, ULONG_MAX)) {
		guard = container_of(node, struct mmub_guard_state, node);
		/* Odd by what it names already, or since ADD by nothing known. */
		if (mmub_guard_valid(guard) || !guard->named)
			mmub_guard_name(guard, rec);
		mmub_guard_end(guard);
	}
}

/* Out of the space, and odd. Under space->lock. */
static void mmub_guard_leave(struct mmub_guard_state *guard,
			     struct mmub_space *space)
{
	interval_tree_remove(&guard->node, &space->guards);
	space->nr_guards--;
	list_del_init(&guard->touched);
	if (guard->flags & MMUB_GUARD_CAUSE) {
		guard->guards->want_stacks--;
		WRITE_ONCE(space->want_stacks, space->want_stacks - 1);
	}
	if (mmub_guard_valid(guard)) {
		mmub_guard_forget(guard);
		WRITE_ONCE(guard->slot->event_seq, 0);
		mmub_guard_invalidate(guard);
	}
}

/**
 * mmub_guards_leave - the subscription is detached
 * @guards: its table
 * @space: the space; its lock is held
 */
void mmub_guards_leave(struct mmub_guards *guards, struct mmub_space *space)
{
	u32 i;

	lockdep_assert_held(&space->lock);

	for (i = 0; i < guards->nr; i++) {
		if (!guards->states[i].used)
			continue;
		mmub_guard_leave(&guards->states[i], space);
		mmub_guard_end(&guards->states[i]);
	}
}

static int mmub_guard_join(struct mmub_guard_state *guard,
			   struct mmub_space *space)
{
	lockdep_assert_held(&space->lock);

	if (space->released)
		return -ESRCH;
	if (space->nr_guards >= READ_ONCE(mmub_guards_per_space))
		return -EMLINK;

	interval_tree_insert(&guard->node, &space->guards);
	space->nr_guards++;
	if (guard->flags & MMUB_GUARD_CAUSE) {
		guard->guards->want_stacks++;
		WRITE_ONCE(space->want_stacks, space->want_stacks + 1);
	}
	WRITE_ONCE(guard->slot->event_seq, 0);
	if (space->active) {
		/* Past the even word that whoever had the slot might wait for. */
		guard->word++;
		mmub_guard_invalidate(guard);
		list_add(&guard->touched, &space->touched);
	} else {
		mmub_guard_validate(guard);
	}
	return 0;
}

/**
 * mmub_guard_add - GUARD_ADD
 * @guards: the table; sub->lock is held
 * @space: the space
 * @arg: see &struct mmub_guard_add
 *
 * Return: 0 or an error.
 */
int mmub_guard_add(struct mmub_guards *guards, struct mmub_space *space,
		   struct mmub_guard_add *arg)
{
	struct mmub_guard_state *guard;
	int ret;

	if ((arg->flags & ~MMUB_GUARD_CAUSE) || arg->start >= arg->end ||
	    arg->end > space->mn.mm->task_size ||
	    (arg->ignore & ~(MMUB_TYPES_ALL & ~BIT_ULL(MMUB_TYPE_RELEASE))))
		return -EINVAL;
	if ((arg->flags & MMUB_GUARD_CAUSE) && !mmub_cause_enabled())
		return -EOPNOTSUPP;
	if (!guards->free)
		return -ENOSPC;

	guard = &guards->states[guards->free - 1];
	guard->node.start = arg->start & PAGE_MASK;
	guard->node.last = (arg->end - 1) | ~PAGE_MASK;
	guard->ignore = arg->ignore;
	guard->flags = arg->flags;

	spin_lock(&space->lock);
	ret = mmub_guard_join(guard, space);
	spin_unlock(&space->lock);
	if (ret)
		return ret;

	guard->used = true;
	arg->slot = guards->free - 1;
	guards->free = guard->next;
	return 0;
}

/* The guard in a slot of the user's choice; sub->lock is held. */
static struct mmub_guard_state *mmub_guard_find(struct mmub_guards *guards,
						u32 slot)
{
	struct mmub_guard_state *guard;

	if (slot >= guards->nr)
		return NULL;
	guard = &guards->states[array_index_nospec(slot, guards->nr)];
	return guard->used ? guard : NULL;
}

/**
 * mmub_guard_remove - GUARD_REMOVE
 * @guards: the table; sub->lock is held
 * @space: the space
 * @slot: of GUARD_ADD
 *
 * Return: 0 or -ENOENT.
 */
int mmub_guard_remove(struct mmub_guards *guards, struct mmub_space *space,
		      u32 slot)
{
	struct mmub_guard_state *guard = mmub_guard_find(guards, slot);

	if (!guard)
		return -ENOENT;
	spin_lock(&space->lock);
	mmub_guard_leave(guard, space);
	mmub_guard_forget(guard);
	spin_unlock(&space->lock);

	guard->used = false;
	guard->next = guards->free;
	guards->free = guard - guards->states + 1;
	return 0;
}

/* What it names, if it names one; space->lock is held while attached. */
static int mmub_guard_tell(const struct mmub_guard_state *guard,
			   struct mmub_guard_event *arg)
{
	if (!guard->named)
		return -ENODATA;
	arg->word = guard->word;
	arg->record = guard->named->rec;
	return 0;
}

/**
 * mmub_guard_event - GUARD_EVENT
 * @guards: the table; sub->lock is held
 * @space: the space, NULL once detached
 * @arg: see &struct mmub_guard_event
 *
 * Return: 0, -ENOENT or -ENODATA.
 */
int mmub_guard_event(struct mmub_guards *guards, struct mmub_space *space,
		     struct mmub_guard_event *arg)
{
	struct mmub_guard_state *guard = mmub_guard_find(guards, arg->slot);
	int ret;

	if (!guard)
		return -ENOENT;
	if (!space)
		return mmub_guard_tell(guard, arg);
	spin_lock(&space->lock);
	ret = mmub_guard_tell(guard, arg);
	spin_unlock(&space->lock);
	return ret;
}
