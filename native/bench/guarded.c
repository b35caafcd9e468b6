// SPDX-License-Identifier: Apache-2.0
/*
 * What guards and shadowed pages cost the process that they are on, as it unmaps
 * memory: where they lie elsewhere, which is to cost nothing but the way down a
 * tree, and where they overlap. As in watched.c each value is of a process of its
 * own, and all take turns.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"

#define BATCHES		3
#define SUBSCRIPTION	4096	/* guards that one may have */
#define SUBSCRIPTIONS	3
#define SHADOWS		64	/* that one may have */
#define ELSEWHERE	200000	/* pages of addresses */

enum what { NOTHING, GUARDS, OVERLAPPING, SHADOWED };

static const struct load {
	const char *name;
	enum what what;
	unsigned int nr;	/* guards, or pages */
} loads[] = {
	{ "none", NOTHING, 0 },
	{ "guards-1", GUARDS, 1 },
	{ "guards-100", GUARDS, 100 },
	{ "guards-10000", GUARDS, 10000 },
	{ "overlapping-1", OVERLAPPING, 1 },
	{ "overlapping-100", OVERLAPPING, 100 },
	{ "overlapping-10000", OVERLAPPING, 10000 },
	{ "shadowed-1", SHADOWED, 1 },
	{ "shadowed-100", SHADOWED, 100 },
	{ "shadowed-10000", SHADOWED, 10000 },
	{ "shadowed-100000", SHADOWED, 100000 },
};

/* The places are reserved at the start: what is unmapped, and what is not. */
static struct operation operations[] = {
	{ "guarded-1", 256, 1, NULL, prepare_munmap, run_munmap },
	{ "guarded-64", 16, 64, NULL, prepare_munmap, run_munmap },
};

static char *elsewhere;

struct burden {
	struct watch watches[SUBSCRIPTIONS];
	struct mmub_guards guards[SUBSCRIPTIONS];
	unsigned int subscriptions;
	struct mmub_shadow shadows[SHADOWS];
	unsigned int nr_shadows;
};

static char *reserve(unsigned long pages)
{
	return ASSERT_OK(mmap(NULL, pages * PAGE, PROT_NONE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			      -1, 0));
}

static struct watch *subscribe(struct burden *burden, pid_t pid)
{
	struct watch *watch = &burden->watches[burden->subscriptions++];

	watch_open(watch, SUBSYSTEM, pid, 0);
	return watch;
}

/* One page each, with one between them; or each of all that is unmapped. */
static void add_guards(struct burden *burden, const struct operation *operation,
		       pid_t pid, bool overlapping, unsigned int nr)
{
	struct watch *watch = NULL;
	uint64_t start, size;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		if (i % SUBSCRIPTION == 0) {
			watch = subscribe(burden, pid);
			ASSERT_EQ(mmub_guards_open(watch->fd, SUBSCRIPTION,
				  &burden->guards[i / SUBSCRIPTION]), 0);
		}
		start = (uintptr_t)(overlapping ? operation->place :
						  elsewhere + 2 * i * PAGE);
		size = overlapping ? operation->count * operation->pages : 1;
		ASSERT_EQ(mmub_guard_add(watch->fd, start, start + size * PAGE,
					 0, 0), (int)(i % SUBSCRIPTION));
	}
}

/* In as many shadows as there may be. */
static void add_shadows(struct burden *burden, pid_t pid, unsigned int pages)
{
	unsigned int each = (pages + SHADOWS - 1) / SHADOWS;
	struct watch *watch = subscribe(burden, pid);
	struct mmub_shadow_refresh refreshed;
	struct mmub_shadow_add added;
	uint64_t start, end, all;
	int id;

	start = (uintptr_t)elsewhere;
	all = start + pages * PAGE;
	for (; start < all; start = end) {
		end = start + each * PAGE < all ? start + each * PAGE : all;
		id = mmub_shadow_add(watch->fd, MMUB_SHADOW_SNAPSHOT, start, end,
				     0, &added);
		ASSERT_GE(id, 0);
		ASSERT_EQ(mmub_shadow_map(watch->fd, &added, 0,
			  &burden->shadows[burden->nr_shadows++]), 0);
		ASSERT_EQ(mmub_shadow_refresh(watch->fd, id, start, end, 0,
					      &refreshed), 0);
		ASSERT_EQ(refreshed.present, (end - start) / PAGE);
	}
}

static void add_load(struct burden *burden, const struct operation *operation,
		     const struct load *load, pid_t pid)
{
	memset(burden, 0, sizeof(*burden));
	switch (load->what) {
	case NOTHING:
		subscribe(burden, pid);
		break;
	case GUARDS:
	case OVERLAPPING:
		add_guards(burden, operation, pid, load->what == OVERLAPPING,
			   load->nr);
		break;
	case SHADOWED:
		add_shadows(burden, pid, load->nr);
		break;
	}
}

/* Whether it did what it was there for; then away with it. */
static void end_load(struct burden *burden, const struct load *load)
{
	unsigned int i, stale = 0;

	for (i = 0; i < load->nr && load->what != SHADOWED; i++)
		stale += mmub_guard_value(&burden->guards[i / SUBSCRIPTION],
					  i % SUBSCRIPTION) != 2;
	if (load->what == OVERLAPPING)
		ASSERT_EQ(stale, load->nr);
	else if (stale)
		note("guards elsewhere were not all left alone");
	for (i = 0; i < burden->nr_shadows; i++)
		ASSERT_EQ(mmub_shadow_unmap(&burden->shadows[i]), 0);
	for (i = 0; i < burden->subscriptions; i++) {
		if (burden->guards[i].slots)
			ASSERT_EQ(mmub_guards_close(&burden->guards[i]), 0);
		watch_close(&burden->watches[i]);
	}
}

static void measure(const struct operation *operation, const struct load *load)
{
	struct operation some = *operation;
	uint64_t spent[BATCHES];
	struct burden burden;
	struct worker worker;
	char row[64];
	int i;

	/* Each is a visit of all of them. */
	if (load->what == OVERLAPPING)
		some.count /= 8;
	worker_start(&worker, &some, elsewhere,
		     load->what == SHADOWED ? load->nr : 0);
	/* What is shadowed is there after the first. */
	worker_batch(&worker);
	add_load(&burden, &some, load, worker.pid);
	worker_batch(&worker);
	for (i = 0; i < BATCHES; i++)
		spent[i] = worker_batch(&worker);
	end_load(&burden, load);
	worker_end(&worker);
	snprintf(row, sizeof(row), "%s-%s", operation->name, load->name);
	sample(row, (double)percentile(spent, BATCHES, 0.5) / some.count);
}

void bench_guarded(int samples)
{
	struct operation *operation;
	size_t turn, i;
	int round;

	elsewhere = reserve(ELSEWHERE);
	for (i = 0; i < ARRAY_SIZE(operations); i++) {
		operation = &operations[i];
		operation->place = reserve(operation->count * operation->pages);
	}
	for (round = 0; round < samples; round++)
		for (i = 0; i < ARRAY_SIZE(operations); i++)
			for (turn = 0; turn < ARRAY_SIZE(loads); turn++)
				measure(&operations[i], &loads[(round + turn) %
							       ARRAY_SIZE(loads)]);
}
