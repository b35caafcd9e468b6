// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "shadows.h"

/* Documentation/admin-guide/mm/pagemap.rst */
#define PAGEMAP_PRESENT	(UINT64_C(1) << 63)
#define PAGEMAP_PFN	((UINT64_C(1) << 55) - 1)

void shadow_open(struct shadow *shadow, const struct watch *watch, pid_t pid,
		 enum mmub_shadow_mode mode, uint64_t start, uint64_t end)
{
	char path[64];
	int ret;

	memset(shadow, 0, sizeof(*shadow));
	shadow->fd = watch->fd;
	ret = mmub_shadow_add(watch->fd, mode, start, end, 0, &shadow->added);
	if (ret < 0)
		FAIL("mmub_shadow_add(0x%lx, 0x%lx): %s", start, end,
		     strerror(-ret));
	ret = mmub_shadow_map(watch->fd, &shadow->added, MMUB_SHADOW_MAP_PFNS,
			      &shadow->map);
	if (ret)
		FAIL("mmub_shadow_map: %s", strerror(-ret));
	snprintf(path, sizeof(path), "/proc/%d/pagemap", pid ? pid : getpid());
	shadow->pagemap = ASSERT_OK(open(path, O_RDONLY | O_CLOEXEC));
}

void shadow_close(struct shadow *shadow)
{
	ASSERT_EQ(mmub_shadow_unmap(&shadow->map), 0);
	ASSERT_OK(close(shadow->pagemap));
}

void shadow_refresh(struct shadow *shadow, struct mmub_shadow_refresh *result)
{
	struct mmub_shadow_refresh own;
	int ret;

	if (!result)
		result = &own;
	ret = mmub_shadow_refresh(shadow->fd, shadow->added.shadow_id,
				  shadow->map.start, shadow->map.end, 0, result);
	if (ret)
		FAIL("mmub_shadow_refresh: %s", strerror(-ret));
	ASSERT_EQ(result->mismatched, 0);
	ASSERT_EQ(result->busy, 0);
}

bool shadow_has(const struct shadow *shadow, uint64_t addr)
{
	struct mmub_shadow_entry entry;

	return mmub_shadow_lookup(&shadow->map, addr, &entry);
}

uint64_t shadow_bits(const struct shadow *shadow, uint64_t addr, uint64_t mask)
{
	struct mmub_shadow_entry entry;

	if (!mmub_shadow_lookup(&shadow->map, addr, &entry))
		FAIL("0x%lx is not present: 0x%lx", addr, entry.state);
	return entry.state & mask;
}

uint64_t shadow_present(const struct shadow *shadow)
{
	uint64_t addr, present = 0;

	for (addr = shadow->map.start; addr < shadow->map.end; addr += PAGE)
		present += shadow_has(shadow, addr);
	return present;
}

/*
 * munmap() takes the mapping away, lets go of mmap_lock for writing, and only then
 * invalidates the range and clears the page table. Meanwhile pagemap, which goes by
 * mappings, has nothing to say of a page that is there still. So where it says
 * nothing at all, the entry is right if the invalidation comes.
 */
static bool invalidated_soon(const struct shadow *shadow, uint64_t page,
			     const struct mmub_shadow_entry *entry)
{
	/* Early enough to tell of it. */
	uint64_t end = test_deadline() - 10 * UINT64_C(1000000000);

	while (mmub_shadow_valid(&shadow->map, page, entry)) {
		if (now_ns() > end)
			return false;
		sched_yield();
	}
	return true;
}

static void compare_part(const struct shadow *shadow, uint64_t addr,
			 unsigned int pages, struct compared *sum)
{
	struct mmub_shadow_entry entries[512];
	uint64_t pagemap[512] = { 0 };
	bool present[512];
	size_t found = 0;
	unsigned int i;
	ssize_t got;

	/* By turns as users do who want one, and who want many. */
	if ((addr / PAGE / 512 + sum->rounds) % 2) {
		for (i = 0; i < pages; i++)
			present[i] = mmub_shadow_lookup(&shadow->map,
							addr + i * PAGE,
							&entries[i]);
	} else {
		found = mmub_shadow_lookup_pages(&shadow->map, addr, pages,
						 entries);
		for (i = 0; i < pages; i++) {
			present[i] = entries[i].state & MMUB_SHADOW_PRESENT;
			found -= present[i];
		}
		ASSERT_EQ(found, 0);
	}
	got = ASSERT_OK(pread(shadow->pagemap, pagemap, pages * 8,
			      addr / PAGE * 8));
	/*
	 * The last user of the mm has gone: pagemap has no opinion, and the
	 * release, which ends the entries, may be yet to come.
	 */
	if (!got)
		return;
	ASSERT_EQ(got, pages * 8L);
	for (i = 0; i < pages; i++) {
		uint64_t page = addr + i * PAGE;
		bool there = pagemap[i] & PAGEMAP_PRESENT;
		uint64_t pfn = pagemap[i] & PAGEMAP_PFN;

		if (!present[i]) {
			sum->missing += there;
		} else if (!mmub_shadow_valid(&shadow->map, page, &entries[i])) {
			sum->changed++;
		} else if (there && pfn == entries[i].pfn) {
			sum->entries++;
		} else if (!pagemap[i] &&
			   invalidated_soon(shadow, page, &entries[i])) {
			sum->changed++;
		} else {
			test_note("0x%lx: state 0x%lx pfn 0x%lx, pagemap 0x%lx",
				  page, entries[i].state, entries[i].pfn,
				  pagemap[i]);
			if (shadow_explain)
				shadow_explain(shadow, page);
			sum->mismatched++;
		}
	}
}

void shadow_compare(const struct shadow *shadow, struct compared *sum)
{
	uint64_t addr = shadow->map.start;
	uint64_t pages;

	sum->rounds++;
	while (addr < shadow->map.end) {
		pages = (shadow->map.end - addr) / PAGE;
		if (pages > 512)
			pages = 512;
		compare_part(shadow, addr, pages, sum);
		addr += pages * PAGE;
	}
}

void shadow_agrees(const struct shadow *shadow, const char *when)
{
	struct compared sum = { 0 };

	shadow_compare(shadow, &sum);
	if (sum.mismatched || shadow->map.header->mismatched)
		FAIL("%s: %lu mismatched, the module says %llu", when,
		     sum.mismatched, shadow->map.header->mismatched);
}

void shadow_exact(const struct shadow *shadow, const char *when)
{
	struct compared sum = { 0 };

	shadow_compare(shadow, &sum);
	if (sum.mismatched || sum.missing || sum.changed ||
	    sum.entries != shadow->map.header->present)
		FAIL("%s: %lu mismatched, %lu missing, %lu changed, %lu entries, the module says %llu",
		     when, sum.mismatched, sum.missing, sum.changed,
		     sum.entries, shadow->map.header->present);
}
