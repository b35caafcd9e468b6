// SPDX-License-Identifier: Apache-2.0
/*
 * Why a process's memory was not to be opened: the checks of the kernel's
 * __ptrace_may_access(), cap_ptrace_access_check() and Yama, gone through again
 * in their order with what /proc tells. The kernel decided before; where it
 * knows more (which user namespace is whose child, PR_SET_PTRACER), this is a
 * guess, and is worded as one.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

#define PF_KTHREAD	0x00200000	/* <linux/sched.h>; in /proc/PID/stat */

enum { REAL, EFFECTIVE, SAVED, FS, IDS };

/* What /proc/PID/status says of a process. */
struct status {
	char name[32];
	char state;
	pid_t tgid;
	pid_t ppid;
	unsigned int uid[IDS];
	unsigned int gid[IDS];
	uint64_t permitted;
	uint64_t effective;
};

/* The answer while it is being found. */
struct answer {
	char *text;
	size_t size;
};

static int __attribute__((format(printf, 3, 4)))
say(const struct answer *answer, enum mmub_refusal rule, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (answer->size)
		vsnprintf(answer->text, answer->size, format, args);
	va_end(args);
	return rule;
}

/* Read the file of a process into @buffer as a string; false if it has none. */
static bool read_proc(const char *who, const char *file, char *buffer,
		      size_t size)
{
	size_t length = 0;
	char path[64];
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/%s", who, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	while (length < size - 1) {
		got = read(fd, buffer + length, size - 1 - length);
		if (got <= 0)
			break;
		length += got;
	}
	close(fd);
	buffer[length] = '\0';
	return length > 0;
}

static bool read_ids(const char *line, unsigned int ids[IDS])
{
	return sscanf(line, "%u %u %u %u", &ids[REAL], &ids[EFFECTIVE],
		      &ids[SAVED], &ids[FS]) == IDS;
}

static bool status_line(struct status *status, const char *key,
			const char *value)
{
	if (!strcmp(key, "Name"))
		snprintf(status->name, sizeof(status->name), "%s", value);
	else if (!strcmp(key, "State"))
		status->state = *value;
	else if (!strcmp(key, "Tgid"))
		status->tgid = strtol(value, NULL, 10);
	else if (!strcmp(key, "PPid"))
		status->ppid = strtol(value, NULL, 10);
	else if (!strcmp(key, "Uid"))
		return read_ids(value, status->uid);
	else if (!strcmp(key, "Gid"))
		return read_ids(value, status->gid);
	else if (!strcmp(key, "CapPrm"))
		status->permitted = strtoull(value, NULL, 16);
	else if (!strcmp(key, "CapEff"))
		status->effective = strtoull(value, NULL, 16);
	return true;
}

static bool read_status(const char *who, struct status *status)
{
	char *line = NULL, *value;
	size_t size = 0;
	bool good = true;
	char path[64];
	FILE *file;

	memset(status, 0, sizeof(*status));
	snprintf(path, sizeof(path), "/proc/%s/status", who);
	file = fopen(path, "re");
	if (!file)
		return false;
	while (good && getline(&line, &size, file) > 0) {
		line[strcspn(line, "\n")] = '\0';
		value = strchr(line, ':');
		if (!value)
			continue;
		*value++ = '\0';
		value += strspn(value, " \t");
		good = status_line(status, line, value);
	}
	free(line);
	fclose(file);
	return good && status->tgid > 0;
}

static bool has_cap(const struct status *status, int cap)
{
	return status->effective >> cap & 1;
}

static bool is_kthread(const char *who)
{
	char buffer[1024];
	unsigned int flags;
	char *rest;

	if (!read_proc(who, "stat", buffer, sizeof(buffer)))
		return false;
	/* The name, in parentheses, may hold any character. */
	rest = strrchr(buffer, ')');
	if (!rest || sscanf(rest, ") %*c %*d %*d %*d %*d %*d %u", &flags) != 1)
		return false;
	return flags & PF_KTHREAD;
}

/*
 * Whether the process's user namespace differs from the caller's. Its link is
 * no more readable than its memory; its map of uids is, and differs.
 */
static bool in_other_userns(const char *who)
{
	char mine[4096], its[4096];

	return read_proc("thread-self", "uid_map", mine, sizeof(mine)) &&
	       read_proc(who, "uid_map", its, sizeof(its)) && strcmp(mine, its);
}

