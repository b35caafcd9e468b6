// SPDX-License-Identifier: Apache-2.0
/* A process that does the same thing again and again, in batches, and times it. */
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"

static char *area;

/* VMAs that do not merge with their neighbours. */
void prepare_munmap(const struct operation *operation)
{
	size_t size = operation->pages * PAGE;
	unsigned int i;

	area = map_pages(operation->place, operation->count * operation->pages);
	for (i = 0; i < operation->count; i += 2)
		ASSERT_OK(mprotect(area + i * size, size, PROT_READ));
}

void run_munmap(const struct operation *operation)
{
	size_t size = operation->pages * PAGE;
	unsigned int i;

	for (i = 0; i < operation->count; i++)
		ASSERT_OK(munmap(area + i * size, size));
}

char *map_pages(char *place, unsigned long pages)
{
	return ASSERT_OK(mmap(place, pages * PAGE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE |
			      (place ? MAP_FIXED : 0), -1, 0));
}

/*
 * On one CPU, its children too: where they run is nothing to compare. And with a
 * policy of its own, so that NUMA balancing, where there is one, leaves it alone.
 */
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
	syscall(SYS_set_mempolicy, MPOL_LOCAL, NULL, 0);
}

/* At each byte that comes in, a batch; what it took goes out. */
static void work(const struct operation *operation, int in, int out)
{
	uint64_t spent;
	char byte;

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

void worker_start(struct worker *worker, const struct operation *operation,
		  char *elsewhere, unsigned long pages)
{
	int in[2], out[2];

	ASSERT_OK(pipe2(in, O_CLOEXEC));
	ASSERT_OK(pipe2(out, O_CLOEXEC));
	worker->pid = test_fork();
	if (!worker->pid) {
		close(in[1]);
		close(out[0]);
		settle();
		if (pages)
			map_pages(elsewhere, pages);
		work(operation, in[0], out[1]);
	}
	close(in[0]);
	close(out[1]);
	worker->in = in[1];
	worker->out = out[0];
}

uint64_t worker_batch(struct worker *worker)
{
	uint64_t spent;

	ASSERT_EQ(write(worker->in, "", 1), 1);
	ASSERT_EQ(read(worker->out, &spent, sizeof(spent)),
		  (ssize_t)sizeof(spent));
	return spent;
}

void worker_end(struct worker *worker)
{
	close(worker->in);
	test_reap(worker->pid);
	close(worker->out);
}
