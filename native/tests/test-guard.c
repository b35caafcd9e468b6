// SPDX-License-Identifier: Apache-2.0
/*
 * Guards: once a call that changed a guarded range has returned, the guard says
 * so, whoever has made the call; and it says what the call was. What is in
 * flight is looked at in test-hold.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guards.h"

#define HUGE		(512 * PAGE)

#define THP		"/sys/kernel/mm/transparent_hugepage/"
#define KHUGEPAGED	THP "khugepaged/"
#define KSM		"/sys/kernel/mm/ksm/"

static void __attribute__((constructor)) settings(void)
{
	keep_setting(THP "enabled");
	keep_setting(KHUGEPAGED "scan_sleep_millisecs");
	keep_setting(KHUGEPAGED "alloc_sleep_millisecs");
	keep_setting(KHUGEPAGED "pages_to_scan");
	keep_setting(KSM "run");
	keep_setting(KSM "sleep_millisecs");
	keep_setting(KSM "pages_to_scan");
}

/* ---------------------------------------------------------------- the table */

TEST(slots)
{
	struct mmub_guards guards;
	uint64_t value;
	struct watch w;
	uint32_t i;
	char *p;

	p = map_written(PAGE);
	watch_open(&w, "guard", 0, 64);
	guards_open(&w, 300, &guards);
	ASSERT_EQ(guards.nr_slots, 300);
	ASSERT_EQ(guards.size, 2 * PAGE);
	/* No slot that has no guard says that anything is valid. */
	for (i = 0; i < guards.size / sizeof(struct mmub_guard); i++) {
		ASSERT_EQ(guards.slots[i].word, 1);
		ASSERT_EQ(guards.slots[i].event_seq, 0);
	}
	for (i = 0; i < 300; i++)
		ASSERT_EQ(guard_add(&w, (uintptr_t)p, (uintptr_t)p + 1), i);
	for (i = 0; i < 300; i++) {
		value = guard_even(&guards, i);
		ASSERT_EQ(value, 2);
		ASSERT_TRUE(mmub_guard_valid(&guards, i, value));
		ASSERT_TRUE(!mmub_guard_valid(&guards, i, 0));
		ASSERT_TRUE(!mmub_guard_valid(&guards, i, value + 2));
		guard_nameless(&w, &guards, i);
	}
	ASSERT_EQ(guards.slots[300].word, 1);
	guards_close(&w, &guards);
}

/* The generations of a guard, each ended by an event of its own. */
TEST(generations)
{
	struct mmub_record record;
	uint64_t value, next, seq = 0;
	struct guarded g;
	uint32_t slot;
	uint64_t a;
	int i;

	guarded_open(&g, 16);
	a = map(&g.scene, "a anon 4 populate");
	slot = guard_add(&g.scene.watch, a, a + 4 * PAGE);
	value = guard_even(&g.guards, slot);
	for (i = 0; i < 100; i++) {
		say(&g.scene, i % 2 ? "protect a r" : "protect a rw");
		if (!i) {
			/* It was rw: nothing has changed. */
			ASSERT_TRUE(mmub_guard_valid(&g.guards, slot, value));
			continue;
		}
		guard_stale(&g.scene.watch, &g.guards, slot, value,
			    MMUB_TYPE_PROTECTION_VMA, MMUB_CAUSE_MPROTECT,
			    &record);
		ASSERT_GT(record.seq, seq);
		seq = record.seq;
		next = guard_even(&g.guards, slot);
		ASSERT_EQ(next, value + 2);
		/* It is a later event that the value before has to do with. */
		if (i > 1)
			ASSERT_EQ(mmub_guard_event(g.scene.watch.fd, slot,
						   value - 2, &record), 1);
		value = next;
	}
	guarded_close(&g);
}

/* ------------------------------------------------------- whatever is done */

/* The record of the ring with that seq, which must have been written. */
static void in_ring(struct guarded *g, const struct mmub_record *event)
{
	struct mmub_record record;

	do {
		if (!watch_next(&g->scene.watch, &record)) {
			note_record(event);
			FAIL("no such record in the ring");
		}
	} while (record.seq != event->seq);
	record.n = 0;
	if (memcmp(&record, event, sizeof(record))) {
		note_record(&record);
		note_record(event);
		FAIL("the ring says otherwise");
	}
}

/* Guarded before, and stale after. */
static void ended(struct guarded *g, uint32_t slot, uint64_t value,
		  const char *operation, enum mmub_type type, int cause)
{
	struct mmub_record record;
	uint64_t next;

	if (mmub_guard_valid(&g->guards, slot, value))
		FAIL("%s: valid", operation);
	guard_stale(&g->scene.watch, &g->guards, slot, value, type, cause,
		    &record);
	in_ring(g, &record);
	next = guard_even(&g->guards, slot);
	ASSERT_GE(next, value + 2);
	guard_remove(&g->scene.watch, &g->guards, slot);
	test_note("%-36s %s", operation, mmub_type_name(type));
}

/* The subject does it to pages of its own. */
static void does(struct guarded *g, uint64_t start, uint64_t pages,
		 const char *operation, enum mmub_type type, int cause)
{
	uint32_t slot = guard_add(&g->scene.watch, start, start + pages * PAGE);
	uint64_t value = guard_even(&g->guards, slot);

	watch_drain(&g->scene.watch);
	say(&g->scene, "%s", operation);
	ended(g, slot, value, operation, type, cause);
}

/* It does it, and the pages are what they were. */
static void leaves(struct guarded *g, uint64_t start, uint64_t pages,
		   const char *operation)
{
	uint32_t slot = guard_add(&g->scene.watch, start, start + pages * PAGE);
	uint64_t value = guard_even(&g->guards, slot);

	say(&g->scene, "%s", operation);
	if (!mmub_guard_valid(&g->guards, slot, value))
		FAIL("%s: stale", operation);
	guard_nameless(&g->scene.watch, &g->guards, slot);
	guard_remove(&g->scene.watch, &g->guards, slot);
}

TEST(mapping)
{
	struct guarded g;
	uint64_t a, b, c;

	guarded_open(&g, 16);
	a = map(&g.scene, "a anon 16");
	b = map(&g.scene, "b anon 16");
	c = map(&g.scene, "c anon 4");
	say(&g.scene, "touch a");
	say(&g.scene, "touch b");
	say(&g.scene, "touch c");
	does(&g, a, 16, "protect a r 0 2", MMUB_TYPE_PROTECTION_VMA,
	     MMUB_CAUSE_MPROTECT);
	does(&g, a + PAGE, 1, "unmap a 0 2", MMUB_TYPE_UNMAP, MMUB_CAUSE_MUNMAP);
	does(&g, a + 2 * PAGE, 2, "map d anon 2 at a+2 over", MMUB_TYPE_UNMAP,
	     MMUB_CAUSE_MMAP);
	does(&g, b + 15 * PAGE, 1, "remap b 8", MMUB_TYPE_UNMAP,
	     MMUB_CAUSE_MREMAP);
	does(&g, b, 2, "remap b 2 to c+1", MMUB_TYPE_UNMAP, MMUB_CAUSE_MREMAP);
	does(&g, c, 4, "unmap c 0 1", MMUB_TYPE_UNMAP, MMUB_CAUSE_MUNMAP);
	guarded_close(&g);
}

TEST(advice)
{
	struct guarded g;
	uint64_t a, m;

	guarded_open(&g, 16);
	a = map(&g.scene, "a anon 64");
	m = map(&g.scene, "m memfd 8");
	say(&g.scene, "touch a");
	say(&g.scene, "touch m");
	does(&g, a, 4, "advise a DONTNEED 0 4", MMUB_TYPE_CLEAR,
	     MMUB_CAUSE_MADV_DONTNEED);
	does(&g, a + 4 * PAGE, 4, "advise a FREE 4 4", MMUB_TYPE_CLEAR,
	     MMUB_CAUSE_MADV_FREE);
	does(&g, m + PAGE, 1, "advise m REMOVE 0 2", MMUB_TYPE_CLEAR,
	     MMUB_CAUSE_MADV_REMOVE);
	does(&g, m, 8, "advise m DONTNEED 2 2", MMUB_TYPE_CLEAR,
	     MMUB_CAUSE_MADV_DONTNEED);
	leaves(&g, a, 64, "advise a COLD");
	if (read_number("/proc/sys/vm/swappiness") >= 0)
		does(&g, a, 64, "advise a PAGEOUT", MMUB_TYPE_CLEAR,
		     MMUB_CAUSE_MADV_PAGEOUT);
	guarded_close(&g);
}

