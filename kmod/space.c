// SPDX-License-Identifier: GPL-2.0-only
/*
 * Subsystems, which are keys, and spaces, which are what a subsystem keeps
 * about one mm. The get/put scheme itself is the kernel's: mm/mmu_notifier.c.
 */
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "internal.h"
#include "trace.h"

/*
 * Protects the pool of subsystems, the two lists and what is said to be under
 * it in struct mmub_space. Taken with bottom halves off, since free_notifier
 * runs so. A leaf.
 */
static DEFINE_SPINLOCK(mmub_spaces_lock);

static struct mmub_subsystem mmub_subsystems[MMUB_SUBSYSTEMS];

/* Spaces with users. */
static LIST_HEAD(mmub_live);

/*
 * Spaces without, by ticket. One is here from just before its last
 * mmu_notifier_put() until free_notifier, or until a get that found it still
 * hashed counts itself.
 */
static LIST_HEAD(mmub_dying);
static u64 mmub_last_ticket;
static u64 mmub_last_id;

/* Allocated and not yet freed, bound or not. */
static atomic_long_t mmub_live_spaces = ATOMIC_LONG_INIT(0);

/* free_notifier has run, or a space has left mmub_dying. */
static DECLARE_WAIT_QUEUE_HEAD(mmub_freed);

static struct mmub_space *to_space(struct mmu_notifier *mn)
{
	return container_of(mn, struct mmub_space, mn);
}

static u32 mmub_type(const struct mmu_notifier_range *range)
{
	switch (range->event) {
	case MMU_NOTIFY_UNMAP:
		return MMUB_TYPE_UNMAP;
	case MMU_NOTIFY_CLEAR:
		return MMUB_TYPE_CLEAR;
	case MMU_NOTIFY_PROTECTION_VMA:
		return MMUB_TYPE_PROTECTION_VMA;
	case MMU_NOTIFY_PROTECTION_PAGE:
		return MMUB_TYPE_PROTECTION_PAGE;
	case MMU_NOTIFY_SOFT_DIRTY:
		return MMUB_TYPE_SOFT_DIRTY;
	case MMU_NOTIFY_RELEASE:
		return MMUB_TYPE_RELEASE;
	case MMU_NOTIFY_MIGRATE:
		return MMUB_TYPE_MIGRATE;
	case MMU_NOTIFY_EXCLUSIVE:
		return MMUB_TYPE_EXCLUSIVE;
	default:
		return MMUB_TYPE_OTHER;
	}
}

/*
 * Take space->lock, with the stack in @rec if anyone wants it. The walk of the
 * stack is long, so it comes before the lock; after it only where the first
 * subscription that wants it has joined in between.
 */
static void mmub_space_lock(struct mmub_space *space, struct mmub_record *rec)
	__acquires(&space->lock)
{
	bool saved = READ_ONCE(space->want_stacks);

	if (saved)
		rec->stack_id = mmub_cause_save();
	spin_lock(&space->lock);
	if (!saved && space->want_stacks) {
		spin_unlock(&space->lock);
		rec->stack_id = mmub_cause_save();
		spin_lock(&space->lock);
	}
}

/* Before @active counts it. Under space->lock. */
static void mmub_space_flight(struct mmub_space *space,
			      const struct mmub_record *rec)
{
	if (!space->active) {
		space->flight_start = rec->start;
		space->flight_end = rec->end;
	} else {
		space->flight_start = min(space->flight_start, rec->start);
		space->flight_end = max(space->flight_end, rec->end);
	}
}

/*
 * Runs under SRCU, so the space outlives it; space->subs holds none but
 * attached subscriptions, so each of them outlives space->lock being held.
 */
static int mmub_invalidate_range_start(struct mmu_notifier *mn,
				       const struct mmu_notifier_range *range)
{
	struct mmub_space *space = to_space(mn);
	bool blockable = mmu_notifier_range_blockable(range);
	struct mmub_record rec = {
		.start = range->start,
		.end = range->end,
		.phase = MMUB_PHASE_START,
		.type = mmub_type(range),
		.flags = blockable ? MMUB_RECORD_BLOCKABLE : 0,
	};
	struct mmub_sub *sub;

	mmub_who(&rec);

	mmub_space_lock(space, &rec);
	if (space->released) {
		spin_unlock(&space->lock);
		return 0;
	}
	/* Under the lock, so that time does not run backwards in a ring. */
	rec.time_ns = ktime_get_ns();
	rec.seq = ++space->seq;
	mmub_space_flight(space, &rec);
	/* Before the guards, which tell of what was shadowed. */
	mmub_shadows_start(space, &rec);
	space->active++;
	space->invalidations++;
	if (!blockable)
		space->nonblockable++;
	/* Before its record: who has read that finds them odd. */
	mmub_guards_start(space, &rec);
	list_for_each_entry(sub, &space->subs, node)
		mmub_sub_start(sub, space, &rec);
	spin_unlock(&space->lock);

	mmub_count(invalidations);
	if (!blockable)
		mmub_count(nonblockable);
	trace_mmubridge_invalidate_start(space, &rec);
	return 0;
}

