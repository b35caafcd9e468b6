// SPDX-License-Identifier: Apache-2.0
/* Which operation raises which events. */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "scene.h"

#define UNMAP		MMUB_TYPE_UNMAP
#define CLEAR		MMUB_TYPE_CLEAR
#define PROT_VMA	MMUB_TYPE_PROTECTION_VMA
#define PROT_PAGE	MMUB_TYPE_PROTECTION_PAGE
#define SOFT_DIRTY	MMUB_TYPE_SOFT_DIRTY

TEST(no_event)
{
	struct scene s;

	scene_open(&s);
	say(&s, "pid");
	quiet(&s);
	map(&s, "a anon 4");
	map(&s, "m memfd 4");
	quiet(&s);
	say(&s, "touch a write");
	say(&s, "touch m write");
	quiet(&s);
	map(&s, "z anon 1");
	say(&s, "touch z read");
	quiet(&s);
	map(&s, "p anon 8 populate");
	quiet(&s);
	say(&s, "mlock a");
	say(&s, "munlock a");
	say(&s, "remap a 4");
	say(&s, "remap a 8");
	say(&s, "protect a rw");
	say(&s, "advise a COLD 0 4");
	say(&s, "clearrefs 1");
	say(&s, "regions");
	say(&s, "pagemap a");
	quiet(&s);
	scene_close(&s);
}

/* Say all sorts of things that raise no event by themselves. */
static void chat(struct subject *subject, const char *who)
{
	subject_say(subject, "%s pid", who);
	subject_say(subject, "%s regions", who);
	subject_say(subject, "%s help", who);
	subject_say(subject, "%s touch a read", who);
	subject_say(subject, "%s read m 0 100", who);
	subject_say(subject, "%s write m 0 some text", who);
	subject_say(subject, "%s pagemap a", who);
	subject_say(subject, "%s repeat 100 touch m write", who);
	subject_say(subject, "%s threads 8 repeat 10 touch m write", who);
	ASSERT_TRUE(!subject_try(subject, "%s nonsense", who));
	ASSERT_TRUE(!subject_try(subject, "%s unmap nothing", who));
	ASSERT_TRUE(!subject_try(subject, "%s touch n read", who));
	ASSERT_TRUE(!subject_try(subject, "%s map b anon 1 at 0xffff800000000000", who));
}

/*
 * The subject keeps its books where no event comes of it, after a fork too, in
 * the child and in itself; seen without the filter of a scene.
 */
TEST(subject_makes_no_noise)
{
	struct watch parent, child;
	struct mmub_record record;
	struct subject subject;

	subject_start(&subject);
	watch_open(&parent, "noise", subject.pid, 1024);
	subject_say(&subject, "map a anon 4 populate");
	subject_say(&subject, "map m shared 4 populate");
	subject_say(&subject, "map n anon 1 prot none");
	chat(&subject, "");
	ASSERT_EQ(watch_drain(&parent), 0);

	subject_say(&subject, "fork kid");
	/* Of the fork itself: all that is private. */
	while (watch_next(&parent, &record))
		ASSERT_EQ(record.type, PROT_PAGE);
	subject_say(&subject, "in kid pid");
	watch_open(&child, "noise", subject_field(&subject, "pid"), 1024);
	chat(&subject, "");
	chat(&subject, "in kid");
	chat(&subject, "");
	if (watch_next(&parent, &record) || watch_next(&child, &record)) {
		note_record(&record);
		FAIL("an event of the subject's own");
	}
	subject_say(&subject, "in kid unmap a");
	ASSERT_EQ(watch_drain(&child), 1);
	subject_say(&subject, "in kid exit");
	subject_say(&subject, "wait kid");
	ASSERT_EQ(watch_drain(&parent), 0);
	watch_close(&child);
	watch_close(&parent);
	subject_end(&subject);
}

TEST(mprotect)
{
	struct scene s;
	uint64_t a;

	scene_open(&s);
	a = map(&s, "a anon 4");
	/* Nothing was ever present. */
	say(&s, "protect a r");
	say(&s, "protect a rw");
	quiet(&s);
	say(&s, "touch a");
	say(&s, "protect a r");
	event(&s, PROT_VMA, a, a + 4 * PAGE);
	say(&s, "protect a r");
	quiet(&s);
	say(&s, "protect a rw 1 2");
	event(&s, PROT_VMA, a + PAGE, a + 3 * PAGE);
	say(&s, "protect a none 1 1");
	event(&s, PROT_VMA, a + PAGE, a + 2 * PAGE);
	quiet(&s);
	scene_close(&s);
}