TEST(fork_and_cow)
{
	struct guarded g;
	uint64_t a, m, p;

	guarded_open(&g, 16);
	a = map(&g.scene, "a anon 4");
	m = map(&g.scene, "m memfd 4");
	p = map(&g.scene, "p memfd 4 of m private");
	say(&g.scene, "touch a 0 2");
	say(&g.scene, "touch m");
	say(&g.scene, "touch p read");
	does(&g, a, 4, "fork kid", MMUB_TYPE_PROTECTION_PAGE, MMUB_CAUSE_FORK);
	does(&g, a + PAGE, 1, "touch a write 1 1", MMUB_TYPE_CLEAR,
	     MMUB_CAUSE_COW);
	does(&g, p, 4, "touch p write 1 1", MMUB_TYPE_CLEAR, MMUB_CAUSE_COW);
	say(&g.scene, "touch a read 2 2");
	does(&g, a + 3 * PAGE, 1, "touch a write 3 1", MMUB_TYPE_CLEAR,
	     MMUB_CAUSE_COW);
	leaves(&g, m, 4, "fork kid2");
	/* What the child does to its copy is the child's. */
	leaves(&g, a, 4, "in kid unmap a");
	say(&g.scene, "in kid exit");
	say(&g.scene, "wait kid");
	say(&g.scene, "in kid2 exit");
	say(&g.scene, "wait kid2");
	guarded_close(&g);
}

TEST(files)
{
	struct guarded g;
	uint64_t m;

	guarded_open(&g, 16);
	m = map(&g.scene, "m memfd 8");
	say(&g.scene, "touch m");
	does(&g, m + PAGE, 1, "punch m 1 1", MMUB_TYPE_CLEAR,
	     MMUB_CAUSE_HOLE_PUNCH);
	does(&g, m + 7 * PAGE, 1, "truncate m 4", MMUB_TYPE_CLEAR,
	     MMUB_CAUSE_TRUNCATE);
	leaves(&g, m, 4, "truncate m 8");
	guarded_close(&g);
}

TEST(what_changes_nothing)
{
	struct guarded g;
	uint64_t a, b;

	guarded_open(&g, 16);
	a = map(&g.scene, "a anon 4");
	b = map(&g.scene, "b anon 8");
	leaves(&g, a, 4, "touch a read");
	leaves(&g, b, 8, "touch b write");
	leaves(&g, b, 8, "touch b write");
	leaves(&g, b, 8, "protect b rw");
	leaves(&g, b, 8, "mlock b");
	leaves(&g, b, 8, "munlock b");
	leaves(&g, b + PAGE, 2, "unmap b 0 1");
	leaves(&g, b + PAGE, 2, "unmap b 3 1");
	leaves(&g, b + PAGE, 2, "advise b DONTNEED 4 1");
	/* Nothing is mapped there, and then something is. */
	leaves(&g, b + 3 * PAGE, 1, "map c anon 1 at b+3");
	leaves(&g, b + 3 * PAGE, 1, "touch c");
	guarded_close(&g);
}

TEST(hugetlb)
{
	static const char *pages = "/proc/sys/vm/nr_hugepages";
	struct guarded g;
	uint64_t h;

	if (write_file(pages, "4") || read_number(pages) < 4)
		SKIP("no huge pages to be had");
	guarded_open(&g, 16);
	h = map(&g.scene, "h huge 1024");
	say(&g.scene, "touch h");
	does(&g, h + 511 * PAGE, 1, "protect h r", MMUB_TYPE_PROTECTION_VMA,
	     MMUB_CAUSE_MPROTECT);
	does(&g, h, 1, "advise h DONTNEED 0 512", MMUB_TYPE_CLEAR,
	     MMUB_CAUSE_MADV_DONTNEED);
	leaves(&g, h + HUGE, 512, "advise h DONTNEED 0 512");
	does(&g, h + HUGE, 1, "unmap h", MMUB_TYPE_UNMAP, MMUB_CAUSE_MUNMAP);
	guarded_close(&g);
	write_file(pages, "0");
}

/* Threads of the subject other than the one that mapped it. */
TEST(another_thread)
{
	struct guarded g;
	uint64_t a;

	guarded_open(&g, 16);
	a = map(&g.scene, "a anon 4 populate");
	does(&g, a, 4, "threads 1 advise a DONTNEED", MMUB_TYPE_CLEAR,
	     MMUB_CAUSE_MADV_DONTNEED);
	does(&g, a, 4, "threads 1 protect a r 1 2", MMUB_TYPE_PROTECTION_VMA,
	     MMUB_CAUSE_MPROTECT);
	does(&g, a, 4, "threads 1 unmap a", MMUB_TYPE_UNMAP, MMUB_CAUSE_MUNMAP);
	guarded_close(&g);
}

/* ----------------------------------------------------------- by others */

static void ended_by_me(struct guarded *g, uint32_t slot, uint64_t value,
			const char *operation, enum mmub_type type, int cause)
{
	struct mmub_record record;

	guard_stale(&g->scene.watch, &g->guards, slot, value, type, cause,
		    &record);
	ASSERT_EQ(record.pid, getpid());
	ended(g, slot, value, operation, type, cause);
}

TEST(another_process)
{
	struct iovec local = { (void *)"poked", 5 }, remote = { .iov_len = 5 };
	char path[64], what[128];
	struct guarded g;
	uint64_t a, f, value;
	uint32_t slot;
	int fd;

	guarded_open(&g, 16);
	a = map(&g.scene, "a anon 4 populate");
	snprintf(path, sizeof(path), "/dev/shm/mmub-guard-%d", getpid());
	snprintf(what, sizeof(what), "f file 8 path %s", path);
	f = map(&g.scene, what);
	say(&g.scene, "touch f");
	fd = ASSERT_OK(open(path, O_RDWR | O_CLOEXEC));
	ASSERT_OK(unlink(path));

	slot = guard_add(&g.scene.watch, f + 2 * PAGE, f + 3 * PAGE);
	value = guard_even(&g.guards, slot);
	ASSERT_OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			    2 * PAGE, PAGE));
	ended_by_me(&g, slot, value, "fallocate by another", MMUB_TYPE_CLEAR,
		    MMUB_CAUSE_HOLE_PUNCH);

	slot = guard_add(&g.scene.watch, f, f + 8 * PAGE);
	value = guard_even(&g.guards, slot);
	ASSERT_OK(ftruncate(fd, 4 * PAGE));
	ended_by_me(&g, slot, value, "ftruncate by another", MMUB_TYPE_CLEAR,
		    MMUB_CAUSE_TRUNCATE);
	close(fd);

	slot = guard_add(&g.scene.watch, a, a + PAGE);
	value = guard_even(&g.guards, slot);
	snprintf(path, sizeof(path), "/proc/%d/clear_refs", g.scene.subject.pid);
	if (!write_file(path, "4") && !mmub_guard_valid(&g.guards, slot, value))
		ended_by_me(&g, slot, value, "clear_refs", MMUB_TYPE_SOFT_DIRTY,
			    MMUB_CAUSE_CLEAR_REFS);
	else
		test_note("this kernel has no soft-dirty bits");

	say(&g.scene, "fork kid");
	slot = guard_add(&g.scene.watch, a, a + PAGE);
	value = guard_even(&g.guards, slot);
	remote.iov_base = (void *)a;
	ASSERT_EQ(process_vm_writev(g.scene.subject.pid, &local, 1, &remote, 1,
				    0), 5);
	ended_by_me(&g, slot, value, "process_vm_writev", MMUB_TYPE_CLEAR,
		    MMUB_CAUSE_COW);

	/* A child of the subject, to the parent. */
	slot = guard_add(&g.scene.watch, a, a + 4 * PAGE);
	value = guard_even(&g.guards, slot);
	watch_drain(&g.scene.watch);
	say(&g.scene, "in kid advise a PAGEOUT of %d", g.scene.subject.pid);
	if (mmub_guard_valid(&g.guards, slot, value))
		test_note("process_madvise has paged nothing out");
	else
		ended(&g, slot, value, "process_madvise", MMUB_TYPE_CLEAR,
		      MMUB_CAUSE_MADV_PAGEOUT);
	guarded_close(&g);
}

