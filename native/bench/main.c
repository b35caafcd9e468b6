// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"

#define BATCH_NS	20000000

static const struct group {
	const char *name;
	void (*run)(int samples);
} groups[] = {
	{ "call", bench_call },
	{ "ring", bench_ring },
	{ "guard", bench_guard },
	{ "shadow", bench_shadow },
	{ "getput", bench_getput },
	{ "drain", bench_drain },
	{ "latency", bench_latency },
	{ "guards", bench_guards },
	{ "pagemap", bench_pagemap },
	{ "watched", bench_watched },
	{ "guarded", bench_guarded },
};

static char **rows;	/* all if there is none */

bool wanted(const char *row)
{
	char **name;

	for (name = rows; *name; name++)
		if (!strcmp(*name, row))
			return true;
	return name == rows;
}

void sample(const char *row, double ns)
{
	printf("sample\t%s\t%.3f\n", row, ns);
}

void note(const char *format, ...)
{
	va_list args;

	printf("note\t");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

static int compare(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

uint64_t percentile(uint64_t *values, size_t count, double part)
{
	qsort(values, count, sizeof(*values), compare);
	return values[(size_t)((count - 1) * part + 0.5)];
}

static uint64_t time_batch(void (*batch)(unsigned long), unsigned long count)
{
	uint64_t begin = now_ns();

	batch(count);
	return now_ns() - begin;
}

void sample_batches(const char *row, int samples, unsigned int things,
		    void (*batch)(unsigned long count))
{
	unsigned long count = 1;
	int i;

	if (!wanted(row))
		return;
	while (time_batch(batch, count) < BATCH_NS)
		count *= 2;
	for (i = 0; i < samples; i++)
		sample(row, (double)time_batch(batch, count) / count / things);
}

void *map_memfd(size_t size)
{
	int fd = ASSERT_OK(memfd_create("bench", MFD_CLOEXEC));
	void *map;

	ASSERT_OK(ftruncate(fd, size));
	map = ASSERT_OK(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
			     fd, 0));
	close(fd);
	return map;
}

static int facts(void)
{
#ifdef __clang__
	printf("fact\tcompiler\tclang %s\n", __clang_version__);
#else
	printf("fact\tcompiler\tgcc %s\n", __VERSION__);
#endif
	return 0;
}

int main(int argc, char **argv)
{
	int samples = argc > 2 ? atoi(argv[2]) : 5;
	size_t i;

	rows = argc > 3 ? argv + 3 : argv + argc;
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1 && !strcmp(argv[1], "target"))
		return target_main();
	if (argc > 1 && !strcmp(argv[1], "facts"))
		return facts();
	for (i = 0; argc > 1 && samples > 0 && i < ARRAY_SIZE(groups); i++) {
		if (!strcmp(argv[1], groups[i].name)) {
			groups[i].run(samples);
			return 0;
		}
	}
	fprintf(stderr,
		"usage: bench GROUP [SAMPLES [ROW...]] | facts | target\n");
	return 2;
}
