// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages that the kernel shares with a user: single, so that they can be mapped
 * one by one, charged to the memory cgroup, which vmalloc_user()'s are not, and
 * to RLIMIT_MEMLOCK.
 */
#include <linux/mm.h>
#include <linux/sched/user.h>
#include <linux/slab.h>

#include "compat.h"
#include "internal.h"

/**
 * mmub_pages_alloc - make zeroed pages, charged to the caller
 * @nr: how many
 * @kernel_bytes: what else the user keeps the kernel from using, to be charged
 *	to RLIMIT_MEMLOCK with them; rounded up to pages
 *
 * Return: the pages, -ENOBUFS, or -ENOMEM.
 */
struct mmub_pages *mmub_pages_alloc(unsigned int nr, size_t kernel_bytes)
{
	struct mmub_pages *pages;
	int ret;

	pages = kvzalloc(struct_size(pages, pages, nr), GFP_KERNEL_ACCOUNT);
	if (!pages)
		return ERR_PTR(-ENOMEM);
	pages->charged = nr + DIV_ROUND_UP(kernel_bytes, PAGE_SIZE);
	pages->user = get_uid(current_user());
	ret = mmub_memlock_charge(pages->user, pages->charged);
	if (ret)
		goto free;

	for (; pages->nr < nr; pages->nr++) {
		struct page *page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);

		if (!page) {
			mmub_pages_free(pages);
			return ERR_PTR(-ENOMEM);
		}
		pages->pages[pages->nr] = page;
	}
	return pages;

free:
	free_uid(pages->user);
	kvfree(pages);
	return ERR_PTR(ret);
}

/**
 * mmub_pages_free - free pages that nobody maps any more
 * @pages: of mmub_pages_alloc()
 */
void mmub_pages_free(struct mmub_pages *pages)
{
	while (pages->nr)
		__free_page(pages->pages[--pages->nr]);
	mmub_memlock_uncharge(pages->user, pages->charged);
	free_uid(pages->user);
	kvfree(pages);
}

/**
 * mmub_pages_mmap - map some of the pages, whole
 * @pages: the pages
 * @first: the first of those
 * @nr: how many
 * @writable: whether the user may write to them
 * @vma: the caller's, checked to be shared
 *
 * Return: 0, -EINVAL where the size is not that of @nr pages, -EPERM where
 * what is read-only is to be writable, or anything executable.
 */
int mmub_pages_mmap(const struct mmub_pages *pages, unsigned int first,
		    unsigned int nr, bool writable, struct vm_area_struct *vma)
{
	if (!writable) {
		if (vma->vm_flags & VM_WRITE)
			return -EPERM;
		vm_flags_clear(vma, VM_MAYWRITE);
	}
	if (vma->vm_flags & VM_EXEC)
		return -EPERM;
	if (vma_pages(vma) != nr)
		return -EINVAL;

	vm_flags_clear(vma, VM_MAYEXEC);
	/* VM_IO: madvise(MADV_DOFORK) cannot take VM_DONTCOPY off again. */
	vm_flags_set(vma, VM_IO | VM_DONTCOPY | VM_DONTEXPAND | VM_DONTDUMP);
	return vm_map_pages_zero(vma, (struct page **)&pages->pages[first], nr);
}