/* The OOM reaper's code: not blockable, and no mmap_lock for writing. */
TEST(process_mrelease)
{
	struct mmub_record record;
	struct guarded g;
	uint64_t a, value;
	uint32_t slot;
	int pidfd, status;

	guarded_open(&g, 16);
	a = map(&g.scene, "a anon 4 populate");
	slot = guard_add(&g.scene.watch, a, a + 4 * PAGE);
	value = guard_even(&g.guards, slot);
	pidfd = ASSERT_OK(syscall(SYS_pidfd_open, g.scene.subject.pid, 0));
	ASSERT_OK(ptrace(PTRACE_SEIZE, g.scene.subject.pid, NULL,
			 (void *)PTRACE_O_TRACEEXIT));
	ASSERT_OK(kill(g.scene.subject.pid, SIGKILL));
	ASSERT_EQ(waitpid(g.scene.subject.pid, &status, __WALL),
		  g.scene.subject.pid);
	ASSERT_TRUE(WIFSTOPPED(status));
	ASSERT_TRUE(mmub_guard_valid(&g.guards, slot, value));
	if (syscall(SYS_process_mrelease, pidfd, 0))
		SKIP("process_mrelease: %m");
	ASSERT_TRUE(!mmub_guard_valid(&g.guards, slot, value));
	ASSERT_GE(mmub_guard_event(g.scene.watch.fd, slot, value, &record), 0);
	ASSERT_EQ(record.pid, getpid());
	ASSERT_EQ(mmub_cause(g.scene.watch.fd, record.stack_id),
		  MMUB_CAUSE_PROCESS_MRELEASE);
	ASSERT_OK(ptrace(PTRACE_DETACH, g.scene.subject.pid, NULL, NULL));
	test_wait(g.scene.subject.pid);
	guards_close(&g.scene.watch, &g.guards);
}

/* ------------------------------------------------------------------ ranges */

/* Is a guard of these bytes stale once these pages are gone? */
static void bytes(struct guarded *g, uint64_t start, uint64_t end,
		  const char *operation, bool stale)
{
	uint32_t slot = guard_add(&g->scene.watch, start, end);
	uint64_t value = guard_even(&g->guards, slot);

	say(&g->scene, "%s", operation);
	if (mmub_guard_valid(&g->guards, slot, value) == stale)
		FAIL("0x%lx to 0x%lx, %s: %s", start, end, operation,
		     stale ? "valid" : "stale");
	guard_remove(&g->scene.watch, &g->guards, slot);
}

/* Every page that a byte of the range is on, and no other. */
TEST(bytes)
{
	const char *first = "advise a DONTNEED 0 1";
	const char *middle = "advise a DONTNEED 1 1";
	const char *last = "advise a DONTNEED 2 1";
	struct guarded g;
	uint64_t a, b;

	guarded_open(&g, 16);
	a = map(&g.scene, "a anon 3 populate");
	b = a + PAGE;
	bytes(&g, b, b + 1, first, false);
	bytes(&g, b, b + 1, middle, true);
	bytes(&g, b, b + 1, last, false);
	bytes(&g, b + PAGE - 1, b + PAGE, first, false);
	bytes(&g, b + PAGE - 1, b + PAGE, middle, true);
	bytes(&g, b + PAGE - 1, b + PAGE, last, false);
	bytes(&g, b, b + PAGE, first, false);
	bytes(&g, b, b + PAGE, last, false);
	bytes(&g, b - 1, b + 1, first, true);
	bytes(&g, b - 1, b + 1, middle, true);
	bytes(&g, b - 1, b + 1, last, false);
	bytes(&g, b + 7, b + PAGE + 1, first, false);
	bytes(&g, b + 7, b + PAGE + 1, middle, true);
	bytes(&g, b + 7, b + PAGE + 1, last, true);
	bytes(&g, 0, a + 1, first, true);
	bytes(&g, 0, a, first, false);
	bytes(&g, a, ARENA_END, last, true);
	bytes(&g, a + 3 * PAGE, ARENA_END, last, false);
	guarded_close(&g);
}

/* Many guards, many changes: each guard says what a list of the changes says. */
TEST(random_ranges)
{
	enum { GUARDS = 600, PAGES = 200 };
	struct { uint64_t first, last, value; } model[GUARDS];
	unsigned int seed = 1, i, stale = 0;
	struct mmub_guards guards;
	unsigned long round;
	struct watch w;
	uint64_t a;
	char *p;

	p = map_written(PAGES * PAGE);
	a = (uintptr_t)p;
	/* A VMA of its own, of small pages: no event that exceeds the call. */
	ASSERT_OK(madvise(p, PAGES * PAGE, MADV_DONTDUMP));
	madvise(p, PAGES * PAGE, MADV_NOHUGEPAGE);
	watch_open(&w, "guard", 0, 0);
	guards_open(&w, GUARDS, &guards);
	for (i = 0; i < GUARDS; i++) {
		model[i].first = rand_r(&seed) % PAGES;
		model[i].last = model[i].first + rand_r(&seed) %
				(i % 3 ? 4 : PAGES - model[i].first);
		ASSERT_EQ(guard_add(&w, a + model[i].first * PAGE + i % PAGE,
				    a + model[i].last * PAGE + i % PAGE + 1), i);
		model[i].value = guard_even(&guards, i);
	}
	for (round = 0; round < scaled(400); round++) {
		uint64_t first = rand_r(&seed) % PAGES;
		uint64_t pages = 1 + rand_r(&seed) % (PAGES - first);

		if (round % 2 && pages > 5)
			pages = 5;
		ASSERT_OK(madvise(p + first * PAGE, pages * PAGE,
				  MADV_DONTNEED));
		for (i = 0; i < GUARDS; i++) {
			bool hit = model[i].first < first + pages &&
				   first <= model[i].last;

			if (mmub_guard_valid(&guards, i, model[i].value) == hit)
				FAIL("round %lu, pages %lu to %lu: guard %u of %lu to %lu is %s",
				     round, first, first + pages - 1, i,
				     model[i].first, model[i].last,
				     hit ? "valid" : "stale");
			if (!hit)
				continue;
			stale++;
			ASSERT_EQ(guard_even(&guards, i), model[i].value + 2);
			model[i].value += 2;
		}
		/* Another in the place of one of them. */
		i = rand_r(&seed) % GUARDS;
		guard_remove(&w, &guards, i);
		model[i].first = first;
		model[i].last = first + pages - 1;
		ASSERT_EQ(guard_add(&w, a + first * PAGE,
				    a + (first + pages) * PAGE), i);
		ASSERT_GT(guard_even(&guards, i), model[i].value);
		model[i].value = guard_even(&guards, i);
	}
	test_note("%u times stale", stale);
	guards_close(&w, &guards);
}

/* ------------------------------------------------------------------- ignore */

