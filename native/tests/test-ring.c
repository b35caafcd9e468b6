// SPDX-License-Identifier: Apache-2.0
/* The ring: what is kept when it is full, who is woken, and forged indices. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scene.h"

#define CLEAR	MMUB_TYPE_CLEAR

/* Events that a ring of @records takes before it loses one. */
#define ROOM(records)	((records) - MMUB_RING_RESERVED)

/* A subject with one region "a" of 4 pages, and a ring on that alone. */
static uint64_t small_scene(struct scene *scene, uint32_t records,
			    uint32_t wakeup_events)
{
	struct mmub_range range;
	struct watch *w = &scene->watch;
	int mem_fd;

	memset(scene, 0, sizeof(*scene));
	subject_start(&scene->subject);
	range.start = map(scene, "a anon 4");
	range.end = range.start + 4 * PAGE;
	w->fd = device_open();
	ASSERT_EQ(mmub_ring_open(w->fd, records, wakeup_events, 0, &w->ring), 0);
	ASSERT_EQ(mmub_filter_set(w->fd, (1 << MMUB_TYPE_COUNT) - 1, &range, 1),
		  0);
	mem_fd = mmub_mem_open(scene->subject.pid);
	ASSERT_GE(mem_fd, 0);
	ASSERT_EQ(mmub_attach(w->fd, "ring", mem_fd, 0, &w->attached), 0);
	close(mem_fd);
	return range.start;
}

static int poll_now(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLPRI };

	ASSERT_GE(poll(&p, 1, 0), 0);
	return p.revents;
}

static void storm(struct scene *scene, unsigned long events)
{
	say(scene, "repeat %lu advise a DONTNEED", events);
}

/* The next @count records are starts from @n on. */
static void take_starts(struct watch *w, uint64_t n, unsigned int count)
{
	struct mmub_record record;
	unsigned int i;

	for (i = 0; i < count; i++) {
		ASSERT_TRUE(watch_next(w, &record));
		ASSERT_EQ(record.phase, MMUB_PHASE_START);
		ASSERT_EQ(record.n, n + i);
	}
}

static void take_lost(struct watch *w, uint64_t from, uint64_t to)
{
	struct mmub_record record;

	ASSERT_TRUE(watch_next(w, &record));
	if (record.phase != MMUB_PHASE_LOST)
		note_record(&record);
	ASSERT_EQ(record.phase, MMUB_PHASE_LOST);
	ASSERT_EQ(record.lost_from, from);
	ASSERT_EQ(record.lost_to, to);
	ASSERT_EQ(record.n, to);
	ASSERT_EQ(record.start, 0);
	ASSERT_EQ(record.end, 0);
	ASSERT_EQ(record.type, MMUB_TYPE_OTHER);
	ASSERT_EQ(record.syscall_nr, -1);
}

TEST(loss_is_announced)
{
	struct mmub_stats stats;
	struct scene s;
	struct watch *w = &s.watch;

	small_scene(&s, 8, 0);
	ASSERT_EQ(poll_now(w->fd), 0);
	storm(&s, ROOM(8));
	ASSERT_EQ(poll_now(w->fd), POLLIN);
	ASSERT_EQ(w->ring.header->lost, 0);

	/* Before any further record, the header and poll tell of it. */
	storm(&s, 10);
	ASSERT_EQ(poll_now(w->fd), POLLIN | POLLPRI);
	ASSERT_EQ(w->ring.header->lost, 10);
	ASSERT_EQ(w->ring.header->n, ROOM(8) + 10);
	take_starts(w, 1, ROOM(8));
	ASSERT_TRUE(!watch_next(w, &(struct mmub_record){}));
	ASSERT_EQ(poll_now(w->fd), POLLPRI);
	w->ring.consumer->lost_seen = w->ring.header->lost;
	ASSERT_EQ(poll_now(w->fd), 0);

	/* Then a record says which were lost, and the next event follows it. */
	storm(&s, 1);
	ASSERT_EQ(poll_now(w->fd), POLLIN);
	take_lost(w, ROOM(8) + 1, ROOM(8) + 10);
	take_starts(w, ROOM(8) + 11, 1);
	ASSERT_EQ(poll_now(w->fd), 0);

	watch_stats(w->fd, &stats);
	ASSERT_EQ(stats.sub_n, ROOM(8) + 11);
	ASSERT_EQ(stats.sub_lost, 10);
	ASSERT_EQ(stats.sub_records, ROOM(8) + 2);
	scene_close(&s);
}

