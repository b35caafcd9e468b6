// SPDX-License-Identifier: Apache-2.0
/*
 * Linked to test-cause: guards and shadows of all that its subjects have mapped,
 * before each command of each test, while what comes of it is held open, and
 * after; so that there is no cause that they are not seen under. And of whatever
 * others do meanwhile: khugepaged, ksmd, compaction.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guards.h"
#include "holds.h"
#include "shadows.h"

#define SHADOWS_MAX	32
#define GUARDS_MAX	1024
#define GUARDS_OF_ONE	32	/* mapping */
#define TOUCHED_MAX	16384

static const enum mmub_hold_point points[] = {
	MMUB_HOLD_STARTED, MMUB_HOLD_ENDING, MMUB_HOLD_RELEASED,
};

struct held_guard {
	uint64_t start, end;
	uint64_t value;		/* even */
	uint32_t slot;
};

/* What a subject has mapped: from before a command to before the next. */
static struct {
	pid_t pid;		/* 0: nobody is looked at */
	struct mmub_range of;	/* what of it */
	bool is_held;		/* what comes of it */
	struct watch watch;
	struct shadow shadows[SHADOWS_MAX];
	unsigned int shadows_count;
	struct mmub_guards guards;
	struct held_guard guard[GUARDS_MAX];
	unsigned int guards_count;

	/* Who holds callbacks, and looks; nobody else does while it runs. */
	pthread_t holder;
	bool running;
	int over;		/* eventfd: it is to end */
	int holds[ARRAY_SIZE(points)];

	/* What the ring has told since the guards had their values. */
	struct mmub_record touched[TOUCHED_MAX];
	unsigned int touched_count;
	bool all_touched;	/* it lost something, or this is full */
	uint64_t lost;		/* events, before that */
	bool released;

	unsigned int held[ARRAY_SIZE(points)];
	unsigned int odd;	/* guards seen so in a callback */
	unsigned int absent;	/* pages of shadows, likewise */
} all;

/* Of a whole test. */
static struct compared compared_sum;
static uint64_t dropped_sum, stale_sum, valid_sum, held_sum;

static bool overlaps(uint64_t start, uint64_t end, uint64_t other_start,
		     uint64_t other_end)
{
	return start < other_end && other_start < end;
}

static bool guard_is_valid(const struct held_guard *guard)
{
	return mmub_guard_valid(&all.guards, guard->slot, guard->value);
}

static uint64_t ring_lost(void)
{
	return __atomic_load_n(&all.watch.ring.header->lost, __ATOMIC_ACQUIRE);
}

/* Take in what the ring has. What it has lost last, no record tells of yet. */
static void read_ring(void)
{
	struct mmub_record record;

	while (watch_next(&all.watch, &record)) {
		if (record.phase == MMUB_PHASE_RELEASE)
			all.released = true;
		else if (record.phase != MMUB_PHASE_START ||
			 all.touched_count == TOUCHED_MAX)
			all.all_touched = true;
		else
			all.touched[all.touched_count++] = record;
	}
	if (ring_lost() != all.lost)
		all.all_touched = true;
}

/* The first event that the guard is of, or NULL. */
static const struct mmub_record *touched_by(const struct held_guard *guard)
{
	unsigned int i;

	for (i = 0; i < all.touched_count; i++)
		if (overlaps(guard->start, guard->end, all.touched[i].start,
			     all.touched[i].end))
			return &all.touched[i];
	return NULL;
}

/* --------------------------------------------------------- while it is held */

static void look_at_start(const char *when, struct mmub_range range)
{
	struct mmub_record record;
	unsigned int i;

	for (i = 0; i < all.guards_count; i++) {
		struct held_guard *guard = &all.guard[i];

		if (!overlaps(guard->start, guard->end, range.start, range.end))
			continue;
		if (mmub_guard_is_even(mmub_guard_value(&all.guards, guard->slot)))
			FAIL("%s: the guard of 0x%lx-0x%lx is even", when,
			     guard->start, guard->end);
		ASSERT_GE(mmub_guard_event(all.watch.fd, guard->slot,
					   guard->value, &record), 0);
		ASSERT_TRUE(overlaps(guard->start, guard->end, record.start,
				     record.end));
		all.odd++;
	}
	for (i = 0; i < all.shadows_count; i++) {
		const struct shadow *shadow = &all.shadows[i];
		uint64_t addr = shadow->map.start, end = shadow->map.end;

		if (addr < range.start)
			addr = range.start & -PAGE;
		if (end > range.end)
			end = range.end;
		for (; addr < end; addr += PAGE) {
			if (shadow_has(shadow, addr))
				FAIL("%s: the shadow has 0x%lx", when, addr);
			all.absent++;
		}
	}
}