TEST(ignore)
{
	const uint64_t soft_dirty = 1 << MMUB_TYPE_SOFT_DIRTY;
	const uint64_t protection = 1 << MMUB_TYPE_PROTECTION_VMA;
	struct mmub_record record;
	uint64_t a, value, other_value;
	uint32_t slot, other;
	struct guarded g;
	char path[64];

	guarded_open(&g, 16);
	a = map(&g.scene, "a anon 4 populate");
	slot = guard_add_ignoring(&g.scene.watch, a, a + 4 * PAGE,
				  soft_dirty | protection);
	other = guard_add_ignoring(&g.scene.watch, a, a + 4 * PAGE, soft_dirty);
	value = guard_even(&g.guards, slot);
	other_value = guard_even(&g.guards, other);

	snprintf(path, sizeof(path), "/proc/%d/clear_refs", g.scene.subject.pid);
	write_file(path, "4");
	ASSERT_TRUE(mmub_guard_valid(&g.guards, slot, value));
	ASSERT_TRUE(mmub_guard_valid(&g.guards, other, other_value));
	guard_nameless(&g.scene.watch, &g.guards, slot);
	/* Each has a mask of its own. */
	say(&g.scene, "protect a r");
	ASSERT_TRUE(mmub_guard_valid(&g.guards, slot, value));
	guard_stale(&g.scene.watch, &g.guards, other, other_value,
		    MMUB_TYPE_PROTECTION_VMA, MMUB_CAUSE_MPROTECT, &record);
	other_value = guard_even(&g.guards, other);
	/* All other types count. */
	say(&g.scene, "unmap a");
	guard_stale(&g.scene.watch, &g.guards, slot, value, MMUB_TYPE_UNMAP,
		    MMUB_CAUSE_MUNMAP, &record);
	guard_stale(&g.scene.watch, &g.guards, other, other_value,
		    MMUB_TYPE_UNMAP, MMUB_CAUSE_MUNMAP, &record);
	/* The slot's next guard ignores nothing. */
	guard_remove(&g.scene.watch, &g.guards, slot);
	map(&g.scene, "a anon 4 populate at 0x200000000000");
	ASSERT_EQ(guard_add(&g.scene.watch, a, a + 4 * PAGE), slot);
	value = guard_even(&g.guards, slot);
	say(&g.scene, "protect a r");
	ASSERT_TRUE(!mmub_guard_valid(&g.guards, slot, value));
	guarded_close(&g);
}

/* Whatever the ring holds, loses, or is filtered of. */
TEST(without_the_ring)
{
	const struct mmub_range elsewhere = { 0, PAGE };
	struct mmub_record record;
	struct mmub_guards guards;
	struct subject subject;
	struct watch w;
	uint64_t a, value;
	uint32_t slot;
	int i;

	subject_start(&subject);
	subject_say(&subject, "map a anon 4 populate");
	a = subject_field(&subject, "start");
	for (i = 0; i < 3; i++) {
		/* None; one that wants another range; one that is full. */
		watch_ring_flags = 0;
		watch_open(&w, "guard", subject.pid, i ? 8 : 0);
		if (i == 1)
			ASSERT_EQ(mmub_filter_set(w.fd, 1 << MMUB_TYPE_RELEASE,
						  &elsewhere, 1), 0);
		subject_say(&subject, "repeat 20 advise a DONTNEED");
		guards_open(&w, 1, &guards);
		slot = guard_add(&w, a, a + PAGE);
		value = guard_even(&guards, slot);
		subject_say(&subject, "advise a DONTNEED");
		guard_stale(&w, &guards, slot, value, MMUB_TYPE_CLEAR,
			    MMUB_CAUSE_MADV_DONTNEED, &record);
		ASSERT_EQ(record.pid, subject.pid);
		ASSERT_STREQ(record.comm, "subject");
		ASSERT_EQ(record.start, a);
		ASSERT_EQ(record.end, a + 4 * PAGE);
		guards_close(&w, &guards);
	}
	subject_end(&subject);
}

/* Its stack is saved if the guard, or the ring, asks for it. */
TEST(causes)
{
	struct mmub_record record;
	struct mmub_guards guards;
	struct subject subject;
	int with, without;
	struct watch w;
	uint64_t a;

	subject_start(&subject);
	subject_say(&subject, "map a anon 4 populate");
	a = subject_field(&subject, "start");
	watch_ring_flags = 0;
	watch_open(&w, "guard", subject.pid, 64);
	guards_open(&w, 2, &guards);

	without = mmub_guard_add(w.fd, a, a + PAGE, 0, 0);
	ASSERT_GE(without, 0);
	subject_say(&subject, "advise a DONTNEED 0 1");
	ASSERT_GE(mmub_guard_event(w.fd, without, 2, &record), 0);
	ASSERT_EQ(record.stack_id, 0);

	with = mmub_guard_add(w.fd, a, a + PAGE, 0, MMUB_GUARD_CAUSE);
	ASSERT_GE(with, 0);
	subject_say(&subject, "advise a DONTNEED 0 1");
	ASSERT_GE(mmub_guard_event(w.fd, with, 2, &record), 0);
	ASSERT_EQ(mmub_cause(w.fd, record.stack_id), MMUB_CAUSE_MADV_DONTNEED);
	/* It is not in the ring for that. */
	while (watch_next(&w, &record))
		ASSERT_EQ(record.stack_id, 0);

	ASSERT_EQ(mmub_guard_remove(w.fd, with), 0);
	subject_say(&subject, "advise a DONTNEED 0 1");
	ASSERT_GE(mmub_guard_event(w.fd, without, 2, &record), 0);
	ASSERT_EQ(record.stack_id, 0);
	guards_close(&w, &guards);

	watch_ring_flags = MMUB_RING_CAUSE;
	watch_open(&w, "guard", subject.pid, 64);
	guards_open(&w, 2, &guards);
	ASSERT_EQ(mmub_guard_add(w.fd, a, a + PAGE, 0, 0), 0);
	subject_say(&subject, "advise a DONTNEED 0 1");
	ASSERT_GE(mmub_guard_event(w.fd, 0, 2, &record), 0);
	ASSERT_EQ(mmub_cause(w.fd, record.stack_id), MMUB_CAUSE_MADV_DONTNEED);
	guards_close(&w, &guards);
	subject_end(&subject);
}

/* Two subscriptions of one space, each with guards and a table of its own. */
TEST(two_subscriptions)
{
	struct mmub_record record, other_record;
	struct mmub_guards other_guards;
	uint64_t a, value, other_value;
	uint32_t slot, other;
	struct watch w;
	struct guarded g;

	guarded_open(&g, 16);
	watch_open(&w, "scene", g.scene.subject.pid, 0);
	ASSERT_EQ(w.attached.shared, 1);
	guards_open(&w, 16, &other_guards);
	a = map(&g.scene, "a anon 4 populate");
	slot = guard_add(&g.scene.watch, a, a + PAGE);
	other = guard_add(&w, a, a + 4 * PAGE);
	value = guard_even(&g.guards, slot);
	other_value = guard_even(&other_guards, other);

	say(&g.scene, "advise a DONTNEED 3 1");
	ASSERT_TRUE(mmub_guard_valid(&g.guards, slot, value));
	guard_stale(&w, &other_guards, other, other_value, MMUB_TYPE_CLEAR,
		    MMUB_CAUSE_MADV_DONTNEED, &other_record);
	other_value = guard_even(&other_guards, other);

	say(&g.scene, "advise a DONTNEED 0 1");
	guard_stale(&g.scene.watch, &g.guards, slot, value, MMUB_TYPE_CLEAR,
		    MMUB_CAUSE_MADV_DONTNEED, &record);
	guard_stale(&w, &other_guards, other, other_value, MMUB_TYPE_CLEAR,
		    MMUB_CAUSE_MADV_DONTNEED, &other_record);
	ASSERT_EQ(record.seq, other_record.seq);
	value = guard_even(&g.guards, slot);

	/* The one goes; the other's stay. */
	guards_close(&w, &other_guards);
	ASSERT_TRUE(mmub_guard_valid(&g.guards, slot, value));
	say(&g.scene, "unmap a");
	guard_stale(&g.scene.watch, &g.guards, slot, value, MMUB_TYPE_UNMAP,
		    MMUB_CAUSE_MUNMAP, &record);
	guarded_close(&g);
}

/* ------------------------------------------------------------------- the end */

