// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "holds.h"
#include "module.h"

#define HOLD_DEVICE	"/dev/mmubridge_hold"
#define SHIPPED		"mmubridge"
#define FOR_TESTS	"mmubridge_test"

static bool to_be_loaded(void)
{
	return getenv("MMUBRIDGE_TEST_KO") && getenv("MMUBRIDGE_KO");
}

static void put_back(void)
{
	if (module_is_loaded(FOR_TESTS) && !module_unload(FOR_TESTS))
		module_load(getenv("MMUBRIDGE_KO"), "");
}

static void __attribute__((constructor)) put_back_at_exit(void)
{
	if (to_be_loaded())
		atexit(put_back);
}

/* What the test before has left may take a moment to go. */
void test_setup(void)
{
	if (!to_be_loaded() || module_is_loaded(FOR_TESTS))
		return;
	if (!module_unload(SHIPPED))
		module_load(getenv("MMUBRIDGE_TEST_KO"), "");
}

/* Longer than what is done meanwhile, and less than a hung task is given. */
#define HOLD_MS		60000

int hold_open(void)
{
	int fd = open(HOLD_DEVICE, O_RDWR | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT && !to_be_loaded())
		SKIP("the module for tests is not loaded");
	if (fd < 0)
		FAIL("%s: %m", HOLD_DEVICE);
	return fd;
}

void hold_arm(int fd, const struct watch *watch,
		     enum mmub_hold_point point, uint64_t start, uint64_t end)
{
	struct mmub_hold hold = {
		.point = point,
		.timeout_ms = HOLD_MS,
		.space_id = watch->attached.space_id,
		.start = start,
		.end = end,
	};

	ASSERT_OK(ioctl(fd, MMUB_HOLD_ARM, &hold));
}

bool hold_holds(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return ASSERT_OK(poll(&p, 1, timeout_ms)) == 1;
}

void hold_wait(int fd)
{
	if (!hold_holds(fd, (test_deadline() - now_ns()) / 1000000))
		FAIL("no callback has come to be held");
}

struct mmub_range hold_look(int fd)
{
	struct mmub_hold hold;

	ASSERT_OK(ioctl(fd, MMUB_HOLD_LOOK, &hold));
	return (struct mmub_range){ hold.start, hold.end };
}

void hold_release(int fd)
{
	ASSERT_OK(ioctl(fd, MMUB_HOLD_RELEASE));
}
