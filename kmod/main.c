// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmubridge: a process's mmu notifier callbacks, delivered to user space.
 * The device, and the table of its ioctls.
 */
#include <linux/capability.h>
#include <linux/compat.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/uaccess.h>
#include <linux/user_namespace.h>

#include "internal.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

unsigned int mmub_subsystems_per_uid = 16;
module_param_named(subsystems_per_uid, mmub_subsystems_per_uid, uint, 0644);
MODULE_PARM_DESC(subsystems_per_uid, "Subsystems that one user may have bound, of 256 in all (16)");

unsigned int mmub_subscriptions_per_uid = 1024;
module_param_named(subscriptions_per_uid, mmub_subscriptions_per_uid, uint, 0644);
MODULE_PARM_DESC(subscriptions_per_uid, "Subscriptions that one user may have attached (1024)");

unsigned int mmub_subscriptions_per_space = 64;
module_param_named(subscriptions_per_space, mmub_subscriptions_per_space, uint, 0644);
MODULE_PARM_DESC(subscriptions_per_space, "Subscriptions of one subsystem on one mm (64)");

unsigned int mmub_ring_records_max = 1 << 16;
module_param_named(ring_records_max, mmub_ring_records_max, uint, 0644);
MODULE_PARM_DESC(ring_records_max, "Records that a ring may have (65536)");

unsigned int mmub_guards_per_subscription = 4096;
module_param_named(guards_per_subscription, mmub_guards_per_subscription, uint, 0644);
MODULE_PARM_DESC(guards_per_subscription, "Guards that one subscription may have, at most 65536 (4096)");

unsigned int mmub_guards_per_space = 16384;
module_param_named(guards_per_space, mmub_guards_per_space, uint, 0644);
MODULE_PARM_DESC(guards_per_space, "Guards of one subsystem on one mm; an invalidation of all of it visits each under a spinlock (16384)");

unsigned int mmub_shadows_per_subscription = 64;
module_param_named(shadows_per_subscription, mmub_shadows_per_subscription, uint, 0644);
MODULE_PARM_DESC(shadows_per_subscription, "Shadows that one subscription may have, at most 256 (64)");

unsigned int mmub_shadow_pages_per_subscription = 1 << 20;
module_param_named(shadow_pages_per_subscription, mmub_shadow_pages_per_subscription, uint, 0644);
MODULE_PARM_DESC(shadow_pages_per_subscription, "Pages that they may have together, at most 16777216 (1048576)");

unsigned int mmub_shadow_pages_per_space = 1 << 22;
module_param_named(shadow_pages_per_space, mmub_shadow_pages_per_space, uint, 0644);
MODULE_PARM_DESC(shadow_pages_per_space, "Shadowed pages of one subsystem on one mm; an invalidation of all of it visits each 512 under a spinlock (4194304)");

unsigned int mmub_stacks_max = 4096;
module_param_named(stacks_max, mmub_stacks_max, uint, 0444);
MODULE_PARM_DESC(stacks_max, "Different kernel stacks that can be told apart, at most 1048576 (4096)");

DEFINE_PER_CPU(struct mmub_counters, mmub_counters);

static int mmub_ioctl_info(struct file *file, void *data)
{
	struct mmub_info *arg = data;
	u32 flags = arg->flags;

	if (flags)
		return -EINVAL;

	memset(arg, 0, sizeof(*arg));
	arg->abi_version = MMUB_ABI_VERSION;
	arg->features = MMUB_FEATURE_WATCH | MMUB_FEATURE_SYNCHRONIZE |
			MMUB_FEATURE_GUARD;
	if (mmub_cause_enabled())
		arg->features |= MMUB_FEATURE_CAUSE;
	arg->foreign_reason = mmub_target_foreign();
	if (arg->foreign_reason == MMUB_FOREIGN_OK)
		arg->features |= MMUB_FEATURE_FOREIGN;
	arg->record_size = sizeof(struct mmub_record);
	arg->page_size = PAGE_SIZE;
	arg->subsystems = MMUB_SUBSYSTEMS;
	arg->subsystems_per_uid = READ_ONCE(mmub_subsystems_per_uid);
	arg->subscriptions_per_space = READ_ONCE(mmub_subscriptions_per_space);
	arg->subscriptions_per_uid = READ_ONCE(mmub_subscriptions_per_uid);
	arg->ring_records_min = MMUB_RING_RECORDS_MIN;
	arg->ring_records_max = READ_ONCE(mmub_ring_records_max);
	arg->filter_ranges = MMUB_FILTER_RANGES;
	arg->guards_per_subscription = mmub_guards_max();
	arg->shadow_pages_per_subscription = mmub_shadow_pages_max();
	arg->shadows_per_subscription = mmub_shadows_max();
	if (IS_ENABLED(CONFIG_HMM_MIRROR))
		arg->features |= MMUB_FEATURE_SHADOW | MMUB_FEATURE_ACCESS;
	strscpy(arg->module_version, MMUB_VERSION, sizeof(arg->module_version));
	return 0;
}