/* Loss again and again, with a reader that now and then takes a few. */
TEST(losses_add_up)
{
	uint64_t received = 0, lost = 0, expected = 1;
	struct mmub_record record;
	struct mmub_stats stats;
	struct scene s;
	struct watch *w = &s.watch;
	unsigned int i, j;

	small_scene(&s, 16, 0);
	for (i = 0; i < scaled(300); i++) {
		storm(&s, i * 7 % 31 + 1);
		for (j = 0; j < i % 11 && watch_next(w, &record); j++) {
			if (record.phase == MMUB_PHASE_LOST) {
				ASSERT_EQ(record.lost_from, expected);
				ASSERT_GE(record.lost_to, record.lost_from);
				lost += record.lost_to - record.lost_from + 1;
				expected = record.lost_to + 1;
			} else {
				ASSERT_EQ(record.n, expected);
				received++;
				expected++;
			}
		}
	}
	/* One event more, after what is left, announces the last gap. */
	for (j = 0; j < 2; j++) {
		while (watch_next(w, &record)) {
			if (record.phase == MMUB_PHASE_LOST) {
				ASSERT_EQ(record.lost_from, expected);
				lost += record.lost_to - record.lost_from + 1;
				expected = record.lost_to + 1;
			} else {
				ASSERT_EQ(record.n, expected);
				received++;
				expected++;
			}
		}
		if (!j)
			storm(&s, 1);
	}
	watch_stats(w->fd, &stats);
	ASSERT_EQ(received + lost, stats.sub_n);
	ASSERT_EQ(lost, stats.sub_lost);
	ASSERT_EQ(lost, w->ring.header->lost);
	ASSERT_GT(lost, 0);
	test_note("%lu received + %lu lost", received, lost);
	scene_close(&s);
}

/* However full, the ring has room for the gap, the end and the detach. */
TEST(reserved_records)
{
	struct mmub_record record;
	struct scene s;
	struct watch *w = &s.watch;

	small_scene(&s, 8, 0);
	storm(&s, 100);
	say(&s, "exit");
	test_reap(s.subject.pid);
	ASSERT_EQ(poll_now(w->fd), POLLIN | POLLPRI | POLLHUP);
	ASSERT_EQ(mmub_detach(w->fd), 0);
	ASSERT_EQ(w->ring.header->state,
		  MMUB_RING_RELEASED | MMUB_RING_DETACHED);

	take_starts(w, 1, ROOM(8));
	take_lost(w, ROOM(8) + 1, 100);
	ASSERT_TRUE(watch_next(w, &record));
	ASSERT_EQ(record.phase, MMUB_PHASE_RELEASE);
	ASSERT_EQ(record.n, 101);
	ASSERT_TRUE(watch_next(w, &record));
	ASSERT_EQ(record.phase, MMUB_PHASE_DETACHED);
	ASSERT_EQ(record.n, 101);
	ASSERT_EQ(record.type, MMUB_TYPE_OTHER);
	ASSERT_EQ(record.pid, getpid());
	ASSERT_TRUE(!watch_next(w, &record));
	ASSERT_EQ(mmub_ring_wait(w->fd, &w->ring, -1), -ENODATA);
	ASSERT_EQ(poll_now(w->fd), POLLPRI | POLLHUP);
	ASSERT_EQ(mmub_ring_close(&w->ring), 0);
	close(w->fd);
}