TEST(munmap)
{
	struct scene s;
	uint64_t a;

	scene_open(&s);
	a = map(&s, "a anon 8");
	say(&s, "touch a");
	say(&s, "unmap a 2 3");
	event(&s, UNMAP, a + 2 * PAGE, a + 5 * PAGE);
	/* A hole. */
	say(&s, "unmap a 2 3");
	quiet(&s);
	/* Over the hole: what is mapped on its two sides, in one. */
	say(&s, "unmap a");
	event(&s, UNMAP, a, a + 8 * PAGE);
	quiet(&s);
	/* Nothing was ever present. */
	a = map(&s, "a anon 2");
	say(&s, "unmap a");
	event(&s, UNMAP, a, a + 2 * PAGE);
	quiet(&s);
	scene_close(&s);
}

TEST(map_fixed_over)
{
	struct scene s;
	uint64_t a;

	scene_open(&s);
	a = map(&s, "a anon 4");
	say(&s, "touch a");
	map(&s, "b anon 2 at a+1 over");
	event(&s, UNMAP, a + PAGE, a + 3 * PAGE);
	quiet(&s);
	scene_close(&s);
}

TEST(mremap)
{
	struct mmub_record record;
	struct scene s;
	uint64_t a, b;

	scene_open(&s);
	a = map(&s, "a anon 4");
	b = map(&s, "b anon 4");
	say(&s, "touch a");
	say(&s, "touch b");
	say(&s, "remap a 2");
	event(&s, UNMAP, a + 2 * PAGE, a + 4 * PAGE);
	quiet(&s);
	say(&s, "remap a 2 to b+1");
	event(&s, UNMAP, b + PAGE, b + 3 * PAGE);
	event(&s, UNMAP, a, a + 2 * PAGE);
	/* Some kernels: at the move of the pages, and at the unmap behind it. */
	while (watch_next(&s.watch, &record)) {
		event_check(&s, &record, UNMAP);
		ASSERT_EQ(record.start, a);
		ASSERT_EQ(record.end, a + 2 * PAGE);
	}
	scene_close(&s);
}

TEST(madvise)
{
	struct scene s;
	uint64_t a, m;

	scene_open(&s);
	a = map(&s, "a anon 4");
	m = map(&s, "m shared 4");
	say(&s, "touch a");
	say(&s, "touch m");
	say(&s, "advise a DONTNEED 1 2");
	event(&s, CLEAR, a + PAGE, a + 3 * PAGE);
	say(&s, "advise a FREE 3 1");
	event(&s, CLEAR, a + 3 * PAGE, a + 4 * PAGE);
	say(&s, "advise m DONTNEED");
	event(&s, CLEAR, m, m + 4 * PAGE);
	quiet(&s);
	scene_close(&s);
}

TEST(fork_and_cow)
{
	struct scene s;
	uint64_t a;

	scene_open(&s);
	a = map(&s, "a anon 4");
	map(&s, "m shared 4");
	say(&s, "touch a");
	say(&s, "touch m");
	say(&s, "fork kid");
	event(&s, PROT_PAGE, a, a + 4 * PAGE);
	quiet(&s);
	say(&s, "touch a write 1 1");
	event(&s, CLEAR, a + PAGE, a + 2 * PAGE);
	quiet(&s);
	/* It is its own now. */
	say(&s, "touch a write 1 1");
	say(&s, "touch m write");
	quiet(&s);
	say(&s, "in kid exit");
	say(&s, "wait kid");
	/* The only owner reuses it. */
	say(&s, "touch a write 2 1");
	quiet(&s);
	scene_close(&s);
}

TEST(cow_of_zero_page_and_file)
{
	struct scene s;
	uint64_t a, m;

	scene_open(&s);
	a = map(&s, "a anon 2");
	map(&s, "f memfd 2");
	m = map(&s, "m memfd 2 of f private");
	say(&s, "touch f");
	say(&s, "touch a read");
	say(&s, "touch m read");
	quiet(&s);
	say(&s, "touch a write 0 1");
	event(&s, CLEAR, a, a + PAGE);
	say(&s, "touch m write 1 1");
	event(&s, CLEAR, m + PAGE, m + 2 * PAGE);
	quiet(&s);
	scene_close(&s);
}

