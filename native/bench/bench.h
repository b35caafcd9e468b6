/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Benchmarks: what scripts/bench runs in C, beside the same in Java, and the
 * process that both watch.
 *
 *	bench GROUP [SAMPLES [ROW...]]	measure those rows, or all of the group,
 *					SAMPLES times each
 *	bench facts			what this program was built with
 *	bench target			be watched; see target.c
 *
 * Prints lines of words between tabs, which the Java side knows the rows of:
 *
 *	sample	ROW	NANOSECONDS
 *	fact	NAME	TEXT
 *	note	TEXT
 *
 * An assertion that fails ends it, with a line that begins with "#".
 */
#ifndef BENCH_H
#define BENCH_H

#include "../tests/watch.h"

#define SUBSYSTEM	"bench"
#define PAGE		4096UL

void bench_call(int samples);
void bench_ring(int samples);
void bench_getput(int samples);
void bench_drain(int samples);
void bench_latency(int samples);
void bench_watched(int samples);
void bench_guard(int samples);
void bench_guards(int samples);
void bench_shadow(int samples);
void bench_pagemap(int samples);
void bench_guarded(int samples);

int target_main(void);

/* Whether the command line asks for this row. */
bool wanted(const char *row);

void sample(const char *row, double ns);
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Sorts @values. @part is from 0 to 1: 0.5 for the median. */
uint64_t percentile(uint64_t *values, size_t count, double part);

/*
 * @batch does @things of its kind @count times. How many times it must, for a
 * clock's grain not to matter, is tried out first. A sample is of one thing.
 */
void sample_batches(const char *row, int samples, unsigned int things,
		    void (*batch)(unsigned long count));

struct operation {
	const char *name;
	unsigned int count;		/* in a batch */
	unsigned int pages;		/* each */
	char *place;			/* what it maps lies there, unless NULL */
	void (*prepare)(const struct operation *operation);
	void (*run)(const struct operation *operation);
};

void prepare_munmap(const struct operation *operation);
void run_munmap(const struct operation *operation);

/* Private anonymous memory that is there, at @place unless that is NULL. */
char *map_pages(char *place, unsigned long pages);

/* A process that does nothing but carry out an operation. */
struct worker {
	pid_t pid;
	int in;
	int out;
};

/* It has memory of so many @pages @elsewhere, once its first batch is over. */
void worker_start(struct worker *worker, const struct operation *operation,
		  char *elsewhere, unsigned long pages);

/* What a batch takes, in nanoseconds. */
uint64_t worker_batch(struct worker *worker);

void worker_end(struct worker *worker);

/* Shared memory of a file without a name, to be written and read. */
void *map_memfd(size_t size);

/* Reads all there is; *@sum keeps the compiler from leaving that out. */
static inline uint32_t drain(struct mmub_ring *ring, uint64_t *sum)
{
	const struct mmub_record *record;
	uint32_t index, count, i;

	count = mmub_ring_peek(ring, &index);
	for (i = 0; i < count; i++) {
		record = mmub_ring_at(ring, index + i);
		*sum += record->n + record->start + record->end;
	}
	mmub_ring_consume(ring, count);
	return count;
}

#endif /* BENCH_H */
