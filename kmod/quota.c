// SPDX-License-Identifier: GPL-2.0-only
/*
 * What one user may take: subscriptions by a count of our own, pinned pages by
 * RLIMIT_MEMLOCK as io_uring and BPF charge it. Subsystems are counted where
 * they are bound, in space.c.
 */
#include <linux/capability.h>
#include <linux/sched/signal.h>
#include <linux/sched/user.h>
#include <linux/slab.h>

#include "internal.h"

/**
 * struct mmub_user - the subscriptions of one user
 * @node: on mmub_users
 * @uid: the user
 * @subscriptions: attached or attaching; the entry goes with the last
 */
struct mmub_user {
	struct list_head node;
	kuid_t uid;
	unsigned int subscriptions;
};

/* Protects the list and the counts. A leaf. */
static DEFINE_SPINLOCK(mmub_users_lock);
static LIST_HEAD(mmub_users);

static struct mmub_user *mmub_user_find(kuid_t uid)
{
	struct mmub_user *user;

	list_for_each_entry(user, &mmub_users, node)
		if (uid_eq(user->uid, uid))
			return user;
	return NULL;
}

/**
 * mmub_user_charge - charge one subscription to a user
 * @uid: the user
 *
 * Return: what to give to mmub_user_uncharge(), -EUSERS, or -ENOMEM.
 */
struct mmub_user *mmub_user_charge(kuid_t uid)
{
	unsigned int max = READ_ONCE(mmub_subscriptions_per_uid);
	struct mmub_user *spare, *user;

	spare = kzalloc(sizeof(*spare), GFP_KERNEL_ACCOUNT);
	if (!spare)
		return ERR_PTR(-ENOMEM);

	spin_lock(&mmub_users_lock);
	user = mmub_user_find(uid);
	if (!user && max) {
		user = spare;
		spare = NULL;
		user->uid = uid;
		list_add(&user->node, &mmub_users);
	}
	if (user && user->subscriptions < max)
		user->subscriptions++;
	else
		user = ERR_PTR(-EUSERS);
	spin_unlock(&mmub_users_lock);

	kfree(spare);
	return user;
}

/**
 * mmub_user_uncharge - give back what mmub_user_charge() charged
 * @user: what it returned
 */
void mmub_user_uncharge(struct mmub_user *user)
{
	bool last;

	spin_lock(&mmub_users_lock);
	last = !--user->subscriptions;
	if (last)
		list_del(&user->node);
	spin_unlock(&mmub_users_lock);

	if (last)
		kfree(user);
}

/**
 * mmub_memlock_charge - charge pages to RLIMIT_MEMLOCK
 * @user: the caller's
 * @pages: how many
 *
 * Return: 0, or -ENOBUFS.
 */
int mmub_memlock_charge(struct user_struct *user, unsigned long pages)
{
	unsigned long limit = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
	long locked, old;

	old = atomic_long_read(&user->locked_vm);
	do {
		locked = old + pages;
		if (locked > limit && !capable(CAP_IPC_LOCK))
			return -ENOBUFS;
	} while (!atomic_long_try_cmpxchg(&user->locked_vm, &old, locked));
	return 0;
}

/**
 * mmub_memlock_uncharge - give back what mmub_memlock_charge() charged
 * @user: as there
 * @pages: as there
 */
void mmub_memlock_uncharge(struct user_struct *user, unsigned long pages)
{
	atomic_long_sub(pages, &user->locked_vm);
}
