// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a kernel stack tells of the cause of an invalidation. The one table of
 * it, for all kernels: names that a kernel does not have do no harm. It is also
 * compiled into a test, which runs it over stacks recorded on each.
 */
#ifdef __KERNEL__
#include <linux/kernel.h>
#include <linux/string.h>

#include "internal.h"
#endif

/**
 * struct mmub_rule - what a function on the stack tells
 * @function: the innermost function that any rule knows decides
 * @caller: and, if not NULL, this one is somewhere above it on the stack
 * @cause: then this is the cause
 */
struct mmub_rule {
	const char *function;
	const char *caller;
	enum mmub_cause cause;
};

/*
 * Innermost, since one thing happens inside of another: a page fault that breaks
 * copy-on-write may come in the midst of a write to clear_refs, and may itself
 * have to reclaim memory. Of one function's rules the first that fits counts.
 *
 * Compilers fold static functions into their callers, and each release does so
 * differently: so a rule names what is called from elsewhere, where it can.
 */
static const struct mmub_rule mmub_rules[] = {
	/* mm/mmap.c, mm/vma.c, mm/mremap.c, mm/mprotect.c, ipc/shm.c */
	{ "__vm_munmap", NULL, MMUB_CAUSE_MUNMAP },
	{ "__do_sys_munmap", NULL, MMUB_CAUSE_MUNMAP },
	{ "mmap_region", NULL, MMUB_CAUSE_MMAP },
	{ "__mmap_region", NULL, MMUB_CAUSE_MMAP },
	{ "do_mmap", NULL, MMUB_CAUSE_MMAP },
	{ "__do_sys_brk", NULL, MMUB_CAUSE_BRK },
	{ "__x64_sys_brk", NULL, MMUB_CAUSE_BRK },
	{ "__ia32_sys_brk", NULL, MMUB_CAUSE_BRK },
	{ "move_vma", NULL, MMUB_CAUSE_MREMAP },
	{ "mremap_to", NULL, MMUB_CAUSE_MREMAP },
	{ "do_mremap", NULL, MMUB_CAUSE_MREMAP },
	{ "__do_sys_mremap", NULL, MMUB_CAUSE_MREMAP },
	{ "__x64_sys_mremap", NULL, MMUB_CAUSE_MREMAP },
	{ "__ia32_sys_mremap", NULL, MMUB_CAUSE_MREMAP },
	{ "ksys_shmdt", NULL, MMUB_CAUSE_SHMDT },
	{ "do_mprotect_pkey", NULL, MMUB_CAUSE_MPROTECT },

	/* kernel/fork.c, mm/memory.c, mm/hugetlb.c */
	{ "dup_mmap", NULL, MMUB_CAUSE_FORK },
	{ "copy_page_range", NULL, MMUB_CAUSE_FORK },
	{ "wp_page_copy", "break_ksm", MMUB_CAUSE_KSM_UNMERGE },
	{ "wp_page_copy", "unmerge_ksm_pages", MMUB_CAUSE_KSM_UNMERGE },
	{ "wp_page_copy", "uprobe_write", MMUB_CAUSE_UPROBE },
	{ "wp_page_copy", NULL, MMUB_CAUSE_COW },
	{ "do_wp_page", "break_ksm", MMUB_CAUSE_KSM_UNMERGE },
	{ "do_wp_page", "unmerge_ksm_pages", MMUB_CAUSE_KSM_UNMERGE },
	{ "do_wp_page", "uprobe_write", MMUB_CAUSE_UPROBE },
	{ "do_wp_page", NULL, MMUB_CAUSE_COW },
	{ "hugetlb_wp", NULL, MMUB_CAUSE_COW },
	{ "hugetlb_cow", NULL, MMUB_CAUSE_COW },
	{ "hugetlb_fault", NULL, MMUB_CAUSE_COW },
	{ "do_huge_pmd_wp_page", NULL, MMUB_CAUSE_COW },
	/* Whatever else a fault does is not what it came in the midst of. */
	{ "handle_mm_fault", NULL, MMUB_CAUSE_UNKNOWN },

	/* mm/khugepaged.c, mm/huge_memory.c */
	{ "madvise_collapse", NULL, MMUB_CAUSE_MADV_COLLAPSE },
	{ "khugepaged", NULL, MMUB_CAUSE_KHUGEPAGED },
	{ "__split_huge_pmd", NULL, MMUB_CAUSE_THP_SPLIT },
	{ "split_huge_page_to_list", NULL, MMUB_CAUSE_THP_SPLIT },
	{ "split_huge_page_to_list_to_order", NULL, MMUB_CAUSE_THP_SPLIT },
	{ "__folio_split", NULL, MMUB_CAUSE_THP_SPLIT },
	{ "__split_huge_pud", NULL, MMUB_CAUSE_THP_SPLIT },

	/* mm/ksm.c */
	{ "try_to_merge_one_page", NULL, MMUB_CAUSE_KSM_MERGE },
	{ "try_to_merge_with_ksm_page", NULL, MMUB_CAUSE_KSM_MERGE },
	{ "cmp_and_merge_page", NULL, MMUB_CAUSE_KSM_MERGE },
	{ "ksm_scan_thread", NULL, MMUB_CAUSE_KSM_MERGE },
	{ "break_ksm", NULL, MMUB_CAUSE_KSM_UNMERGE },
	{ "unmerge_ksm_pages", NULL, MMUB_CAUSE_KSM_UNMERGE },

	/* Migration: whoever calls migrate_pages(). */
	{ "compact_zone", NULL, MMUB_CAUSE_COMPACTION },
	{ "migrate_misplaced_page", NULL, MMUB_CAUSE_NUMA_MIGRATION },
	{ "migrate_misplaced_folio", NULL, MMUB_CAUSE_NUMA_MIGRATION },
	{ "change_prot_numa", NULL, MMUB_CAUSE_NUMA_HINTING },
	{ "do_pages_move", NULL, MMUB_CAUSE_MOVE_PAGES },
	{ "kernel_move_pages", NULL, MMUB_CAUSE_MOVE_PAGES },
	{ "do_mbind", NULL, MMUB_CAUSE_MBIND },
	{ "kernel_mbind", NULL, MMUB_CAUSE_MBIND },
	{ "kernel_migrate_pages", NULL, MMUB_CAUSE_MIGRATE_PAGES },
	{ "cpuset_migrate_mm_workfn", NULL, MMUB_CAUSE_CPUSET },
	{ "offline_pages", NULL, MMUB_CAUSE_HOTPLUG },
	{ "alloc_contig_range", NULL, MMUB_CAUSE_CONTIG },
	{ "alloc_contig_range_noprof", NULL, MMUB_CAUSE_CONTIG },
	{ "migrate_longterm_unpinnable_pages", NULL, MMUB_CAUSE_LONGTERM_PIN },
	{ "migrate_longterm_unpinnable_folios", NULL, MMUB_CAUSE_LONGTERM_PIN },
	{ "check_and_migrate_movable_pages", NULL, MMUB_CAUSE_LONGTERM_PIN },
	{ "check_and_migrate_movable_folios", NULL, MMUB_CAUSE_LONGTERM_PIN },
	{ "migrate_pages", "shrink_folio_list", MMUB_CAUSE_DEMOTION },
	{ "demote_folio_list", NULL, MMUB_CAUSE_DEMOTION },
	{ "demote_page_list", NULL, MMUB_CAUSE_DEMOTION },
	{ "memory_failure", NULL, MMUB_CAUSE_MEMORY_FAILURE },
	{ "soft_offline_page", NULL, MMUB_CAUSE_MEMORY_FAILURE },
	{ "migrate_vma_setup", NULL, MMUB_CAUSE_DEVICE_MIGRATION },
	{ "migrate_vma_pages", NULL, MMUB_CAUSE_DEVICE_MIGRATION },
	{ "make_device_exclusive_range", NULL, MMUB_CAUSE_DEVICE_EXCLUSIVE },
	{ "make_device_exclusive", NULL, MMUB_CAUSE_DEVICE_EXCLUSIVE },

	/* mm/vmscan.c; DAMON and others call reclaim_pages() too. */
	{ "reclaim_pages", "do_madvise", MMUB_CAUSE_MADV_PAGEOUT },
	{ "reclaim_pages", "madvise_pageout", MMUB_CAUSE_MADV_PAGEOUT },
	{ "reclaim_pages", "madvise_vma_behavior", MMUB_CAUSE_MADV_PAGEOUT },
	{ "balance_pgdat", NULL, MMUB_CAUSE_RECLAIM },
	{ "kswapd", NULL, MMUB_CAUSE_RECLAIM },
	{ "do_try_to_free_pages", NULL, MMUB_CAUSE_RECLAIM_DIRECT },
	{ "node_reclaim", NULL, MMUB_CAUSE_RECLAIM_DIRECT },

	/* Files. */
	{ "vfs_fallocate", "do_madvise", MMUB_CAUSE_MADV_REMOVE },
	{ "vfs_fallocate", "madvise_vma_behavior", MMUB_CAUSE_MADV_REMOVE },
	{ "vfs_fallocate", "madvise_do_behavior", MMUB_CAUSE_MADV_REMOVE },
	{ "vfs_fallocate", "vector_madvise", MMUB_CAUSE_MADV_REMOVE },
	{ "vfs_fallocate", NULL, MMUB_CAUSE_HOLE_PUNCH },
	{ "truncate_pagecache", "vfs_fallocate", MMUB_CAUSE_HOLE_PUNCH },
	{ "truncate_pagecache", NULL, MMUB_CAUSE_TRUNCATE },
	{ "do_truncate", NULL, MMUB_CAUSE_TRUNCATE },
	{ "invalidate_inode_pages2_range", NULL, MMUB_CAUSE_FILE_INVALIDATE },
	/* A file that grows: its last page is made to fault again. */
	{ "folio_mkclean", "pagecache_isize_extended", MMUB_CAUSE_UNKNOWN },
	{ "folio_mkclean", NULL, MMUB_CAUSE_WRITEBACK },
	{ "pfn_mkclean_range", NULL, MMUB_CAUSE_WRITEBACK },

	/* fs/proc/task_mmu.c, fs/userfaultfd.c, kernel/events/uprobes.c */
	{ "clear_refs_write", NULL, MMUB_CAUSE_CLEAR_REFS },
	{ "do_pagemap_scan", NULL, MMUB_CAUSE_PAGEMAP_SCAN },
	{ "do_pagemap_cmd", NULL, MMUB_CAUSE_PAGEMAP_SCAN },
	{ "userfaultfd_ioctl", NULL, MMUB_CAUSE_USERFAULTFD },
	{ "uprobe_write_opcode", NULL, MMUB_CAUSE_UPROBE },
	{ "uprobe_write", NULL, MMUB_CAUSE_UPROBE },

	/* The end of the address space, or of its memory. */
	{ "exit_mmap", "begin_new_exec", MMUB_CAUSE_EXEC },
	{ "exit_mmap", "setup_new_exec", MMUB_CAUSE_EXEC },
	/* A file that held the mm, closed by the exit of another. */
	{ "exit_mmap", "__fput", MMUB_CAUSE_LAST_REFERENCE },
	{ "exit_mmap", "do_exit", MMUB_CAUSE_EXIT },
	{ "exit_mmap", NULL, MMUB_CAUSE_LAST_REFERENCE },
	{ "__oom_reap_task_mm", "oom_reaper", MMUB_CAUSE_OOM_REAPER },
	{ "__oom_reap_task_mm", "__do_sys_process_mrelease",
	  MMUB_CAUSE_PROCESS_MRELEASE },
	{ "__oom_reap_task_mm", "__x64_sys_process_mrelease",
	  MMUB_CAUSE_PROCESS_MRELEASE },
	{ "__oom_reap_task_mm", "__ia32_sys_process_mrelease",
	  MMUB_CAUSE_PROCESS_MRELEASE },

	/* mm/madvise.c, where it is not folded: see mmub_classify_madvise(). */
	{ "madvise_free_single_vma", NULL, MMUB_CAUSE_MADV_FREE },
	{ "madvise_guard_install", NULL, MMUB_CAUSE_MADV_GUARD },
	{ "madvise_dontneed_single_vma", NULL, MMUB_CAUSE_MADV_DONTNEED },
};

