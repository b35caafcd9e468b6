// SPDX-License-Identifier: GPL-2.0-only
/*
 * A subscription: one open file, at most one reference on one space.
 */
#include <linux/ctype.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "internal.h"

/**
 * mmub_sub_alloc - make what an open file is
 *
 * Return: the subscription, or NULL.
 */
struct mmub_sub *mmub_sub_alloc(void)
{
	struct mmub_sub *sub = kzalloc(sizeof(*sub), GFP_KERNEL_ACCOUNT);

	if (!sub)
		return NULL;
	mutex_init(&sub->lock);
	init_waitqueue_head(&sub->wait);
	INIT_LIST_HEAD(&sub->node);
	sub->filter.types = MMUB_TYPES_ALL;
	return sub;
}

/*
 * Nothing but what this state says follows; its record is in the ring. Under
 * space->lock.
 */
static void mmub_sub_end_state(struct mmub_sub *sub, struct mmub_space *space,
			       u32 bit)
{
	u32 state = sub->end_state | bit;

	if (sub->ring)
		mmub_ring_publish(sub, space, state);
	/* Pairs with the acquire in mmub_sub_poll(): HUP comes with IN. */
	smp_store_release(&sub->end_state, state);
	wake_up_poll(&sub->wait, EPOLLHUP);
}

/* Leave space->subs, after which no callback knows of the subscription. */
static void mmub_sub_leave(struct mmub_sub *sub)
{
	struct mmub_space *space = sub->space;
	struct mmub_record rec = {
		.phase = MMUB_PHASE_DETACHED,
		.type = MMUB_TYPE_OTHER,
	};

	mmub_who(&rec);

	spin_lock(&space->lock);
	list_del_init(&sub->node);
	if (sub->guards)
		mmub_guards_leave(sub->guards, space);
	if (sub->shadows)
		mmub_shadows_leave(sub->shadows, space);
	if (mmub_ring_wants_stacks(sub->ring))
		WRITE_ONCE(space->want_stacks, space->want_stacks - 1);
	if (sub->ring) {
		mmub_who_in_ns(&rec, sub->pid_ns);
		rec.time_ns = ktime_get_ns();
		rec.seq = space->seq;
		rec.n = sub->n;
		mmub_ring_event(sub, &rec);
	}
	mmub_sub_end_state(sub, space, MMUB_RING_DETACHED);
	spin_unlock(&space->lock);
}

/* The one place where a put is paid. */
static void mmub_sub_drop(struct mmub_sub *sub)
{
	struct mmub_subsystem *subsystem = sub->space->subsystem;

	mmub_sub_leave(sub);
	if (sub->shadows)
		mmub_shadows_drop(sub->shadows);
	mmub_space_put(sub->space);
	sub->space = NULL;
	mmub_subsystem_put(subsystem);
	mmub_user_uncharge(sub->user);
	sub->user = NULL;
	sub->state = MMUB_SUB_DETACHED;
}

/**
 * mmub_sub_free - the file's release: the last descriptor and mapping are gone
 * @sub: the subscription
 */
void mmub_sub_free(struct mmub_sub *sub)
{
	if (sub->state == MMUB_SUB_ATTACHED)
		mmub_sub_drop(sub);
	mmub_ring_free(sub->ring);
	mmub_guards_free(sub->guards);
	mmub_shadows_free(sub->shadows);
	if (sub->pid_ns)
		put_pid_ns(sub->pid_ns);
	if (sub->self_mm)
		mmdrop(sub->self_mm);
	mutex_destroy(&sub->lock);
	kfree(sub);
}

/**
 * mmub_sub_check_mm - may the caller use this subscription?
 * @sub: the subscription
 *
 * One on the mm of the process that attached is of no use to another, which
 * would take the parent's addresses for its own.
 *
 * Return: 0 or -EXDEV.
 */
int mmub_sub_check_mm(const struct mmub_sub *sub)
{
	/* Pairs with the release in mmub_sub_attach(). */
	struct mm_struct *mm = smp_load_acquire(&sub->self_mm);

	return mm && mm != current->mm ? -EXDEV : 0;
}

/* Before or after its time a subscription has no space. Under sub->lock. */
static int mmub_sub_check_attached(const struct mmub_sub *sub)
{
	switch (sub->state) {
	case MMUB_SUB_ATTACHED:
		return 0;
	case MMUB_SUB_DETACHED:
		return -ESHUTDOWN;
	default:
		return -ENOTCONN;
	}
}