TEST(removed)
{
	struct mmub_record record;
	uint64_t a, value, word;
	struct guarded g;
	uint32_t slot;

	guarded_open(&g, 16);
	a = map(&g.scene, "a anon 4 populate");
	slot = guard_add(&g.scene.watch, a, a + 4 * PAGE);
	value = guard_even(&g.guards, slot);
	guard_remove(&g.scene.watch, &g.guards, slot);
	ASSERT_EQ(mmub_guard_value(&g.guards, slot), value + 1);
	ASSERT_EQ(g.guards.slots[slot].event_seq, 0);
	ASSERT_EQ(mmub_guard_event(g.scene.watch.fd, slot, value, &record),
		  -ENOENT);
	ASSERT_EQ(mmub_guard_remove(g.scene.watch.fd, slot), -ENOENT);
	/* For good: no event, and no end of one, wakes it. */
	say(&g.scene, "advise a DONTNEED");
	ASSERT_EQ(mmub_guard_value(&g.guards, slot), value + 1);
	ASSERT_EQ(g.guards.slots[slot].event_seq, 0);
	ASSERT_EQ(mmub_guard_wait(&g.guards, slot, 1000000, &word), -ETIMEDOUT);
	ASSERT_EQ(word, value + 1);
	guarded_close(&g);
}

/* A value is never seen again, however often its slot is used. */
TEST(reused_slot)
{
	uint64_t a, value, last = 0;
	struct guarded g;
	unsigned long i;
	uint32_t slot;

	guarded_open(&g, 2);
	a = map(&g.scene, "a anon 4 populate");
	for (i = 0; i < scaled(2000); i++) {
		slot = guard_add(&g.scene.watch, a, a + PAGE);
		ASSERT_EQ(slot, 0);
		value = guard_even(&g.guards, slot);
		ASSERT_GT(value, last);
		ASSERT_TRUE(!mmub_guard_valid(&g.guards, slot, last));
		guard_nameless(&g.scene.watch, &g.guards, slot);
		last = value;
		if (i % 100 == 7) {
			say(&g.scene, "advise a DONTNEED 0 1");
			ASSERT_TRUE(!mmub_guard_valid(&g.guards, slot, value));
			last = guard_even(&g.guards, slot);
			ASSERT_GT(last, value);
		}
		guard_remove(&g.scene.watch, &g.guards, slot);
		ASSERT_GT(mmub_guard_value(&g.guards, slot), last);
	}
	guarded_close(&g);
}

TEST(detached)
{
	struct mmub_record record;
	uint64_t a, value, hit_value, word;
	struct guarded g;
	uint32_t slot, hit;

	guarded_open(&g, 16);
	a = map(&g.scene, "a anon 4 populate");
	slot = guard_add(&g.scene.watch, a, a + PAGE);
	hit = guard_add(&g.scene.watch, a + PAGE, a + 2 * PAGE);
	value = guard_even(&g.guards, slot);
	hit_value = guard_even(&g.guards, hit);
	say(&g.scene, "advise a DONTNEED 1 1");
	ASSERT_EQ(guard_even(&g.guards, hit), hit_value + 2);

	ASSERT_EQ(mmub_detach(g.scene.watch.fd), 0);
	ASSERT_EQ(mmub_guard_value(&g.guards, slot),
		  (value + 1) | MMUB_GUARD_ENDED);
	ASSERT_EQ(mmub_guard_value(&g.guards, hit),
		  (hit_value + 3) | MMUB_GUARD_ENDED);
	ASSERT_EQ(mmub_guard_wait(&g.guards, slot, -1, &word), -ESHUTDOWN);
	guard_nameless(&g.scene.watch, &g.guards, slot);
	guard_nameless(&g.scene.watch, &g.guards, hit);
	say(&g.scene, "advise a DONTNEED");
	ASSERT_EQ(mmub_guard_value(&g.guards, slot), word);
	ASSERT_EQ(mmub_guard_add(g.scene.watch.fd, a, a + 1, 0, 0), -ESHUTDOWN);
	ASSERT_EQ(mmub_guard_remove(g.scene.watch.fd, slot), -ESHUTDOWN);
	ASSERT_EQ(mmub_guard_event(g.scene.watch.fd, 15, 0, &record), -ENOENT);
	ASSERT_EQ(mmub_guards_close(&g.guards), 0);
	ASSERT_EQ(mmub_ring_close(&g.scene.watch.ring), 0);
	close(g.scene.watch.fd);
	subject_end(&g.scene.subject);
}

/* The mm's release: an exit, a kill, an exec. */
static void released(const char *how, int cause)
{
	struct mmub_record record;
	uint64_t a, value;
	struct guarded g;
	uint32_t slot;

	guarded_open(&g, 16);
	a = map(&g.scene, "a anon 4 populate");
	slot = guard_add_ignoring(&g.scene.watch, a, a + PAGE,
				  (1 << MMUB_TYPE_COUNT) - 1 -
				  (1 << MMUB_TYPE_RELEASE));
	value = guard_even(&g.guards, slot);
	/* A range where nothing is mapped dies with the rest. */
	ASSERT_EQ(guard_add(&g.scene.watch, 0, 1), slot + 1);
	if (how)
		subject_tell(&g.scene.subject, "%s", how);
	else
		ASSERT_OK(kill(g.scene.subject.pid, SIGKILL));
	do {
		watch_wait(&g.scene.watch, &record);
	} while (record.phase != MMUB_PHASE_RELEASE);

	guard_stale(&g.scene.watch, &g.guards, slot, value, MMUB_TYPE_RELEASE,
		    cause, &record);
	ASSERT_EQ(record.phase, MMUB_PHASE_RELEASE);
	ASSERT_EQ(mmub_guard_value(&g.guards, slot),
		  (value + 1) | MMUB_GUARD_ENDED);
	ASSERT_EQ(mmub_guard_wait(&g.guards, slot + 1, -1, &value), -ESHUTDOWN);
	ASSERT_EQ(mmub_guard_add(g.scene.watch.fd, a, a + 1, 0, 0), -ESRCH);
	guard_remove(&g.scene.watch, &g.guards, slot);
	ASSERT_EQ(mmub_guard_add(g.scene.watch.fd, a, a + 1, 0, 0), -ESRCH);
	guards_close(&g.scene.watch, &g.guards);
	if (how && !strcmp(how, "exec")) {
		subject_hear(&g.scene.subject);
		subject_end(&g.scene.subject);
	} else {
		test_wait(g.scene.subject.pid);
	}
}

TEST(exit)
{
	released("exit", MMUB_CAUSE_EXIT);
}

TEST(exec)
{
	released("exec", MMUB_CAUSE_EXEC);
}

TEST(killed)
{
	released(NULL, MMUB_CAUSE_EXIT);
}

/* The mapping holds the file, and the file the subscription. */
TEST(closed)
{
	struct mmub_guards guards;
	struct mmub_stats stats;
	struct watch w;
	uint64_t value;
	uint32_t slot;
	int fd;
	char *p;

	p = map_written(2 * PAGE);
	fd = device_open();
	watch_open(&w, "guard", 0, 0);
	guards_open(&w, 4, &guards);
	slot = guard_add(&w, (uintptr_t)p, (uintptr_t)p + PAGE);
	value = guard_even(&guards, slot);
	ASSERT_OK(close(w.fd));
	ASSERT_TRUE(mmub_guard_valid(&guards, slot, value));
	ASSERT_OK(munmap(p, PAGE));
	ASSERT_TRUE(!mmub_guard_valid(&guards, slot, value));
	ASSERT_EQ(guard_even(&guards, slot), value + 2);
	ASSERT_EQ(mmub_guards_close(&guards), 0);
	watch_synchronize(fd, &stats);
	ASSERT_EQ(stats.live_spaces, 0);
	close(fd);
}

static void all_odd(const struct mmub_guards *guards)
{
	uint64_t value;
	uint32_t i;

	for (i = 0; i < guards->size / sizeof(struct mmub_guard); i++) {
		value = mmub_guard_value(guards, i);
		ASSERT_TRUE(!mmub_guard_is_even(value));
		ASSERT_TRUE(!mmub_guard_valid(guards, i, value));
	}
}

