// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which mm to attach to, and whether the caller may.
 *
 * mm_access() and ptrace_may_access() are not exported, and a check of our own
 * would not be a substitute. A descriptor of /proc/PID/mem is: opening it ran
 * mm_access(PTRACE_MODE_ATTACH_FSCREDS) with Yama and the security modules,
 * and who holds it can read that memory already, so that passing it on to us
 * gives nothing away.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>

#include "internal.h"

/* proc_mem_operations, which is static in fs/proc/base.c; set at load. */
static const struct file_operations *mmub_mem_fops __ro_after_init;
static enum mmub_foreign mmub_foreign __ro_after_init;

/**
 * mmub_target_init - learn to recognise a descriptor of /proc/PID/mem
 *
 * Opens the loading task's own. proc_mem_open() leaves the mm in private_data
 * on every kernel known; where it does not, nobody else's mm can be attached
 * to: fail closed.
 */
void __init mmub_target_init(void)
{
	struct file *file = filp_open("/proc/self/mem", O_RDONLY, 0);

	if (IS_ERR(file)) {
		mmub_foreign = MMUB_FOREIGN_NO_PROC;
		pr_notice("/proc/self/mem: error %ld: only a process itself can be attached to\n",
			  PTR_ERR(file));
		return;
	}
	if (file_inode(file)->i_sb->s_magic == PROC_SUPER_MAGIC &&
	    current->mm && file->private_data == current->mm) {
		mmub_mem_fops = file->f_op;
		mmub_foreign = MMUB_FOREIGN_OK;
	} else {
		mmub_foreign = MMUB_FOREIGN_UNKNOWN_PROC;
		pr_notice("/proc/self/mem holds no mm: only a process itself can be attached to\n");
	}
	filp_close(file, NULL);
}

/**
 * mmub_target_foreign - whether other processes can be attached to
 *
 * Return: MMUB_FOREIGN_OK, or why not.
 */
enum mmub_foreign mmub_target_foreign(void)
{
	return mmub_foreign;
}

/**
 * mmub_target_grab - the mm that ATTACH names
 * @mem_fd: a descriptor of /proc/PID/mem open for reading, or -1
 * @may_write: filled in: whether it is open for writing too, or the caller's own
 *
 * Return: an mm pinned by mm_count, to be given to mmdrop(), or an error as
 * &struct mmub_attach lists them. Its mm_users may be 0.
 */
struct mm_struct *mmub_target_grab(int mem_fd, bool *may_write)
{
	struct mm_struct *mm;
	struct file *file;

	*may_write = true;
	if (mem_fd == -1) {
		mmgrab(current->mm);
		return current->mm;
	}

	/* Never fget_raw(): O_PATH has been through no check. */
	file = fget(mem_fd);
	if (!file)
		return ERR_PTR(-EBADF);

	if (mmub_foreign != MMUB_FOREIGN_OK) {
		mm = ERR_PTR(-EOPNOTSUPP);
	} else if (file->f_op != mmub_mem_fops) {
		mm = ERR_PTR(-EINVAL);
	} else if (!(file->f_mode & FMODE_READ)) {
		mm = ERR_PTR(-EACCES);
	} else {
		/* NULL: a kernel thread, or a process already gone at open. */
		mm = file->private_data;
		*may_write = file->f_mode & FMODE_WRITE;
		if (mm)
			mmgrab(mm);
		else
			mm = ERR_PTR(-ESRCH);
	}
	fput(file);
	return mm;
}