static int mmub_ioctl_attach(struct file *file, void *data)
{
	return mmub_sub_attach(file->private_data, data, file->f_cred->uid);
}

static int mmub_ioctl_detach(struct file *file, void *data)
{
	struct mmub_detach *arg = data;

	if (arg->flags || arg->reserved)
		return -EINVAL;
	return mmub_sub_detach(file->private_data);
}

static int mmub_ioctl_ring_setup(struct file *file, void *data)
{
	return mmub_sub_ring_setup(file->private_data, data);
}

static int mmub_ioctl_filter_set(struct file *file, void *data)
{
	return mmub_sub_filter(file->private_data, data);
}

static int mmub_ioctl_stack(struct file *file, void *data)
{
	return mmub_cause_stack(data, file_ns_capable(file, &init_user_ns,
						      CAP_SYS_ADMIN));
}

static int mmub_ioctl_guard_setup(struct file *file, void *data)
{
	return mmub_sub_guard_setup(file->private_data, data);
}

static int mmub_ioctl_guard_add(struct file *file, void *data)
{
	return mmub_sub_guard_add(file->private_data, data);
}

static int mmub_ioctl_guard_remove(struct file *file, void *data)
{
	return mmub_sub_guard_remove(file->private_data, data);
}

static int mmub_ioctl_guard_event(struct file *file, void *data)
{
	return mmub_sub_guard_event(file->private_data, data);
}

static int mmub_ioctl_shadow_add(struct file *file, void *data)
{
	return mmub_sub_shadow_add(file->private_data, data);
}

static int mmub_ioctl_shadow_remove(struct file *file, void *data)
{
	return mmub_sub_shadow_remove(file->private_data, data);
}

static int mmub_ioctl_shadow_refresh(struct file *file, void *data)
{
	return mmub_sub_shadow_refresh(file->private_data, data);
}

static int mmub_ioctl_read(struct file *file, void *data)
{
	return mmub_sub_access(file->private_data, data, false);
}

static int mmub_ioctl_write(struct file *file, void *data)
{
	return mmub_sub_access(file->private_data, data, true);
}

static int mmub_ioctl_stats(struct file *file, void *data)
{
	struct mmub_stats *arg = data;
	struct mmub_counters *c;
	u32 flags = arg->flags;
	int cpu;

	if (flags)
		return -EINVAL;

	memset(arg, 0, sizeof(*arg));
	for_each_possible_cpu(cpu) {
		c = per_cpu_ptr(&mmub_counters, cpu);
		arg->gets += READ_ONCE(c->gets);
		arg->puts += READ_ONCE(c->puts);
		arg->allocations += READ_ONCE(c->allocations);
		arg->frees += READ_ONCE(c->frees);
		arg->invalidations += READ_ONCE(c->invalidations);
		arg->nonblockable += READ_ONCE(c->nonblockable);
		arg->releases += READ_ONCE(c->releases);
		arg->records += READ_ONCE(c->records);
		arg->lost += READ_ONCE(c->lost);
	}
	arg->live_spaces = mmub_space_live();
	return mmub_sub_stats(file->private_data, arg);
}

static int mmub_ioctl_synchronize(struct file *file, void *data)
{
	struct mmub_synchronize *arg = data;

	if (arg->flags || arg->reserved)
		return -EINVAL;
	return mmub_space_synchronize(arg->timeout_ns);
}

/**
 * union mmub_arg - room for the argument of any ioctl
 * @info: MMUB_IOC_INFO
 * @attach: MMUB_IOC_ATTACH
 * @detach: MMUB_IOC_DETACH
 * @ring_setup: MMUB_IOC_RING_SETUP
 * @filter: MMUB_IOC_FILTER_SET
 * @stack: MMUB_IOC_STACK
 * @guard_setup: MMUB_IOC_GUARD_SETUP
 * @guard_add: MMUB_IOC_GUARD_ADD
 * @guard_remove: MMUB_IOC_GUARD_REMOVE
 * @guard_event: MMUB_IOC_GUARD_EVENT
 * @shadow_add: MMUB_IOC_SHADOW_ADD
 * @shadow_remove: MMUB_IOC_SHADOW_REMOVE
 * @shadow_refresh: MMUB_IOC_SHADOW_REFRESH
 * @access: MMUB_IOC_READ, MMUB_IOC_WRITE
 * @stats: MMUB_IOC_STATS
 * @synchronize: MMUB_IOC_SYNCHRONIZE
 */
