// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module for tests: space.c as it is, and callbacks around its own that can
 * be held open, see hold.h.
 */
#include <linux/fs.h>
#include <linux/kref.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "hold.h"
#include "internal.h"

static void shipped_space_init(void);
static void shipped_space_exit(void);

/* main.c calls what is around them, below. */
#define mmub_space_init	shipped_space_init
#define mmub_space_exit	shipped_space_exit
#include "space.c"
#undef mmub_space_init
#undef mmub_space_exit

/**
 * enum hold_state - the life of a hold
 * @HOLD_IDLE: nothing is armed
 * @HOLD_ARMED: waits for its callback
 * @HOLD_HELD: holds it
 * @HOLD_TIMED_OUT: has held it to its deadline
 */
enum hold_state {
	HOLD_IDLE,
	HOLD_ARMED,
	HOLD_HELD,
	HOLD_TIMED_OUT,
};

/**
 * struct hold - an open file
 * @refs: the file, and the callback that is held
 * @node: on holds; holds_lock
 * @arg: as armed, then with the range of what is held; holds_lock
 * @state: holds_lock, read locklessly
 * @taken: callbacks held so far; likewise
 * @wait: the callback, and whoever polls
 */
struct hold {
	struct kref refs;
	struct list_head node;
	struct mmub_hold arg;
	enum hold_state state;
	unsigned int taken;
	wait_queue_head_t wait;
};

/* Taken in callbacks: a leaf. */
static DEFINE_SPINLOCK(holds_lock);
static LIST_HEAD(holds);

static void hold_free(struct kref *refs)
{
	kfree(container_of(refs, struct hold, refs));
}

static struct hold *hold_take(const struct mmub_space *space,
			      enum mmub_hold_point point, u64 start, u64 end)
{
	struct hold *hold;

	lockdep_assert_held(&holds_lock);

	list_for_each_entry(hold, &holds, node) {
		if (hold->state != HOLD_ARMED || hold->arg.point != point ||
		    hold->arg.space_id != space->id ||
		    hold->arg.start >= end || start >= hold->arg.end)
			continue;
		kref_get(&hold->refs);
		hold->arg.start = start;
		hold->arg.end = end;
		WRITE_ONCE(hold->taken, hold->taken + 1);
		WRITE_ONCE(hold->state, HOLD_HELD);
		return hold;
	}
	return NULL;
}

/* Is it the callback that was taken as number @taken that is held? */
static bool hold_holds(const struct hold *hold, unsigned int taken)
{
	return READ_ONCE(hold->state) == HOLD_HELD &&
	       READ_ONCE(hold->taken) == taken;
}

static void hold_callback(const struct mmub_space *space,
			  enum mmub_hold_point point, u64 start, u64 end)
{
	unsigned int taken = 0;
	struct hold *hold;
	long timeout = 0;

	spin_lock(&holds_lock);
	hold = hold_take(space, point, start, end);
	if (hold) {
		taken = hold->taken;
		timeout = msecs_to_jiffies(hold->arg.timeout_ms);
	}
	spin_unlock(&holds_lock);
	if (!hold)
		return;

	wake_up_all(&hold->wait);
	/* Not to be disturbed: it may be that the task is to be killed. */
	wait_event_timeout(hold->wait, !hold_holds(hold, taken), timeout);
	spin_lock(&holds_lock);
	if (hold_holds(hold, taken))
		WRITE_ONCE(hold->state, HOLD_TIMED_OUT);
	spin_unlock(&holds_lock);
	kref_put(&hold->refs, hold_free);
}

static int hold_start(struct mmu_notifier *mn,
		      const struct mmu_notifier_range *range)
{
	int ret = mmub_invalidate_range_start(mn, range);

	if (mmu_notifier_range_blockable(range))
		hold_callback(to_space(mn), MMUB_HOLD_STARTED, range->start,
			      range->end);
	return ret;
}

static void hold_end(struct mmu_notifier *mn,
		     const struct mmu_notifier_range *range)
{
	if (mmu_notifier_range_blockable(range))
		hold_callback(to_space(mn), MMUB_HOLD_ENDING, range->start,
			      range->end);
	mmub_invalidate_range_end(mn, range);
}