static int mmub_sub_check_idle(const struct mmub_sub *sub)
{
	switch (sub->state) {
	case MMUB_SUB_IDLE:
		return 0;
	case MMUB_SUB_DETACHED:
		return -ESHUTDOWN;
	default:
		return -EISCONN;
	}
}

/*
 * For what concerns the subscription. self_mm is looked at under the lock, so
 * that nobody slips in while the ATTACH that sets it is under way.
 */
static int mmub_sub_lock(struct mmub_sub *sub)
{
	int ret;

	if (mutex_lock_killable(&sub->lock))
		return -EINTR;
	ret = mmub_sub_check_mm(sub);
	if (ret)
		mutex_unlock(&sub->lock);
	return ret;
}

/**
 * mmub_sub_ring_setup - RING_SETUP
 * @sub: the subscription
 * @arg: see &struct mmub_ring_setup
 *
 * Return: 0 or an error.
 */
int mmub_sub_ring_setup(struct mmub_sub *sub, struct mmub_ring_setup *arg)
{
	struct mmub_ring *ring;
	int ret;

	if ((arg->flags & ~MMUB_RING_CAUSE) || arg->reserved)
		return -EINVAL;
	if (!is_power_of_2(arg->records) ||
	    arg->records < MMUB_RING_RECORDS_MIN ||
	    arg->records > READ_ONCE(mmub_ring_records_max))
		return -EINVAL;
	if (arg->wakeup_events > arg->records / 2)
		return -EINVAL;
	if ((arg->flags & MMUB_RING_CAUSE) && !mmub_cause_enabled())
		return -EOPNOTSUPP;

	ret = mmub_sub_lock(sub);
	if (ret)
		return ret;
	ret = mmub_sub_check_idle(sub);
	if (ret)
		goto unlock;
	if (sub->ring) {
		ret = -EBUSY;
		goto unlock;
	}
	ring = mmub_ring_alloc(arg->records, arg->wakeup_events ?: 1,
			       arg->flags);
	if (IS_ERR(ring)) {
		ret = PTR_ERR(ring);
		goto unlock;
	}
	arg->ring_size = mmub_ring_size(ring);
	arg->consumer_size = PAGE_SIZE;
	/* Pairs with the acquires in ->mmap and ->poll, which take no lock. */
	smp_store_release(&sub->ring, ring);
unlock:
	mutex_unlock(&sub->lock);
	return ret;
}

/* 1 to 31 characters of a small set, and then nothing but zeroes. */
static bool mmub_name_valid(const char name[MMUB_NAME_SIZE])
{
	size_t len = strnlen(name, MMUB_NAME_SIZE);
	size_t i;

	if (!len || len == MMUB_NAME_SIZE)
		return false;
	for (i = 0; i < len; i++)
		if (!isascii(name[i]) ||
		    (!isalnum(name[i]) && !strchr("._-", name[i])))
			return false;
	return !memchr_inv(name + len, 0, MMUB_NAME_SIZE - len);
}

/* Under mmap_lock and with mm_users, so that release cannot come between. */
static void mmub_sub_join(struct mmub_sub *sub, struct mmub_space *space)
{
	spin_lock(&space->lock);
	list_add_tail(&sub->node, &space->subs);
	if (mmub_ring_wants_stacks(sub->ring))
		WRITE_ONCE(space->want_stacks, space->want_stacks + 1);
	if (sub->ring)
		mmub_ring_publish(sub, space, sub->end_state);
	spin_unlock(&space->lock);
}

static int mmub_sub_attach_mm(struct mmub_sub *sub, struct mm_struct *mm,
			      struct mmub_subsystem *subsystem,
			      struct mmub_attach *arg)
{
	struct mmub_space *space;
	int ret = 0;

	if (!mmget_not_zero(mm))
		return -ESRCH;
	if (mmap_write_lock_killable(mm)) {
		ret = -EINTR;
		goto put_mm;
	}
	space = mmub_space_get(subsystem, mm, arg);
	if (IS_ERR(space)) {
		ret = PTR_ERR(space);
	} else {
		sub->space = space;
		mmub_sub_join(sub, space);
	}
	mmap_write_unlock(mm);
put_mm:
	/* Were ours the last, exit_mmap() would run under sub->lock. */
	mmput_async(mm);
	return ret;
}

/*
 * Frees still on their way count against the quota of subsystems, so wait for
 * them before refusing.
 */