union mmub_arg {
	struct mmub_info info;
	struct mmub_attach attach;
	struct mmub_detach detach;
	struct mmub_ring_setup ring_setup;
	struct mmub_filter filter;
	struct mmub_stack stack;
	struct mmub_guard_setup guard_setup;
	struct mmub_guard_add guard_add;
	struct mmub_guard_remove guard_remove;
	struct mmub_guard_event guard_event;
	struct mmub_shadow_add shadow_add;
	struct mmub_shadow_remove shadow_remove;
	struct mmub_shadow_refresh shadow_refresh;
	struct mmub_access access;
	struct mmub_stats stats;
	struct mmub_synchronize synchronize;
};

/**
 * struct mmub_ioctl - one ioctl
 * @cmd: its number in full
 * @min_size: bytes of the argument in version 1
 * @size: bytes of the argument as this module knows it
 * @handler: does it; the argument is in kernel memory, the rest zero
 */
struct mmub_ioctl {
	unsigned int cmd;
	size_t min_size;
	size_t size;
	int (*handler)(struct file *file, void *arg);
};

#define MMUB_IOCTL(_nr, _arg, _handler) {				\
	.cmd = MMUB_IOC_##_nr,						\
	.min_size = _IOC_SIZE(MMUB_IOC_##_nr),				\
	.size = sizeof_field(union mmub_arg, _arg),			\
	.handler = _handler,						\
}

/* Settled, but not built: every field but @cmd is unused. */
#define MMUB_IOCTL_UNBUILT(_nr, ...) {					\
	.cmd = MMUB_IOC_##_nr,						\
}

/* Of shadows, which take hmm_range_fault(). */
#if IS_ENABLED(CONFIG_HMM_MIRROR)
#define MMUB_IOCTL_HMM	MMUB_IOCTL
#else
#define MMUB_IOCTL_HMM	MMUB_IOCTL_UNBUILT
#endif

static const struct mmub_ioctl mmub_ioctls[MMUB_NR_COUNT] = {
	[MMUB_NR_INFO] = MMUB_IOCTL(INFO, info, mmub_ioctl_info),
	[MMUB_NR_ATTACH] = MMUB_IOCTL(ATTACH, attach, mmub_ioctl_attach),
	[MMUB_NR_DETACH] = MMUB_IOCTL(DETACH, detach, mmub_ioctl_detach),
	[MMUB_NR_RING_SETUP] = MMUB_IOCTL(RING_SETUP, ring_setup, mmub_ioctl_ring_setup),
	[MMUB_NR_FILTER_SET] = MMUB_IOCTL(FILTER_SET, filter, mmub_ioctl_filter_set),
	[MMUB_NR_STACK] = MMUB_IOCTL(STACK, stack, mmub_ioctl_stack),
	[MMUB_NR_GUARD_ADD] = MMUB_IOCTL(GUARD_ADD, guard_add, mmub_ioctl_guard_add),
	[MMUB_NR_GUARD_REMOVE] = MMUB_IOCTL(GUARD_REMOVE, guard_remove, mmub_ioctl_guard_remove),
	[MMUB_NR_SHADOW_ADD] = MMUB_IOCTL_HMM(SHADOW_ADD, shadow_add, mmub_ioctl_shadow_add),
	[MMUB_NR_SHADOW_REMOVE] = MMUB_IOCTL_HMM(SHADOW_REMOVE, shadow_remove,
						 mmub_ioctl_shadow_remove),
	[MMUB_NR_READ] = MMUB_IOCTL_HMM(READ, access, mmub_ioctl_read),
	[MMUB_NR_WRITE] = MMUB_IOCTL_HMM(WRITE, access, mmub_ioctl_write),
	[MMUB_NR_WINDOW_CREATE] = MMUB_IOCTL_UNBUILT(WINDOW_CREATE),
	[MMUB_NR_STATS] = MMUB_IOCTL(STATS, stats, mmub_ioctl_stats),
	[MMUB_NR_SYNCHRONIZE] = MMUB_IOCTL(SYNCHRONIZE, synchronize, mmub_ioctl_synchronize),
	[MMUB_NR_GUARD_SETUP] = MMUB_IOCTL(GUARD_SETUP, guard_setup, mmub_ioctl_guard_setup),
	[MMUB_NR_GUARD_EVENT] = MMUB_IOCTL(GUARD_EVENT, guard_event, mmub_ioctl_guard_event),
	[MMUB_NR_SHADOW_REFRESH] = MMUB_IOCTL_HMM(SHADOW_REFRESH, shadow_refresh,
						  mmub_ioctl_shadow_refresh),
};