TEST(clear_refs)
{
	struct scene s;
	uint64_t a;

	scene_open(&s);
	a = map(&s, "a anon 1");
	say(&s, "touch a");
	say(&s, "clearrefs 4");
	event_over(&s, SOFT_DIRTY, 0, ~UINT64_C(4095));
	quiet(&s);
	(void)a;
	scene_close(&s);
}

/* Of a shared file, without the mmap_lock. */
TEST(truncate_and_punch)
{
	struct mmub_record record;
	struct scene s;
	uint64_t m;

	scene_open(&s);
	m = map(&s, "m memfd 4");
	say(&s, "touch m");
	say(&s, "punch m 1 1");
	event_over(&s, CLEAR, m + PAGE, m + 2 * PAGE);
	watch_drain(&s.watch);
	s.n = s.watch.ring.header->n;
	say(&s, "truncate m 3");
	event_over(&s, CLEAR, m + 3 * PAGE, m + 4 * PAGE);
	/* Some kernels do it twice. */
	while (watch_next(&s.watch, &record)) {
		event_check(&s, &record, CLEAR);
		ASSERT_GE(record.start, m);
	}
	scene_close(&s);
}

TEST(threads)
{
	struct mmub_record record;
	struct scene s;
	const char *last;
	uint64_t a;
	int tid;

	scene_open(&s);
	a = map(&s, "a anon 4");
	say(&s, "threads 1 unmap a");
	last = strstr(s.subject.reply, "\"last\":");
	ASSERT_TRUE(last);
	last = strstr(last, "\"tid\":");
	ASSERT_TRUE(last);
	tid = atoi(last + strlen("\"tid\":"));
	event_take(&s, &record);
	ASSERT_EQ(record.type, UNMAP);
	ASSERT_EQ(record.start, a);
	ASSERT_EQ(record.pid, s.subject.pid);
	ASSERT_EQ(record.tid, tid);
	ASSERT_NE(record.tid, record.pid);
	quiet(&s);
	scene_close(&s);
}

/*
 * A 64-bit process can enter the kernel by the 32-bit door too, and what it
 * does there has the numbers of that door.
 */
TEST(system_call_of_another_abi)
{
	struct mmub_record record;
	struct watch w;
	long ret;
	char *p;

	p = ASSERT_OK((char *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1,
				   0));
	watch_open(&w, "int80", 0, 64);
	asm volatile("int $0x80"
		     : "=a"(ret)
		     : "a"(91), "b"(p), "c"(PAGE)
		     : "r8", "r9", "r10", "r11", "memory");
	if (ret == -ENOSYS)
		SKIP("this kernel has no 32-bit system calls");
	ASSERT_EQ(ret, 0);
	do {
		ASSERT_TRUE(watch_next(&w, &record));
	} while (record.start != (uintptr_t)p);
	ASSERT_EQ(record.type, UNMAP);
	ASSERT_EQ(record.entry, MMUB_ENTRY_SYSCALL);
	ASSERT_EQ(record.syscall_arch, AUDIT_ARCH_I386);
	ASSERT_EQ(record.syscall_nr, 91);
	ASSERT_STREQ(mmub_syscall_name(record.syscall_arch, record.syscall_nr),
		     "munmap");
	watch_close(&w);
}

TEST(comm)
{
	struct mmub_record record;
	struct scene s;

	scene_open(&s);
	map(&s, "a anon 1");
	say(&s, "name fifteen_letters");
	say(&s, "unmap a");
	event_take(&s, &record);
	ASSERT_STREQ(record.comm, "fifteen_letters");
	scene_close(&s);
}

/*
 * The end of the stream. It is told by whoever drops the last reference to the
 * mm, which may be the kworker that drops the one that ATTACH took.
 */
