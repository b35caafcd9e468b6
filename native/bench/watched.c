// SPDX-License-Identifier: Apache-2.0
/*
 * What being watched costs a process. An mm that has been subscribed to keeps
 * the slower path until it dies, so each value is of a process of its own; the
 * modes take turns, so that a drift of the machine hits all alike.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "bench.h"

/* Of &struct mmub_ring_setup.flags: fill in stack_id. */

#define PAGE		4096ul
#define BATCHES		3
#define RING		4096	/* more than a batch has events */
#define FORK_PAGES	256

enum mode { NEVER, PLAIN, CAUSES, DETACHED, MODES };

static const char *const mode_names[MODES] = {
	"never", "plain", "causes", "detached",
};

/* ---------------------------------------------------------- in the process */

struct operation {
	const char *name;
	unsigned int count;		/* in a batch */
	unsigned int pages;		/* each */
	void (*prepare)(const struct operation *operation);
	void (*run)(const struct operation *operation);
};

static char *area;

static char *map_pages(unsigned long pages)
{
	return ASSERT_OK(mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE,
			      -1, 0));
}

/* VMAs that do not merge with their neighbours. */
static void prepare_munmap(const struct operation *operation)
{
	size_t size = operation->pages * PAGE;
	unsigned int i;

	area = map_pages(operation->count * operation->pages);
	for (i = 0; i < operation->count; i += 2)
		ASSERT_OK(mprotect(area + i * size, size, PROT_READ));
}

static void run_munmap(const struct operation *operation)
{
	size_t size = operation->pages * PAGE;
	unsigned int i;

	for (i = 0; i < operation->count; i++)
		ASSERT_OK(munmap(area + i * size, size));
}

static void prepare_mprotect(const struct operation *operation)
{
	if (area)
		return;
	area = map_pages(operation->pages + 2);
	ASSERT_OK(mprotect(area, PAGE, PROT_NONE));
	area += PAGE;
	ASSERT_OK(mprotect(area + operation->pages * PAGE, PAGE, PROT_NONE));
}

static void run_mprotect(const struct operation *operation)
{
	unsigned int i;

	for (i = 0; i < operation->count; i++)
		ASSERT_OK(mprotect(area, operation->pages * PAGE,
				   PROT_READ | (i % 2 ? PROT_WRITE : 0)));
}

static void prepare_fork(const struct operation *operation)
{
	if (!area)
		area = map_pages(operation->pages);
}

static void run_fork(const struct operation *operation)
{
	unsigned int i;
	int pid;

	for (i = 0; i < operation->count; i++) {
		pid = ASSERT_OK(fork());
		if (!pid)
			_exit(0);
		test_reap(pid);
	}
}

static const struct operation operations[] = {
	{ "munmap-1", 256, 1, prepare_munmap, run_munmap },
	{ "munmap-64", 16, 64, prepare_munmap, run_munmap },
	{ "mprotect-1", 512, 1, prepare_mprotect, run_mprotect },
	{ "fork", 5, FORK_PAGES, prepare_fork, run_fork },
};

/* On one CPU, its children too: where they run is nothing to compare. */
static void settle(void)
{
	cpu_set_t cpus;
	int cpu = CPU_SETSIZE - 1;

	ASSERT_OK(sched_getaffinity(0, sizeof(cpus), &cpus));
	while (!CPU_ISSET(cpu, &cpus))
		cpu--;
	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	ASSERT_OK(sched_setaffinity(0, sizeof(cpus), &cpus));
	ASSERT_OK(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
}

/* At each byte that comes in, a batch; what it took goes out. */
static void process(const struct operation *operation, int in, int out)
{
	uint64_t spent;
	char byte;

	settle();
	for (;;) {
		operation->prepare(operation);
		if (!ASSERT_OK(read(in, &byte, 1)))
			_exit(0);
		spent = now_ns();
		operation->run(operation);
		spent = now_ns() - spent;
		ASSERT_EQ(write(out, &spent, sizeof(spent)),
			  (ssize_t)sizeof(spent));
	}
}

/* ----------------------------------------------------------------- outside */

static void watch_mode(struct watch *watch, enum mode mode, pid_t pid)
{
	int mem_fd = mmub_mem_open(pid);

	ASSERT_GE(mem_fd, 0);
	memset(watch, 0, sizeof(*watch));
	watch->fd = device_open();
	ASSERT_EQ(mmub_ring_open(watch->fd, RING, RING / 2,
				 mode == CAUSES ? MMUB_RING_CAUSE : 0,
				 &watch->ring), 0);
	ASSERT_EQ(mmub_attach(watch->fd, SUBSYSTEM, mem_fd, 0, NULL), 0);
	close(mem_fd);
}

static uint64_t run_batch(int in, int out)
{
	uint64_t spent;

	ASSERT_EQ(write(in, "", 1), 1);
	ASSERT_EQ(read(out, &spent, sizeof(spent)), (ssize_t)sizeof(spent));
	return spent;
}

static void measure(const struct operation *operation, enum mode mode)
{
	bool watching = mode == PLAIN || mode == CAUSES;
	uint64_t spent[BATCHES];
	struct watch watch;
	int in[2], out[2];
	char row[64];
	int pid, i;

	ASSERT_OK(pipe2(in, O_CLOEXEC));
	ASSERT_OK(pipe2(out, O_CLOEXEC));
	pid = test_fork();
	if (!pid) {
		close(in[1]);
		close(out[0]);
		process(operation, in[0], out[1]);
	}
	close(in[0]);
	close(out[1]);
	if (mode != NEVER)
		watch_mode(&watch, mode, pid);
	if (mode == DETACHED) {
		watch_close(&watch);
		i = device_open();
		ASSERT_EQ(mmub_synchronize(i, 0), 0);
		close(i);
	}

	run_batch(in[1], out[0]);
	for (i = 0; i < BATCHES; i++) {
		if (watching)
			watch_drain(&watch);
		spent[i] = run_batch(in[1], out[0]);
		if (watching) {
			ASSERT_GE(watch_drain(&watch), operation->count);
			ASSERT_EQ(watch.ring.header->lost, 0);
		}
	}

	close(in[1]);
	test_reap(pid);
	close(out[0]);
	if (watching)
		watch_close(&watch);
	snprintf(row, sizeof(row), "%s-%s", operation->name, mode_names[mode]);
	sample(row, (double)percentile(spent, BATCHES, 0.5) / operation->count);
}

void bench_watched(int samples)
{
	int fd = device_open();
	struct mmub_info info;
	enum mode mode;
	bool causes;
	size_t i;
	int round, turn;

	ASSERT_EQ(mmub_info(fd, &info), 0);
	close(fd);
	causes = info.features & MMUB_FEATURE_CAUSE;
	if (!causes)
		note("this module does not tell causes: watched with causes is left out");

	for (round = 0; round < samples; round++) {
		for (i = 0; i < ARRAY_SIZE(operations); i++) {
			for (turn = 0; turn < MODES; turn++) {
				mode = (round + turn) % MODES;
				if (mode != CAUSES || causes)
					measure(&operations[i], mode);
			}
		}
	}
}
