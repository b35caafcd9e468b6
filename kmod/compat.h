/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between kernels, here and nowhere else. Settled by compile
 * probes in Kbuild, since distributions backport; never by version numbers.
 */
#ifndef MMUB_COMPAT_H
#define MMUB_COMPAT_H

#include <linux/mm.h>
#include <linux/sched.h>

#ifndef MMUB_HAVE_VM_FLAGS_SET
static inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags |= flags;
}

static inline void vm_flags_clear(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags &= ~flags;
}
#endif

/* vhost's and io_uring's workers share one flag from 6.4 on. */
#ifdef PF_USER_WORKER
#define MMUB_PF_USER_WORKER	(PF_IO_WORKER | PF_USER_WORKER)
#else
#define MMUB_PF_USER_WORKER	PF_IO_WORKER
#endif

#endif /* MMUB_COMPAT_H */