static void check_release(struct scene *s, enum mmub_entry entry,
			  const char *syscall)
{
	struct mmub_record record;

	watch_wait(&s->watch, &record);
	ASSERT_EQ(record.phase, MMUB_PHASE_RELEASE);
	ASSERT_EQ(record.type, MMUB_TYPE_RELEASE);
	ASSERT_EQ(record.start, 0);
	ASSERT_EQ(record.end, UINT64_MAX);
	ASSERT_EQ(record.n, s->n + 1);
	if (record.entry == MMUB_ENTRY_KTHREAD) {
		ASSERT_TRUE(!strncmp(record.comm, "kworker", 7));
	} else {
		ASSERT_EQ(record.entry, entry);
		ASSERT_EQ(record.pid, s->subject.pid);
		if (syscall)
			ASSERT_STREQ(mmub_syscall_name(record.syscall_arch,
						       record.syscall_nr),
				     syscall);
		else
			ASSERT_EQ(record.syscall_nr, -1);
	}
	ASSERT_SOON(s->watch.ring.header->state == MMUB_RING_RELEASED);
	ASSERT_EQ(mmub_ring_wait(s->watch.fd, &s->watch.ring, -1), -ENODATA);
}

TEST(exec)
{
	struct scene s;

	scene_open(&s);
	map(&s, "a anon 4");
	say(&s, "touch a");
	say(&s, "exec");
	check_release(&s, MMUB_ENTRY_SYSCALL, "execve");
	/* The new mm is not watched. */
	map(&s, "a anon 4");
	say(&s, "unmap a");
	quiet(&s);
	scene_close(&s);
}

TEST(exit)
{
	struct scene s;

	scene_open(&s);
	map(&s, "a anon 4");
	say(&s, "touch a");
	say(&s, "exit");
	check_release(&s, MMUB_ENTRY_EXIT, NULL);
	test_reap(s.subject.pid);
	quiet(&s);
	watch_close(&s.watch);
}

TEST(killed)
{
	struct scene s;

	scene_open(&s);
	ASSERT_OK(kill(s.subject.pid, SIGKILL));
	check_release(&s, MMUB_ENTRY_EXIT, NULL);
	quiet(&s);
	watch_close(&s.watch);
}

TEST(hugetlb)
{
	static const char *pages = "/proc/sys/vm/nr_hugepages";
	const uint64_t size = 2 << 20;
	struct mmub_record record;
	unsigned int events = 0;
	struct scene s;
	uint64_t h;

	if (write_file(pages, "2") || read_number(pages) < 2)
		SKIP("no huge pages to be had");
	scene_open(&s);
	h = map(&s, "h huge 512");
	say(&s, "touch h");
	quiet(&s);
	say(&s, "fork kid");
	event(&s, CLEAR, h, h + size);
	quiet(&s);
	say(&s, "touch h");
	event(&s, CLEAR, h, h + size);
	quiet(&s);
	say(&s, "in kid exit");
	say(&s, "wait kid");
	say(&s, "unmap h");
	/* Nested, twice on some kernels. */
	while (watch_next(&s.watch, &record)) {
		event_check(&s, &record, UNMAP);
		ASSERT_LE(record.start, h);
		ASSERT_GE(record.end, h + size);
		events++;
	}
	ASSERT_TRUE(events == 1 || events == 2);
	ASSERT_EQ(s.watch.ring.header->active, 0);
	ASSERT_EQ(s.watch.ring.header->completed_seq, s.seq);
	scene_close(&s);
	write_file(pages, "0");
}

/* ------------------------------------------------------------ numbers, filters */

TEST(header_and_stats)
{
	const struct mmub_ring_header *header;
	struct mmub_stats stats;
	struct scene s;
	int i;

	scene_open(&s);
	header = s.watch.ring.header;
	map(&s, "a anon 4");
	watch_stats(s.watch.fd, &stats);
	ASSERT_EQ(stats.attached, 1);
	ASSERT_EQ(stats.space_id, s.watch.attached.space_id);
	ASSERT_EQ(stats.space_users, 1);
	for (i = 1; i <= 10; i++) {
		say(&s, "advise a DONTNEED");
		ASSERT_EQ(header->n, i);
		watch_stats(s.watch.fd, &stats);
		ASSERT_EQ(stats.sub_n, i);
		ASSERT_EQ(stats.sub_records, i);
		ASSERT_EQ(stats.sub_lost, 0);
		ASSERT_EQ(stats.space_seq, header->seq);
		ASSERT_EQ(stats.space_seq, stats.space_invalidations);
		ASSERT_EQ(stats.space_completed_seq, stats.space_seq);
		ASSERT_EQ(header->completed_seq, header->seq);
		ASSERT_EQ(stats.space_active, 0);
		ASSERT_EQ(header->active, 0);
		ASSERT_EQ(header->state, 0);
	}
	ASSERT_EQ(watch_drain(&s.watch), 10);
	/* Bookkeeping of the subject itself is not in the way. */
	ASSERT_EQ(header->seq, 10);
	scene_close(&s);
}

