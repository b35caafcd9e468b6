// SPDX-License-Identifier: Apache-2.0
/* Subscriptions: naming a process, attaching to it, filtering, detaching. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

/*
 * A /proc/PID/mem without an mm behind it, of a kernel thread or of a process
 * that has exited, opens on older kernels, and reads as an end of file. With an
 * mm the read fails: no user address is that high.
 */
#define MEM_PROBE_OFFSET	((off64_t)1 << 62)

static int mem_open(pid_t pid, int mode)
{
	char path[32];
	char byte;
	int fd;

	if (pid <= 0)
		return -ESRCH;
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, mode | O_CLOEXEC);
	if (fd < 0) {
		if (errno != ENOENT)
			return -errno;
		return access("/proc/self", F_OK) ? -ENOENT : -ESRCH;
	}
	if (!pread64(fd, &byte, 1, MEM_PROBE_OFFSET)) {
		close(fd);
		return -ESRCH;
	}
	return fd;
}

int mmub_mem_open(pid_t pid)
{
	return mem_open(pid, O_RDONLY);
}

int mmub_mem_open_writable(pid_t pid)
{
	return mem_open(pid, O_RDWR);
}

/* The process of a pidfd: its pid here, -ESRCH if it is gone, -EBADF if none. */
static pid_t pidfd_pid(int pidfd)
{
	char path[64], line[128];
	pid_t pid = -EBADF;
	FILE *file;

	if (pidfd < 0)
		return -EBADF;
	/* Not self: the thread that leads the group may have exited. */
	snprintf(path, sizeof(path), "/proc/thread-self/fdinfo/%d", pidfd);
	file = fopen(path, "re");
	if (!file) {
		if (errno != ENOENT)
			return -errno;
		return access("/proc/self", F_OK) ? -ENOENT : -EBADF;
	}
	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, "Pid:", 4))
			continue;
		pid = strtol(line + 4, NULL, 10);
		/* -1: reaped; 0: in no pid namespace that is seen from here. */
		if (pid <= 0)
			pid = -ESRCH;
		break;
	}
	fclose(file);
	return pid;
}

static int mem_open_pidfd(int pidfd, int mode)
{
	pid_t pid = pidfd_pid(pidfd);
	int fd;

	if (pid < 0)
		return pid;
	fd = mem_open(pid, mode);
	if (fd < 0)
		return fd;
	/* A pid is used again only after its process has been reaped. */
	pid = pidfd_pid(pidfd);
	if (pid < 0) {
		close(fd);
		return pid;
	}
	return fd;
}

int mmub_mem_open_pidfd(int pidfd)
{
	return mem_open_pidfd(pidfd, O_RDONLY);
}

int mmub_mem_open_pidfd_writable(int pidfd)
{
	return mem_open_pidfd(pidfd, O_RDWR);
}

int mmub_attach(int fd, const char *subsystem, int mem_fd, uint64_t timeout_ns,
		struct mmub_attach *result)
{
	struct mmub_attach arg = { .mem_fd = mem_fd };
	uint64_t begin = clock_ns();
	size_t length = strlen(subsystem);
	int ret;

	if (length >= sizeof(arg.subsystem))
		return -ENAMETOOLONG;
	memcpy(arg.subsystem, subsystem, length);

	/*
	 * A pending signal makes the kernel give up before it has done anything;
	 * its handler has run by the time that ioctl() returns.
	 */
	do {
		ret = ioctl_errno(fd, MMUB_IOC_ATTACH, &arg);
	} while (ret == -EINTR &&
		 (!timeout_ns || clock_ns() - begin < timeout_ns));
	if (!ret && result)
		*result = arg;
	return ret;
}

int mmub_detach(int fd)
{
	struct mmub_detach arg = { 0 };

	return ioctl_errno(fd, MMUB_IOC_DETACH, &arg);
}

int mmub_filter_set(int fd, uint64_t types, const struct mmub_range *ranges,
		    uint32_t nr_ranges)
{
	struct mmub_filter arg = {
		.nr_ranges = nr_ranges,
		.types = types,
		.ranges = (uintptr_t)ranges,
	};

	return ioctl_errno(fd, MMUB_IOC_FILTER_SET, &arg);
}
