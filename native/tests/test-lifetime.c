// SPDX-License-Identifier: Apache-2.0
/*
 * Gets and puts: what they share, when they free, and that nothing is left
 * whatever comes between.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "watch.h"

#define PAGE	4096UL

/* The counters of the module, of which all that the test adds must balance. */
struct balance {
	int fd;
	struct mmub_stats before;
};

static void balance_open(struct balance *balance)
{
	balance->fd = device_open();
	watch_synchronize(balance->fd, &balance->before);
	ASSERT_EQ(balance->before.gets, balance->before.puts);
	ASSERT_EQ(balance->before.allocations, balance->before.frees);
	ASSERT_EQ(balance->before.live_spaces, 0);
}

/* Nothing is live, and so many gets and allocations were made meanwhile. */
static void balance_close(struct balance *balance, uint64_t min_gets,
			  uint64_t min_allocations)
{
	struct mmub_stats after;

	/* What a killed process leaves is put by its last work. */
	do {
		watch_synchronize(balance->fd, &after);
		ASSERT_LE(now_ns(), test_deadline());
	} while (after.gets != after.puts);
	watch_synchronize(balance->fd, &after);
	ASSERT_EQ(after.frees, after.allocations);
	ASSERT_EQ(after.live_spaces, 0);
	ASSERT_GE(after.gets - balance->before.gets, min_gets);
	ASSERT_GE(after.allocations - balance->before.allocations,
		  min_allocations);
	test_note("%llu gets and puts, %llu allocations and frees",
		  after.gets - balance->before.gets,
		  after.allocations - balance->before.allocations);
	close(balance->fd);
}

/* ------------------------------------------------------------------ sharing */

TEST(sharing)
{
	struct mmub_stats stats, before;
	struct watch a, b, other;
	struct balance balance;
	uint64_t space;

	balance_open(&balance);
	before = balance.before;

	watch_open(&a, "one", 0, 0);
	ASSERT_EQ(a.attached.users, 1);
	ASSERT_EQ(a.attached.shared, 0);
	space = a.attached.space_id;
	watch_stats(a.fd, &stats);
	ASSERT_EQ(stats.allocations, before.allocations + 1);
	ASSERT_EQ(stats.gets, before.gets + 1);
	ASSERT_EQ(stats.live_spaces, 1);
	ASSERT_EQ(stats.space_users, 1);

	/* A second get shares the first's notifier. */
	watch_open(&b, "one", 0, 0);
	ASSERT_EQ(b.attached.users, 2);
	ASSERT_EQ(b.attached.shared, 1);
	ASSERT_EQ(b.attached.space_id, space);
	watch_stats(a.fd, &stats);
	ASSERT_EQ(stats.allocations, before.allocations + 1);
	ASSERT_EQ(stats.gets, before.gets + 2);
	ASSERT_EQ(stats.live_spaces, 1);
	ASSERT_EQ(stats.space_users, 2);

	/* Another subsystem has its own. */
	watch_open(&other, "two", 0, 0);
	ASSERT_EQ(other.attached.users, 1);
	ASSERT_EQ(other.attached.shared, 0);
	ASSERT_NE(other.attached.space_id, space);
	watch_stats(a.fd, &stats);
	ASSERT_EQ(stats.allocations, before.allocations + 2);
	ASSERT_EQ(stats.live_spaces, 2);

	/* The first put frees nothing, */
	watch_close(&a);
	watch_synchronize(b.fd, &stats);
	ASSERT_EQ(stats.puts, before.puts + 1);
	ASSERT_EQ(stats.frees, before.frees);
	ASSERT_EQ(stats.space_users, 1);
	ASSERT_EQ(stats.space_id, space);

	/* the last one of each does. */
	watch_close(&b);
	watch_synchronize(other.fd, &stats);
	ASSERT_EQ(stats.frees, before.frees + 1);
	ASSERT_EQ(stats.live_spaces, 1);
	watch_close(&other);
	watch_synchronize(balance.fd, &stats);
	ASSERT_EQ(stats.frees, before.frees + 2);
	ASSERT_EQ(stats.frees, stats.allocations);
	ASSERT_EQ(stats.gets, stats.puts);
	ASSERT_EQ(stats.live_spaces, 0);
	balance_close(&balance, 3, 2);
}

