// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who runs a callback, and what was it in: read off current, without a lock,
 * in whatever context the callback came.
 */
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/sched/task_stack.h>
#include <linux/string.h>

#include <asm/syscall.h>

#include "compat.h"
#include "internal.h"

/**
 * mmub_who - say what the current task is in
 * @rec: its entry, syscall_nr and syscall_arch are filled in
 *
 * The order matters: a worker of io_uring carries its creator's registers, and
 * an exiting task still has those of its last system call. orig_ax is -1 after
 * every exception and interrupt.
 */
void mmub_who(struct mmub_record *rec)
{
	int nr;

	rec->syscall_nr = -1;
	rec->syscall_arch = 0;

	if (current->flags & PF_KTHREAD) {
		rec->entry = MMUB_ENTRY_KTHREAD;
	} else if (current->flags & MMUB_PF_USER_WORKER) {
		rec->entry = MMUB_ENTRY_USER_WORKER;
	} else if (current->flags & PF_EXITING) {
		rec->entry = MMUB_ENTRY_EXIT;
	} else {
		nr = syscall_get_nr(current, task_pt_regs(current));
		if (nr == -1) {
			rec->entry = MMUB_ENTRY_EXCEPTION;
		} else {
			rec->entry = MMUB_ENTRY_SYSCALL;
			rec->syscall_nr = nr;
			rec->syscall_arch = syscall_get_arch(current);
		}
	}
}

/**
 * mmub_who_in_ns - name the current task to a pid namespace
 * @rec: its pid, tid, comm and MMUB_RECORD_FOREIGN are filled in
 * @ns: the namespace
 *
 * A task that @ns does not see stays nameless, so that a container does not
 * learn who its neighbours are.
 */
void mmub_who_in_ns(struct mmub_record *rec, struct pid_namespace *ns)
{
	rec->pid = task_tgid_nr_ns(current, ns);
	rec->tid = task_pid_nr_ns(current, ns);
	if (rec->tid) {
		/* Racy against prctl() and /proc/PID/comm; always terminated. */
		strscpy_pad(rec->comm, current->comm, sizeof(rec->comm));
	} else {
		rec->flags |= MMUB_RECORD_FOREIGN;
		memset(rec->comm, 0, sizeof(rec->comm));
	}
}