static void look_at_release(void)
{
	unsigned int i;

	for (i = 0; i < all.guards_count; i++) {
		uint64_t word = mmub_guard_value(&all.guards,
						 all.guard[i].slot);

		ASSERT_TRUE(!mmub_guard_is_even(word));
		ASSERT_TRUE(word & MMUB_GUARD_ENDED);
		all.odd++;
	}
	for (i = 0; i < all.shadows_count; i++)
		ASSERT_EQ(shadow_present(&all.shadows[i]), 0);
}

static void look(unsigned int which)
{
	switch (points[which]) {
	case MMUB_HOLD_STARTED:
		look_at_start("held behind its start",
			      hold_look(all.holds[which]));
		break;
	case MMUB_HOLD_ENDING:
		look_at_start("held before its end",
			      hold_look(all.holds[which]));
		break;
	case MMUB_HOLD_RELEASED:
		look_at_release();
		break;
	}
	all.held[which]++;
	/* It has not room for all that some do. */
	read_ring();
}

static void arm(unsigned int which)
{
	hold_arm(all.holds[which], &all.watch, points[which], all.of.start,
		 all.of.end);
}

static void *hold_and_look(void *unused)
{
	struct pollfd p[ARRAY_SIZE(points) + 1];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(points); i++)
		p[i] = (struct pollfd){ .fd = all.holds[i], .events = POLLIN };
	p[i] = (struct pollfd){ .fd = all.over, .events = POLLIN };
	do {
		/* Stopped and continued, as a whole, it is interrupted. */
		while (poll(p, ARRAY_SIZE(p), -1) < 0)
			ASSERT_EQ(errno, EINTR);
		for (i = 0; i < ARRAY_SIZE(points); i++) {
			if (!p[i].revents)
				continue;
			look(i);
			hold_release(all.holds[i]);
			arm(i);
		}
	} while (!p[i].revents);
	/* Closed, they let go of what they hold. */
	for (i = 0; i < ARRAY_SIZE(points); i++)
		close(all.holds[i]);
	return unused;
}

static void holder_start(void)
{
	unsigned int i;

	all.over = ASSERT_OK(eventfd(0, EFD_CLOEXEC));
	for (i = 0; i < ARRAY_SIZE(points); i++) {
		all.holds[i] = hold_open();
		arm(i);
	}
	ASSERT_EQ(pthread_create(&all.holder, NULL, hold_and_look, NULL), 0);
	all.running = true;
}

static void holder_end(void)
{
	if (!all.running)
		return;
	ASSERT_OK(eventfd_write(all.over, 1));
	ASSERT_EQ(pthread_join(all.holder, NULL), 0);
	ASSERT_OK(close(all.over));
	all.running = false;
}

/* --------------------------------------------------------- before and after */

/* Of a guard that no event is of. */
static bool stays_valid(const struct held_guard *guard)
{
	struct mmub_record record;

	if (guard_is_valid(guard))
		return true;
	/*
	 * An event has come in between. It is in the ring shortly after it is seen:
	 * when who made it has let go of the space's lock, which this takes.
	 */
	ASSERT_GE(mmub_guard_event(all.watch.fd, guard->slot, guard->value,
				   &record), 0);
	read_ring();
	return all.released || all.all_touched || touched_by(guard);
}