/* A get after the last put makes a second object, freed or not the first. */
TEST(get_after_last_put)
{
	struct balance balance;
	struct watch watch;
	uint64_t last = 0;
	unsigned long i;

	balance_open(&balance);
	for (i = 0; i < scaled(200); i++) {
		watch_open(&watch, "again", 0, 0);
		ASSERT_EQ(watch.attached.shared, 0);
		ASSERT_EQ(watch.attached.users, 1);
		ASSERT_GT(watch.attached.space_id, last);
		last = watch.attached.space_id;
		watch_close(&watch);
	}
	balance_close(&balance, scaled(200), scaled(200));
}

TEST(closing_is_putting)
{
	struct balance balance;
	struct watch watch;

	balance_open(&balance);
	watch_open(&watch, "closed", 0, 64);
	/* The file lives as long as its mappings. */
	ASSERT_OK(close(watch.fd));
	ASSERT_EQ(watch.ring.header->state, 0);
	ASSERT_EQ(mmub_ring_close(&watch.ring), 0);
	balance_close(&balance, 1, 1);
}

/* Two processes, or the same name of two users: each its own space. */
TEST(what_is_a_space)
{
	struct watch mine, parents, again;
	struct balance balance;
	int mem_fd;
	pid_t pid;

	balance_open(&balance);
	watch_open(&mine, "one", 0, 0);
	mem_fd = mmub_mem_open(getppid());
	ASSERT_GE(mem_fd, 0);
	watch_open_fd(&parents, "one", mem_fd, 0);
	ASSERT_NE(mine.attached.space_id, parents.attached.space_id);
	ASSERT_EQ(parents.attached.shared, 0);

	ASSERT_OK(chmod(MMUB_DEVICE, 0666));
	pid = test_fork();
	if (!pid) {
		struct watch theirs;

		/* The user who opens the device counts; the mm is the same. */
		ASSERT_OK(setresuid(65534, 65534, 65534));
		watch_open_fd(&theirs, "one", mem_fd, 0);
		ASSERT_EQ(theirs.attached.shared, 0);
		ASSERT_EQ(theirs.attached.users, 1);
		ASSERT_NE(theirs.attached.space_id, parents.attached.space_id);
		_exit(0);
	}
	test_reap(pid);
	ASSERT_OK(chmod(MMUB_DEVICE, 0660));
	watch_open_fd(&again, "one", mem_fd, 0);
	ASSERT_EQ(again.attached.shared, 1);
	ASSERT_EQ(again.attached.space_id, parents.attached.space_id);
	watch_close(&again);
	watch_close(&mine);
	watch_close(&parents);
	close(mem_fd);
	balance_close(&balance, 4, 3);
}

/* -------------------------------------------------------------- after the end */

TEST(put_after_exit)
{
	struct mmub_record record;
	struct mmub_stats stats;
	struct balance balance;
	struct subject subject;
	struct watch watch;

	balance_open(&balance);
	subject_start(&subject);
	watch_open(&watch, "orphan", subject.pid, 64);
	subject_end(&subject);
	watch_wait(&watch, &record);
	while (record.phase == MMUB_PHASE_START)
		watch_wait(&watch, &record);
	ASSERT_EQ(record.phase, MMUB_PHASE_RELEASE);
	/* It is still ours, and the put is still owed. */
	watch_synchronize(watch.fd, &stats);
	ASSERT_EQ(stats.live_spaces, 1);
	ASSERT_EQ(stats.space_users, 1);
	ASSERT_EQ(stats.space_id, watch.attached.space_id);
	ASSERT_EQ(mmub_detach(watch.fd), 0);
	ASSERT_TRUE(watch_next(&watch, &record));
	ASSERT_EQ(record.phase, MMUB_PHASE_DETACHED);
	ASSERT_EQ(watch.ring.header->state,
		  MMUB_RING_RELEASED | MMUB_RING_DETACHED);
	ASSERT_EQ(mmub_detach(watch.fd), -ESHUTDOWN);
	ASSERT_EQ(mmub_ring_close(&watch.ring), 0);
	close(watch.fd);
	balance_close(&balance, 1, 1);
}

/* Kilobytes of a line of /proc/meminfo. */
static long meminfo(const char *key)
{
	char line[256], format[64];
	long value = -1;
	FILE *file = fopen("/proc/meminfo", "re");

	ASSERT_TRUE(file);
	snprintf(format, sizeof(format), "%s: %%ld", key);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, format, &value) == 1)
			break;
	fclose(file);
	return value;
}