/* A detach from a full ring, without a release. */
TEST(detach_when_full)
{
	struct mmub_record record;
	struct scene s;
	struct watch *w = &s.watch;

	small_scene(&s, 8, 0);
	storm(&s, 20);
	ASSERT_EQ(mmub_detach(w->fd), 0);
	take_starts(w, 1, ROOM(8));
	take_lost(w, ROOM(8) + 1, 20);
	ASSERT_TRUE(watch_next(w, &record));
	ASSERT_EQ(record.phase, MMUB_PHASE_DETACHED);
	ASSERT_EQ(mmub_ring_close(&w->ring), 0);
	close(w->fd);
	subject_end(&s.subject);
}

TEST(many_wraps)
{
	struct scene s;
	struct watch *w = &s.watch;
	unsigned long i;

	small_scene(&s, 8, 0);
	for (i = 0; i < scaled(2000); i++) {
		storm(&s, 3);
		take_starts(w, 3 * i + 1, 3);
	}
	ASSERT_EQ(w->ring.header->head, 3 * scaled(2000));
	ASSERT_EQ(w->ring.header->lost, 0);
	scene_close(&s);
}

/* ------------------------------------------------------------------- waiting */

static void *wait_for_one(void *arg)
{
	struct watch *w = arg;

	return (void *)(intptr_t)mmub_ring_wait(w->fd, &w->ring, -1);
}

/* Whether a thread of this process sleeps in a system call. */
static bool sleeps(pid_t tid)
{
	char path[64], line[256], state = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (fgets(line, sizeof(line), file)) {
		const char *at = strrchr(line, ')');

		state = at ? at[2] : 0;
	}
	fclose(file);
	return state == 'S';
}

struct waiter {
	pthread_t thread;
	struct watch *watch;
	pid_t tid;
	bool done;
};

static void *waiter_main(void *arg)
{
	struct waiter *waiter = arg;
	void *ret;

	__atomic_store_n(&waiter->tid, gettid(), __ATOMIC_RELEASE);
	ret = wait_for_one(waiter->watch);
	__atomic_store_n(&waiter->done, true, __ATOMIC_RELEASE);
	return ret;
}

static void waiter_start(struct waiter *waiter, struct watch *watch)
{
	memset(waiter, 0, sizeof(*waiter));
	waiter->watch = watch;
	ASSERT_EQ(pthread_create(&waiter->thread, NULL, waiter_main, waiter), 0);
	ASSERT_SOON(__atomic_load_n(&waiter->tid, __ATOMIC_ACQUIRE));
	ASSERT_SOON(sleeps(waiter->tid));
}

static int waiter_join(struct waiter *waiter)
{
	void *ret;

	ASSERT_EQ(pthread_join(waiter->thread, &ret), 0);
	return (intptr_t)ret;
}

TEST(wakeup_events)
{
	struct waiter waiter;
	struct scene s;
	struct watch *w = &s.watch;
	int round;

	small_scene(&s, 64, 8);
	for (round = 0; round < 3; round++) {
		waiter_start(&waiter, w);
		storm(&s, 7);
		/* The events came before the reply: a wake would have too. */
		ASSERT_TRUE(sleeps(waiter.tid));
		ASSERT_TRUE(!__atomic_load_n(&waiter.done, __ATOMIC_ACQUIRE));
		storm(&s, 1);
		ASSERT_EQ(waiter_join(&waiter), 8);
		/* Whoever does not sleep need not wait for so many. */
		ASSERT_EQ(poll_now(w->fd), POLLIN);
		ASSERT_EQ(watch_drain(w), 8);
		storm(&s, 1);
		ASSERT_EQ(mmub_ring_wait(w->fd, &w->ring, -1), 1);
		ASSERT_EQ(watch_drain(w), 1);
	}
	/* The end wakes in any case. */
	waiter_start(&waiter, w);
	storm(&s, 2);
	ASSERT_TRUE(sleeps(waiter.tid));
	say(&s, "exit");
	ASSERT_EQ(waiter_join(&waiter), 3);
	ASSERT_EQ(watch_drain(w), 3);
	watch_close(w);
}