/* Whether the caller is in the initial user namespace, above every other. */
static bool in_initial_userns(void)
{
	char map[4096];
	unsigned int inside, outside, count;

	return read_proc("thread-self", "uid_map", map, sizeof(map)) &&
	       sscanf(map, "%u %u %u", &inside, &outside, &count) == 3 &&
	       !inside && !outside && count == 4294967295U;
}

static bool all_ids(const unsigned int ids[IDS], unsigned int id)
{
	return ids[REAL] == id && ids[EFFECTIVE] == id && ids[SAVED] == id;
}

/*
 * The owner of /proc/PID/mem is the process's effective ids, or root's if it is
 * not dumpable; of a process of root the two cannot be told apart.
 */
static bool is_undumpable(const char *who, const struct status *target)
{
	struct stat st;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%s/mem", who);
	if (stat(path, &st))
		return false;
	return st.st_uid != target->uid[EFFECTIVE] ||
	       st.st_gid != target->gid[EFFECTIVE];
}

static bool is_descendant(const struct status *target, pid_t ancestor)
{
	struct status status = *target;
	char who[16];
	int depth;

	/* Bounded: processes come and go while the chain is walked. */
	for (depth = 0; depth < 4096 && status.ppid > 0; depth++) {
		if (status.ppid == ancestor)
			return true;
		snprintf(who, sizeof(who), "%d", status.ppid);
		if (!read_status(who, &status))
			break;
	}
	return false;
}

static int yama_scope(void)
{
	char buffer[16];

	if (!read_proc("sys", "kernel/yama/ptrace_scope", buffer,
		       sizeof(buffer)))
		return 0;
	return atoi(buffer);
}

static int explain_hidden(const struct answer *answer, pid_t pid)
{
	if (pid > 0 && (!kill(pid, 0) || errno == EPERM))
		return say(answer, MMUB_REFUSAL_GONE,
			   "process %d exists, but /proc hides it from uid %u (hidepid)",
			   pid, geteuid());
	return say(answer, MMUB_REFUSAL_GONE, "there is no process %d", pid);
}

static int explain_uid(const struct answer *answer, pid_t pid,
		       const struct status *target, const struct status *self,
		       const char *lacks)
{
	return say(answer, MMUB_REFUSAL_UID,
		   "process %d (%s) has real, effective and saved uid %u/%u/%u and gid %u/%u/%u, the caller is uid %u gid %u and has no %s%s",
		   pid, target->name, target->uid[REAL], target->uid[EFFECTIVE],
		   target->uid[SAVED], target->gid[REAL],
		   target->gid[EFFECTIVE], target->gid[SAVED], self->uid[FS],
		   self->gid[FS], lacks,
		   strchr(lacks, ' ') ? "" : " in its user namespace");
}

static int explain_yama(const struct answer *answer, pid_t pid,
			const struct status *target, const struct status *self,
			bool may_ptrace)
{
	int scope = yama_scope();

	if (scope == 1 && !may_ptrace && !is_descendant(target, self->tgid))
		return say(answer, MMUB_REFUSAL_YAMA,
			   "kernel.yama.ptrace_scope is 1: process %d (%s) is no descendant of the caller (%d) and has not named it by PR_SET_PTRACER, and the caller has no CAP_SYS_PTRACE",
			   pid, target->name, self->tgid);
	if (scope == 2 && !may_ptrace)
		return say(answer, MMUB_REFUSAL_YAMA,
			   "kernel.yama.ptrace_scope is 2: only a caller with CAP_SYS_PTRACE may attach to process %d (%s)",
			   pid, target->name);
	if (scope == 3)
		return say(answer, MMUB_REFUSAL_YAMA,
			   "kernel.yama.ptrace_scope is 3: nobody may attach to process %d (%s), and only a reboot undoes that",
			   pid, target->name);
	return MMUB_REFUSAL_NONE;
}