/*
 * While operations run, what the header says holds together: completed_seq is
 * never ahead of seq, and does not go back. By the counters that are read at
 * once, it is seq exactly while nothing is in flight.
 */
TEST(completed_seq_under_load)
{
	const unsigned long rounds = scaled(2000);
	uint64_t completed, seq, last = 0, busy = 0, reads = 0;
	const struct mmub_ring_header *header;
	struct mmub_stats stats;
	struct scene s;

	scene_open(&s);
	header = s.watch.ring.header;
	map(&s, "a anon 64");
	subject_tell(&s.subject,
		     "threads 4 repeat %lu touch a ; advise a DONTNEED", rounds);
	do {
		completed = __atomic_load_n(&header->completed_seq,
					    __ATOMIC_ACQUIRE);
		seq = __atomic_load_n(&header->seq, __ATOMIC_ACQUIRE);
		ASSERT_LE(completed, seq);
		ASSERT_GE(completed, last);
		last = completed;

		watch_stats(s.watch.fd, &stats);
		if (stats.space_active)
			ASSERT_LE(stats.space_completed_seq,
				  stats.space_seq - stats.space_active);
		else
			ASSERT_EQ(stats.space_completed_seq, stats.space_seq);
		busy += stats.space_active != 0;
		reads++;
		watch_drain(&s.watch);
		ASSERT_LE(now_ns(), test_deadline());
	} while (seq < 4 * rounds);
	ASSERT_EQ(seq, 4 * rounds);
	subject_hear(&s.subject);
	ASSERT_EQ(header->completed_seq, header->seq);
	ASSERT_EQ(header->active, 0);
	test_note("of %lu looks %lu saw one in flight", reads, busy);
	scene_close(&s);
}

TEST(filter_by_type)
{
	struct scene s;
	uint64_t a, seq;

	scene_open(&s);
	a = map(&s, "a anon 4");
	ASSERT_EQ(mmub_filter_set(s.watch.fd, 1 << UNMAP | 1 << PROT_VMA, NULL,
				  0), 0);
	say(&s, "touch a");
	say(&s, "protect a r");
	event(&s, PROT_VMA, a, a + 4 * PAGE);
	seq = s.seq;
	say(&s, "protect a rw");
	event(&s, PROT_VMA, a, a + 4 * PAGE);
	ASSERT_EQ(s.seq, seq + 1);
	say(&s, "advise a DONTNEED");
	say(&s, "advise a DONTNEED");
	say(&s, "advise a DONTNEED");
	quiet(&s);
	/* The gap is in seq alone; event() has checked n. */
	say(&s, "unmap a 0 1");
	event(&s, UNMAP, a, a + PAGE);
	ASSERT_EQ(s.seq, seq + 5);

	ASSERT_EQ(mmub_filter_set(s.watch.fd, 1 << CLEAR, NULL, 0), 0);
	say(&s, "unmap a 1 1");
	quiet(&s);
	say(&s, "advise a DONTNEED 2 2");
	event(&s, CLEAR, a + 2 * PAGE, a + 4 * PAGE);
	/* Whatever the filter, the end is told. */
	say(&s, "exit");
	test_reap(s.subject.pid);
	check_release(&s, MMUB_ENTRY_EXIT, NULL);
	watch_close(&s.watch);
}

