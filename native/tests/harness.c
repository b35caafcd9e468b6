// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"

enum { PASSED = 0, FAILED = 1, SKIPPED = 4 };

static struct test *first_test, **last_test = &first_test;
static uint64_t deadline;
static char *skip_reason;	/* on a page that is shared with the tests */

#define REASON_SIZE	256

void test_register(struct test *test)
{
	*last_test = test;
	last_test = &test->next;
}

uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * UINT64_C(1000000000) + now.tv_nsec;
}

uint64_t test_deadline(void)
{
	return deadline;
}

unsigned long scaled(unsigned long rounds)
{
	const char *scale = getenv("MMUB_TEST_SCALE");

	if (scale)
		rounds = rounds * strtod(scale, NULL);
	return rounds ? rounds : 1;
}

/* One write, so that lines of several processes do not mix. */
static void print_note(const char *format, va_list args)
{
	char text[1024];

	vsnprintf(text, sizeof(text), format, args);
	dprintf(STDOUT_FILENO, "# %s\n", text);
}

void test_note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_note(format, args);
	va_end(args);
}

void test_fail(const char *file, int line, const char *format, ...)
{
	const char *name = strrchr(file, '/');
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	test_note("%s:%d: %s", name ? name + 1 : file, line, text);
	_exit(FAILED);
}

void test_skip(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(skip_reason, REASON_SIZE, format, args);
	va_end(args);
	_exit(SKIPPED);
}

int test_fork(void)
{
	int pid = fork();

	if (pid < 0)
		FAIL("fork: %m");
	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

int test_wait(int pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			FAIL("waitpid(%d): %m", pid);
	return status;
}

void test_reap(int pid)
{
	test_reaped(pid, test_wait(pid));
}

void test_reaped(int pid, int status)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED)
		_exit(SKIPPED);
	if (WIFSIGNALED(status))
		FAIL("child %d was killed by signal %d", pid, WTERMSIG(status));
	if (WEXITSTATUS(status))
		FAIL("child %d failed", pid);
}

/* Wait for the test until its deadline, then kill it and all it started. */
static int run_test(const struct test *test, uint64_t timeout_ns)
{
	struct pollfd ended = { .events = POLLIN };
	int64_t left;
	int pid, status;

	if (test_setup)
		test_setup();
	deadline = now_ns() + timeout_ns;
	skip_reason[0] = '\0';
	pid = fork();
	if (pid < 0) {
		test_note("fork: %m");
		return FAILED;
	}
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setpgid(0, 0);
		test->run();
		_exit(PASSED);
	}
	setpgid(pid, pid);
	ended.fd = syscall(SYS_pidfd_open, pid, 0);
	while ((left = deadline - now_ns()) > 0 &&
	       poll(&ended, 1, left / 1000000 + 1) <= 0)
		;
	if (left <= 0)
		test_note("%s: not over in time: killed", test->name);
	close(ended.fd);
	if (left <= 0)
		kill(-pid, SIGKILL);
	status = test_wait(pid);
	kill(-pid, SIGKILL);
	if (WIFSIGNALED(status)) {
		if (left > 0)
			test_note("%s: killed by signal %d (%s)", test->name,
				  WTERMSIG(status), strsignal(WTERMSIG(status)));
		return FAILED;
	}
	return WEXITSTATUS(status);
}

static bool wanted(const struct test *test, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		if (!strcmp(argv[i], test->name))
			return true;
	return argc < 2;
}

int test_main(int argc, char **argv)
{
	const char *timeout = getenv("MMUB_TEST_TIMEOUT");
	uint64_t timeout_ns = (timeout ? atoi(timeout) : 300) *
			      UINT64_C(1000000000);
	const struct test *test;
	int count = 0, failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	skip_reason = mmap(NULL, REASON_SIZE, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (skip_reason == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	for (test = first_test; test; test = test->next)
		count += wanted(test, argc, argv);
	if (!count) {
		fprintf(stderr, "%s: no such test\n", argv[0]);
		return 2;
	}
	printf("1..%d\n", count);
	count = 0;
	for (test = first_test; test; test = test->next) {
		if (!wanted(test, argc, argv))
			continue;
		count++;
		switch (run_test(test, timeout_ns)) {
		case PASSED:
			printf("ok %d - %s\n", count, test->name);
			break;
		case SKIPPED:
			printf("ok %d - %s # SKIP %s\n", count, test->name,
			       skip_reason);
			break;
		default:
			printf("not ok %d - %s\n", count, test->name);
			if (getenv("MMUB_TEST_STOP"))
				return 1;
			failed++;
		}
	}
	return failed ? 1 : 0;
}
