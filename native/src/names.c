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