static void hold_release(struct mmu_notifier *mn, struct mm_struct *mm)
{
	mmub_release(mn, mm);
	hold_callback(to_space(mn), MMUB_HOLD_RELEASED, 0, U64_MAX);
}

static int hold_arm(struct hold *hold, const struct mmub_hold *arg)
{
	int ret = 0;

	if (arg->point > MMUB_HOLD_RELEASED || !arg->timeout_ms ||
	    arg->timeout_ms > MMUB_HOLD_MS_MAX || arg->start >= arg->end)
		return -EINVAL;
	spin_lock(&holds_lock);
	if (hold->state == HOLD_HELD) {
		ret = -EBUSY;
	} else {
		hold->arg = *arg;
		WRITE_ONCE(hold->state, HOLD_ARMED);
	}
	spin_unlock(&holds_lock);
	return ret;
}

static int hold_let_go(struct hold *hold)
{
	enum hold_state state;

	spin_lock(&holds_lock);
	state = hold->state;
	WRITE_ONCE(hold->state, HOLD_IDLE);
	spin_unlock(&holds_lock);

	wake_up_all(&hold->wait);
	if (state == HOLD_HELD)
		return 0;
	return state == HOLD_TIMED_OUT ? -ETIMEDOUT : -ENOENT;
}

static int hold_look(struct hold *hold, struct mmub_hold *arg)
{
	int ret = -ENOENT;

	spin_lock(&holds_lock);
	if (hold->state == HOLD_HELD) {
		*arg = hold->arg;
		ret = 0;
	}
	spin_unlock(&holds_lock);
	return ret;
}

static long hold_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct hold *hold = file->private_data;
	struct mmub_hold user;
	int ret;

	switch (cmd) {
	case MMUB_HOLD_ARM:
		if (copy_from_user(&user, (void __user *)arg, sizeof(user)))
			return -EFAULT;
		return hold_arm(hold, &user);
	case MMUB_HOLD_RELEASE:
		return hold_let_go(hold);
	case MMUB_HOLD_LOOK:
		ret = hold_look(hold, &user);
		if (!ret && copy_to_user((void __user *)arg, &user, sizeof(user)))
			ret = -EFAULT;
		return ret;
	default:
		return -ENOTTY;
	}
}

static __poll_t hold_poll(struct file *file, poll_table *wait)
{
	struct hold *hold = file->private_data;

	poll_wait(file, &hold->wait, wait);
	return READ_ONCE(hold->state) == HOLD_HELD ? EPOLLIN : 0;
}

static int hold_open(struct inode *inode, struct file *file)
{
	struct hold *hold = kzalloc(sizeof(*hold), GFP_KERNEL);

	if (!hold)
		return -ENOMEM;
	kref_init(&hold->refs);
	init_waitqueue_head(&hold->wait);
	spin_lock(&holds_lock);
	list_add_tail(&hold->node, &holds);
	spin_unlock(&holds_lock);
	file->private_data = hold;
	return 0;
}

static int hold_close(struct inode *inode, struct file *file)
{
	struct hold *hold = file->private_data;

	spin_lock(&holds_lock);
	list_del(&hold->node);
	spin_unlock(&holds_lock);
	hold_let_go(hold);
	kref_put(&hold->refs, hold_free);
	return 0;
}

static const struct file_operations hold_fops = {
	.owner		= THIS_MODULE,
	.open		= hold_open,
	.release	= hold_close,
	.unlocked_ioctl	= hold_ioctl,
	.poll		= hold_poll,
};

static struct miscdevice hold_device = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "mmubridge_hold",
	.fops	= &hold_fops,
	.mode	= 0600,
};

static bool hold_registered;

/* In place of space.c's own. */
void __init mmub_space_init(void)
{
	int i;

	shipped_space_init();
	for (i = 0; i < ARRAY_SIZE(mmub_subsystems); i++) {
		mmub_subsystems[i].ops.invalidate_range_start = hold_start;
		mmub_subsystems[i].ops.invalidate_range_end = hold_end;
		mmub_subsystems[i].ops.release = hold_release;
	}
	/* Without it the tests say what they miss. */
	hold_registered = !misc_register(&hold_device);
}

/* In place of space.c's own. */
void mmub_space_exit(void)
{
	if (hold_registered)
		misc_deregister(&hold_device);
	shipped_space_exit();
}