/* The file goes at once, and whoever still checks finds nothing valid. */
TEST(retired)
{
	struct mmub_guards guards;
	struct mmub_stats stats;
	struct watch w;
	uint64_t value;
	uint32_t slot;
	pid_t pid;
	int fd;
	char *p;

	p = map_written(PAGE);
	fd = device_open();
	watch_open(&w, "guard", 0, 0);
	guards_open(&w, 4, &guards);
	slot = guard_add(&w, (uintptr_t)p, (uintptr_t)p + PAGE);
	value = guard_even(&guards, slot);
	ASSERT_EQ(mmub_guards_retire(&guards), 0);
	ASSERT_OK(close(w.fd));
	watch_synchronize(fd, &stats);
	ASSERT_EQ(stats.live_spaces, 0);
	ASSERT_TRUE(!mmub_guard_valid(&guards, slot, value));
	all_odd(&guards);
	ASSERT_EQ(mmub_guards_retire(&guards), 0);
	pid = test_fork();
	if (!pid) {
		all_odd(&guards);
		ASSERT_EQ(mmub_guards_retire(&guards), 0);
		all_odd(&guards);
		ASSERT_EQ(mmub_guards_close(&guards), 0);
		_exit(0);
	}
	test_reap(pid);
	ASSERT_EQ(mmub_guards_close(&guards), 0);
	close(fd);
}

/* --------------------------------------------------------------------- fork */

TEST(forked)
{
	struct mmub_guards guards, second, own;
	struct mmub_guard slot_seen;
	struct watch w, w2, w3;
	uint64_t value, own_value;
	uint32_t slot;
	pid_t pid;
	char *p;

	p = map_written(4 * PAGE);
	watch_open(&w, "guard", 0, 64);
	guards_open(&w, 1000, &guards);
	watch_open(&w2, "guard", getppid(), 64);
	guards_open(&w2, 4, &second);
	slot = guard_add(&w, (uintptr_t)p, (uintptr_t)p + 1);
	value = guard_even(&guards, slot);
	ASSERT_TRUE(mmub_guard_valid(&guards, slot, value));

	pid = test_fork();
	if (!pid) {
		ASSERT_TRUE(!mmub_guard_valid(&guards, slot, value));
		all_odd(&guards);
		all_odd(&second);
		ASSERT_EQ(mmub_guard_wait(&guards, slot, 0, &value), -ESHUTDOWN);
		/* The descriptor does not serve it either. */
		ASSERT_EQ(mmub_guard_add(w.fd, 0, 1, 0, 0), -EXDEV);
		ASSERT_EQ(mmub_guard_remove(w.fd, slot), -EXDEV);
		/* It is as read-only as it was. */
		ASSERT_EQ(mprotect((void *)guards.slots, guards.size, PROT_READ),
			  0);
		/* A child of the child. */
		pid = test_fork();
		if (!pid) {
			all_odd(&guards);
			all_odd(&second);
			ASSERT_EQ(mmub_guards_close(&guards), 0);
			_exit(0);
		}
		test_reap(pid);
		/* Guards of its own, and one's child's of those. */
		ASSERT_EQ(mmub_guards_close(&second), 0);
		watch_open(&w3, "guard", 0, 64);
		guards_open(&w3, 4, &own);
		p[PAGE] = 2;
		slot = guard_add(&w3, (uintptr_t)p + PAGE,
				 (uintptr_t)p + 2 * PAGE);
		own_value = guard_even(&own, slot);
		ASSERT_TRUE(mmub_guard_valid(&own, slot, own_value));
		pid = test_fork();
		if (!pid) {
			all_odd(&own);
			all_odd(&guards);
			_exit(0);
		}
		test_reap(pid);
		/* fork() has write-protected it. */
		ASSERT_TRUE(!mmub_guard_valid(&own, slot, own_value));
		guards_close(&w3, &own);
		_exit(0);
	}
	test_reap(pid);
	/* The parent has the kernel's pages, in which fork() is an event. */
	ASSERT_EQ(guard_even(&guards, slot), value + 2);
	ASSERT_EQ(mmub_guards_close(&second), 0);
	watch_close(&w2);

	/* What is closed is not brought back by the next fork. */
	ASSERT_TRUE(child_reads(&guards.slots[slot], &slot_seen,
				sizeof(slot_seen)));
	ASSERT_EQ(slot_seen.word, UINT64_MAX);
	p = (char *)guards.slots;
	guards_close(&w, &guards);
	ASSERT_TRUE(!child_reads(p, &slot_seen, sizeof(slot_seen)));
}

/* Without the C library's fork there is nothing, which is not valid either. */
TEST(cloned)
{
	struct mmub_guards guards;
	struct watch w;
	pid_t pid;
	int ends[2];

	watch_open(&w, "guard", 0, 64);
	guards_open(&w, 4, &guards);
	ASSERT_EQ(madvise((void *)guards.slots, guards.size, MADV_DOFORK), -1);
	ASSERT_EQ(errno, EINVAL);
	ASSERT_OK(pipe(ends));
	pid = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
	if (!pid)
		_exit(write(ends[1], guards.slots, 1) == -1 && errno == EFAULT ?
		      0 : 1);
	test_reap(pid);
	guards_close(&w, &guards);
}

/* Forks of one thread, while another opens and closes. */
static void *open_and_close(void *stop)
{
	struct mmub_guards guards;
	struct watch w;

	while (!__atomic_load_n((bool *)stop, __ATOMIC_RELAXED)) {
		watch_open(&w, "guard", getppid(), 0);
		guards_open(&w, 4, &guards);
		guards_close(&w, &guards);
	}
	return NULL;
}

