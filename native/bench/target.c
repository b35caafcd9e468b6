// SPDX-License-Identifier: Apache-2.0
/*
 * The process that C and Java watch: each event is one mprotect() of one page
 * that is there, hence one PROTECTION_VMA. Commands, one a line:
 *
 *	burst N		N events at once; answers "done"
 *	pace USEC	an event every so often, until the next command
 *
 * Says "ready" at first, and goes when its input ends.
 */
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"

static char *page;

/* A page of its own VMA, which cannot merge with its neighbours. */
static void page_make(void)
{
	char *map = ASSERT_OK(mmap(NULL, 3 * 4096, PROT_NONE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

	page = map + 4096;
	ASSERT_OK(mprotect(page, 4096, PROT_READ | PROT_WRITE));
	*page = 1;
}

static void event(void)
{
	static int writable = PROT_WRITE;

	writable ^= PROT_WRITE;
	ASSERT_OK(mprotect(page, 4096, PROT_READ | writable));
}

int target_main(void)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	const struct timespec *period = NULL;
	struct timespec pace = { 0 };
	unsigned long number;
	char line[64];

	setvbuf(stdin, NULL, _IONBF, 0);
	page_make();
	puts("ready");
	for (;;) {
		if (!ASSERT_OK(ppoll(&in, 1, period, NULL))) {
			event();
			continue;
		}
		if (!fgets(line, sizeof(line), stdin))
			return 0;
		period = NULL;
		if (sscanf(line, "burst %lu", &number) == 1) {
			while (number--)
				event();
			puts("done");
		} else if (sscanf(line, "pace %lu", &number) == 1) {
			pace.tv_sec = number / 1000000;
			pace.tv_nsec = number % 1000000 * 1000;
			period = &pace;
		} else {
			FAIL("no such command: %s", line);
		}
	}
}