TEST(detach_wakes)
{
	struct waiter waiter;
	struct scene s;
	struct watch *w = &s.watch;

	small_scene(&s, 64, 32);
	waiter_start(&waiter, w);
	ASSERT_EQ(mmub_detach(w->fd), 0);
	ASSERT_EQ(waiter_join(&waiter), 1);
	ASSERT_EQ(mmub_ring_close(&w->ring), 0);
	close(w->fd);
	subject_end(&s.subject);
}

TEST(ring_wait_deadline)
{
	uint64_t begin, spent;
	struct scene s;
	struct watch *w = &s.watch;

	small_scene(&s, 64, 32);
	ASSERT_EQ(mmub_ring_wait(w->fd, &w->ring, 0), 0);
	begin = now_ns();
	ASSERT_EQ(mmub_ring_wait(w->fd, &w->ring, 20000000), 0);
	spent = now_ns() - begin;
	ASSERT_GE(spent, 20000000);
	storm(&s, 5);
	ASSERT_EQ(mmub_ring_wait(w->fd, &w->ring, 0), 5);
	ASSERT_EQ(mmub_ring_wait(w->fd, &w->ring, 1), 5);
	scene_close(&s);
}

static void nothing(int sig)
{
	(void)sig;
}

TEST(ring_wait_is_interrupted)
{
	const struct sigaction action = { .sa_handler = nothing };
	struct waiter waiter;
	struct scene s;

	ASSERT_OK(sigaction(SIGUSR1, &action, NULL));
	small_scene(&s, 64, 0);
	waiter_start(&waiter, &s.watch);
	ASSERT_EQ(pthread_kill(waiter.thread, SIGUSR1), 0);
	ASSERT_EQ(waiter_join(&waiter), -EINTR);
	scene_close(&s);
}

/* A sleeping reader and a busy writer never miss each other. */
TEST(no_wakeup_is_missed)
{
	const unsigned long rounds = scaled(3000);
	struct mmub_record record;
	unsigned long i;
	struct scene s;

	/* Room for all: what is lost last is told by no record. */
	small_scene(&s, 16384, 0);
	subject_tell(&s.subject, "threads 2 repeat %lu advise a DONTNEED",
		     rounds);
	for (i = 1; i <= 2 * rounds; i++) {
		watch_wait(&s.watch, &record);
		if (record.phase == MMUB_PHASE_LOST)
			i = record.lost_to;
		else
			ASSERT_EQ(record.n, i);
	}
	subject_hear(&s.subject);
	scene_close(&s);
}

struct sleeper {
	const struct scene *scene;
	int awake;		/* an eventfd: it saw something to read */
	bool over;
};

static void *sleep_and_tell(void *data)
{
	struct sleeper *sleeper = data;
	struct pollfd fd = { sleeper->scene->watch.fd, POLLIN, 0 };

	while (!__atomic_load_n(&sleeper->over, __ATOMIC_RELAXED)) {
		ASSERT_OK(poll(&fd, 1, -1));
		ASSERT_OK(eventfd_write(sleeper->awake, 1));
	}
	return NULL;
}

/*
 * One thread sleeps, as an event loop does, and another reads: what the second
 * consumes while the first looks at the ring takes no wakeup away.
 */
