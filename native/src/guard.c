// SPDX-License-Identifier: Apache-2.0
/* Guards: making and mapping their slots, and waiting for one. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "internal.h"

/* What a child is to find in place of the slots: as large, and all odd. */
static struct mmub_guard *map_odd(size_t size)
{
	struct mmub_guard *odd;
	size_t i;

	odd = mmap(NULL, size, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (odd == MAP_FAILED) {
		/* What shmem says where it has no memory for an inode. */
		if (errno == ENOSPC)
			errno = ENOMEM;
		return odd;
	}
	for (i = 0; i < size / sizeof(*odd); i++)
		odd[i].word = UINT64_MAX;
	mprotect(odd, size, PROT_READ);
	return odd;
}

int mmub_guards_open(int fd, uint32_t slots, struct mmub_guards *guards)
{
	struct mmub_guard_setup setup = { .slots = slots };
	void *map, *odd;
	int ret;

	memset(guards, 0, sizeof(*guards));
	ret = ioctl_errno(fd, MMUB_IOC_GUARD_SETUP, &setup);
	if (ret)
		return ret;
	map = map_shared(fd, MMUB_MAP_GUARDS, PROT_READ, setup.size);
	if (map == MAP_FAILED)
		return -errno;
	odd = map_odd(setup.size);
	if (odd == MAP_FAILED) {
		ret = -errno;
		goto unmap;
	}
	ret = stand_in_add(map, setup.size, odd);
	if (ret)
		goto unmap_odd;
	guards->slots = map;
	guards->nr_slots = slots;
	guards->size = setup.size;
	return 0;

unmap_odd:
	munmap(odd, setup.size);
unmap:
	munmap(map, setup.size);
	return ret;
}

int mmub_guards_close(struct mmub_guards *guards)
{
	int ret = 0;

	if (guards->slots)
		ret = stand_in_remove(guards->slots, guards->size);
	memset(guards, 0, sizeof(*guards));
	return ret;
}

int mmub_guards_retire(const struct mmub_guards *guards)
{
	return stand_in_use(guards->slots);
}

int mmub_guard_add(int fd, uint64_t start, uint64_t end, uint64_t ignore,
		   uint32_t flags)
{
	struct mmub_guard_add arg = {
		.flags = flags,
		.start = start,
		.end = end,
		.ignore = ignore,
	};
	int ret = ioctl_errno(fd, MMUB_IOC_GUARD_ADD, &arg);

	return ret ? ret : (int)arg.slot;
}

int mmub_guard_remove(int fd, uint32_t slot)
{
	struct mmub_guard_remove arg = { .slot = slot };

	return ioctl_errno(fd, MMUB_IOC_GUARD_REMOVE, &arg);
}

int mmub_guard_wait(const struct mmub_guards *guards, uint32_t slot,
		    int64_t timeout_ns, uint64_t *value)
{
	uint64_t begin = timeout_ns > 0 ? clock_ns() : 0;
	struct timespec pause = { .tv_nsec = 1000 };

	for (;;) {
		*value = mmub_guard_value(guards, slot);
		if (mmub_guard_is_even(*value))
			return 0;
		if (*value & MMUB_GUARD_ENDED)
			return -ESHUTDOWN;
		if (!timeout_ns || (timeout_ns > 0 &&
				    clock_ns() - begin >= (uint64_t)timeout_ns))
			return -ETIMEDOUT;
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < 500000)
			pause.tv_nsec *= 2;
	}
}

int mmub_guard_event(int fd, uint32_t slot, uint64_t value,
		     struct mmub_record *record)
{
	struct mmub_guard_event arg = { .slot = slot };
	int ret = ioctl_errno(fd, MMUB_IOC_GUARD_EVENT, &arg);

	if (ret)
		return ret;
	*record = arg.record;
	return arg.word - value > 2;
}
