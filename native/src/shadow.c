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

/*
 * Of pages of one chunk. No page makes a branch here: they would be most of the
 * work.
 */
static inline size_t lookup_in_chunk(const struct mmub_shadow *shadow,
				     const uint64_t *dropped,
				     const uint64_t *states,
				     const uint64_t *pfns, size_t pages,
				     struct mmub_shadow_entry *entries)
{
	const uint64_t noise = MMUB_SHADOW_ACCESSED | MMUB_SHADOW_DIRTY;
	const uint64_t present = MMUB_SHADOW_PRESENT;
	uint64_t before = __atomic_load_n(dropped, __ATOMIC_ACQUIRE);
	uint64_t state, again, now, there;
	size_t i, found = 0;

	for (i = 0; i < pages; i++) {
		/* As mmub_shadow_lookup() and mmub_shadow_valid() do. */
		state = __atomic_load_n(&states[i], __ATOMIC_ACQUIRE);
		entries[i].pfn = pfns ?
			__atomic_load_n(&pfns[i], __ATOMIC_ACQUIRE) : 0;
		again = __atomic_load_n(&states[i], __ATOMIC_RELAXED);
		there = !((state ^ again) & ~noise) &
			(state >> MMUB_SHADOW_GENERATION > before) &
			!!(state & present);
		entries[i].state = (state & ~present) | (there ? present : 0);
		found += there;
	}

	/*
	 * All of the chunk may have been dropped, and what was a PFN be a newer
	 * one. The word does but grow, unless it is that of a stand-in by now: then
	 * the header, read after it, is too, and there is nothing any more.
	 */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	now = __atomic_load_n(dropped, __ATOMIC_ACQUIRE);
	if (!__atomic_load_n(&shadow->header->end, __ATOMIC_RELAXED))
		now = UINT64_MAX;
	if (now == before)
		return found;
	for (i = 0; i < pages; i++) {
		if (!(entries[i].state & present) ||
		    entries[i].state >> MMUB_SHADOW_GENERATION > now)
			continue;
		entries[i].state &= ~present;
		found--;
	}
	return found;
}

size_t mmub_shadow_lookup_pages(const struct mmub_shadow *shadow, uint64_t addr,
				size_t pages, struct mmub_shadow_entry *entries)
{
	const uint64_t chunk_pages = 1 << (MMUB_SHADOW_CHUNK_SHIFT - 12);
	const uint64_t *chunk = shadow->chunks +
		((addr >> MMUB_SHADOW_CHUNK_SHIFT) -
		 (shadow->start >> MMUB_SHADOW_CHUNK_SHIFT));
	uint64_t index = (addr - shadow->start) >> 12;
	uint64_t part = chunk_pages - (addr >> 12) % chunk_pages;
	size_t found = 0;

	for (; pages; part = chunk_pages) {
		if (part > pages)
			part = pages;
		found += shadow->pfns ?
			lookup_in_chunk(shadow, chunk, shadow->states + index,
					shadow->pfns + index, part, entries) :
			lookup_in_chunk(shadow, chunk, shadow->states + index,
					NULL, part, entries);
		chunk++;
		entries += part;
		index += part;
		pages -= part;
	}
	return found;
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