/*
 * Ends are not paired with starts by range: starts nest in one task and
 * overlap between tasks. An invalidation is known to be over when all are.
 */
static void mmub_invalidate_range_end(struct mmu_notifier *mn,
				      const struct mmu_notifier_range *range)
{
	struct mmub_space *space = to_space(mn);
	struct mmub_sub *sub;

	spin_lock(&space->lock);
	if (space->released) {
		spin_unlock(&space->lock);
		return;
	}
	if (!WARN_ON_ONCE(!space->active) && !--space->active) {
		space->completed_seq = space->seq;
		mmub_guards_end(space);
	}
	list_for_each_entry(sub, &space->subs, node)
		mmub_sub_end(sub, space);
	spin_unlock(&space->lock);

	/* Who waits is queued before he looks at @active under the lock. */
	if (wq_has_sleeper(&space->idle))
		wake_up_all(&space->idle);

	trace_mmubridge_invalidate_end(space, range->start, range->end);
}

/*
 * The last mmput(), or an exec. The puts are still owed.
 *
 * mn_hlist_release() calls this before it unhashes the notifier, so truncation,
 * the OOM reaper and reclaim may still start invalidations, and the end of one
 * that was in flight may or may not come. The range of RELEASE covers them all,
 * so nothing counts from here on.
 */
static void mmub_release(struct mmu_notifier *mn, struct mm_struct *mm)
{
	struct mmub_space *space = to_space(mn);
	struct mmub_record rec = {
		.start = 0,
		.end = U64_MAX,
		.phase = MMUB_PHASE_RELEASE,
		.type = MMUB_TYPE_RELEASE,
		.flags = MMUB_RECORD_BLOCKABLE,
	};
	struct mmub_sub *sub;

	mmub_who(&rec);

	mmub_space_lock(space, &rec);
	rec.time_ns = ktime_get_ns();
	rec.seq = ++space->seq;
	mmub_shadows_start(space, &rec);
	wake_up_all(&space->idle);
	space->released = true;
	space->active = 0;
	space->completed_seq = space->seq;
	mmub_guards_release(space, &rec);
	list_for_each_entry(sub, &space->subs, node)
		mmub_sub_release(sub, space, &rec);
	spin_unlock(&space->lock);

	mmub_count(releases);
	trace_mmubridge_release(space, rec.seq);
}

/* Under mmap_lock for writing, from mmu_notifier_get_locked(). */
static struct mmu_notifier *mmub_alloc_notifier(struct mm_struct *mm)
{
	struct mmub_space *space;

	space = kzalloc(sizeof(*space), GFP_KERNEL_ACCOUNT);
	if (!space)
		return ERR_PTR(-ENOMEM);

	refcount_set(&space->pins, 1);
	init_waitqueue_head(&space->idle);
	spin_lock_init(&space->lock);
	INIT_LIST_HEAD(&space->subs);
	INIT_LIST_HEAD(&space->touched);
	space->guards = RB_ROOT_CACHED;
	space->shadows = RB_ROOT_CACHED;
	INIT_LIST_HEAD(&space->node);

	atomic_long_inc(&mmub_live_spaces);
	mmub_count(allocations);
	return &space->mn;
}

/*
 * From an SRCU callback with bottom halves off, or, for a space that
 * mmu_notifier_get_locked() could not register and that was thus never bound,
 * from there.
 */
static void mmub_free_notifier(struct mmu_notifier *mn)
{
	struct mmub_space *space = to_space(mn);

	trace_mmubridge_free(space);

	/* Who sees the space gone from mmub_dying sees it freed and counted. */
	spin_lock_bh(&mmub_spaces_lock);
	list_del(&space->node);
	if (space->subsystem)
		space->subsystem->refs--;
	mmub_space_unpin(space);
	mmub_count(frees);
	atomic_long_dec(&mmub_live_spaces);
	spin_unlock_bh(&mmub_spaces_lock);

	wake_up_all(&mmub_freed);
}

static const struct mmu_notifier_ops mmub_ops = {
	.release		= mmub_release,
	.invalidate_range_start	= mmub_invalidate_range_start,
	.invalidate_range_end	= mmub_invalidate_range_end,
	.alloc_notifier		= mmub_alloc_notifier,
	.free_notifier		= mmub_free_notifier,
};

