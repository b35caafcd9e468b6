// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guards.h"

void guards_open(struct watch *watch, uint32_t slots, struct mmub_guards *guards)
{
	int ret = mmub_guards_open(watch->fd, slots, guards);

	if (ret)
		FAIL("mmub_guards_open(%u): %s", slots, strerror(-ret));
}

void guards_close(struct watch *watch, struct mmub_guards *guards)
{
	watch_close(watch);
	ASSERT_EQ(mmub_guards_close(guards), 0);
}

void guarded_open(struct guarded *g, uint32_t slots)
{
	watch_ring_flags = MMUB_RING_CAUSE;
	scene_open(&g->scene);
	guards_open(&g->scene.watch, slots, &g->guards);
}

void guarded_close(struct guarded *g)
{
	guards_close(&g->scene.watch, &g->guards);
	subject_end(&g->scene.subject);
}

uint32_t guard_add_ignoring(const struct watch *watch, uint64_t start,
			    uint64_t end, uint64_t ignore)
{
	int slot = mmub_guard_add(watch->fd, start, end, ignore,
				  MMUB_GUARD_CAUSE);

	if (slot < 0)
		FAIL("mmub_guard_add(0x%lx, 0x%lx): %s", start, end,
		     strerror(-slot));
	return slot;
}

uint32_t guard_add(const struct watch *watch, uint64_t start, uint64_t end)
{
	return guard_add_ignoring(watch, start, end, 0);
}

void guard_remove(const struct watch *watch, const struct mmub_guards *guards,
		  uint32_t slot)
{
	uint64_t value = mmub_guard_value(guards, slot);

	ASSERT_EQ(mmub_guard_remove(watch->fd, slot), 0);
	ASSERT_TRUE(!mmub_guard_valid(guards, slot, value));
	ASSERT_TRUE(!mmub_guard_is_even(mmub_guard_value(guards, slot)));
	ASSERT_GE(mmub_guard_value(guards, slot), value);
}

uint64_t guard_even(const struct mmub_guards *guards, uint32_t slot)
{
	uint64_t value;

	if (mmub_guard_wait(guards, slot, test_deadline() - now_ns(), &value))
		FAIL("guard %u is 0x%lx and never even", slot, value);
	ASSERT_TRUE(mmub_guard_is_even(value));
	ASSERT_GE(value, 2);
	return value;
}

void guard_stale(const struct watch *watch, const struct mmub_guards *guards,
		 uint32_t slot, uint64_t value, enum mmub_type type, int cause,
		 struct mmub_record *record)
{
	uint64_t word;
	int ret;

	ASSERT_TRUE(!mmub_guard_valid(guards, slot, value));
	word = mmub_guard_value(guards, slot);
	ASSERT_GT(word, value);

	ret = mmub_guard_event(watch->fd, slot, value, record);
	if (ret < 0)
		FAIL("mmub_guard_event: %s", strerror(-ret));
	ASSERT_LE(ret, 1);
	if (word <= value + 2)
		ASSERT_EQ(ret, 0);
	else
		ASSERT_EQ(ret, 1);
	ASSERT_EQ(guards->slots[slot].event_seq, record->seq);
	ASSERT_GT(record->seq, 0);
	ASSERT_EQ(record->n, 0);
	if (record->type != type) {
		note_record(record);
		FAIL("not %s", mmub_type_name(type));
	}
	if (cause >= 0) {
		ret = mmub_cause(watch->fd, record->stack_id);
		ASSERT_GE(ret, 0);
		ASSERT_STREQ(mmub_cause_name(ret), mmub_cause_name(cause));
	}
}

void guard_nameless(const struct watch *watch, const struct mmub_guards *guards,
		    uint32_t slot)
{
	struct mmub_record record;

	ASSERT_EQ(guards->slots[slot].event_seq, 0);
	ASSERT_EQ(mmub_guard_event(watch->fd, slot, 0, &record), -ENODATA);
}

char *map_written(size_t size)
{
	char *p = ASSERT_OK(mmap(NULL, size, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

	memset(p, 1, size);
	return p;
}

bool child_reads(const void *address, void *to, size_t size)
{
	int ends[2];
	pid_t pid;
	ssize_t got;

	ASSERT_OK(pipe(ends));
	pid = test_fork();
	if (!pid) {
		/* What a process cannot read, write() does not. */
		if (write(ends[1], address, size) < 0)
			ASSERT_EQ(errno, EFAULT);
		_exit(0);
	}
	close(ends[1]);
	got = ASSERT_OK(read(ends[0], to, size));
	close(ends[0]);
	test_reap(pid);
	ASSERT_TRUE(!got || got == (ssize_t)size);
	return got;
}
