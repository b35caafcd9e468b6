// SPDX-License-Identifier: Apache-2.0
/*
 * The check of a guard, beside the load that it is, in a memfd in place of the
 * module's pages; and, with the module, what it is to add and remove guards.
 */
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"

/* ------------------------------------------------------------- in a memfd */

#define CACHED	64

static struct mmub_guards guards;

/* What a user keeps beside what he has made: by hand, and with a guard. */
static struct by_hand {
	const __u64 *word;
	uint64_t value;
} by_hand[CACHED];

static struct guarded {
	uint32_t slot;
	uint64_t value;
} guarded[CACHED];

static void slots_make(void)
{
	struct mmub_guard *slots = map_memfd(CACHED * sizeof(*slots));
	uint32_t i;

	for (i = 0; i < CACHED; i++) {
		slots[i].word = 2 * (i + 1);
		by_hand[i] = (struct by_hand) { &slots[i].word, slots[i].word };
		guarded[i] = (struct guarded) { i, slots[i].word };
	}
	guards.slots = slots;
	guards.nr_slots = CACHED;
}

static void load_words(unsigned long count)
{
	const struct by_hand *entry;
	unsigned long valid = 0;

	while (count--)
		for (entry = by_hand; entry < by_hand + CACHED; entry++)
			valid += __atomic_load_n(entry->word, __ATOMIC_ACQUIRE) ==
				 entry->value;
	asm volatile("" : : "r"(valid));
}

static void check_guards(unsigned long count)
{
	const struct guarded *entry;
	unsigned long valid = 0;

	while (count--)
		for (entry = guarded; entry < guarded + CACHED; entry++)
			valid += mmub_guard_valid(&guards, entry->slot,
						  entry->value);
	asm volatile("" : : "r"(valid));
}

void bench_guard(int samples)
{
	slots_make();
	sample_batches("guard-load", samples, CACHED, load_words);
	sample_batches("guard-check-c", samples, CACHED, check_guards);
}

/* -------------------------------------------------------- with the module */

#define SLOTS	4096
#define BATCH	64
#define BATCHES	128

static struct watch watch;
static uint64_t addresses;	/* of nothing: a guard needs no memory */

static int add(uint32_t page)
{
	uint64_t start = addresses + 2 * page * PAGE;
	int slot = mmub_guard_add(watch.fd, start, start + PAGE, 0, 0);

	ASSERT_GE(slot, 0);
	return slot;
}

static void call_getppid(unsigned long count)
{
	while (count--)
		syscall(SYS_getppid);
}

static void add_and_remove(unsigned long count)
{
	while (count--)
		ASSERT_EQ(mmub_guard_remove(watch.fd, add(SLOTS)), 0);
}

/* Apart: a batch of the one, and then a batch of the other. */
static void sample_apart(int samples)
{
	uint64_t added, removed, begin;
	int slots[BATCH];
	int round, i, j;

	if (!wanted("guard-add") && !wanted("guard-remove"))
		return;
	for (round = 0; round <= samples; round++) {
		added = 0;
		removed = 0;
		for (i = 0; i < BATCHES; i++) {
			begin = now_ns();
			for (j = 0; j < BATCH; j++)
				slots[j] = add(j);
			added += now_ns() - begin;
			begin = now_ns();
			for (j = 0; j < BATCH; j++)
				ASSERT_EQ(mmub_guard_remove(watch.fd, slots[j]), 0);
			removed += now_ns() - begin;
		}
		if (!round)
			continue;
		sample("guard-add", (double)added / BATCHES / BATCH);
		sample("guard-remove", (double)removed / BATCHES / BATCH);
	}
}

static void sample_pairs(const char *row, int samples, uint32_t present)
{
	struct mmub_guards table;
	uint32_t i;

	if (!wanted(row))
		return;
	watch_open(&watch, SUBSYSTEM, 0, 0);
	ASSERT_EQ(mmub_guards_open(watch.fd, SLOTS, &table), 0);
	for (i = 0; i < present; i++)
		add(i);
	sample_batches(row, samples, 1, add_and_remove);
	ASSERT_EQ(mmub_guards_close(&table), 0);
	watch_close(&watch);
}

void bench_guards(int samples)
{
	struct mmub_guards table;

	addresses = (uintptr_t)ASSERT_OK(mmap(NULL, 2 * (SLOTS + 1) * PAGE,
					      PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
					      -1, 0));
	sample_batches("guard-getppid", samples, 1, call_getppid);
	watch_open(&watch, SUBSYSTEM, 0, 0);
	ASSERT_EQ(mmub_guards_open(watch.fd, SLOTS, &table), 0);
	sample_apart(samples);
	ASSERT_EQ(mmub_guards_close(&table), 0);
	watch_close(&watch);
	sample_pairs("guard-pair-0", samples, 0);
	sample_pairs("guard-pair-100", samples, 100);
	sample_pairs("guard-pair-1000", samples, 1000);
	sample_pairs("guard-pair-4000", samples, 4000);
}