TEST(no_wakeup_is_missed_between_threads)
{
	const unsigned long rounds = scaled(20000);
	struct mmub_record record;
	struct sleeper sleeper = { 0 };
	unsigned long received = 0;
	struct pollfd awake;
	eventfd_t count;
	pthread_t thread;
	struct scene s;

	small_scene(&s, 4096, 0);
	sleeper.scene = &s;
	sleeper.awake = ASSERT_OK(eventfd(0, EFD_CLOEXEC));
	awake = (struct pollfd){ sleeper.awake, POLLIN, 0 };
	ASSERT_EQ(pthread_create(&thread, NULL, sleep_and_tell, &sleeper), 0);
	subject_tell(&s.subject, "repeat %lu advise a DONTNEED", rounds);
	while (received + s.watch.ring.header->lost < rounds) {
		if (!ASSERT_OK(poll(&awake, 1,
				    (test_deadline() - now_ns()) / 1000000)))
			FAIL("asleep, after %lu of %lu", received, rounds);
		ASSERT_OK(eventfd_read(sleeper.awake, &count));
		while (watch_next(&s.watch, &record))
			received += record.phase == MMUB_PHASE_START;
	}
	subject_hear(&s.subject);
	__atomic_store_n(&sleeper.over, true, __ATOMIC_RELAXED);
	say(&s, "advise a DONTNEED");
	ASSERT_EQ(pthread_join(thread, NULL), 0);
	close(sleeper.awake);
	scene_close(&s);
}

/* ------------------------------------------------------------ a storm, and no reader */

static uint64_t timed_storm(struct scene *s, unsigned long events)
{
	storm(s, events);
	return subject_field(&s->subject, "elapsed_ns");
}

/*
 * A consumer that is stopped does not stop the watched process: its storm goes
 * through, and afterwards the consumer knows exactly what it has missed.
 */
TEST(stopped_consumer)
{
	const unsigned long events = scaled(100000);
	uint64_t unwatched, roomy, full;
	struct {
		uint64_t received, lost, n;
		int ready;
	} *shared;
	struct watch big;
	struct scene s;
	siginfo_t info;
	pid_t consumer;

	memset(&s, 0, sizeof(s));
	subject_start(&s.subject);
	map(&s, "a anon 4");
	timed_storm(&s, events / 10 + 1);
	unwatched = timed_storm(&s, events);

	/* A ring that is never full, since it is drained by its size. */
	watch_open(&big, "big", s.subject.pid, 65536);
	{
		unsigned long left = events, part;

		roomy = 0;
		while (left) {
			part = left < 60000 ? left : 60000;
			roomy += timed_storm(&s, part);
			ASSERT_EQ(watch_drain(&big), part);
			left -= part;
		}
		ASSERT_EQ(big.ring.header->lost, 0);
	}
	watch_close(&big);

	shared = ASSERT_OK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	consumer = test_fork();
	if (!consumer) {
		struct mmub_record record;
		uint64_t expected = 1;

		watch_open(&s.watch, "small", s.subject.pid, 16);
		__atomic_store_n(&shared->ready, 1, __ATOMIC_RELEASE);
		do {
			watch_wait(&s.watch, &record);
			switch (record.phase) {
			case MMUB_PHASE_START:
				ASSERT_EQ(record.n, expected);
				shared->received++;
				expected++;
				break;
			case MMUB_PHASE_LOST:
				ASSERT_EQ(record.lost_from, expected);
				shared->lost += record.lost_to - expected + 1;
				expected = record.lost_to + 1;
				break;
			}
		} while (record.phase != MMUB_PHASE_RELEASE);
		ASSERT_EQ(record.n, expected);
		shared->n = s.watch.ring.header->n;
		ASSERT_EQ(s.watch.ring.header->lost, shared->lost);
		watch_close(&s.watch);
		_exit(0);
	}
	ASSERT_SOON(__atomic_load_n(&shared->ready, __ATOMIC_ACQUIRE));
	ASSERT_OK(kill(consumer, SIGSTOP));
	ASSERT_OK(waitid(P_PID, consumer, &info, WSTOPPED));
	full = timed_storm(&s, events);
	ASSERT_OK(kill(consumer, SIGCONT));
	say(&s, "exit");
	test_reap(consumer);
	test_reap(s.subject.pid);
	/* Bookkeeping at its exit may be among the events, but not lost. */
	ASSERT_EQ(shared->received + shared->lost + 1, shared->n);
	ASSERT_GE(shared->n, events + 1);
	ASSERT_GE(shared->lost, events - 16);
	test_note("%lu events, ns each: %lu unwatched, %lu with room, %lu with none",
		  events, unwatched / events, roomy / events, full / events);
	test_note("%lu received + %lu lost + 1 release == %lu",
		  shared->received, shared->lost, shared->n);
}

