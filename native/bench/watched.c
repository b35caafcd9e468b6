// SPDX-License-Identifier: Apache-2.0
/*
 * What being watched costs a process. An mm that has been subscribed to keeps
 * the slower path until it dies, so each value is of a process of its own; the
 * modes take turns, so that a drift of the machine hits all alike.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"

#define BATCHES		3
#define RING		4096	/* more than a batch has events */
#define FORK_PAGES	256

enum mode { NEVER, PLAIN, CAUSES, DETACHED, MODES };

static const char *const mode_names[MODES] = {
	"never", "plain", "causes", "detached",
};

/* ---------------------------------------------------------- in the process */

static char *area;

static void prepare_mprotect(const struct operation *operation)
{
	if (area)
		return;
	area = map_pages(NULL, operation->pages + 2);
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
		area = map_pages(NULL, operation->pages);
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
	{ "munmap-1", 256, 1, NULL, prepare_munmap, run_munmap },
	{ "munmap-64", 16, 64, NULL, prepare_munmap, run_munmap },
	{ "mprotect-1", 512, 1, NULL, prepare_mprotect, run_mprotect },
	{ "fork", 5, FORK_PAGES, NULL, prepare_fork, run_fork },
};

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

static void measure(const struct operation *operation, enum mode mode)
{
	bool watching = mode == PLAIN || mode == CAUSES;
	uint64_t spent[BATCHES];
	struct worker worker;
	struct watch watch;
	char row[64];
	int i;

	worker_start(&worker, operation, NULL, 0);
	if (mode != NEVER)
		watch_mode(&watch, mode, worker.pid);
	if (mode == DETACHED) {
		watch_close(&watch);
		i = device_open();
		ASSERT_EQ(mmub_synchronize(i, 0), 0);
		close(i);
	}

	worker_batch(&worker);
	for (i = 0; i < BATCHES; i++) {
		if (watching)
			watch_drain(&watch);
		spent[i] = worker_batch(&worker);
		if (watching) {
			ASSERT_GE(watch_drain(&watch), operation->count);
			ASSERT_EQ(watch.ring.header->lost, 0);
		}
	}

	worker_end(&worker);
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