TEST(forks_at_once)
{
	struct mmub_guards guards;
	struct watch w;
	pthread_t thread;
	bool stop = false;
	unsigned long i;
	pid_t pid;

	watch_open(&w, "guard", 0, 0);
	guards_open(&w, 4, &guards);
	ASSERT_EQ(guard_add(&w, 0, 1), 0);
	guard_even(&guards, 0);
	ASSERT_EQ(pthread_create(&thread, NULL, open_and_close, &stop), 0);
	for (i = 0; i < scaled(100); i++) {
		pid = test_fork();
		if (!pid) {
			all_odd(&guards);
			_exit(0);
		}
		test_reap(pid);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	ASSERT_EQ(pthread_join(thread, NULL), 0);
	ASSERT_TRUE(mmub_guard_is_even(guard_even(&guards, 0)));
	guards_close(&w, &guards);
}

/* ---------------------------------------------------- no stale valid, ever */

/*
 * One or more invalidate, and count their calls before and after; others check.
 * Who has read an even word, then the number of calls begun, knows that a call
 * with a greater number began after that word; once it is done, the guard must
 * say so.
 */
struct contest {
	uint64_t begun __attribute__((aligned(64)));
	uint64_t done __attribute__((aligned(64)));
	uint64_t checks __attribute__((aligned(64)));
	uint64_t decided;	/* of the checks, those whose outcome is known */
	bool stop;
};

/* Enough, or long enough: what is slow is not to take for ever. */
#define CONTEST_NS	(scaled(10000) * UINT64_C(1000000))

static struct contest *contest_new(void)
{
	return ASSERT_OK((struct contest *)mmap(NULL, PAGE,
						PROT_READ | PROT_WRITE,
						MAP_SHARED | MAP_ANONYMOUS, -1,
						0));
}

static void contest_begin(struct contest *c)
{
	__atomic_add_fetch(&c->begun, 1, __ATOMIC_SEQ_CST);
}

static void contest_done(struct contest *c)
{
	__atomic_add_fetch(&c->done, 1, __ATOMIC_SEQ_CST);
}

static bool contest_over(const struct contest *c)
{
	return __atomic_load_n(&c->stop, __ATOMIC_RELAXED);
}

static void contest_check(struct contest *c, const struct mmub_guards *guards,
			  uint32_t slot, uint64_t decided)
{
	uint64_t began = now_ns(), value, begun;
	bool done, valid;
	int after;

	while (c->decided < decided && now_ns() - began < CONTEST_NS) {
		if (mmub_guard_wait(guards, slot, 1000000, &value))
			continue;
		begun = __atomic_load_n(&c->begun, __ATOMIC_SEQ_CST);
		after = 0;
		do {
			done = __atomic_load_n(&c->done, __ATOMIC_SEQ_CST) > begun;
			valid = mmub_guard_valid(guards, slot, value);
			c->checks++;
			c->decided += done;
			if (done && valid)
				FAIL("stale, and valid: guard 0x%lx, call %lu, check %lu",
				     value, begun + 1, c->checks);
			after += done;
		} while (after < 3 && now_ns() - began < CONTEST_NS);
	}
	__atomic_store_n(&c->stop, true, __ATOMIC_RELAXED);
}

static void contest_close(struct contest *c, uint64_t least)
{
	test_note("%lu checks, of which %lu decided, %lu calls", c->checks,
		  c->decided, c->done);
	ASSERT_GE(c->decided, least);
}

TEST(own_thread)
{
	uint64_t began = now_ns(), value, next;
	struct mmub_guards guards;
	unsigned long i;
	struct watch w;
	uint32_t slot;
	char *p;

	p = map_written(4 * PAGE);
	watch_open(&w, "guard", 0, 0);
	guards_open(&w, 4, &guards);
	slot = guard_add(&w, (uintptr_t)p + PAGE, (uintptr_t)p + 2 * PAGE);
	for (i = 0; i < scaled(1000000) && now_ns() - began < CONTEST_NS; i++) {
		value = guard_even(&guards, slot);
		ASSERT_OK(munmap(p + PAGE, PAGE));
		if (mmub_guard_valid(&guards, slot, value))
			FAIL("stale, and valid, after %lu unmaps", i);
		next = guard_even(&guards, slot);
		ASSERT_GT(next, value);
		ASSERT_EQ(mmap(p + PAGE, PAGE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
			  (void *)(p + PAGE));
		p[PAGE] = 1;
		/* Mapped at the same address, and not what it was. */
		ASSERT_TRUE(!mmub_guard_valid(&guards, slot, value));
	}
	test_note("%lu unmaps", i);
	ASSERT_GE(i, scaled(100));
	guards_close(&w, &guards);
}

struct actor {
	struct contest *contest;
	char *page;
};

static void *unmap_and_map(void *data)
{
	struct actor *actor = data;

	while (!contest_over(actor->contest)) {
		contest_begin(actor->contest);
		ASSERT_OK(munmap(actor->page, PAGE));
		contest_done(actor->contest);
		ASSERT_EQ(mmap(actor->page, PAGE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
			  (void *)actor->page);
		*actor->page = 1;
	}
	return NULL;
}

TEST(against_a_thread)
{
	struct contest *c = contest_new();
	struct mmub_guards guards;
	struct actor actor;
	pthread_t thread;
	struct watch w;
	uint32_t slot;

	actor.contest = c;
	actor.page = map_written(3 * PAGE) + PAGE;
	watch_open(&w, "guard", 0, 0);
	guards_open(&w, 4, &guards);
	slot = guard_add(&w, (uintptr_t)actor.page,
			 (uintptr_t)actor.page + PAGE);
	ASSERT_EQ(pthread_create(&thread, NULL, unmap_and_map, &actor), 0);
	contest_check(c, &guards, slot, scaled(50000));
	ASSERT_EQ(pthread_join(thread, NULL), 0);
	contest_close(c, 30);
	guards_close(&w, &guards);
}

struct meeting {
	struct mmub_guards *guards;
	char *page;
	uint32_t slot;
	uint64_t began;
	uint64_t checks;
};

/* A page and a guard of its own; its call has returned when it checks. */
static void *discard_and_check(void *data)
{
	struct meeting *m = data;
	uint64_t value;

	while (m->checks < scaled(100000) && now_ns() - m->began < CONTEST_NS) {
		if (mmub_guard_wait(m->guards, m->slot, 1000000, &value))
			continue;
		ASSERT_OK(madvise(m->page, PAGE, MADV_DONTNEED));
		m->checks++;
		if (mmub_guard_valid(m->guards, m->slot, value))
			FAIL("stale, and valid: guard %u, check %lu", m->slot,
			     m->checks);
		*m->page = 1;
	}
	return NULL;
}

/* MADV_DONTNEED takes mmap_lock for reading: callbacks meet at the space's lock. */
TEST(against_threads_that_meet)
{
	struct mmub_guards guards;
	struct meeting meetings[3];
	pthread_t threads[3];
	struct watch w;
	unsigned int i;
	char *p;

	p = map_written(6 * PAGE);
	watch_open(&w, "guard", 0, 0);
	guards_open(&w, 4, &guards);
	for (i = 0; i < 3; i++) {
		meetings[i] = (struct meeting){
			.guards = &guards,
			.page = p + 2 * i * PAGE,
			.began = now_ns(),
		};
		meetings[i].slot = guard_add(&w, (uintptr_t)meetings[i].page,
					     (uintptr_t)meetings[i].page + PAGE);
		ASSERT_EQ(pthread_create(&threads[i], NULL, discard_and_check,
					 &meetings[i]), 0);
	}
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(pthread_join(threads[i], NULL), 0);
		test_note("%lu checks", meetings[i].checks);
		ASSERT_GE(meetings[i].checks, scaled(30));
	}
	guards_close(&w, &guards);
}

/* The watched is another process, which does it to itself. */
TEST(against_another_process)
{
	struct contest *c = contest_new();
	struct mmub_guards guards;
	struct actor actor;
	struct watch w;
	uint32_t slot;
	pid_t pid;

	actor.contest = c;
	actor.page = map_written(3 * PAGE) + PAGE;
	pid = test_fork();
	if (!pid) {
		unmap_and_map(&actor);
		_exit(0);
	}
	watch_open(&w, "guard", pid, 0);
	guards_open(&w, 4, &guards);
	slot = guard_add(&w, (uintptr_t)actor.page,
			 (uintptr_t)actor.page + PAGE);
	contest_check(c, &guards, slot, scaled(50000));
	test_reap(pid);
	contest_close(c, 30);
	guards_close(&w, &guards);
}

/* Another process does it, by way of a file that both have. */
TEST(against_a_hole_in_a_file)
{
	struct contest *c = contest_new();
	struct mmub_guards guards;
	struct watch w;
	uint32_t slot;
	pid_t pid;
	char *p;
	int fd;

	fd = ASSERT_OK(memfd_create("guard", MFD_CLOEXEC));
	ASSERT_OK(ftruncate(fd, PAGE));
	p = ASSERT_OK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			   0));
	pid = test_fork();
	if (!pid) {
		ASSERT_OK(munmap(p, PAGE));
		while (!contest_over(c)) {
			contest_begin(c);
			ASSERT_OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE |
					    FALLOC_FL_KEEP_SIZE, 0, PAGE));
			contest_done(c);
			ASSERT_EQ(pwrite(fd, "", 1, 0), 1);
		}
		_exit(0);
	}
	*p = 1;
	watch_open(&w, "guard", 0, 0);
	guards_open(&w, 4, &guards);
	slot = guard_add(&w, (uintptr_t)p, (uintptr_t)p + 1);
	contest_check(c, &guards, slot, scaled(50000));
	test_reap(pid);
	contest_close(c, 30);
	guards_close(&w, &guards);
}

/* ------------------------------------------------- against kernel threads */

static int pagemap_fd = -1;

/* The frame that a page of one's own is in, 0 if it is in none. */
static uint64_t frame_of(const void *page)
{
	const uint64_t present = UINT64_C(1) << 63;
	uint64_t entry;

	if (pagemap_fd < 0)
		pagemap_fd = ASSERT_OK(open("/proc/self/pagemap",
					    O_RDONLY | O_CLOEXEC));
	ASSERT_EQ(pread(pagemap_fd, &entry, sizeof(entry),
			(uintptr_t)page / PAGE * sizeof(entry)),
		  (ssize_t)sizeof(entry));
	return entry & present ? entry & ((UINT64_C(1) << 55) - 1) : 0;
}

struct moves {
	struct watch watch;
	struct mmub_guards guards;
	char *pages;
	unsigned int nr;
	uint64_t checks;
	uint64_t moves;
};

