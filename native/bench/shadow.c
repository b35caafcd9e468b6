// SPDX-License-Identifier: Apache-2.0
/*
 * Looking pages up in a shadow: in a memfd in place of the module's pages; and,
 * with the module, beside /proc/self/pagemap.
 */
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"

#define PAGES		4096
#define PART		512	/* read from pagemap at once */
#define CHUNKS		(PAGES / 512)

#define PAGEMAP_PRESENT	(UINT64_C(1) << 63)
#define PAGEMAP_PFN	((UINT64_C(1) << 55) - 1)

static struct mmub_shadow shadow;
static uint64_t missing, sum;

/* All of them once, in an order that no prefetcher sees through. */
static uint32_t next_page(uint32_t page)
{
	return (page * 1229 + 1) % PAGES;
}

static void look_up(uint32_t page)
{
	struct mmub_shadow_entry entry;

	missing += !mmub_shadow_lookup(&shadow, shadow.start + page * PAGE,
				       &entry);
	sum += entry.pfn;
}

static void look_up_here_and_there(unsigned long count)
{
	uint32_t page = 0, i;

	while (count--) {
		for (i = 0; i < PAGES; i++) {
			look_up(page);
			page = next_page(page);
		}
	}
}

/* As many at a time as are read from pagemap. */
static void look_up_in_turn(unsigned long count)
{
	struct mmub_shadow_entry entries[PART];
	uint32_t page, i;

	while (count--) {
		for (page = 0; page < PAGES; page += PART) {
			missing += PART -
				mmub_shadow_lookup_pages(&shadow,
							 shadow.start + page * PAGE,
							 PART, entries);
			for (i = 0; i < PART; i++)
				sum += entries[i].pfn;
		}
	}
}

/* As the module lays it out: a page of header, chunks, state words; and PFNs. */
static void shadow_make(void)
{
	char *map = map_memfd(2 * PAGE + PAGES * sizeof(uint64_t));
	uint64_t *states = (uint64_t *)(map + 2 * PAGE);
	uint64_t *pfns = map_memfd(PAGES * sizeof(uint64_t));
	uint64_t *chunks = (uint64_t *)(map + PAGE);
	uint32_t i;

	for (i = 0; i < CHUNKS; i++)
		chunks[i] = 1;
	for (i = 0; i < PAGES; i++) {
		states[i] = 2 << MMUB_SHADOW_GENERATION | MMUB_SHADOW_PRESENT;
		pfns[i] = i + 1;
	}
	shadow.header = (struct mmub_shadow_header *)map;
	shadow.chunks = chunks;
	shadow.states = states;
	shadow.pfns = pfns;
	shadow.start = UINT64_C(1) << 40;
	shadow.end = shadow.start + PAGES * PAGE;
}

/* ---------------------------------------------------------------- pagemap */

static int pagemap;
static uint64_t mapped;	/* the first page */

static void read_pagemap(uint64_t *entries, uint32_t page, uint32_t pages)
{
	size_t size = pages * sizeof(*entries);

	ASSERT_EQ(pread(pagemap, entries, size,
			(mapped + page) * sizeof(*entries)),
		  (ssize_t)size);
}

static void read_here_and_there(unsigned long count)
{
	uint32_t page = 0, i;
	uint64_t entry;

	while (count--) {
		for (i = 0; i < PAGES; i++) {
			read_pagemap(&entry, page, 1);
			missing += !(entry & PAGEMAP_PRESENT);
			sum += entry & PAGEMAP_PFN;
			page = next_page(page);
		}
	}
}

static void read_in_turn(unsigned long count)
{
	uint64_t entries[PART];
	uint32_t page, i;

	while (count--) {
		for (page = 0; page < PAGES; page += PART) {
			read_pagemap(entries, page, PART);
			for (i = 0; i < PART; i++) {
				missing += !(entries[i] & PAGEMAP_PRESENT);
				sum += entries[i] & PAGEMAP_PFN;
			}
		}
	}
}

static char *pagemap_open(void)
{
	char *map;

	/* A page that NUMA balancing looks after comes and goes. */
	syscall(SYS_set_mempolicy, MPOL_LOCAL, NULL, 0);
	map = map_pages(NULL, PAGES);
	mapped = (uintptr_t)map / PAGE;
	pagemap = ASSERT_OK(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
	return map;
}

/* Of pages of this process; what is looked up is the shadow in the memfd. */
void bench_shadow(int samples)
{
	shadow_make();
	pagemap_open();
	sample_batches("shadow-lookup", samples, PAGES, look_up_here_and_there);
	ASSERT_EQ(missing, 0);
	sample_batches("pagemap-here-1", samples, PAGES, read_here_and_there);
	sample_batches("shadow-here-1", samples, PAGES, look_up_here_and_there);
	sample_batches("pagemap-here-512", samples, PAGES, read_in_turn);
	sample_batches("shadow-here-512", samples, PAGES, look_up_in_turn);
	ASSERT_NE(sum, 0);
	close(pagemap);
}

/* -------------------------------------------------------- with the module */

void bench_pagemap(int samples)
{
	struct mmub_shadow_refresh refreshed;
	struct mmub_shadow_add added;
	struct watch watch;
	uint64_t entry;
	uint32_t i;
	int id;

	entry = (uintptr_t)pagemap_open();
	watch_open(&watch, SUBSYSTEM, 0, 0);
	id = mmub_shadow_add(watch.fd, MMUB_SHADOW_SNAPSHOT, entry,
			     entry + PAGES * PAGE, 0, &added);
	ASSERT_GE(id, 0);
	ASSERT_EQ(mmub_shadow_map(watch.fd, &added, MMUB_SHADOW_MAP_PFNS,
				  &shadow), 0);
	ASSERT_EQ(mmub_shadow_refresh(watch.fd, id, shadow.start, shadow.end, 0,
				      &refreshed), 0);
	ASSERT_EQ(refreshed.present, PAGES);
	for (i = 0; i < PAGES; i++) {
		read_pagemap(&entry, i, 1);
		ASSERT_EQ(shadow.pfns[i], entry & PAGEMAP_PFN);
	}

	sample_batches("pagemap-1", samples, PAGES, read_here_and_there);
	sample_batches("shadow-1", samples, PAGES, look_up_here_and_there);
	sample_batches("pagemap-512", samples, PAGES, read_in_turn);
	sample_batches("shadow-512", samples, PAGES, look_up_in_turn);
	ASSERT_EQ(missing, 0);
	ASSERT_NE(sum, 0);

	close(pagemap);
	ASSERT_EQ(mmub_shadow_unmap(&shadow), 0);
	watch_close(&watch);
}