/* A subscription holds mm_count alone: the memory of the dead is free. */
TEST(subscription_keeps_no_memory)
{
	struct subject subject;
	struct watch watch;
	long before;

	before = meminfo("Shmem");
	subject_start(&subject);
	watch_open(&watch, "orphan", subject.pid, 0);
	subject_say(&subject, "map a shared 8192 populate");
	/* Each CPU keeps a little of that count to itself. */
	ASSERT_GE(meminfo("Shmem"), before + 3 * 8192);
	subject_end(&subject);
	ASSERT_LE(meminfo("Shmem"), before + 8192);
	watch_close(&watch);
}

/* -------------------------------------------------------------------- pressure */

static bool stop_all;

static bool stopped(void)
{
	return __atomic_load_n(&stop_all, __ATOMIC_RELAXED);
}

/* Open, attach, detach or not, close. No assertion on which came first. */
static void get_and_put(const char *subsystem, int mem_fd, unsigned int how)
{
	struct mmub_ring ring;
	int fd, ret;

	fd = device_open();
	if (how & 1)
		ASSERT_EQ(mmub_ring_open(fd, 64, 0, 0, &ring), 0);
	ret = mmub_attach(fd, subsystem, mem_fd, 0, NULL);
	/* The target may have gone; that is all that may go wrong. */
	if (ret && (mem_fd < 0 || ret != -ESRCH))
		FAIL("attach: %s", strerror(-ret));
	if (!ret && how & 2)
		ASSERT_EQ(mmub_detach(fd), 0);
	if (how & 1) {
		if (how & 4)
			close(fd);
		ASSERT_EQ(mmub_ring_close(&ring), 0);
		if (how & 4)
			return;
	}
	close(fd);
}

struct job {
	pthread_t thread;
	int mem_fd;
	unsigned int seed;
	unsigned long rounds;
};

static void *get_and_put_many(void *arg)
{
	static const char *const names[] = { "alpha", "beta", "gamma" };
	struct job *job = arg;
	unsigned long i;

	for (i = 0; i < job->rounds && !stopped(); i++)
		get_and_put(names[rand_r(&job->seed) % 3], job->mem_fd,
			    rand_r(&job->seed));
	return NULL;
}