/**
 * mmub_space_init - make the pool of keys
 *
 * mmu_notifier_get() tells subsystems apart by the address of their ops, so
 * each has a copy of its own.
 */
void __init mmub_space_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(mmub_subsystems); i++)
		mmub_subsystems[i].ops = mmub_ops;
}

/**
 * mmub_space_exit - wait until the last free_notifier has left the module
 *
 * No file is open any more, so every get has had its put. A space could not
 * hold a module reference instead: dropping it would be the last thing that
 * free_notifier does, in text that may then be gone.
 */
void mmub_space_exit(void)
{
	mmu_notifier_synchronize();
	wait_event(mmub_freed, !atomic_long_read(&mmub_live_spaces));
	/*
	 * The last free_notifier has made the condition true but may not have
	 * returned. It runs with bottom halves off, which synchronize_rcu()
	 * waits for.
	 */
	synchronize_rcu();
}

/**
 * mmub_subsystem_get - find or bind the subsystem of a name
 * @name: NUL-terminated
 * @uid: whose name it is
 *
 * Return: the subsystem with a reference; -EUSERS where @uid has bound all it
 * may, -ENOSPC where the pool is spent.
 */
struct mmub_subsystem *mmub_subsystem_get(const char *name, kuid_t uid)
{
	struct mmub_subsystem *subsystem, *found = NULL, *unbound = NULL;
	unsigned int bound = 0;

	spin_lock_bh(&mmub_spaces_lock);
	for (subsystem = mmub_subsystems;
	     subsystem < mmub_subsystems + ARRAY_SIZE(mmub_subsystems);
	     subsystem++) {
		if (!subsystem->refs) {
			unbound = subsystem;
		} else if (uid_eq(subsystem->uid, uid)) {
			bound++;
			if (!strcmp(subsystem->name, name))
				found = subsystem;
		}
	}
	if (!found) {
		if (bound >= READ_ONCE(mmub_subsystems_per_uid)) {
			found = ERR_PTR(-EUSERS);
			goto unlock;
		}
		if (!unbound) {
			found = ERR_PTR(-ENOSPC);
			goto unlock;
		}
		found = unbound;
		found->uid = uid;
		strscpy_pad(found->name, name, sizeof(found->name));
	}
	found->refs++;
unlock:
	spin_unlock_bh(&mmub_spaces_lock);
	return found;
}

/**
 * mmub_subsystem_put - drop the reference of mmub_subsystem_get()
 * @subsystem: the subsystem
 */
void mmub_subsystem_put(struct mmub_subsystem *subsystem)
{
	spin_lock_bh(&mmub_spaces_lock);
	subsystem->refs--;
	spin_unlock_bh(&mmub_spaces_lock);
}

/*
 * Count a get that has succeeded. alloc_notifier() is told the mm but not the
 * ops, so a new space learns here whose it is. No other get can come between:
 * all gets on this mm hold its mmap_lock for writing.
 *
 * The space may be on mmub_dying: a put that takes the last user off the count
 * and calls mmu_notifier_put() only then is overtaken by a get. The kernel's
 * own count is right in any case; ours follows it here.
 */
static int mmub_space_bind(struct mmub_space *space,
			   struct mmub_subsystem *subsystem,
			   struct mmub_attach *arg)
{
	bool revived = false;
	int ret = 0;

	spin_lock_bh(&mmub_spaces_lock);
	arg->shared = !!space->subsystem;
	if (!space->subsystem) {
		space->subsystem = subsystem;
		space->id = ++mmub_last_id;
		subsystem->refs++;
		list_add_tail(&space->node, &mmub_live);
	}
	if (space->users < READ_ONCE(mmub_subscriptions_per_space)) {
		if (!space->users) {
			list_move_tail(&space->node, &mmub_live);
			revived = arg->shared;
		}
		arg->users = ++space->users;
		arg->space_id = space->id;
	} else {
		ret = -EMLINK;
		/* Ours is the last put then, and SYNCHRONIZE waits for it. */
		if (!space->users) {
			space->ticket = ++mmub_last_ticket;
			list_move_tail(&space->node, &mmub_dying);
		}
	}
	spin_unlock_bh(&mmub_spaces_lock);

	if (revived)
		wake_up_all(&mmub_freed);
	return ret;
}

/**
 * mmub_space_get - mmu_notifier_get() for a subsystem on an mm
 * @subsystem: the caller holds a reference on it until mmub_space_put()
 * @mm: the caller holds mm_users, and mmap_lock for writing
 * @arg: shared, users and space_id are filled in
 *
 * Return: the space, -EINTR on a pending signal, -EMLINK, or -ENOMEM.
 */