/*
 * A guard a page: what was in one frame under an even word, and is in another
 * when it is looked at again, is stale.
 */
static void moves_open(struct moves *m, char *pages, unsigned int nr)
{
	unsigned int i;

	memset(m, 0, sizeof(*m));
	m->pages = pages;
	m->nr = nr;
	watch_ring_flags = MMUB_RING_CAUSE;
	watch_open(&m->watch, "guard", 0, 4096);
	guards_open(&m->watch, nr, &m->guards);
	for (i = 0; i < nr; i++)
		ASSERT_EQ(guard_add(&m->watch, (uintptr_t)pages + i * PAGE,
				    (uintptr_t)pages + (i + 1) * PAGE), i);
}

/* Look at page @i until it has moved, or @ns have gone; false if it has not. */
static bool moved(struct moves *m, unsigned int i, uint64_t ns)
{
	const char *page = m->pages + i * PAGE;
	uint64_t began = now_ns(), value, before, after;
	bool valid;

	value = guard_even(&m->guards, i);
	before = frame_of(page);
	do {
		after = frame_of(page);
		valid = mmub_guard_valid(&m->guards, i, value);
		m->checks++;
		if (!valid)
			return true;
		if (before && after && before != after)
			FAIL("page %u moved from 0x%lx to 0x%lx, and is valid",
			     i, before, after);
	} while (now_ns() - began < ns);
	return false;
}

/* The last event that page @i's guard names is of that cause. */
static bool named(struct moves *m, unsigned int i, enum mmub_cause cause)
{
	struct mmub_record record;

	if (mmub_guard_event(m->watch.fd, i, 0, &record) < 0)
		return false;
	return mmub_cause(m->watch.fd, record.stack_id) == (int)cause;
}

static void moves_close(struct moves *m)
{
	test_note("%lu checks, %lu moves", m->checks, m->moves);
	guards_close(&m->watch, &m->guards);
}

TEST(against_ksmd)
{
	uint64_t began = now_ns();
	unsigned int i;
	struct moves m;
	char *p;

	if (access(KSM "run", F_OK))
		SKIP("this kernel has no KSM");
	ASSERT_EQ(write_file(KSM "sleep_millisecs", "1"), 0);
	ASSERT_EQ(write_file(KSM "pages_to_scan", "1000"), 0);
	p = map_written(64 * PAGE);
	moves_open(&m, p, 64);
	ASSERT_OK(madvise(p, 64 * PAGE, MADV_MERGEABLE));
	ASSERT_EQ(write_file(KSM "run", "1"), 0);
	for (i = 0; m.moves < scaled(200) &&
	     (now_ns() - began < CONTEST_NS || m.moves < 5); i = (i + 1) % 64) {
		ASSERT_TRUE(now_ns() < test_deadline());
		/* Take it out; what it says is what the others say. */
		p[i * PAGE] = 1;
		if (moved(&m, i, 20000000) && named(&m, i, MMUB_CAUSE_KSM_MERGE))
			m.moves++;
	}
	ASSERT_EQ(write_file(KSM "run", "2"), 0);
	ASSERT_EQ(write_file(KSM "run", "0"), 0);
	moves_close(&m);
}

TEST(against_khugepaged)
{
	uint64_t began = now_ns();
	struct moves m;
	char *p;

	if (write_file(KHUGEPAGED "scan_sleep_millisecs", "1"))
		SKIP("this kernel has no khugepaged");
	ASSERT_EQ(write_file(KHUGEPAGED "alloc_sleep_millisecs", "1"), 0);
	ASSERT_EQ(write_file(KHUGEPAGED "pages_to_scan", "65536"), 0);
	ASSERT_EQ(write_file(THP "enabled", "madvise"), 0);
	p = map_written(2 * HUGE);
	p = (char *)(((uintptr_t)p + HUGE - 1) & -HUGE);
	moves_open(&m, p, 512);
	while (m.moves < scaled(20) &&
	       (now_ns() - began < CONTEST_NS || m.moves < 2)) {
		ASSERT_TRUE(now_ns() < test_deadline());
		/* In small pages again. */
		ASSERT_OK(madvise(p, HUGE, MADV_NOHUGEPAGE));
		ASSERT_OK(madvise(p, HUGE, MADV_DONTNEED));
		memset(p, 1, HUGE);
		guard_even(&m.guards, 77);
		ASSERT_OK(madvise(p, HUGE, MADV_HUGEPAGE));
		if (moved(&m, 77, 2000000000) &&
		    named(&m, 77, MMUB_CAUSE_KHUGEPAGED))
			m.moves++;
	}
	moves_close(&m);
}

/* ------------------------------------------------------------- all at once */

struct churn {
	struct mmub_guards guards;
	struct watch watch;
	char *pages;
	bool stop;
};

static void *add_and_remove(void *data)
{
	unsigned int seed = (uintptr_t)pthread_self();
	struct churn *churn = data;
	struct mmub_record record;
	uint64_t value, word;
	int slot, ret;
	char *page;

	while (!__atomic_load_n(&churn->stop, __ATOMIC_RELAXED)) {
		page = churn->pages + rand_r(&seed) % 64 * PAGE;
		slot = mmub_guard_add(churn->watch.fd, (uintptr_t)page,
				      (uintptr_t)page + rand_r(&seed) % 4 * PAGE +
				      1, 0, rand_r(&seed) % 2);
		ASSERT_GE(slot, 0);
		value = mmub_guard_value(&churn->guards, slot);
		mmub_guard_wait(&churn->guards, slot, 100000, &word);
		ASSERT_GE(word, value);
		ret = mmub_guard_event(churn->watch.fd, slot, word, &record);
		ASSERT_TRUE(ret == 0 || ret == 1 || ret == -ENODATA);
		ASSERT_EQ(mmub_guard_remove(churn->watch.fd, slot), 0);
	}
	return NULL;
}

static void *discard_at_random(void *data)
{
	unsigned int seed = (uintptr_t)pthread_self();
	struct churn *churn = data;
	unsigned int first;

	while (!__atomic_load_n(&churn->stop, __ATOMIC_RELAXED)) {
		first = rand_r(&seed) % 64;
		ASSERT_OK(madvise(churn->pages + first * PAGE,
				  (1 + rand_r(&seed) % 3) * PAGE, MADV_DONTNEED));
	}
	return NULL;
}

/* Slots come and go under invalidations; in the end nothing is left of it. */
TEST(churn)
{
	pthread_t threads[4];
	struct mmub_stats stats;
	struct churn churn;
	uint64_t began;
	uint32_t i;
	int fd;

	memset(&churn, 0, sizeof(churn));
	churn.pages = map_written(68 * PAGE);
	fd = device_open();
	watch_open(&churn.watch, "guard", 0, 64);
	guards_open(&churn.watch, 8, &churn.guards);
	for (i = 0; i < 4; i++)
		ASSERT_EQ(pthread_create(&threads[i], NULL, i % 2 ?
					 discard_at_random : add_and_remove,
					 &churn), 0);
	for (began = now_ns(); now_ns() - began < CONTEST_NS / 4;)
		usleep(1000);
	__atomic_store_n(&churn.stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < 4; i++)
		ASSERT_EQ(pthread_join(threads[i], NULL), 0);
	all_odd(&churn.guards);
	/* Every slot and every event is to be had again. */
	for (i = 0; i < 8; i++)
		guard_add(&churn.watch, (uintptr_t)churn.pages,
			  (uintptr_t)churn.pages + PAGE);
	ASSERT_EQ(mmub_guard_add(churn.watch.fd, 0, 1, 0, 0), -ENOSPC);
	ASSERT_OK(madvise(churn.pages, PAGE, MADV_DONTNEED));
	for (i = 0; i < 8; i++)
		ASSERT_GT(churn.guards.slots[i].event_seq, 0);
	guards_close(&churn.watch, &churn.guards);
	watch_synchronize(fd, &stats);
	ASSERT_EQ(stats.live_spaces, 0);
	close(fd);
}

TEST_MAIN()