static struct mmub_subsystem *mmub_sub_subsystem(const char *name, kuid_t uid)
{
	struct mmub_subsystem *subsystem = mmub_subsystem_get(name, uid);
	int ret;

	if (!IS_ERR(subsystem))
		return subsystem;
	ret = mmub_space_wait(0);
	if (ret)
		return ERR_PTR(ret);
	return mmub_subsystem_get(name, uid);
}

/**
 * mmub_sub_attach - ATTACH
 * @sub: the subscription
 * @arg: see &struct mmub_attach
 * @uid: of the opener, whose names and quota count
 *
 * Return: 0 or an error.
 */
int mmub_sub_attach(struct mmub_sub *sub, struct mmub_attach *arg, kuid_t uid)
{
	struct mmub_subsystem *subsystem;
	struct pid_namespace *pid_ns;
	struct mmub_user *user;
	struct mm_struct *mm;
	bool may_write;
	int ret;

	if (arg->flags || arg->mem_fd < -1 || !mmub_name_valid(arg->subsystem))
		return -EINVAL;

	ret = mmub_sub_lock(sub);
	if (ret)
		return ret;
	ret = mmub_sub_check_idle(sub);
	if (ret)
		goto unlock;

	mm = mmub_target_grab(arg->mem_fd, &may_write);
	if (IS_ERR(mm)) {
		ret = PTR_ERR(mm);
		goto unlock;
	}
	user = mmub_user_charge(uid);
	if (IS_ERR(user)) {
		ret = PTR_ERR(user);
		goto drop_mm;
	}
	subsystem = mmub_sub_subsystem(arg->subsystem, uid);
	if (IS_ERR(subsystem)) {
		ret = PTR_ERR(subsystem);
		goto uncharge;
	}
	/* Callbacks read it from the moment of joining. */
	pid_ns = get_pid_ns(task_active_pid_ns(current));
	sub->pid_ns = pid_ns;

	ret = mmub_sub_attach_mm(sub, mm, subsystem, arg);
	if (ret)
		goto put_ns;

	sub->user = user;
	sub->may_write = may_write;
	sub->state = MMUB_SUB_ATTACHED;
	if (mm == current->mm) {
		/* Pairs with the acquire in mmub_sub_check_mm(). Keeps @mm. */
		smp_store_release(&sub->self_mm, mm);
	} else {
		mmdrop(mm);
	}
	mutex_unlock(&sub->lock);
	return 0;

put_ns:
	sub->pid_ns = NULL;
	put_pid_ns(pid_ns);
	mmub_subsystem_put(subsystem);
uncharge:
	mmub_user_uncharge(user);
drop_mm:
	mmdrop(mm);
unlock:
	mutex_unlock(&sub->lock);
	return ret;
}

/**
 * mmub_sub_detach - DETACH
 * @sub: the subscription
 *
 * Return: 0 or an error.
 */
int mmub_sub_detach(struct mmub_sub *sub)
{
	int ret;

	ret = mmub_sub_lock(sub);
	if (ret)
		return ret;
	ret = mmub_sub_check_attached(sub);
	if (!ret)
		mmub_sub_drop(sub);
	mutex_unlock(&sub->lock);
	return ret;
}

/**
 * mmub_sub_filter - FILTER_SET
 * @sub: the subscription
 * @arg: see &struct mmub_filter
 *
 * Return: 0 or an error.
 */
int mmub_sub_filter(struct mmub_sub *sub, const struct mmub_filter *arg)
{
	struct mmub_filter_set filter = {
		.types = arg->types,
		.nr_ranges = arg->nr_ranges,
	};
	u32 i;
	int ret;

	if (arg->flags || !arg->types || (arg->types & ~MMUB_TYPES_ALL))
		return -EINVAL;
	if (arg->nr_ranges > MMUB_FILTER_RANGES)
		return -EINVAL;
	if (copy_from_user(filter.ranges, u64_to_user_ptr(arg->ranges),
			   arg->nr_ranges * sizeof(filter.ranges[0])))
		return -EFAULT;
	for (i = 0; i < filter.nr_ranges; i++)
		if (filter.ranges[i].start >= filter.ranges[i].end)
			return -EINVAL;

	ret = mmub_sub_lock(sub);
	if (ret)
		return ret;
	switch (sub->state) {
	case MMUB_SUB_IDLE:
		sub->filter = filter;
		break;
	case MMUB_SUB_ATTACHED:
		spin_lock(&sub->space->lock);
		sub->filter = filter;
		spin_unlock(&sub->space->lock);
		break;
	case MMUB_SUB_DETACHED:
		ret = -ESHUTDOWN;
		break;
	}
	mutex_unlock(&sub->lock);
	return ret;
}