struct mmub_space *mmub_space_get(struct mmub_subsystem *subsystem,
				  struct mm_struct *mm,
				  struct mmub_attach *arg)
{
	struct mmub_space *space;
	struct mmu_notifier *mn;
	int ret;

	mn = mmu_notifier_get_locked(&subsystem->ops, mm);
	if (IS_ERR(mn))
		return ERR_CAST(mn);

	mmub_count(gets);
	space = to_space(mn);
	ret = mmub_space_bind(space, subsystem, arg);
	if (ret) {
		mmub_count(puts);
		mmu_notifier_put(mn);
		return ERR_PTR(ret);
	}
	trace_mmubridge_get(space, arg->users, arg->shared);
	return space;
}

/**
 * mmub_space_put - mmu_notifier_put()
 * @space: of mmub_space_get(), not used any more by the caller
 */
void mmub_space_put(struct mmub_space *space)
{
	unsigned int users;

	spin_lock_bh(&mmub_spaces_lock);
	users = --space->users;
	if (!users) {
		space->ticket = ++mmub_last_ticket;
		list_move_tail(&space->node, &mmub_dying);
	}
	spin_unlock_bh(&mmub_spaces_lock);

	trace_mmubridge_put(space, users);
	mmub_count(puts);
	mmu_notifier_put(&space->mn);
}

/**
 * mmub_space_pin - keep the memory of a space beyond its free_notifier
 * @space: a space that the caller has a reference or a pin on
 *
 * Nothing calls it back any more then.
 */
void mmub_space_pin(struct mmub_space *space)
{
	refcount_inc(&space->pins);
}

/**
 * mmub_space_unpin - drop what mmub_space_pin() took
 * @space: the space
 *
 * In any context.
 */
void mmub_space_unpin(struct mmub_space *space)
{
	if (refcount_dec_and_test(&space->pins))
		kfree(space);
}

/**
 * mmub_space_stats - a space's counters
 * @space: a space that the caller has a reference on
 * @stats: its space_ fields are filled in
 *
 * The caller holds space->lock.
 */
void mmub_space_stats(struct mmub_space *space, struct mmub_stats *stats)
{
	lockdep_assert_held(&space->lock);

	stats->space_id = space->id;
	/* A count that moves by itself; the lock that guards it adds nothing. */
	stats->space_users = READ_ONCE(space->users);
	stats->space_invalidations = space->invalidations;
	stats->space_nonblockable = space->nonblockable;
	stats->space_seq = space->seq;
	stats->space_completed_seq = space->completed_seq;
	stats->space_active = space->active;
}

/**
 * mmub_space_live - how many spaces are allocated and not yet freed
 */
u64 mmub_space_live(void)
{
	return atomic_long_read(&mmub_live_spaces);
}

/* Has every space that died with a ticket up to this one been freed? */
static bool mmub_freed_up_to(u64 ticket)
{
	struct mmub_space *oldest;
	bool freed;

	spin_lock_bh(&mmub_spaces_lock);
	oldest = list_first_entry_or_null(&mmub_dying, struct mmub_space, node);
	freed = !oldest || oldest->ticket > ticket;
	spin_unlock_bh(&mmub_spaces_lock);
	return freed;
}

/**
 * mmub_space_wait - wait for the frees that puts so far have queued
 * @timeout_ns: 0 for none
 *
 * Return: 0, -ETIMEDOUT, or -EINTR on a fatal signal.
 */
int mmub_space_wait(u64 timeout_ns)
{
	unsigned long timeout;
	long left;
	u64 ticket;

	spin_lock_bh(&mmub_spaces_lock);
	ticket = mmub_last_ticket;
	spin_unlock_bh(&mmub_spaces_lock);

	/* Not before its time: one jiffy for the part, one that has begun. */
	timeout = timeout_ns ? nsecs_to_jiffies(timeout_ns) : MAX_SCHEDULE_TIMEOUT;
	timeout = min_t(unsigned long, timeout, MAX_SCHEDULE_TIMEOUT - 2) + 2;
	left = wait_event_killable_timeout(mmub_freed, mmub_freed_up_to(ticket),
					   timeout);
	if (left < 0)
		return -EINTR;
	return left ? 0 : -ETIMEDOUT;
}

/**
 * mmub_space_synchronize - SYNCHRONIZE
 * @timeout_ns: 0 for none; does not bound mmu_notifier_synchronize()
 *
 * mmu_notifier_synchronize() alone is synchronize_srcu(), which does not wait
 * for SRCU callbacks that another CPU has queued.
 *
 * Return: as mmub_space_wait().
 */
int mmub_space_synchronize(u64 timeout_ns)
{
	mmu_notifier_synchronize();
	return mmub_space_wait(timeout_ns);
}