static void *churn(void *arg)
{
	char *p;

	(void)arg;
	while (!stopped()) {
		p = ASSERT_OK((char *)mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE,
					   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
		memset(p, 1, 4 * PAGE);
		ASSERT_OK(madvise(p, PAGE, MADV_DONTNEED));
		ASSERT_OK(munmap(p, 4 * PAGE));
	}
	return NULL;
}

static void start_jobs(struct job *jobs, int count, int mem_fd,
		       unsigned long rounds, unsigned int seed)
{
	int i;

	for (i = 0; i < count; i++) {
		jobs[i].mem_fd = mem_fd;
		jobs[i].seed = seed + i;
		jobs[i].rounds = rounds;
		ASSERT_EQ(pthread_create(&jobs[i].thread, NULL, get_and_put_many,
					 &jobs[i]), 0);
	}
}

static void join_jobs(struct job *jobs, int count)
{
	int i;

	for (i = 0; i < count; i++)
		ASSERT_EQ(pthread_join(jobs[i].thread, NULL), 0);
}

/* Threads of one process, on its own mm, while it invalidates. */
TEST(threads_on_oneself)
{
	const unsigned long rounds = scaled(500);
	struct balance balance;
	struct job jobs[8];
	pthread_t churner;

	balance_open(&balance);
	ASSERT_EQ(pthread_create(&churner, NULL, churn, NULL), 0);
	start_jobs(jobs, 8, -1, rounds, 1);
	join_jobs(jobs, 8);
	__atomic_store_n(&stop_all, true, __ATOMIC_RELAXED);
	ASSERT_EQ(pthread_join(churner, NULL), 0);
	balance_close(&balance, 8 * rounds, 1);
}

/* Processes on each other: a target that lives, watched by many. */
TEST(processes_on_one)
{
	const unsigned long rounds = scaled(200);
	struct balance balance;
	struct job jobs[2];
	pid_t target, pids[4];
	int i, mem_fd;

	balance_open(&balance);
	target = test_fork();
	if (!target) {
		churn(NULL);
		_exit(0);
	}
	mem_fd = mmub_mem_open(target);
	ASSERT_GE(mem_fd, 0);
	for (i = 0; i < 4; i++) {
		pids[i] = test_fork();
		if (!pids[i]) {
			start_jobs(jobs, 2, mem_fd, rounds, 10 * i);
			join_jobs(jobs, 2);
			_exit(0);
		}
	}
	for (i = 0; i < 4; i++)
		test_reap(pids[i]);
	ASSERT_OK(kill(target, SIGKILL));
	test_wait(target);
	close(mem_fd);
	balance_close(&balance, 8 * rounds, 1);
}

/* How a process ends while it, or others, get and put. */
enum end { EXITS, EXECS, KILLED, LEADER_EXITS_FIRST, ENDS };

static void *end_process(void *arg)
{
	const enum end *end = arg;

	if (*end == EXECS) {
		execl("/bin/true", "true", NULL);
		FAIL("execl: %m");
	}
	_exit(0);
}

/*
 * A process whose threads get and put on its own mm ends in the middle of it,
 * after a while that differs from one to the next.
 */
TEST(ends_while_getting_and_putting)
{
	const unsigned long rounds = scaled(150);
	struct balance balance;
	struct job jobs[3];
	unsigned long i;
	enum end end;
	pid_t pid;

	balance_open(&balance);
	for (i = 0; i < rounds; i++) {
		end = i % ENDS;
		pid = test_fork();
		if (!pid) {
			pthread_t ender;
			unsigned long spin;

			start_jobs(jobs, 3, -1, ~0UL, i);
			for (spin = 0; spin < i % 37; spin++)
				get_and_put("delta", -1, spin);
			if (end == KILLED)
				kill(getpid(), SIGKILL);
			if (end == LEADER_EXITS_FIRST) {
				ASSERT_EQ(pthread_create(&ender, NULL,
							 end_process, &end), 0);
				pthread_exit(NULL);
			}
			end_process(&end);
		}
		if (end == KILLED)
			ASSERT_TRUE(WIFSIGNALED(test_wait(pid)));
		else
			test_reap(pid);
	}
	balance_close(&balance, rounds, rounds / 4);
}

/*
 * The target of others' gets ends, by exit, exec or kill, and the watchers go
 * on: each attach succeeds or finds it gone.
 */
TEST(target_ends_while_watched)
{
	const unsigned long rounds = scaled(100);
	struct balance balance;
	struct job jobs[3];
	unsigned long i;
	pid_t target;
	int mem_fd, go[2];

	balance_open(&balance);
	for (i = 0; i < rounds; i++) {
		enum end end = i % KILLED;
		char byte;

		ASSERT_OK(pipe(go));
		target = test_fork();
		if (!target) {
			close(go[1]);
			ASSERT_EQ(read(go[0], &byte, 1), 0);
			end_process(&end);
		}
		close(go[0]);
		mem_fd = mmub_mem_open(target);
		ASSERT_GE(mem_fd, 0);
		start_jobs(jobs, 3, mem_fd, 30, i);
		if (i % 3 == 2)
			ASSERT_OK(kill(target, SIGKILL));
		close(go[1]);
		test_wait(target);
		join_jobs(jobs, 3);
		/* With the last user of the mm, nobody can attach any more. */
		if (end == EXITS || i % 3 == 2) {
			int fd = device_open();

			ASSERT_EQ(mmub_attach(fd, "late", mem_fd, 0, NULL),
				  -ESRCH);
			close(fd);
		}
		close(mem_fd);
	}
	balance_close(&balance, rounds, rounds / 4);
}

/* Watchers are killed while they get and put on a target that lives. */
TEST(watchers_are_killed)
{
	const unsigned long rounds = scaled(100);
	struct balance balance;
	struct job jobs[3];
	struct subject subject;
	unsigned long i;
	int mem_fd;

	balance_open(&balance);
	subject_start(&subject);
	subject_say(&subject, "map a anon 4");
	mem_fd = mmub_mem_open(subject.pid);
	ASSERT_GE(mem_fd, 0);
	for (i = 0; i < rounds; i++) {
		int ready[2];
		char byte;
		pid_t pid;

		ASSERT_OK(pipe(ready));
		pid = test_fork();
		if (!pid) {
			struct watch watch;

			/* One that is held, so that there is always a put owed. */
			watch_open_fd(&watch, "alpha", mem_fd, 64);
			ASSERT_EQ(write(ready[1], "", 1), 1);
			start_jobs(jobs, 3, mem_fd, ~0UL, i);
			join_jobs(jobs, 3);
			_exit(0);
		}
		close(ready[1]);
		ASSERT_EQ(read(ready[0], &byte, 1), 1);
		close(ready[0]);
		subject_say(&subject, "repeat %lu touch a ; advise a DONTNEED",
			    i % 23 + 1);
		ASSERT_OK(kill(pid, SIGKILL));
		ASSERT_TRUE(WIFSIGNALED(test_wait(pid)));
	}
	close(mem_fd);
	subject_end(&subject);
	balance_close(&balance, rounds, 1);
}

/*
 * Signals interrupt ATTACH: libmmubridge goes on, and gives up at the deadline
 * that it is given, having done nothing.
 */
static void nothing(int sig)
{
	(void)sig;
}

struct pest {
	pthread_t victim;
	bool stop;
	uint64_t signals;
};

static void *pester(void *arg)
{
	struct pest *pest = arg;

	while (!__atomic_load_n(&pest->stop, __ATOMIC_RELAXED)) {
		pthread_kill(pest->victim, SIGUSR1);
		pest->signals++;
	}
	return NULL;
}

TEST(signals_interrupt_attach)
{
	const struct sigaction action = { .sa_handler = nothing };
	struct pest pest = { .victim = pthread_self() };
	unsigned long i, gave_up = 0, attached = 0;
	struct balance balance;
	pthread_t thread;
	int fd, ret;

	balance_open(&balance);
	ASSERT_OK(sigaction(SIGUSR1, &action, NULL));
	ASSERT_EQ(pthread_create(&thread, NULL, pester, &pest), 0);
	for (i = 0; i < scaled(2000); i++) {
		fd = device_open();
		/* A deadline that has passed allows one try. */
		ret = mmub_attach(fd, "pestered", -1, i % 2 ? 1 : 0, NULL);
		if (ret == -EINTR) {
			ASSERT_TRUE(i % 2);
			gave_up++;
			ASSERT_EQ(mmub_detach(fd), -ENOTCONN);
		} else {
			ASSERT_EQ(ret, 0);
			attached++;
		}
		close(fd);
	}
	__atomic_store_n(&pest.stop, true, __ATOMIC_RELAXED);
	ASSERT_EQ(pthread_join(thread, NULL), 0);
	test_note("%lu signals: %lu attached, %lu gave up", pest.signals,
		  attached, gave_up);
	balance_close(&balance, attached, attached);
}

/* ---------------------------------------------------------------- synchronize */

TEST(synchronize_waits)
{
	struct mmub_stats before, after;
	struct balance balance;
	struct watch watch;
	unsigned long i;

	/* Whatever was put before the call is freed after it, every time. */
	balance_open(&balance);
	for (i = 0; i < scaled(50); i++) {
		watch_open(&watch, "sync", 0, 0);
		watch_close(&watch);
		watch_stats(balance.fd, &before);
		ASSERT_EQ(mmub_synchronize(balance.fd, 0), 0);
		watch_stats(balance.fd, &after);
		ASSERT_EQ(after.frees, before.allocations);
		ASSERT_EQ(after.live_spaces, 0);
	}
	balance_close(&balance, scaled(50), scaled(50));
}

/* It waits for what was put, not for what lives. */
TEST(synchronize_ignores_the_living)
{
	struct mmub_stats stats;
	struct watch watch;

	watch_open(&watch, "alive", 0, 0);
	ASSERT_EQ(mmub_synchronize(watch.fd, 0), 0);
	watch_stats(watch.fd, &stats);
	ASSERT_EQ(stats.live_spaces, 1);
	watch_close(&watch);
}

static void *synchronize_many(void *arg)
{
	int fd = device_open();

	(void)arg;
	while (!stopped())
		ASSERT_EQ(mmub_synchronize(fd, 0), 0);
	close(fd);
	return NULL;
}

TEST(synchronize_under_load)
{
	const unsigned long rounds = scaled(200);
	struct balance balance;
	pthread_t threads[2];
	struct job jobs[4];
	int i;

	balance_open(&balance);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(pthread_create(&threads[i], NULL, synchronize_many,
					 NULL), 0);
	start_jobs(jobs, 4, -1, rounds, 1);
	join_jobs(jobs, 4);
	__atomic_store_n(&stop_all, true, __ATOMIC_RELAXED);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(pthread_join(threads[i], NULL), 0);
	balance_close(&balance, 4 * rounds, 1);
}

TEST_MAIN()
