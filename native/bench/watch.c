// SPDX-License-Identifier: Apache-2.0
/* Subscriptions to the target, and what comes in from it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "bench.h"

#define PAIRS		200	/* of get and put, on a descriptor each */
#define OPENS		50
#define RING		8192
#define BURST		4096
#define EVENTS		500	/* of which latency percentiles are taken */
#define PACE_USEC	500
#define API_RING	4096	/* what the Java API takes if nothing is said */

struct target {
	pid_t pid;
	int in;
	FILE *out;
};

static void target_hear(struct target *target, const char *expected)
{
	char line[256];

	ASSERT_TRUE(fgets(line, sizeof(line), target->out));
	ASSERT_STREQ(line, expected);
}

static void target_start(struct target *target)
{
	int in[2], out[2];

	ASSERT_OK(pipe2(in, O_CLOEXEC));
	ASSERT_OK(pipe2(out, O_CLOEXEC));
	target->pid = test_fork();
	if (!target->pid) {
		ASSERT_OK(dup2(in[0], STDIN_FILENO));
		ASSERT_OK(dup2(out[1], STDOUT_FILENO));
		execl("/proc/self/exe", "bench", "target", NULL);
		FAIL("/proc/self/exe: %m");
	}
	close(in[0]);
	close(out[1]);
	target->in = in[1];
	target->out = fdopen(out[0], "r");
	target_hear(target, "ready\n");
}

static void target_end(struct target *target)
{
	close(target->in);
	fclose(target->out);
	test_reap(target->pid);
}

/* ------------------------------------------------------------- get and put */

static void get_and_put(const char *row, int samples, int mem_fd, bool shared)
{
	struct mmub_attach attached;
	int fds[PAIRS];
	uint64_t spent;
	int device, i, round;

	if (!wanted(row))
		return;
	device = device_open();
	/* The first round is for the caches. */
	for (round = 0; round <= samples; round++) {
		for (i = 0; i < PAIRS; i++)
			fds[i] = device_open();
		spent = now_ns();
		for (i = 0; i < PAIRS; i++) {
			ASSERT_EQ(mmub_attach(fds[i], SUBSYSTEM, mem_fd, 0,
					      &attached), 0);
			ASSERT_EQ(attached.shared, shared);
			ASSERT_EQ(mmub_detach(fds[i]), 0);
		}
		spent = now_ns() - spent;
		for (i = 0; i < PAIRS; i++)
			close(fds[i]);
		ASSERT_EQ(mmub_synchronize(device, 0), 0);
		if (round)
			sample(row, (double)spent / PAIRS);
	}
	close(device);
}

static void open_and_close(const char *row, int samples, pid_t pid,
			   uint32_t records)
{
	struct watch watch;
	uint64_t spent;
	int device, i, round;

	if (!wanted(row))
		return;
	device = device_open();
	for (round = 0; round <= samples; round++) {
		spent = now_ns();
		for (i = 0; i < OPENS; i++) {
			watch_open(&watch, SUBSYSTEM, pid, records);
			watch_close(&watch);
		}
		spent = now_ns() - spent;
		ASSERT_EQ(mmub_synchronize(device, 0), 0);
		if (round)
			sample(row, (double)spent / OPENS);
	}
	close(device);
}

void bench_getput(int samples)
{
	struct target target;
	struct watch holder;
	int mem_fd;

	target_start(&target);
	mem_fd = mmub_mem_open(target.pid);
	ASSERT_GE(mem_fd, 0);
	get_and_put("getput-new", samples, mem_fd, false);
	open_and_close("open-bare", samples, target.pid, 0);
	open_and_close("open-ring", samples, target.pid, API_RING);
	watch_open(&holder, SUBSYSTEM, target.pid, 0);
	get_and_put("getput-shared", samples, mem_fd, true);
	watch_close(&holder);
	close(mem_fd);
	target_end(&target);
}

/* ------------------------------------------------------------------- a ring */

void bench_drain(int samples)
{
	struct target target;
	struct watch watch;
	uint64_t begin, sum = 0;
	uint32_t count;
	int round;

	target_start(&target);
	watch_open(&watch, SUBSYSTEM, target.pid, RING);
	for (round = 0; round <= samples; round++) {
		dprintf(target.in, "burst %d\n", BURST);
		target_hear(&target, "done\n");
		begin = now_ns();
		count = drain(&watch.ring, &sum);
		begin = now_ns() - begin;
		/* NUMA hinting and such add a few. */
		ASSERT_GE(count, BURST);
		if (round)
			sample("drain", (double)begin / count);
	}
	ASSERT_NE(sum, 0);
	watch_close(&watch);
	target_end(&target);
}

static void wait_sleeping(struct watch *watch)
{
	int ret;

	do {
		ret = mmub_ring_wait(watch->fd, &watch->ring, -1);
	} while (ret == -EINTR);
	ASSERT_GT(ret, 0);
}

static void wait_spinning(struct watch *watch)
{
	uint32_t index;

	while (!mmub_ring_peek(&watch->ring, &index))
		__builtin_ia32_pause();
}

/* One reading of the clock for each record, as a handler in Java makes it. */
static void latency(int samples, const char *p50, const char *p99,
		    void (*wait)(struct watch *watch))
{
	uint64_t delays[EVENTS];
	struct target target;
	struct watch watch;
	struct mmub_record record;
	size_t count;
	int round;

	if (!wanted(p50))
		return;
	target_start(&target);
	watch_open(&watch, SUBSYSTEM, target.pid, RING);
	dprintf(target.in, "pace %d\n", PACE_USEC);
	for (round = 0; round <= samples; round++) {
		for (count = 0; count < EVENTS;) {
			wait(&watch);
			while (count < EVENTS && watch_next(&watch, &record))
				delays[count++] = now_ns() - record.time_ns;
		}
		if (!round)
			continue;
		sample(p50, percentile(delays, count, 0.5));
		sample(p99, percentile(delays, count, 0.99));
	}
	watch_close(&watch);
	target_end(&target);
}

void bench_latency(int samples)
{
	latency(samples, "wait-p50", "wait-p99", wait_sleeping);
	latency(samples, "spin-p50", "spin-p99", wait_spinning);
}