int mmub_refusal(pid_t pid, char *text, size_t size)
{
	const struct answer answer = { .text = text, .size = size };
	bool may_ptrace, elsewhere;
	struct status target, self;
	char who[16];
	int fd, rule;

	if (size)
		text[0] = '\0';
	fd = mmub_mem_open(pid);
	if (fd >= 0) {
		close(fd);
		return say(&answer, MMUB_REFUSAL_NONE,
			   "process %d may be attached to", pid);
	}

	snprintf(who, sizeof(who), "%d", pid);
	if (pid <= 0 || !read_status(who, &target))
		return explain_hidden(&answer, pid);
	if (is_kthread(who))
		return say(&answer, MMUB_REFUSAL_KTHREAD,
			   "process %d (%s) is a kernel thread and has no memory of its own",
			   pid, target.name);
	if (target.state == 'Z' || target.state == 'X')
		return say(&answer, MMUB_REFUSAL_GONE,
			   "process %d (%s) has exited and waits for its parent %d",
			   pid, target.name, target.ppid);
	if (!read_status("thread-self", &self))
		return say(&answer, MMUB_REFUSAL_LSM,
			   "process %d (%s): %s, and /proc does not tell why",
			   pid, target.name, strerrordesc_np(-fd));

	elsewhere = in_other_userns(who);
	may_ptrace = has_cap(&self, CAP_SYS_PTRACE) &&
		     (!elsewhere || in_initial_userns());

	if (!all_ids(target.uid, self.uid[FS]) ||
	    !all_ids(target.gid, self.gid[FS])) {
		if (!may_ptrace)
			return explain_uid(&answer, pid, &target, &self,
					   "CAP_SYS_PTRACE");
		/* Then the mode of /proc/PID/mem, 0600, is in the way. */
		if (!has_cap(&self, CAP_DAC_OVERRIDE) &&
		    !has_cap(&self, CAP_DAC_READ_SEARCH))
			return explain_uid(&answer, pid, &target, &self,
					   "CAP_DAC_OVERRIDE beside its CAP_SYS_PTRACE");
	}
	if (is_undumpable(who, &target) && !may_ptrace)
		return say(&answer, MMUB_REFUSAL_DUMPABLE,
			   "process %d (%s) is not dumpable (it ran a set-uid or unreadable program, changed its ids, or called PR_SET_DUMPABLE), and the caller has no CAP_SYS_PTRACE in the user namespace of its memory",
			   pid, target.name);
	if (elsewhere && !may_ptrace)
		return say(&answer, MMUB_REFUSAL_CAPS,
			   "process %d (%s) is in another user namespace, and the caller has no CAP_SYS_PTRACE there",
			   pid, target.name);
	if ((target.permitted & ~self.effective) && !may_ptrace)
		return say(&answer, MMUB_REFUSAL_CAPS,
			   "process %d (%s) has capabilities 0x%llx that the caller lacks, and the caller has no CAP_SYS_PTRACE",
			   pid, target.name,
			   (unsigned long long)(target.permitted &
						~self.effective));
	rule = explain_yama(&answer, pid, &target, &self, may_ptrace);
	if (rule)
		return rule;
	return say(&answer, MMUB_REFUSAL_LSM,
		   "process %d (%s): %s; neither ids, capabilities nor Yama forbid it: a security module or seccomp does",
		   pid, target.name, strerrordesc_np(-fd));
}

const char *mmub_shadow_refusal(int error)
{
	switch (-error) {
	case EACCES:
		return "the memory may only be read: its /proc/PID/mem was not open for writing when it was attached to, or the page is not writable and the shadow's mode does not make it so";
	case EEXIST:
		return "the subscription has a shadow that overlaps this range";
	case EINVAL:
		return "a shadow's range consists of whole pages below the end of the address space, a part of it lies within it, and the mode is one of enum mmub_shadow_mode";
	case EMLINK:
		return "all subscriptions of this subsystem to this process shadow as many pages as they may (the module's parameter shadow_pages_per_space)";
	case ENOBUFS:
		return "a shadow takes 17 bytes of locked memory for each page, and RLIMIT_MEMLOCK of the user is spent";
	case ENODATA:
		return "there is no page, or the shadow's mode does not fault it in";
	case ENOENT:
		return "there is no shadow of this number, or it has been removed";
	case ENOSPC:
		return "the subscription has as many shadows, or as many pages in them, as it may (the module's parameters shadows_per_subscription and shadow_pages_per_subscription)";
	case ENXIO:
		return "no shadow of the subscription has this address, or there is none of this number";
	case EOPNOTSUPP:
		return "this kernel is built without hmm_range_fault() (CONFIG_HMM_MIRROR)";
	case EPERM:
		return "PFNs are only for who had CAP_SYS_ADMIN in the initial user namespace when he opened the device";
	case ESRCH:
		return "the process has exited or executed another program";
	default:
		return NULL;
	}
}