/* Leaving out the compiler's marks (.isra.0, .cold, ...), offset and module. */
static bool mmub_symbol_is(const char *symbol, const char *function)
{
	size_t length = strlen(function);

	return !strncmp(symbol, function, length) &&
	       (!symbol[length] || strchr(".+ ", symbol[length]));
}

static bool mmub_on_stack(const char *function, const char *const *symbols,
			  unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (mmub_symbol_is(symbols[i], function))
			return true;
	return false;
}

static const struct mmub_rule *mmub_rule_for(const char *const *symbols,
					     unsigned int nr)
{
	const struct mmub_rule *rule;

	for (rule = mmub_rules; rule < mmub_rules + ARRAY_SIZE(mmub_rules); rule++)
		if (mmub_symbol_is(symbols[0], rule->function) &&
		    (!rule->caller ||
		     mmub_on_stack(rule->caller, symbols + 1, nr - 1)))
			return rule;
	return NULL;
}

/*
 * Where the compiler has folded all of mm/madvise.c into do_madvise(), as it
 * does mostly, what it calls tells what it was asked for.
 */
static enum mmub_cause mmub_classify_madvise(const char *callee)
{
	if (mmub_symbol_is(callee, "zap_page_range_single") ||
	    mmub_symbol_is(callee, "zap_page_range_single_batched") ||
	    mmub_symbol_is(callee, "zap_page_range") ||
	    mmub_symbol_is(callee, "zap_vma_range_batched") ||
	    mmub_symbol_is(callee, "zap_vma_range"))
		return MMUB_CAUSE_MADV_DONTNEED;
	if (mmub_symbol_is(callee, "__mmu_notifier_invalidate_range_start"))
		return MMUB_CAUSE_MADV_FREE;
	return MMUB_CAUSE_UNKNOWN;
}

static bool mmub_is_madvise(const char *symbol)
{
	return mmub_symbol_is(symbol, "do_madvise") ||
	       mmub_symbol_is(symbol, "madvise_vma_behavior") ||
	       mmub_symbol_is(symbol, "madvise_dontneed_free");
}

/**
 * mmub_classify - the cause that a stack tells of
 * @symbols: the functions on it, the innermost first
 * @nr: how many they are
 *
 * Return: one of enum mmub_cause.
 */
enum mmub_cause mmub_classify(const char *const *symbols, unsigned int nr)
{
	const struct mmub_rule *rule;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		rule = mmub_rule_for(symbols + i, nr - i);
		if (rule)
			return rule->cause;
		if (i && mmub_is_madvise(symbols[i]))
			return mmub_classify_madvise(symbols[i - 1]);
	}
	return MMUB_CAUSE_UNKNOWN;
}