/**
 * mmub_sub_guard_setup - GUARD_SETUP
 * @sub: the subscription
 * @arg: see &struct mmub_guard_setup
 *
 * Return: 0 or an error.
 */
int mmub_sub_guard_setup(struct mmub_sub *sub, struct mmub_guard_setup *arg)
{
	struct mmub_guards *guards;
	int ret;

	if (arg->flags || !arg->slots || arg->slots > mmub_guards_max())
		return -EINVAL;

	ret = mmub_sub_lock(sub);
	if (ret)
		return ret;
	if (sub->state == MMUB_SUB_DETACHED) {
		ret = -ESHUTDOWN;
		goto unlock;
	}
	if (sub->guards) {
		ret = -EBUSY;
		goto unlock;
	}
	guards = mmub_guards_alloc(sub, arg->slots);
	if (IS_ERR(guards)) {
		ret = PTR_ERR(guards);
		goto unlock;
	}
	arg->size = mmub_guards_size(guards);
	/* Pairs with the acquire in ->mmap, which takes no lock. */
	smp_store_release(&sub->guards, guards);
unlock:
	mutex_unlock(&sub->lock);
	return ret;
}

/**
 * mmub_sub_guard_add - GUARD_ADD
 * @sub: the subscription
 * @arg: see &struct mmub_guard_add
 *
 * Return: 0 or an error.
 */
int mmub_sub_guard_add(struct mmub_sub *sub, struct mmub_guard_add *arg)
{
	int ret;

	ret = mmub_sub_lock(sub);
	if (ret)
		return ret;
	ret = mmub_sub_check_attached(sub);
	if (!ret)
		ret = sub->guards ? mmub_guard_add(sub->guards, sub->space, arg) :
				    -ENXIO;
	mutex_unlock(&sub->lock);
	return ret;
}

/**
 * mmub_sub_guard_remove - GUARD_REMOVE
 * @sub: the subscription
 * @arg: see &struct mmub_guard_remove
 *
 * Return: 0 or an error.
 */
int mmub_sub_guard_remove(struct mmub_sub *sub,
			  const struct mmub_guard_remove *arg)
{
	int ret;

	if (arg->flags)
		return -EINVAL;
	ret = mmub_sub_lock(sub);
	if (ret)
		return ret;
	ret = mmub_sub_check_attached(sub);
	if (!ret)
		ret = sub->guards ? mmub_guard_remove(sub->guards, sub->space,
						      arg->slot) : -ENXIO;
	mutex_unlock(&sub->lock);
	return ret;
}

/**
 * mmub_sub_guard_event - GUARD_EVENT
 * @sub: the subscription
 * @arg: see &struct mmub_guard_event
 *
 * Return: 0 or an error.
 */
int mmub_sub_guard_event(struct mmub_sub *sub, struct mmub_guard_event *arg)
{
	int ret;

	if (arg->flags)
		return -EINVAL;
	ret = mmub_sub_lock(sub);
	if (ret)
		return ret;
	if (sub->state == MMUB_SUB_IDLE)
		ret = -ENOTCONN;
	else
		ret = sub->guards ? mmub_guard_event(sub->guards, sub->space, arg) :
				    -ENXIO;
	mutex_unlock(&sub->lock);
	return ret;
}

/* Under sub->lock. */
static struct mmub_shadows *mmub_sub_shadows(struct mmub_sub *sub)
{
	struct mmub_shadows *shadows = sub->shadows;

	if (!shadows) {
		shadows = mmub_shadows_alloc();
		/* Pairs with the acquire in ->mmap, which takes no lock of @sub. */
		smp_store_release(&sub->shadows, shadows);
	}
	return shadows;
}

/* The first part of SHADOW_ADD: what mmub_shadow_alloc() takes. */
static int mmub_sub_shadow_space(struct mmub_sub *sub,
				 const struct mmub_shadow_add *arg,
				 struct mmub_space **space,
				 struct mm_struct **mm)
{
	int ret;