/* ---------------------------------------------------------------------- forgery */

/* Any tail at all: no crash, no overwriting, and an honest one recovers. */
TEST(forged_tail)
{
	static const uint32_t forged[] = {
		1, 7, 8, 9, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffff8,
		0xffffffff,
	};
	struct mmub_record before[8], after[8];
	unsigned int i, j;
	uint64_t n;

	for (i = 0; i < ARRAY_SIZE(forged); i++) {
		struct scene s;
		struct watch *w = &s.watch;
		struct mmub_record record;

		small_scene(&s, 8, 0);
		storm(&s, 3);
		memcpy(before, w->ring.records, sizeof(before));
		/* Ahead of head, or so far behind that it cannot be. */
		w->ring.consumer->tail = 3 + forged[i];
		storm(&s, 50);
		memcpy(after, w->ring.records, sizeof(after));
		/* All but the last, which is one that might be, count as full. */
		if (forged[i] != 0xffffffff) {
			ASSERT_EQ(memcmp(before, after, sizeof(before)), 0);
			ASSERT_EQ(w->ring.header->head, 3);
			ASSERT_EQ(w->ring.header->lost, 50);
		}
		poll_now(w->fd);
		mmub_ring_wait(w->fd, &w->ring, 0);
		/* An honest tail again: the stream goes on, whole. */
		w->ring.consumer->tail = w->ring.header->head;
		n = w->ring.header->n;
		ASSERT_EQ(n, 53);
		storm(&s, 1);
		for (j = 0; watch_next(w, &record); j++)
			ASSERT_LE(j, 1);
		ASSERT_EQ(record.phase, MMUB_PHASE_START);
		ASSERT_EQ(record.n, 54);
		scene_close(&s);
	}
}

static void *forge(void *arg)
{
	struct watch *w = arg;
	uint32_t seed = 1;
	unsigned long i;

	for (i = 0; i < scaled(2000000); i++) {
		seed = seed * 1664525 + 1013904223;
		__atomic_store_n(&w->ring.consumer->tail, seed >> (i % 32),
				 __ATOMIC_RELAXED);
		w->ring.consumer->lost_seen = seed;
		w->ring.consumer->reserved = seed;
	}
	return NULL;
}

/* Forged while events are written and polled for. */
TEST(forged_under_load)
{
	struct mmub_stats stats;
	struct scene s;
	struct watch *w = &s.watch;
	pthread_t thread;

	small_scene(&s, 8, 1);
	ASSERT_EQ(pthread_create(&thread, NULL, forge, w), 0);
	storm(&s, scaled(20000));
	while (pthread_tryjoin_np(thread, NULL)) {
		poll_now(w->fd);
		sched_yield();
	}
	watch_stats(w->fd, &stats);
	ASSERT_EQ(stats.sub_n, scaled(20000));
	ASSERT_LE(stats.sub_lost, stats.sub_n);
	/* Each loss is announced once at most, between two records. */
	ASSERT_GE(stats.sub_records + stats.sub_lost, stats.sub_n);
	ASSERT_EQ(w->ring.header->n, stats.sub_n);
	w->ring.consumer->tail = w->ring.header->head;
	storm(&s, 1);
	ASSERT_TRUE(poll_now(w->fd) & POLLIN);
	scene_close(&s);
}

TEST_MAIN()
