// SPDX-License-Identifier: Apache-2.0
/* Shadows: making, mapping and refreshing them, and accesses through them. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "internal.h"

int mmub_shadow_add(int fd, uint32_t mode, uint64_t start, uint64_t end,
		    uint64_t timeout_ns, struct mmub_shadow_add *result)
{
	struct mmub_shadow_add arg = {
		.mode = mode,
		.start = start,
		.end = end,
	};
	uint64_t begin = clock_ns();
	int ret;

	/* As with ATTACH: a signal came first, and nothing has been done. */
	do {
		ret = ioctl_errno(fd, MMUB_IOC_SHADOW_ADD, &arg);
	} while (ret == -EINTR &&
		 (!timeout_ns || clock_ns() - begin < timeout_ns));
	if (ret)
		return ret;
	*result = arg;
	return arg.shadow_id;
}

int mmub_shadow_remove(int fd, uint32_t shadow_id)
{
	struct mmub_shadow_remove arg = { .shadow_id = shadow_id };

	return ioctl_errno(fd, MMUB_IOC_SHADOW_REMOVE, &arg);
}

/* A child finds pages of zeroes: no entry is present. */
static const void *map_shadow(int fd, uint64_t offset, size_t size)
{
	void *map, *zeroes;
	int ret;

	map = mmap64(NULL, size, PROT_READ, MAP_SHARED, fd, offset);
	if (map == MAP_FAILED)
		return MAP_FAILED;
	zeroes = mmap(NULL, size, PROT_READ,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (zeroes == MAP_FAILED) {
		ret = errno;
		munmap(map, size);
		errno = ret;
		return MAP_FAILED;
	}
	ret = stand_in_add(map, size, zeroes);
	if (ret) {
		munmap(zeroes, size);
		munmap(map, size);
		errno = -ret;
		return MAP_FAILED;
	}
	return map;
}

int mmub_shadow_map(int fd, const struct mmub_shadow_add *added, uint32_t flags,
		    struct mmub_shadow *shadow)
{
	const void *map;
	int ret;

	memset(shadow, 0, sizeof(*shadow));
	if (flags & ~MMUB_SHADOW_MAP_PFNS)
		return -EINVAL;
	map = map_shadow(fd, added->state_offset, added->state_size);
	if (map == MAP_FAILED)
		return -errno;
	shadow->header = map;
	shadow->state_size = added->state_size;
	shadow->start = shadow->header->start;
	shadow->end = shadow->header->end;
	shadow->chunks = map + shadow->header->chunks_offset;
	shadow->states = map + shadow->header->states_offset;
	if (!(flags & MMUB_SHADOW_MAP_PFNS))
		return 0;

	map = map_shadow(fd, added->pfn_offset, added->pfn_size);
	if (map == MAP_FAILED) {
		ret = -errno;
		mmub_shadow_unmap(shadow);
		return ret;
	}
	shadow->pfns = map;
	shadow->pfn_size = added->pfn_size;
	return 0;
}

int mmub_shadow_unmap(struct mmub_shadow *shadow)
{
	int ret = 0, error;

	if (shadow->header)
		ret = stand_in_remove(shadow->header, shadow->state_size);
	if (shadow->pfns) {
		error = stand_in_remove(shadow->pfns, shadow->pfn_size);
		if (!ret)
			ret = error;
	}
	memset(shadow, 0, sizeof(*shadow));
	return ret;
}

int mmub_shadow_retire(const struct mmub_shadow *shadow)
{
	int ret = 0, error;

	if (shadow->header)
		ret = stand_in_use(shadow->header);
	if (shadow->pfns) {
		error = stand_in_use(shadow->pfns);
		if (!ret)
			ret = error;
	}
	return ret;
}

int mmub_shadow_refresh(int fd, uint32_t shadow_id, uint64_t start, uint64_t end,
			uint32_t flags, struct mmub_shadow_refresh *result)
{
	struct mmub_shadow_refresh arg = {
		.flags = flags,
		.shadow_id = shadow_id,
		.start = start,
		.end = end,
	};
	int ret = ioctl_errno(fd, MMUB_IOC_SHADOW_REFRESH, &arg);

	if (!ret && result)
		*result = arg;
	return ret;
}

static int64_t do_access(int fd, unsigned long request, uint64_t addr,
			 const void *buffer, size_t size)
{
	struct mmub_access arg = {
		.addr = addr,
		.size = size,
		.buffer = (uintptr_t)buffer,
	};
	int ret = ioctl_errno(fd, request, &arg);

	return ret ? ret : (int64_t)arg.size;
}

int64_t mmub_shadow_read(int fd, uint64_t addr, void *buffer, size_t size)
{
	return do_access(fd, MMUB_IOC_READ, addr, buffer, size);
}

int64_t mmub_shadow_write(int fd, uint64_t addr, const void *buffer, size_t size)
{
	return do_access(fd, MMUB_IOC_WRITE, addr, buffer, size);
}