	ret = mmub_sub_lock(sub);
	if (ret)
		return ret;
	ret = mmub_sub_check_attached(sub);
	if (ret)
		goto unlock;
	*space = sub->space;
	*mm = sub->space->mn.mm;
	if (arg->end > (*mm)->task_size)
		ret = -EINVAL;
	else if ((arg->end - arg->start) >> PAGE_SHIFT > mmub_shadow_pages_max())
		ret = -ENOSPC;
	else if (arg->mode == MMUB_SHADOW_WRITE && !sub->may_write)
		ret = -EACCES;
	else if (!mmub_sub_shadows(sub))
		ret = -ENOMEM;
	if (!ret) {
		mmub_space_pin(*space);
		mmgrab(*mm);
	}
unlock:
	mutex_unlock(&sub->lock);
	return ret;
}

/**
 * mmub_sub_shadow_add - SHADOW_ADD
 * @sub: the subscription
 * @arg: see &struct mmub_shadow_add
 *
 * Return: 0 or an error.
 */
int mmub_sub_shadow_add(struct mmub_sub *sub, struct mmub_shadow_add *arg)
{
	struct mmub_shadow *shadow;
	struct mmub_space *space;
	struct mm_struct *mm;
	int ret;

	if (arg->flags || arg->reserved || arg->mode > MMUB_SHADOW_WRITE ||
	    !PAGE_ALIGNED(arg->start) || !PAGE_ALIGNED(arg->end) ||
	    arg->start >= arg->end)
		return -EINVAL;

	ret = mmub_sub_shadow_space(sub, arg, &space, &mm);
	if (ret)
		return ret;
	/* Without the lock: it waits for mmap_lock, and DETACH should not. */
	shadow = mmub_shadow_alloc(space, mm, arg);
	if (IS_ERR(shadow))
		return PTR_ERR(shadow);

	ret = mmub_sub_lock(sub);
	if (ret)
		goto discard;
	/* One that is attached has not been anything else. */
	ret = mmub_sub_check_attached(sub);
	if (!ret)
		ret = mmub_shadows_join(sub->shadows, sub, shadow, arg);
	mutex_unlock(&sub->lock);
	if (ret)
		goto discard;
	return 0;

discard:
	mmub_shadow_discard(shadow);
	return ret;
}

/**
 * mmub_sub_shadow_remove - SHADOW_REMOVE
 * @sub: the subscription
 * @arg: see &struct mmub_shadow_remove
 *
 * Return: 0 or an error.
 */
int mmub_sub_shadow_remove(struct mmub_sub *sub,
			   const struct mmub_shadow_remove *arg)
{
	int ret;

	if (arg->flags)
		return -EINVAL;
	ret = mmub_sub_lock(sub);
	if (ret)
		return ret;
	ret = mmub_sub_check_attached(sub);
	if (!ret)
		ret = mmub_shadows_remove(sub->shadows, arg->shadow_id);
	mutex_unlock(&sub->lock);
	return ret;
}

/**
 * mmub_sub_shadow_refresh - SHADOW_REFRESH
 * @sub: the subscription
 * @arg: see &struct mmub_shadow_refresh
 *
 * Return: 0 or an error.
 */
int mmub_sub_shadow_refresh(struct mmub_sub *sub,
			    struct mmub_shadow_refresh *arg)
{
	struct mmub_shadow *shadow = NULL;
	int ret;

	if (arg->flags & ~MMUB_SHADOW_NOWAIT)
		return -EINVAL;
	ret = mmub_sub_lock(sub);
	if (ret)
		return ret;
	ret = mmub_sub_check_attached(sub);
	if (!ret) {
		shadow = mmub_shadows_get(sub->shadows, arg->shadow_id);
		if (!shadow)
			ret = -ENOENT;
	}
	mutex_unlock(&sub->lock);
	if (ret)
		return ret;

	ret = mmub_shadow_refresh(shadow, arg);
	mmub_shadow_put(shadow);
	return ret;
}

/**
 * mmub_sub_access - READ and WRITE
 * @sub: the subscription
 * @arg: see &struct mmub_access
 * @write: which
 *
 * Return: 0 or an error.
 */
int mmub_sub_access(struct mmub_sub *sub, struct mmub_access *arg, bool write)
{
	struct mmub_shadow *shadow = NULL;
	int ret;

	if (arg->flags || arg->reserved)
		return -EINVAL;
	ret = mmub_sub_lock(sub);
	if (ret)
		return ret;
	ret = mmub_sub_check_attached(sub);
	if (!ret && write && !sub->may_write)
		ret = -EACCES;
	if (!ret) {
		shadow = mmub_shadows_find(sub->shadows, arg->addr);
		if (!shadow)
			ret = -ENXIO;
	}
	mutex_unlock(&sub->lock);
	if (ret)
		return ret;

	ret = mmub_shadow_access(shadow, arg, write);
	mmub_shadow_put(shadow);
	return ret;
}

