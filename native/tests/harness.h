/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests, in the manner of the kernel's kselftest_harness.h, with TAP output.
 *
 *	TEST(name) { ASSERT_EQ(seen, expected); ... }
 *	TEST_MAIN()
 *
 * Each test runs in a process of its own, which starts with an mm that nobody
 * watches and whose death takes with it what the test has left behind. A test
 * ends at its first failed assertion, and fails at its deadline.
 *
 * Arguments name the tests to run. MMUB_TEST_TIMEOUT is the deadline of one
 * test in seconds; MMUB_TEST_SCALE, a decimal fraction, multiplies the rounds
 * of those that go on for long; with MMUB_TEST_STOP the first failure ends it.
 */
#ifndef HARNESS_H
#define HARNESS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

struct test {
	const char *name;
	void (*run)(void);
	struct test *next;
};

void test_register(struct test *test);
int test_main(int argc, char **argv);

/* If a program has it: called before each test, in the process of the tests. */
void test_setup(void) __attribute__((weak));

/* End the running test. Any thread or child of it may call these. */
void test_fail(const char *file, int line, const char *format, ...)
	__attribute__((noreturn, format(printf, 3, 4)));
void test_skip(const char *format, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

/* A line of explanation. */
void test_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* @rounds times MMUB_TEST_SCALE, at least 1. */
unsigned long scaled(unsigned long rounds);

/* CLOCK_MONOTONIC. */
uint64_t now_ns(void);

/* When the running test must be over, by now_ns(). */
uint64_t test_deadline(void);

/*
 * Fork, in a test: in the child, returns 0, and an assertion that fails there
 * fails the test when it is reaped by test_reap().
 */
int test_fork(void);

/* Wait for a child; it must exit with 0. */
void test_reap(int pid);

/* The same, of one that has been waited for, with this status. */
void test_reaped(int pid, int status);

/* Wait for a child that is not a test of ours, and return its wait status. */
int test_wait(int pid);

#define TEST(title)							\
	static void test_##title(void);					\
	static struct test test_entry_##title = { #title, test_##title, NULL }; \
	static void __attribute__((constructor)) test_add_##title(void)	\
	{								\
		test_register(&test_entry_##title);			\
	}								\
	static void test_##title(void)

#define TEST_MAIN()							\
	int main(int argc, char **argv)					\
	{								\
		return test_main(argc, argv);				\
	}

#define FAIL(...)	test_fail(__FILE__, __LINE__, __VA_ARGS__)
#define SKIP(...)	test_skip(__VA_ARGS__)

#define ASSERT_OP(seen, op, expected)					\
	do {								\
		__auto_type seen_ = (seen);				\
		__typeof__(seen_) expected_ = (expected);		\
									\
		if (!(seen_ op expected_))				\
			FAIL("%s %s %s: %lld (0x%llx), not %lld (0x%llx)", \
			     #seen, #op, #expected, (long long)seen_,	\
			     (long long)seen_, (long long)expected_,	\
			     (long long)expected_);			\
	} while (0)

#define ASSERT_EQ(seen, expected)	ASSERT_OP(seen, ==, expected)
#define ASSERT_NE(seen, expected)	ASSERT_OP(seen, !=, expected)
#define ASSERT_GE(seen, expected)	ASSERT_OP(seen, >=, expected)
#define ASSERT_GT(seen, expected)	ASSERT_OP(seen, >, expected)
#define ASSERT_LE(seen, expected)	ASSERT_OP(seen, <=, expected)

#define ASSERT_TRUE(condition)						\
	do {								\
		if (!(condition))					\
			FAIL("%s is false", #condition);		\
	} while (0)

#define ASSERT_STREQ(seen, expected)					\
	do {								\
		const char *seen_ = (seen), *expected_ = (expected);	\
									\
		if (!seen_ || strcmp(seen_, expected_))			\
			FAIL("%s is '%s', not '%s'", #seen,		\
			     seen_ ? seen_ : "(null)", expected_);	\
	} while (0)

/* A system call that sets errno must succeed. */
#define ASSERT_OK(call)							\
	({								\
		__auto_type ok_ = (call);				\
									\
		if (ok_ == (__typeof__(ok_))-1)				\
			FAIL("%s: %m", #call);				\
		ok_;							\
	})

/* A condition must come true before the test's deadline. */
#define ASSERT_SOON(condition)						\
	do {								\
		while (!(condition)) {					\
			if (now_ns() > test_deadline())			\
				FAIL("%s never came true", #condition);	\
			sched_yield();					\
		}							\
	} while (0)

#endif /* HARNESS_H */
