// SPDX-License-Identifier: Apache-2.0
/* The device: opening it, and what works on any open descriptor. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

const char *mmub_version(void)
{
	return MMUB_VERSION;
}

uint64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * UINT64_C(1000000000) + now.tv_nsec;
}

int ioctl_errno(int fd, unsigned long request, void *arg)
{
	int ret = ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

int mmub_open(const char *path)
{
	struct mmub_info info;
	int fd, ret;

	fd = open(path ? path : MMUB_DEVICE, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = mmub_info(fd, &info);
	if (!ret && (info.abi_version != MMUB_ABI_VERSION ||
		     info.record_size != sizeof(struct mmub_record)))
		ret = -EPROTO;
	if (ret) {
		close(fd);
		return ret;
	}
	return fd;
}

int mmub_info(int fd, struct mmub_info *info)
{
	memset(info, 0, sizeof(*info));
	return ioctl_errno(fd, MMUB_IOC_INFO, info);
}

int mmub_stats(int fd, struct mmub_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	return ioctl_errno(fd, MMUB_IOC_STATS, stats);
}

int mmub_synchronize(int fd, uint64_t timeout_ns)
{
	struct mmub_synchronize arg = { .timeout_ns = timeout_ns };

	return ioctl_errno(fd, MMUB_IOC_SYNCHRONIZE, &arg);
}