TEST(filter_by_range)
{
	struct mmub_range ranges[16];
	struct scene s;
	uint64_t a;
	int i;

	scene_open(&s);
	a = map(&s, "a anon 64");
	/* Every fourth page. */
	for (i = 0; i < 16; i++) {
		ranges[i].start = a + 4 * i * PAGE;
		ranges[i].end = ranges[i].start + PAGE;
	}
	ASSERT_EQ(mmub_filter_set(s.watch.fd, (1 << MMUB_TYPE_COUNT) - 1,
				  ranges, 16), 0);
	say(&s, "advise a DONTNEED 1 3");
	quiet(&s);
	say(&s, "advise a DONTNEED 61 3");
	quiet(&s);
	say(&s, "advise a DONTNEED 60 1");
	event(&s, CLEAR, a + 60 * PAGE, a + 61 * PAGE);
	say(&s, "advise a DONTNEED 1 4");
	event(&s, CLEAR, a + PAGE, a + 5 * PAGE);
	say(&s, "advise a DONTNEED");
	event(&s, CLEAR, a, a + 64 * PAGE);
	quiet(&s);
	ASSERT_EQ(s.seq, 5);
	ASSERT_EQ(s.n, 3);

	/* One byte is enough; ranges need not be pages. */
	ranges[0].start = a + PAGE - 1;
	ranges[0].end = a + PAGE;
	ASSERT_EQ(mmub_filter_set(s.watch.fd, 1 << CLEAR, ranges, 1), 0);
	say(&s, "advise a DONTNEED 1 1");
	quiet(&s);
	say(&s, "advise a DONTNEED 0 1");
	event(&s, CLEAR, a, a + PAGE);
	quiet(&s);
	scene_close(&s);
}

/* Two subscriptions, one space: the same seq, each its own n. */
TEST(subscriptions_number_for_themselves)
{
	struct mmub_record record;
	struct watch other;
	struct scene s;
	uint64_t a;

	scene_open(&s);
	a = map(&s, "a anon 4");
	say(&s, "advise a DONTNEED");
	event(&s, CLEAR, a, a + 4 * PAGE);
	watch_open(&other, "scene", s.subject.pid, 64);
	ASSERT_EQ(other.attached.space_id, s.watch.attached.space_id);
	ASSERT_EQ(other.attached.users, 2);
	ASSERT_EQ(mmub_filter_set(other.fd, 1 << UNMAP, NULL, 0), 0);
	say(&s, "advise a DONTNEED");
	event(&s, CLEAR, a, a + 4 * PAGE);
	say(&s, "unmap a");
	event(&s, UNMAP, a, a + 4 * PAGE);
	ASSERT_TRUE(watch_next(&other, &record));
	ASSERT_EQ(record.seq, s.seq);
	ASSERT_EQ(record.n, 1);
	ASSERT_EQ(s.n, 3);
	ASSERT_TRUE(!watch_next(&other, &record));
	watch_close(&other);
	scene_close(&s);
}

/* ---------------------------------------------------------------- oneself */

/* The only event of that range; the library and the test cause others. */
static void own_event(struct watch *w, enum mmub_type type, void *start,
		      size_t size, const char *syscall)
{
	struct mmub_record record;
	int found = 0;

	while (watch_next(w, &record)) {
		if (record.start >= (uintptr_t)start + size ||
		    record.end <= (uintptr_t)start)
			continue;
		found++;
		ASSERT_EQ(record.type, type);
		ASSERT_EQ(record.start, (uintptr_t)start);
		ASSERT_EQ(record.end, (uintptr_t)start + size);
		ASSERT_EQ(record.pid, getpid());
		ASSERT_EQ(record.tid, gettid());
		ASSERT_STREQ(mmub_syscall_name(record.syscall_arch,
					       record.syscall_nr), syscall);
	}
	ASSERT_EQ(found, 1);
}

TEST(oneself)
{
	struct watch w;
	char *p;

	watch_open(&w, "self", 0, 1024);
	p = ASSERT_OK((char *)mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	/* Apart from its neighbours. */
	ASSERT_OK(mprotect(p, PAGE, PROT_NONE));
	ASSERT_OK(mprotect(p + 7 * PAGE, PAGE, PROT_NONE));
	watch_drain(&w);
	p += PAGE;
	memset(p, 1, 6 * PAGE);
	ASSERT_OK(mprotect(p, 2 * PAGE, PROT_READ));
	own_event(&w, PROT_VMA, p, 2 * PAGE, "mprotect");
	ASSERT_OK(madvise(p + 2 * PAGE, PAGE, MADV_DONTNEED));
	own_event(&w, CLEAR, p + 2 * PAGE, PAGE, "madvise");
	ASSERT_OK(munmap(p, PAGE));
	own_event(&w, UNMAP, p, PAGE, "munmap");
	watch_close(&w);
}

TEST_MAIN()