static long mmub_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *user = (void __user *)arg;
	const struct mmub_ioctl *ioctl;
	size_t size = _IOC_SIZE(cmd);
	union mmub_arg data = {};
	int ret;

	if (_IOC_TYPE(cmd) != MMUB_IOC_MAGIC || _IOC_NR(cmd) >= MMUB_NR_COUNT)
		return -ENOTTY;
	ioctl = &mmub_ioctls[array_index_nospec(_IOC_NR(cmd), MMUB_NR_COUNT)];
	if (_IOC_DIR(cmd) != _IOC_DIR(ioctl->cmd))
		return -ENOTTY;
	if (!ioctl->handler)
		return -EOPNOTSUPP;
	if (size < ioctl->min_size)
		return -EINVAL;

	ret = copy_struct_from_user(&data, ioctl->size, user, size);
	if (ret)
		return ret;
	ret = ioctl->handler(file, &data);
	if (ret)
		return ret;
	if ((_IOC_DIR(cmd) & _IOC_READ) &&
	    copy_to_user(user, &data, min(size, ioctl->size)))
		return -EFAULT;
	return 0;
}

static int mmub_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct mmub_sub *sub = file->private_data;
	u64 offset = (u64)vma->vm_pgoff << PAGE_SHIFT;
	struct mmub_guards *guards;
	struct mmub_ring *ring;
	int ret;

	/* A private copy of what is shared would neither move nor be moved. */
	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	ret = mmub_sub_check_mm(sub);
	if (ret)
		return ret;

	switch (offset >> MMUB_MAP_SHIFT) {
	case MMUB_MAP_PFNS:
		if (!file_ns_capable(file, &init_user_ns, CAP_SYS_ADMIN))
			return -EPERM;
		fallthrough;
	case MMUB_MAP_SHADOW:
		/* Pairs with the release in mmub_sub_shadows(). */
		return mmub_shadows_mmap(smp_load_acquire(&sub->shadows),
					 offset >> MMUB_MAP_SHIFT,
					 offset & (BIT_ULL(MMUB_MAP_SHIFT) - 1),
					 vma);
	}

	switch (offset) {
	case (u64)MMUB_MAP_RING << MMUB_MAP_SHIFT:
	case (u64)MMUB_MAP_CONSUMER << MMUB_MAP_SHIFT:
		/* Pairs with the release in mmub_sub_ring_setup(). */
		ring = smp_load_acquire(&sub->ring);
		if (!ring)
			return -ENXIO;
		return mmub_ring_mmap(ring, vma->vm_pgoff ? MMUB_MAP_CONSUMER :
							    MMUB_MAP_RING, vma);
	case (u64)MMUB_MAP_GUARDS << MMUB_MAP_SHIFT:
		/* Pairs with the release in mmub_sub_guard_setup(). */
		guards = smp_load_acquire(&sub->guards);
		if (!guards)
			return -ENXIO;
		return mmub_guards_mmap(guards, vma);
	default:
		return -EINVAL;
	}
}

static __poll_t mmub_poll(struct file *file, poll_table *wait)
{
	return mmub_sub_poll(file->private_data, file, wait);
}

static int mmub_open(struct inode *inode, struct file *file)
{
	struct mmub_sub *sub = mmub_sub_alloc();

	if (!sub)
		return -ENOMEM;
	file->private_data = sub;
	return nonseekable_open(inode, file);
}

static int mmub_release(struct inode *inode, struct file *file)
{
	mmub_sub_free(file->private_data);
	return 0;
}

static const struct file_operations mmub_fops = {
	.owner		= THIS_MODULE,
	.open		= mmub_open,
	.release	= mmub_release,
	.unlocked_ioctl	= mmub_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.mmap		= mmub_mmap,
	.poll		= mmub_poll,
};

static struct miscdevice mmub_device = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "mmubridge",
	.fops	= &mmub_fops,
	.mode	= 0660,
};

static int __init mmub_init(void)
{
	int ret;

	ret = mmub_cause_init();
	if (ret)
		return ret;
	ret = mmub_shadow_init();
	if (ret)
		goto exit_cause;
	mmub_space_init();
	mmub_target_init();
	ret = misc_register(&mmub_device);
	if (ret)
		goto exit_shadow;
	return 0;

exit_shadow:
	mmub_shadow_exit();
exit_cause:
	mmub_cause_exit();
	return ret;
}

static void __exit mmub_exit(void)
{
	misc_deregister(&mmub_device);
	mmub_shadow_exit();
	mmub_space_exit();
	mmub_cause_exit();
}

module_init(mmub_init);
module_exit(mmub_exit);

MODULE_DESCRIPTION("A process's mmu notifier callbacks, delivered to user space");
MODULE_AUTHOR("The mmubridge authors");
MODULE_LICENSE("GPL");
MODULE_VERSION(MMUB_VERSION);