/**
 * mmub_sub_stats - the space's and the subscription's part of STATS
 * @sub: the subscription
 * @stats: filled in if attached
 *
 * Return: 0 or -EINTR.
 */
int mmub_sub_stats(struct mmub_sub *sub, struct mmub_stats *stats)
{
	int ret;

	ret = mmub_sub_lock(sub);
	if (ret)
		return ret;
	if (sub->state == MMUB_SUB_ATTACHED) {
		stats->attached = 1;
		spin_lock(&sub->space->lock);
		mmub_space_stats(sub->space, stats);
		stats->sub_n = sub->n;
		if (sub->ring)
			mmub_ring_stats(sub->ring, stats);
		spin_unlock(&sub->space->lock);
	}
	mutex_unlock(&sub->lock);
	return 0;
}

/**
 * mmub_sub_poll - the file's poll
 * @sub: the subscription
 * @file: its file
 * @wait: as ->poll has it
 *
 * Level-triggered: records that are written while some are unread wake nobody.
 *
 * Return: EPOLLIN and EPOLLPRI as mmub_ring_poll(), EPOLLHUP once the mm is
 * released or the subscription detached.
 */
__poll_t mmub_sub_poll(struct mmub_sub *sub, struct file *file,
		       poll_table *wait)
{
	/* Pairs with the release in mmub_sub_ring_setup(). */
	struct mmub_ring *ring = smp_load_acquire(&sub->ring);
	__poll_t mask = 0;

	poll_wait(file, &sub->wait, wait);
	/* First, so that the records before it are seen: mmub_sub_end_state(). */
	if (smp_load_acquire(&sub->end_state))
		mask |= EPOLLHUP;
	if (ring)
		mask |= mmub_ring_poll(ring);
	return mask;
}

static bool mmub_sub_matches(const struct mmub_sub *sub,
			     const struct mmub_record *rec)
{
	const struct mmub_filter_set *filter = &sub->filter;
	u32 i;

	if (!(filter->types & BIT_ULL(rec->type)))
		return false;
	if (!filter->nr_ranges)
		return true;
	for (i = 0; i < filter->nr_ranges; i++)
		if (rec->start < filter->ranges[i].end &&
		    filter->ranges[i].start < rec->end)
			return true;
	return false;
}

static void mmub_sub_event(struct mmub_sub *sub, const struct mmub_record *rec)
{
	struct mmub_record own;

	sub->n++;
	if (!sub->ring)
		return;
	own = *rec;
	own.n = sub->n;
	own.shadowed = sub->shadowed;
	if (!mmub_ring_wants_stacks(sub->ring))
		own.stack_id = 0;
	mmub_who_in_ns(&own, sub->pid_ns);
	mmub_ring_event(sub, &own);
}

/**
 * mmub_sub_start - an invalidation has started
 * @sub: one of the space's subscriptions
 * @space: the space; its lock is held
 * @rec: the record, but for what differs between subscriptions
 */
void mmub_sub_start(struct mmub_sub *sub, struct mmub_space *space,
		    const struct mmub_record *rec)
{
	if (mmub_sub_matches(sub, rec))
		mmub_sub_event(sub, rec);
	sub->shadowed = 0;
	if (sub->ring)
		mmub_ring_publish(sub, space, sub->end_state);
}

/**
 * mmub_sub_end - an invalidation has ended
 * @sub: one of the space's subscriptions
 * @space: the space; its lock is held
 */
void mmub_sub_end(struct mmub_sub *sub, struct mmub_space *space)
{
	if (sub->ring)
		mmub_ring_publish(sub, space, sub->end_state);
}

/**
 * mmub_sub_release - the mm is going
 * @sub: one of the space's subscriptions
 * @space: the space; its lock is held
 * @rec: the record, but for what differs between subscriptions
 */
void mmub_sub_release(struct mmub_sub *sub, struct mmub_space *space,
		      const struct mmub_record *rec)
{
	mmub_sub_event(sub, rec);
	sub->shadowed = 0;
	mmub_sub_end_state(sub, space, MMUB_RING_RELEASED);
}