static void guards_check(const char *when)
{
	const struct mmub_record *first;
	struct mmub_record record;
	unsigned int i;
	int ret;

	read_ring();
	for (i = 0; i < all.guards_count; i++) {
		struct held_guard *guard = &all.guard[i];

		first = touched_by(guard);
		if (!first && !all.released) {
			if (!all.all_touched && !stays_valid(guard))
				FAIL("%s: the guard of 0x%lx-0x%lx is stale without an event",
				     when, guard->start, guard->end);
			continue;
		}
		if (guard_is_valid(guard))
			FAIL("%s: the guard of 0x%lx-0x%lx is valid", when,
			     guard->start, guard->end);
		if (!first)
			continue;
		ret = mmub_guard_event(all.watch.fd, guard->slot, guard->value,
				       &record);
		ASSERT_GE(ret, 0);
		/* The first one stays named, until the guard is even again. */
		if (!ret && !all.all_touched)
			ASSERT_EQ(record.seq, first->seq);
	}
}

static void shadows_compare(const char *when)
{
	unsigned int i;

	for (i = 0; i < all.shadows_count; i++) {
		shadow_compare(&all.shadows[i], &compared_sum);
		if (compared_sum.mismatched ||
		    all.shadows[i].map.header->mismatched)
			FAIL("%s: the shadow of 0x%lx disagrees with pagemap",
			     when, all.shadows[i].map.start);
	}
}

/* Who has exited, or executed, has no pages to be up to date with. */
static void shadows_refresh(const char *when)
{
	struct mmub_shadow_refresh result;
	unsigned int i;
	int ret;

	for (i = 0; i < all.shadows_count; i++) {
		struct shadow *shadow = &all.shadows[i];

		ret = mmub_shadow_refresh(shadow->fd, shadow->added.shadow_id,
					  shadow->map.start, shadow->map.end, 0,
					  &result);
		if (ret == -ESRCH)
			return;
		if (ret)
			FAIL("%s: mmub_shadow_refresh: %s", when, strerror(-ret));
		if (result.mismatched)
			FAIL("%s: %llu entries were changed without an event",
			     when, result.mismatched);
	}
}

static void check(const char *when)
{
	if (!all.pid)
		return;
	guards_check(when);
	shadows_compare(when);
	shadows_refresh(when);
	shadows_compare(when);
}

/* A row of what came of a command, if anything did. */
static void note_held(void)
{
	unsigned int i, stale = 0;
	uint64_t dropped = 0;

	for (i = 0; i < all.guards_count; i++)
		stale += !guard_is_valid(&all.guard[i]);
	for (i = 0; i < all.shadows_count; i++)
		dropped += all.shadows[i].map.header->dropped;
	for (i = 0; i < ARRAY_SIZE(points); i++)
		held_sum += all.held[i];
	stale_sum += stale;
	valid_sum += all.guards_count - stale;
	dropped_sum += dropped;
	if (all.touched_count || all.released)
		test_note("    held %u starts, %u ends, %u releases: %u guards odd, %u pages absent; after: %u of %u guards stale, %lu entries dropped",
			  all.held[0], all.held[1], all.held[2], all.odd,
			  all.absent, stale, all.guards_count, dropped);
}

static void all_close(void)
{
	unsigned int i;

	if (!all.pid)
		return;
	note_held();
	guards_close(&all.watch, &all.guards);
	for (i = 0; i < all.shadows_count; i++) {
		ASSERT_EQ(shadow_present(&all.shadows[i]), 0);
		shadow_close(&all.shadows[i]);
	}
	memset(&all, 0, sizeof(all));
}

static void guard_mapping(uint64_t start, uint64_t end)
{
	uint64_t pages = (end - start) / PAGE;
	uint64_t step = (pages + GUARDS_OF_ONE - 1) / GUARDS_OF_ONE * PAGE;

	for (; start < end && all.guards_count < GUARDS_MAX; start += step) {
		struct held_guard *guard = &all.guard[all.guards_count++];

		guard->start = start;
		guard->end = start + step < end ? start + step : end;
		guard->slot = guard_add(&all.watch, guard->start, guard->end);
	}
}

/* From a moment on at which all were even, and the ring was empty. */
static void guards_begin(void)
{
	unsigned int i;

	do {
		read_ring();
		all.touched_count = 0;
		all.all_touched = false;
		all.lost = ring_lost();
		for (i = 0; i < all.guards_count && !all.released; i++)
			all.guard[i].value = guard_even(&all.guards,
							all.guard[i].slot);
		read_ring();
	} while ((all.touched_count || all.all_touched) && !all.released);
}

