// SPDX-License-Identifier: Apache-2.0
/* Names for the numbers of a record. */
#include <linux/audit.h>

#include "internal.h"

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

/* <asm/unistd_x32.h> has it, beside numbers that <asm/unistd_64.h> redefines. */
#define X32_SYSCALL_BIT		0x40000000

static const char *const phases[] = {
	[MMUB_PHASE_START]	= "start",
	[MMUB_PHASE_RELEASE]	= "release",
	[MMUB_PHASE_EXEC]	= "exec",
	[MMUB_PHASE_LOST]	= "lost",
	[MMUB_PHASE_DETACHED]	= "detached",
};

static const char *const types[] = {
	[MMUB_TYPE_UNMAP]		= "UNMAP",
	[MMUB_TYPE_CLEAR]		= "CLEAR",
	[MMUB_TYPE_PROTECTION_VMA]	= "PROTECTION_VMA",
	[MMUB_TYPE_PROTECTION_PAGE]	= "PROTECTION_PAGE",
	[MMUB_TYPE_SOFT_DIRTY]		= "SOFT_DIRTY",
	[MMUB_TYPE_RELEASE]		= "RELEASE",
	[MMUB_TYPE_MIGRATE]		= "MIGRATE",
	[MMUB_TYPE_EXCLUSIVE]		= "EXCLUSIVE",
	[MMUB_TYPE_OTHER]		= "OTHER",
};

_Static_assert(ARRAY_SIZE(types) == MMUB_TYPE_COUNT, "a type has no name");

static const char *const entries[] = {
	[MMUB_ENTRY_UNKNOWN]		= "unknown",
	[MMUB_ENTRY_SYSCALL]		= "syscall",
	[MMUB_ENTRY_EXCEPTION]		= "exception",
	[MMUB_ENTRY_KTHREAD]		= "kthread",
	[MMUB_ENTRY_USER_WORKER]	= "user_worker",
	[MMUB_ENTRY_EXIT]		= "exit",
};

static const char *const causes[] = {
	[MMUB_CAUSE_UNKNOWN]			= "unknown",
	[MMUB_CAUSE_MUNMAP]			= "munmap",
	[MMUB_CAUSE_MMAP]			= "mmap",
	[MMUB_CAUSE_BRK]			= "brk",
	[MMUB_CAUSE_MREMAP]			= "mremap",
	[MMUB_CAUSE_SHMDT]			= "shmdt",
	[MMUB_CAUSE_MPROTECT]			= "mprotect",
	[MMUB_CAUSE_MADV_DONTNEED]		= "madv_dontneed",
	[MMUB_CAUSE_MADV_FREE]			= "madv_free",
	[MMUB_CAUSE_MADV_PAGEOUT]		= "madv_pageout",
	[MMUB_CAUSE_MADV_COLLAPSE]		= "madv_collapse",
	[MMUB_CAUSE_MADV_REMOVE]		= "madv_remove",
	[MMUB_CAUSE_MADV_GUARD]			= "madv_guard",
	[MMUB_CAUSE_FORK]			= "fork",
	[MMUB_CAUSE_COW]			= "cow",
	[MMUB_CAUSE_KHUGEPAGED]			= "khugepaged",
	[MMUB_CAUSE_THP_SPLIT]			= "thp_split",
	[MMUB_CAUSE_KSM_MERGE]			= "ksm_merge",
	[MMUB_CAUSE_KSM_UNMERGE]		= "ksm_unmerge",
	[MMUB_CAUSE_MOVE_PAGES]			= "move_pages",
	[MMUB_CAUSE_MBIND]			= "mbind",
	[MMUB_CAUSE_MIGRATE_PAGES]		= "migrate_pages",
	[MMUB_CAUSE_CPUSET]			= "cpuset",
	[MMUB_CAUSE_HOTPLUG]			= "hotplug",
	[MMUB_CAUSE_CONTIG]			= "contig",
	[MMUB_CAUSE_LONGTERM_PIN]		= "longterm_pin",
	[MMUB_CAUSE_DEMOTION]			= "demotion",
	[MMUB_CAUSE_COMPACTION]			= "compaction",
	[MMUB_CAUSE_NUMA_HINTING]		= "numa_hinting",
	[MMUB_CAUSE_NUMA_MIGRATION]		= "numa_migration",
	[MMUB_CAUSE_RECLAIM]			= "reclaim",
	[MMUB_CAUSE_RECLAIM_DIRECT]		= "reclaim_direct",
	[MMUB_CAUSE_TRUNCATE]			= "truncate",
	[MMUB_CAUSE_HOLE_PUNCH]			= "hole_punch",
	[MMUB_CAUSE_FILE_INVALIDATE]		= "file_invalidate",
	[MMUB_CAUSE_WRITEBACK]			= "writeback",
	[MMUB_CAUSE_CLEAR_REFS]			= "clear_refs",
	[MMUB_CAUSE_PAGEMAP_SCAN]		= "pagemap_scan",
	[MMUB_CAUSE_USERFAULTFD]		= "userfaultfd",
	[MMUB_CAUSE_UPROBE]			= "uprobe",
	[MMUB_CAUSE_MEMORY_FAILURE]		= "memory_failure",
	[MMUB_CAUSE_DEVICE_MIGRATION]		= "device_migration",
	[MMUB_CAUSE_DEVICE_EXCLUSIVE]		= "device_exclusive",
	[MMUB_CAUSE_EXEC]			= "exec",
	[MMUB_CAUSE_EXIT]			= "exit",
	[MMUB_CAUSE_LAST_REFERENCE]		= "last_reference",
	[MMUB_CAUSE_OOM_REAPER]			= "oom_reaper",
	[MMUB_CAUSE_PROCESS_MRELEASE]		= "process_mrelease",
};

_Static_assert(ARRAY_SIZE(causes) == MMUB_CAUSE_COUNT, "a cause has no name");

static const char *const syscalls_64[] = {
#include "syscalls_64.h"
};

static const char *const syscalls_x32[] = {
#include "syscalls_x32.h"
};

static const char *const syscalls_32[] = {
#include "syscalls_32.h"
};

/* The name at @index of @count @names, NULL if there is none. */
static const char *name_at(const char *const *names, size_t count,
			   uint32_t index)
{
	return index < count ? names[index] : NULL;
}

const char *mmub_phase_name(uint32_t phase)
{
	return name_at(phases, ARRAY_SIZE(phases), phase);
}

const char *mmub_type_name(uint32_t type)
{
	return name_at(types, ARRAY_SIZE(types), type);
}

const char *mmub_entry_name(uint32_t entry)
{
	return name_at(entries, ARRAY_SIZE(entries), entry);
}

const char *mmub_cause_name(uint32_t cause)
{
	return name_at(causes, ARRAY_SIZE(causes), cause);
}

const char *mmub_syscall_name(uint32_t arch, int32_t nr)
{
	uint32_t index = nr;

	if (arch == AUDIT_ARCH_I386)
		return name_at(syscalls_32, ARRAY_SIZE(syscalls_32), index);
	if (arch != AUDIT_ARCH_X86_64)
		return NULL;
	if (!(index & X32_SYSCALL_BIT))
		return name_at(syscalls_64, ARRAY_SIZE(syscalls_64), index);
	index &= ~X32_SYSCALL_BIT;
	return name_at(syscalls_x32, ARRAY_SIZE(syscalls_x32), index);
}