static void all_open(pid_t pid, uint64_t from, uint64_t to)
{
	unsigned long start, end;
	char path[64], line[512];
	FILE *maps;
	int mem;

	mem = mmub_mem_open(pid);
	if (mem == -ESRCH)
		return;
	watch_open_fd(&all.watch, "oracle", mem, 4096);
	close(mem);
	all.pid = pid;
	all.of = (struct mmub_range){ from, to };
	guards_open(&all.watch, GUARDS_MAX, &all.guards);

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	maps = fopen(path, "re");
	if (!maps)
		FAIL("%s: %m", path);
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx", &start, &end) != 2 ||
		    start < all.of.start || end > all.of.end ||
		    all.shadows_count == SHADOWS_MAX)
			continue;
		shadow_open(&all.shadows[all.shadows_count++], &all.watch, pid,
			    MMUB_SHADOW_SNAPSHOT, start, end);
		guard_mapping(start, end);
	}
	fclose(maps);
	guards_begin();
}

#define COMPACT_UNEVICTABLE	"/proc/sys/vm/compact_unevictable_allowed"

static void __attribute__((constructor)) settings(void)
{
	keep_setting(COMPACT_UNEVICTABLE);
}

/*
 * Who holds a callback needs his own memory. A page of his that is being migrated
 * he would wait for, and that may be one that is held, by whom he holds: a child
 * has most of its pages from him. Locked, they are his alone, and stay.
 */
static void stay_in_memory(void)
{
	static bool done;

	if (done)
		return;
	ASSERT_OK(mlockall(MCL_CURRENT | MCL_FUTURE));
	write_file(COMPACT_UNEVICTABLE, "0");
	done = true;
}

/* Of what went on since the last command, the kernel's threads may be the cause. */
static void begin(pid_t pid, uint64_t from, uint64_t to, bool held)
{
	stay_in_memory();
	holder_end();
	check("before a command");
	all_close();
	all_open(pid, from, to);
	shadows_refresh("a new shadow");
	all.is_held = held;
	if (all.pid && held)
		holder_start();
}

static void end(const char *when)
{
	if (!all.pid)
		return;
	holder_end();
	check(when);
	if (all.is_held)
		holder_start();
}

static void finish(void)
{
	holder_end();
	check("at the end");
	all_close();
	test_note("shadows: %lu entries compared, %lu dropped, %lu mismatched; guards: %lu stale, %lu valid",
		  compared_sum.entries, dropped_sum, compared_sum.mismatched,
		  stale_sum, valid_sum);
	/* Else nothing was looked at while it was in flight. */
	if (stale_sum + valid_sum)
		ASSERT_GT(held_sum, 0);
}

void scene_before(struct scene *scene)
{
	begin(scene->subject.pid, ARENA_BASE, ARENA_END, true);
}

void scene_after(struct scene *scene)
{
	/*
	 * Who exits, and has said with what status, may do so by himself: whoever
	 * looks at his memory might be the last, and the cause another.
	 */
	if (!strstr(scene->subject.reply, "\"status\":"))
		end(scene->subject.reply);
}

void scene_end(struct scene *scene)
{
	(void)scene;
	finish();
}

/* ------------------------------------------ a child that does it to itself */

/* Its requests, and its parent's replies: a byte each. */
static int ends[2];

#define REQUEST_HELD	'h'
#define REQUEST_UNHELD	'u'
#define REQUEST_AFTER	'a'

void self_fork(void)
{
	ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
}

void self_parent(int pid)
{
	char request;

	close(ends[1]);
	while (ASSERT_OK(read(ends[0], &request, 1))) {
		if (request == REQUEST_AFTER)
			end("after what it did to itself");
		else
			begin(pid, 0, UINT64_C(1) << 47,
			      request == REQUEST_HELD);
		ASSERT_EQ(write(ends[0], &request, 1), 1);
	}
	close(ends[0]);
	finish();
}

static void self_request(char request)
{
	ASSERT_EQ(write(ends[1], &request, 1), 1);
	ASSERT_EQ(read(ends[1], &request, 1), 1);
}

void self_before(bool held)
{
	/* Its fork has left it that as well. */
	if (ends[0] >= 0)
		close(ends[0]);
	ends[0] = -1;
	self_request(held ? REQUEST_HELD : REQUEST_UNHELD);
}

void self_after(void)
{
	self_request(REQUEST_AFTER);
}
