// SPDX-License-Identifier: Apache-2.0
/*
 * Wrong use: an error, the documented one, and never a leak. The last test
 * sees that the module could be unloaded.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "watch.h"

#define PAGE		4096UL
#define PARAMETERS	"/sys/module/mmubridge/parameters/"

#define MAP_OF(which)	((off_t)(which) << MMUB_MAP_SHIFT)

static void __attribute__((constructor)) keep_settings(void)
{
	keep_setting(PARAMETERS "subsystems_per_uid");
	keep_setting(PARAMETERS "subscriptions_per_uid");
	keep_setting(PARAMETERS "subscriptions_per_space");
	keep_setting(PARAMETERS "ring_records_max");
	keep_setting(PARAMETERS "guards_per_subscription");
	keep_setting(PARAMETERS "guards_per_space");
}

static void set_parameter(const char *path, unsigned int value)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", value);
	ASSERT_EQ(write_file(path, text), 0);
}

/* errno of an ioctl, 0 if it succeeds. */
static int try_ioctl(int fd, unsigned int cmd, void *arg)
{
	return ioctl(fd, cmd, arg) < 0 ? errno : 0;
}

static int try_attach(int fd, const char *subsystem)
{
	return -mmub_attach(fd, subsystem, -1, 0, NULL);
}

/* ------------------------------------------------------------------- numbers */

static const unsigned int commands[MMUB_NR_COUNT] = {
	[MMUB_NR_INFO] = MMUB_IOC_INFO,
	[MMUB_NR_ATTACH] = MMUB_IOC_ATTACH,
	[MMUB_NR_DETACH] = MMUB_IOC_DETACH,
	[MMUB_NR_RING_SETUP] = MMUB_IOC_RING_SETUP,
	[MMUB_NR_FILTER_SET] = MMUB_IOC_FILTER_SET,
	[MMUB_NR_STACK] = MMUB_IOC_STACK,
	[MMUB_NR_GUARD_ADD] = MMUB_IOC_GUARD_ADD,
	[MMUB_NR_GUARD_REMOVE] = MMUB_IOC_GUARD_REMOVE,
	[MMUB_NR_SHADOW_ADD] = MMUB_IOC_SHADOW_ADD,
	[MMUB_NR_SHADOW_REMOVE] = MMUB_IOC_SHADOW_REMOVE,
	[MMUB_NR_READ] = MMUB_IOC_READ,
	[MMUB_NR_WRITE] = MMUB_IOC_WRITE,
	[MMUB_NR_WINDOW_CREATE] = MMUB_IOC_WINDOW_CREATE,
	[MMUB_NR_STATS] = MMUB_IOC_STATS,
	[MMUB_NR_SYNCHRONIZE] = MMUB_IOC_SYNCHRONIZE,
	[MMUB_NR_GUARD_SETUP] = MMUB_IOC_GUARD_SETUP,
	[MMUB_NR_GUARD_EVENT] = MMUB_IOC_GUARD_EVENT,
	[MMUB_NR_SHADOW_REFRESH] = MMUB_IOC_SHADOW_REFRESH,
};

/* The feature without which an ioctl is not built; 0: it always is. */
static const unsigned int feature_of[MMUB_NR_COUNT] = {
	[MMUB_NR_STACK] = MMUB_FEATURE_CAUSE,
	[MMUB_NR_GUARD_ADD] = MMUB_FEATURE_GUARD,
	[MMUB_NR_GUARD_REMOVE] = MMUB_FEATURE_GUARD,
	[MMUB_NR_SHADOW_ADD] = MMUB_FEATURE_SHADOW,
	[MMUB_NR_SHADOW_REMOVE] = MMUB_FEATURE_SHADOW,
	[MMUB_NR_READ] = MMUB_FEATURE_ACCESS,
	[MMUB_NR_WRITE] = MMUB_FEATURE_ACCESS,
	[MMUB_NR_WINDOW_CREATE] = MMUB_FEATURE_WINDOW,
	[MMUB_NR_GUARD_SETUP] = MMUB_FEATURE_GUARD,
	[MMUB_NR_GUARD_EVENT] = MMUB_FEATURE_GUARD,
	[MMUB_NR_SHADOW_REFRESH] = MMUB_FEATURE_SHADOW,
};

static bool is_built(int fd, unsigned int nr)
{
	struct mmub_info info;

	ASSERT_EQ(mmub_info(fd, &info), 0);
	return !feature_of[nr] || (info.features & feature_of[nr]);
}

TEST(every_number)
{
	int fd = device_open();
	unsigned int nr, dir, cmd;

	for (nr = 0; nr < 256; nr++) {
		for (dir = 0; dir < 4; dir++) {
			cmd = _IOC(dir, MMUB_IOC_MAGIC, nr, 64);
			if (nr < MMUB_NR_COUNT && dir == _IOC_DIR(commands[nr]))
				continue;
			if (try_ioctl(fd, cmd, NULL) != ENOTTY)
				FAIL("nr %u dir %u: %m", nr, dir);
		}
	}
	for (nr = 0; nr < MMUB_NR_COUNT; nr++)
		if (try_ioctl(fd, commands[nr], NULL) !=
		    (is_built(fd, nr) ? EFAULT : EOPNOTSUPP))
			FAIL("nr %u: %m", nr);
	close(fd);
}

TEST(every_other_magic)
{
	int fd = device_open();
	struct mmub_stats stats = { 0 };
	unsigned int magic;

	for (magic = 0; magic < 256; magic++) {
		if (magic == MMUB_IOC_MAGIC)
			continue;
		if (try_ioctl(fd, _IOWR(magic, MMUB_NR_STATS, stats), &stats) !=
		    ENOTTY)
			FAIL("magic 0x%x: %m", magic);
	}
	close(fd);
}

TEST(unbuilt)
{
	static char argument[256];
	int fd = device_open();
	unsigned int nr;

	for (nr = 0; nr < MMUB_NR_COUNT; nr++) {
		if (is_built(fd, nr))
			continue;
		ASSERT_EQ(try_ioctl(fd, commands[nr], argument), EOPNOTSUPP);
		ASSERT_EQ(try_ioctl(fd, _IOC(_IOC_DIR(commands[nr]),
					     MMUB_IOC_MAGIC, nr, 0), argument),
			  EOPNOTSUPP);
	}
	close(fd);
}

/* -------------------------------------------------------------------- sizes */

/* An argument of each ioctl, valid in the order in which they come here. */
static const struct step {
	const char *name;
	unsigned int cmd;
	union {
		struct mmub_info info;
		struct mmub_ring_setup ring;
		struct mmub_filter filter;
		struct mmub_attach attach;
		struct mmub_guard_setup guard_setup;
		struct mmub_guard_add guard_add;
		struct mmub_guard_remove guard_remove;
		struct mmub_shadow_add shadow_add;
		struct mmub_shadow_refresh shadow_refresh;
		struct mmub_access access;
		struct mmub_shadow_remove shadow_remove;
		struct mmub_stats stats;
		struct mmub_detach detach;
		struct mmub_synchronize synchronize;
	};
} steps[] = {
	{ .name = "INFO", .cmd = MMUB_IOC_INFO },
	{ .name = "RING_SETUP", .cmd = MMUB_IOC_RING_SETUP,
	  .ring = { .records = 64 } },
	{ .name = "FILTER_SET", .cmd = MMUB_IOC_FILTER_SET,
	  .filter = { .types = 1 } },
	{ .name = "ATTACH", .cmd = MMUB_IOC_ATTACH,
	  .attach = { .mem_fd = -1, .subsystem = "abuse" } },
	{ .name = "GUARD_SETUP", .cmd = MMUB_IOC_GUARD_SETUP,
	  .guard_setup = { .slots = 1 } },
	{ .name = "GUARD_ADD", .cmd = MMUB_IOC_GUARD_ADD,
	  .guard_add = { .start = 1, .end = 2 } },
	{ .name = "GUARD_REMOVE", .cmd = MMUB_IOC_GUARD_REMOVE },
	{ .name = "SHADOW_ADD", .cmd = MMUB_IOC_SHADOW_ADD,
	  .shadow_add = { .end = PAGE } },
	{ .name = "SHADOW_REFRESH", .cmd = MMUB_IOC_SHADOW_REFRESH,
	  .shadow_refresh = { .end = PAGE } },
	{ .name = "READ", .cmd = MMUB_IOC_READ },
	{ .name = "WRITE", .cmd = MMUB_IOC_WRITE },
	{ .name = "SHADOW_REMOVE", .cmd = MMUB_IOC_SHADOW_REMOVE },
	{ .name = "STATS", .cmd = MMUB_IOC_STATS },
	{ .name = "DETACH", .cmd = MMUB_IOC_DETACH },
	{ .name = "SYNCHRONIZE", .cmd = MMUB_IOC_SYNCHRONIZE },
};

static unsigned int resized(unsigned int cmd, size_t size)
{
	return _IOC(_IOC_DIR(cmd), _IOC_TYPE(cmd), _IOC_NR(cmd), size);
}

/* Shorter arguments are refused; longer ones go, if what is more is zero. */
static void try_sizes(size_t more)
{
	static unsigned char buffer[1 << _IOC_SIZEBITS];
	int fd = device_open();
	unsigned int i;
	size_t size, j;

	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		size = _IOC_SIZE(steps[i].cmd);
		memset(buffer, 0, sizeof(buffer));
		memcpy(buffer, &steps[i].info, size);
		for (j = 0; j < size; j++)
			if (try_ioctl(fd, resized(steps[i].cmd, j), buffer) !=
			    EINVAL)
				FAIL("%s of %zu bytes: %m", steps[i].name, j);
		for (j = size; j < size + more; j += more > 64 ? 61 : 1) {
			buffer[j] = 1;
			if (try_ioctl(fd, resized(steps[i].cmd, size + more),
				      buffer) != E2BIG)
				FAIL("%s of %zu bytes, byte %zu set: %m",
				     steps[i].name, size + more, j);
			buffer[j] = 0;
		}
		if (try_ioctl(fd, resized(steps[i].cmd, size + more), buffer))
			FAIL("%s of %zu bytes: %m", steps[i].name, size + more);
		for (j = size; j < size + more; j++)
			ASSERT_EQ(buffer[j], 0);
	}
	close(fd);
}

TEST(sizes)
{
	try_sizes(0);
	try_sizes(1);
	try_sizes(8);
	try_sizes(4096);
	try_sizes((1 << _IOC_SIZEBITS) - 1 - 256);
}

/* ------------------------------------------------------------ flags, reserved */

static const struct {
	unsigned int step;
	size_t offset;
	uint32_t known;
} must_be_zero[] = {
	{ 0, offsetof(struct mmub_info, flags), 0 },
	{ 1, offsetof(struct mmub_ring_setup, flags), MMUB_RING_CAUSE },
	{ 1, offsetof(struct mmub_ring_setup, reserved), 0 },
	{ 2, offsetof(struct mmub_filter, flags), 0 },
	{ 3, offsetof(struct mmub_attach, flags), 0 },
	{ 4, offsetof(struct mmub_guard_setup, flags), 0 },
	{ 5, offsetof(struct mmub_guard_add, flags), MMUB_GUARD_CAUSE },
	{ 6, offsetof(struct mmub_guard_remove, flags), 0 },
	{ 7, offsetof(struct mmub_shadow_add, flags), 0 },
	{ 7, offsetof(struct mmub_shadow_add, reserved), 0 },
	{ 8, offsetof(struct mmub_shadow_refresh, flags), MMUB_SHADOW_NOWAIT },
	{ 9, offsetof(struct mmub_access, flags), 0 },
	{ 9, offsetof(struct mmub_access, reserved), 0 },
	{ 10, offsetof(struct mmub_access, flags), 0 },
	{ 10, offsetof(struct mmub_access, reserved), 0 },
	{ 11, offsetof(struct mmub_shadow_remove, flags), 0 },
	{ 12, offsetof(struct mmub_stats, flags), 0 },
	{ 13, offsetof(struct mmub_detach, flags), 0 },
	{ 13, offsetof(struct mmub_detach, reserved), 0 },
	{ 14, offsetof(struct mmub_synchronize, flags), 0 },
	{ 14, offsetof(struct mmub_synchronize, reserved), 0 },
};

TEST(flags_and_reserved)
{
	int fd = device_open();
	unsigned int i, j, bit;
	struct step step;
	uint32_t *field;

	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		for (j = 0; j < ARRAY_SIZE(must_be_zero); j++) {
			if (must_be_zero[j].step != i)
				continue;
			step = steps[i];
			field = (void *)((char *)&step.info +
					 must_be_zero[j].offset);
			for (bit = 0; bit < 32; bit++) {
				if (must_be_zero[j].known & 1U << bit)
					continue;
				*field = 1U << bit;
				if (try_ioctl(fd, step.cmd, &step.info) != EINVAL)
					FAIL("%s, byte %zu bit %u: %m", step.name,
					     must_be_zero[j].offset, bit);
			}
		}
		/* Each of these did nothing: the next step is as it was. */
		step = steps[i];
		if (try_ioctl(fd, step.cmd, &step.info))
			FAIL("%s: %m", step.name);
	}
	close(fd);
}

TEST(ring_setup_arguments)
{
	struct mmub_info info;
	int fd = device_open();
	struct mmub_ring ring;
	uint32_t records;

	ASSERT_EQ(mmub_info(fd, &info), 0);
	ASSERT_EQ(mmub_ring_open(fd, 0, 0, 0, &ring), -EINVAL);
	for (records = 1; records < info.ring_records_min; records *= 2)
		ASSERT_EQ(mmub_ring_open(fd, records, 0, 0, &ring), -EINVAL);
	ASSERT_EQ(mmub_ring_open(fd, 12, 0, 0, &ring), -EINVAL);
	ASSERT_EQ(mmub_ring_open(fd, 2 * info.ring_records_max, 0, 0, &ring),
		  -EINVAL);
	ASSERT_EQ(mmub_ring_open(fd, 1U << 31, 0, 0, &ring), -EINVAL);
	ASSERT_EQ(mmub_ring_open(fd, UINT32_MAX, 0, 0, &ring), -EINVAL);
	ASSERT_EQ(mmub_ring_open(fd, 16, 9, 0, &ring), -EINVAL);
	ASSERT_EQ(mmub_ring_open(fd, 16, UINT32_MAX, 0, &ring), -EINVAL);
	ASSERT_EQ(mmub_ring_open(fd, 16, 8, 0, &ring), 0);
	ASSERT_EQ(mmub_ring_close(&ring), 0);
	close(fd);

	fd = device_open();
	ASSERT_EQ(mmub_ring_open(fd, info.ring_records_max, 0, 0, &ring), 0);
	ASSERT_EQ(ring.header->records, info.ring_records_max);
	ASSERT_EQ(mmub_ring_close(&ring), 0);
	close(fd);
}

TEST(filter_arguments)
{
	struct mmub_range ranges[64];
	struct mmub_info info;
	int fd = device_open();
	unsigned int i;

	ASSERT_EQ(mmub_info(fd, &info), 0);
	ASSERT_LE(info.filter_ranges, 63);
	for (i = 0; i < 64; i++)
		ranges[i] = (struct mmub_range){ i, i + 1 };
	ASSERT_EQ(mmub_filter_set(fd, 0, NULL, 0), -EINVAL);
	for (i = MMUB_TYPE_COUNT; i < 64; i++)
		ASSERT_EQ(mmub_filter_set(fd, 1ULL << i | 1, NULL, 0), -EINVAL);
	ASSERT_EQ(mmub_filter_set(fd, 1, ranges, info.filter_ranges), 0);
	ASSERT_EQ(mmub_filter_set(fd, 1, ranges, info.filter_ranges + 1),
		  -EINVAL);
	ASSERT_EQ(mmub_filter_set(fd, 1, ranges, UINT32_MAX), -EINVAL);
	ASSERT_EQ(mmub_filter_set(fd, 1, NULL, 1), -EFAULT);
	ASSERT_EQ(mmub_filter_set(fd, 1, (void *)-16L, 1), -EFAULT);
	/* Unread where there are none. */
	ASSERT_EQ(mmub_filter_set(fd, 1, (void *)-16L, 0), 0);
	ranges[1] = (struct mmub_range){ 5, 5 };
	ASSERT_EQ(mmub_filter_set(fd, 1, ranges, 2), -EINVAL);
	ranges[1] = (struct mmub_range){ 5, 4 };
	ASSERT_EQ(mmub_filter_set(fd, 1, ranges, 2), -EINVAL);
	ranges[1] = (struct mmub_range){ 0, UINT64_MAX };
	ASSERT_EQ(mmub_filter_set(fd, 1, ranges, 2), 0);
	close(fd);
}

/* errno of a GUARD_ADD, 0 if it succeeds; then the guard is removed again. */
static int try_guard(int fd, uint64_t start, uint64_t end, uint64_t ignore)
{
	int slot = mmub_guard_add(fd, start, end, ignore, 0);

	if (slot < 0)
		return -slot;
	ASSERT_EQ(mmub_guard_remove(fd, slot), 0);
	return 0;
}

TEST(guard_arguments)
{
	/* The end of the lower half, with a page that is never mapped. */
	const uint64_t end = (UINT64_C(1) << 47) - PAGE;
	struct mmub_guard_event event = { 0 };
	struct mmub_guard_add add = { .start = 1, .end = 2 };
	struct mmub_guards guards;
	struct mmub_info info;
	int fd = device_open();
	unsigned int i;

	ASSERT_EQ(mmub_info(fd, &info), 0);
	ASSERT_GE(info.guards_per_subscription, 1000);
	ASSERT_EQ(mmub_guards_open(fd, 0, &guards), -EINVAL);
	ASSERT_EQ(mmub_guards_open(fd, info.guards_per_subscription + 1,
				   &guards), -EINVAL);
	ASSERT_EQ(mmub_guards_open(fd, UINT32_MAX, &guards), -EINVAL);
	ASSERT_EQ(mmub_guards_open(fd, 4, &guards), 0);
	ASSERT_EQ(try_attach(fd, "guards"), 0);

	ASSERT_EQ(try_guard(fd, 0, 1, 0), 0);
	ASSERT_EQ(try_guard(fd, end - 1, end, 0), 0);
	ASSERT_EQ(try_guard(fd, 0, end, 0), 0);
	/* Empty, backwards, beyond. */
	ASSERT_EQ(try_guard(fd, 0, 0, 0), EINVAL);
	ASSERT_EQ(try_guard(fd, PAGE, PAGE, 0), EINVAL);
	ASSERT_EQ(try_guard(fd, PAGE + 1, PAGE, 0), EINVAL);
	ASSERT_EQ(try_guard(fd, UINT64_MAX, 0, 0), EINVAL);
	ASSERT_EQ(try_guard(fd, UINT64_MAX, 1, 0), EINVAL);
	ASSERT_EQ(try_guard(fd, 0, UINT64_MAX, 0), EINVAL);
	ASSERT_EQ(try_guard(fd, 0, UINT64_C(1) << 63, 0), EINVAL);
	ASSERT_EQ(try_guard(fd, UINT64_C(0xffff888000000000),
			    UINT64_C(0xffff888000001000), 0), EINVAL);
	ASSERT_EQ(try_guard(fd, UINT64_MAX - 1, UINT64_MAX, 0), EINVAL);
	/* Types that there are, but for the release, which nothing survives. */
	for (i = 0; i < 64; i++)
		ASSERT_EQ(try_guard(fd, 0, 1, UINT64_C(1) << i),
			  i < MMUB_TYPE_COUNT && i != MMUB_TYPE_RELEASE ?
			  0 : EINVAL);
	for (i = 1; i < 32; i++) {
		add.flags = 1U << i;
		ASSERT_EQ(try_ioctl(fd, MMUB_IOC_GUARD_ADD, &add), EINVAL);
	}

	/* Slots with nothing in them, and slots that there are not. */
	ASSERT_EQ(mmub_guard_remove(fd, 0), -ENOENT);
	ASSERT_EQ(mmub_guard_remove(fd, 3), -ENOENT);
	ASSERT_EQ(mmub_guard_remove(fd, 4), -ENOENT);
	ASSERT_EQ(mmub_guard_remove(fd, 255), -ENOENT);
	ASSERT_EQ(mmub_guard_remove(fd, UINT32_MAX), -ENOENT);
	event.slot = UINT32_MAX;
	ASSERT_EQ(try_ioctl(fd, MMUB_IOC_GUARD_EVENT, &event), ENOENT);
	ASSERT_EQ(mmub_guard_add(fd, 0, 1, 0, 0), 0);
	event.slot = 0;
	ASSERT_EQ(try_ioctl(fd, MMUB_IOC_GUARD_EVENT, &event), ENODATA);
	for (i = 0; i < 32; i++) {
		event.flags = 1U << i;
		ASSERT_EQ(try_ioctl(fd, MMUB_IOC_GUARD_EVENT, &event), EINVAL);
	}
	close(fd);
	ASSERT_EQ(mmub_guards_close(&guards), 0);
}

TEST(subsystem_names)
{
	struct mmub_attach attach;
	unsigned int i, c;
	int fd, ret;

	fd = device_open();
	ASSERT_EQ(try_attach(fd, ""), EINVAL);
	for (c = 1; c < 256; c++) {
		char name[] = { 'a', c, 'b', 0 };
		bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			    (c >= '0' && c <= '9') || strchr("._-", c);

		ret = try_attach(fd, name);
		if (ret != (good ? 0 : EINVAL))
			FAIL("character %u: %s", c, strerror(ret));
		if (!good)
			continue;
		ASSERT_EQ(mmub_detach(fd), 0);
		close(fd);
		fd = device_open();
		ASSERT_EQ(mmub_synchronize(fd, 0), 0);
	}
	/* No NUL; something behind it. */
	memset(&attach, 0, sizeof(attach));
	attach.mem_fd = -1;
	memset(attach.subsystem, 'a', sizeof(attach.subsystem));
	ASSERT_EQ(try_ioctl(fd, MMUB_IOC_ATTACH, &attach), EINVAL);
	for (i = 2; i < sizeof(attach.subsystem); i++) {
		memset(attach.subsystem, 0, sizeof(attach.subsystem));
		attach.subsystem[0] = 'a';
		attach.subsystem[i] = 'a';
		ASSERT_EQ(try_ioctl(fd, MMUB_IOC_ATTACH, &attach), EINVAL);
	}
	ASSERT_EQ(try_attach(fd, "0123456789012345678901234567890"), 0);
	close(fd);
}

/* ----------------------------------------------------------------- pointers */

TEST(bad_pointers)
{
	char *page = ASSERT_OK(mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	int fd = device_open();
	unsigned int i;
	size_t size;

	ASSERT_OK(mprotect(page + PAGE, PAGE, PROT_NONE));
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		size = _IOC_SIZE(steps[i].cmd);
		ASSERT_EQ(try_ioctl(fd, steps[i].cmd, NULL), EFAULT);
		ASSERT_EQ(try_ioctl(fd, steps[i].cmd, (void *)1), EFAULT);
		ASSERT_EQ(try_ioctl(fd, steps[i].cmd, page + PAGE), EFAULT);
		ASSERT_EQ(try_ioctl(fd, steps[i].cmd, page + PAGE - size + 1),
			  EFAULT);
		/* The kernel's half, its end, and no address at all. */
		ASSERT_EQ(try_ioctl(fd, steps[i].cmd,
				    (void *)0xffff888000000000), EFAULT);
		ASSERT_EQ(try_ioctl(fd, steps[i].cmd, (void *)-8L), EFAULT);
		ASSERT_EQ(try_ioctl(fd, steps[i].cmd,
				    (void *)0x8000000000000000), EFAULT);
		/* None of them did anything, or this would not do. */
		memcpy(page, &steps[i].info, size);
		ASSERT_EQ(try_ioctl(fd, steps[i].cmd, page), 0);
		/* Not aligned. */
		if (steps[i].cmd == MMUB_IOC_STATS)
			ASSERT_EQ(try_ioctl(fd, steps[i].cmd,
					    page + PAGE - size), 0);
	}
	close(fd);
}

/* What can be read but not written: the call has taken effect. */
TEST(read_only_argument)
{
	char *page = ASSERT_OK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	struct mmub_ring ring;
	int fd = device_open();

	memcpy(page, &steps[1].info, sizeof(steps[1].ring));
	ASSERT_OK(mprotect(page, PAGE, PROT_READ));
	ASSERT_EQ(try_ioctl(fd, MMUB_IOC_RING_SETUP, page), EFAULT);
	ASSERT_EQ(mmub_ring_open(fd, 64, 0, 0, &ring), -EBUSY);
	ASSERT_OK(mprotect(page, PAGE, PROT_READ | PROT_WRITE));
	memcpy(page, &steps[3].info, sizeof(steps[3].attach));
	ASSERT_OK(mprotect(page, PAGE, PROT_READ));
	ASSERT_EQ(try_ioctl(fd, MMUB_IOC_ATTACH, page), EFAULT);
	ASSERT_EQ(try_attach(fd, "abuse"), EISCONN);
	ASSERT_EQ(mmub_detach(fd), 0);
	close(fd);
}

/* ------------------------------------------------------------------- states */

TEST(states)
{
	struct mmub_stats stats;
	struct mmub_guards guards, more_guards;
	struct mmub_guard_event event = { 0 };
	struct mmub_ring ring, again;
	int fd = device_open();
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLPRI };

	/* Before: */
	ASSERT_EQ(mmub_detach(fd), -ENOTCONN);
	ASSERT_EQ(mmub_guard_add(fd, 0, 1, 0, 0), -ENOTCONN);
	ASSERT_EQ(mmub_guard_remove(fd, 0), -ENOTCONN);
	ASSERT_EQ(try_ioctl(fd, MMUB_IOC_GUARD_EVENT, &event), ENOTCONN);
	watch_stats(fd, &stats);
	ASSERT_EQ(stats.attached, 0);
	ASSERT_EQ(stats.space_id, 0);
	ASSERT_EQ(poll(&p, 1, 0), 0);
	ASSERT_EQ(try_attach(fd, "not a name"), EINVAL);
	ASSERT_EQ(mmub_ring_open(fd, 64, 0, 0, &ring), 0);
	ASSERT_EQ(mmub_ring_open(fd, 64, 0, 0, &again), -EBUSY);
	ASSERT_EQ(poll(&p, 1, 0), 0);
	/* Attached: */
	ASSERT_EQ(try_attach(fd, "states"), 0);
	ASSERT_EQ(mmub_guard_add(fd, 0, 1, 0, 0), -ENXIO);
	ASSERT_EQ(mmub_guard_remove(fd, 0), -ENXIO);
	ASSERT_EQ(try_ioctl(fd, MMUB_IOC_GUARD_EVENT, &event), ENXIO);
	ASSERT_EQ(mmub_guards_open(fd, 1, &guards), 0);
	ASSERT_EQ(mmub_guards_open(fd, 1, &more_guards), -EBUSY);
	ASSERT_EQ(try_attach(fd, "states"), EISCONN);
	ASSERT_EQ(try_attach(fd, "other"), EISCONN);
	ASSERT_EQ(mmub_ring_open(fd, 64, 0, 0, &again), -EISCONN);
	watch_stats(fd, &stats);
	ASSERT_EQ(stats.attached, 1);
	/* After: */
	ASSERT_EQ(mmub_detach(fd), 0);
	ASSERT_EQ(mmub_detach(fd), -ESHUTDOWN);
	ASSERT_EQ(try_attach(fd, "states"), ESHUTDOWN);
	ASSERT_EQ(mmub_ring_open(fd, 64, 0, 0, &again), -ESHUTDOWN);
	ASSERT_EQ(mmub_filter_set(fd, 1, NULL, 0), -ESHUTDOWN);
	ASSERT_EQ(mmub_guards_open(fd, 1, &more_guards), -ESHUTDOWN);
	ASSERT_EQ(mmub_guard_add(fd, 0, 1, 0, 0), -ESHUTDOWN);
	ASSERT_EQ(mmub_guard_remove(fd, 0), -ESHUTDOWN);
	ASSERT_EQ(try_ioctl(fd, MMUB_IOC_GUARD_EVENT, &event), ENOENT);
	ASSERT_EQ(mmub_guards_close(&guards), 0);
	watch_stats(fd, &stats);
	ASSERT_EQ(stats.attached, 0);
	ASSERT_EQ(poll(&p, 1, 0), 1);
	ASSERT_TRUE(p.revents & POLLHUP);
	ASSERT_EQ(ring.header->state, MMUB_RING_DETACHED);
	ASSERT_EQ(mmub_ring_close(&ring), 0);
	close(fd);
}

/* A subscription without a ring counts, and tells of the end by poll. */
TEST(without_a_ring)
{
	struct pollfd p = { .events = POLLIN | POLLPRI };
	struct mmub_stats stats;
	struct subject subject;
	struct watch watch;

	subject_start(&subject);
	watch_open(&watch, "ringless", subject.pid, 0);
	subject_say(&subject, "map a anon 1");
	subject_say(&subject, "repeat 10 advise a DONTNEED");
	watch_stats(watch.fd, &stats);
	ASSERT_EQ(stats.sub_n, 10);
	ASSERT_EQ(stats.sub_records, 0);
	ASSERT_EQ(stats.sub_lost, 0);
	p.fd = watch.fd;
	ASSERT_EQ(poll(&p, 1, 0), 0);
	subject_end(&subject);
	ASSERT_EQ(poll(&p, 1, -1), 1);
	ASSERT_EQ(p.revents, POLLHUP);
	watch_close(&watch);
}

TEST(no_file)
{
	int fd = device_open();
	char byte = 0;

	ASSERT_EQ(read(fd, &byte, 1), -1);
	ASSERT_EQ(errno, EINVAL);
	ASSERT_EQ(write(fd, &byte, 1), -1);
	ASSERT_EQ(errno, EINVAL);
	ASSERT_EQ(lseek(fd, 0, SEEK_SET), -1);
	ASSERT_EQ(errno, ESPIPE);
	ASSERT_EQ(ftruncate(fd, 0), -1);
	ASSERT_EQ(errno, EINVAL);
	close(fd);
}

/* ----------------------------------------------------------------- mappings */

static int try_mmap(int fd, off_t offset, size_t size, int prot, int flags)
{
	void *map = mmap(NULL, size, prot, flags, fd, offset);

	if (map == MAP_FAILED)
		return errno;
	munmap(map, size);
	return 0;
}

static void try_maps_without_ring(int fd)
{
	ASSERT_EQ(try_mmap(fd, MAP_OF(MMUB_MAP_RING), PAGE, PROT_READ,
			   MAP_SHARED), ENXIO);
	ASSERT_EQ(try_mmap(fd, MAP_OF(MMUB_MAP_CONSUMER), PAGE,
			   PROT_READ | PROT_WRITE, MAP_SHARED), ENXIO);
}

TEST(mmap)
{
	struct mmub_guard_setup guards = { .slots = 257 };
	struct mmub_ring_setup setup = { .records = 64 };
	int fd = device_open();
	unsigned int which;
	off_t offset;
	size_t size;

	try_maps_without_ring(fd);
	ASSERT_EQ(try_ioctl(fd, MMUB_IOC_RING_SETUP, &setup), 0);
	size = setup.ring_size;
	ASSERT_EQ(size, PAGE + 64 * sizeof(struct mmub_record));
	ASSERT_EQ(setup.consumer_size, PAGE);

	/* The ring: read-only, shared, whole. */
	ASSERT_EQ(try_mmap(fd, 0, size, PROT_READ, MAP_SHARED), 0);
	ASSERT_EQ(try_mmap(fd, 0, size, PROT_NONE, MAP_SHARED), 0);
	ASSERT_EQ(try_mmap(fd, 0, size, PROT_READ | PROT_WRITE, MAP_SHARED),
		  EPERM);
	ASSERT_EQ(try_mmap(fd, 0, size, PROT_WRITE, MAP_SHARED), EPERM);
	ASSERT_EQ(try_mmap(fd, 0, size, PROT_READ | PROT_EXEC, MAP_SHARED),
		  EPERM);
	ASSERT_EQ(try_mmap(fd, 0, size, PROT_READ, MAP_PRIVATE), EINVAL);
	ASSERT_EQ(try_mmap(fd, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE),
		  EINVAL);
	ASSERT_EQ(try_mmap(fd, 0, PAGE, PROT_READ, MAP_SHARED), EINVAL);
	ASSERT_EQ(try_mmap(fd, 0, size - PAGE, PROT_READ, MAP_SHARED), EINVAL);
	ASSERT_EQ(try_mmap(fd, 0, size + PAGE, PROT_READ, MAP_SHARED), EINVAL);
	ASSERT_EQ(try_mmap(fd, 0, size << 20, PROT_READ, MAP_SHARED), EINVAL);

	/* The consumer page: read and write, shared, one page. */
	offset = MAP_OF(MMUB_MAP_CONSUMER);
	ASSERT_EQ(try_mmap(fd, offset, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED),
		  0);
	ASSERT_EQ(try_mmap(fd, offset, 2 * PAGE, PROT_READ, MAP_SHARED), EINVAL);
	ASSERT_EQ(try_mmap(fd, offset, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
			   MAP_SHARED), EPERM);
	ASSERT_EQ(try_mmap(fd, offset, PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE), EINVAL);

	/* Guards: as the ring. */
	offset = MAP_OF(MMUB_MAP_GUARDS);
	ASSERT_EQ(try_mmap(fd, offset, PAGE, PROT_READ, MAP_SHARED), ENXIO);
	ASSERT_EQ(try_ioctl(fd, MMUB_IOC_GUARD_SETUP, &guards), 0);
	ASSERT_EQ(guards.size, 2 * PAGE);
	ASSERT_EQ(try_mmap(fd, offset, 2 * PAGE, PROT_READ, MAP_SHARED), 0);
	ASSERT_EQ(try_mmap(fd, offset, PAGE, PROT_READ, MAP_SHARED), EINVAL);
	ASSERT_EQ(try_mmap(fd, offset, 3 * PAGE, PROT_READ, MAP_SHARED), EINVAL);
	ASSERT_EQ(try_mmap(fd, offset + PAGE, PAGE, PROT_READ, MAP_SHARED),
		  EINVAL);
	ASSERT_EQ(try_mmap(fd, offset, 2 * PAGE, PROT_READ | PROT_WRITE,
			   MAP_SHARED), EPERM);
	ASSERT_EQ(try_mmap(fd, offset, 2 * PAGE, PROT_READ | PROT_EXEC,
			   MAP_SHARED), EPERM);
	ASSERT_EQ(try_mmap(fd, offset, 2 * PAGE, PROT_READ, MAP_PRIVATE),
		  EINVAL);

	/* Anything beside. */
	offset = MAP_OF(MMUB_MAP_CONSUMER);
	ASSERT_EQ(try_mmap(fd, PAGE, size - PAGE, PROT_READ, MAP_SHARED),
		  EINVAL);
	ASSERT_EQ(try_mmap(fd, offset - PAGE, PAGE, PROT_READ, MAP_SHARED),
		  EINVAL);
	ASSERT_EQ(try_mmap(fd, offset + PAGE, PAGE, PROT_READ, MAP_SHARED),
		  EINVAL);
	for (which = MMUB_MAP_GUARDS; which <= MMUB_MAP_PFNS; which++)
		ASSERT_NE(try_mmap(fd, MAP_OF(which), PAGE,
				   PROT_READ | PROT_WRITE, MAP_SHARED), 0);
	for (which = MMUB_MAP_PFNS + 1; which < 64; which++)
		ASSERT_EQ(try_mmap(fd, MAP_OF(which), PAGE, PROT_READ,
				   MAP_SHARED), EINVAL);
	ASSERT_EQ(try_mmap(fd, INT64_MAX & -PAGE, PAGE, PROT_READ, MAP_SHARED) !=
		  0, 1);
	close(fd);
}

/* errno of a call that returns -1 or MAP_FAILED, 0 if it succeeds. */
#define ERRNO_OF(call)	((long)(call) == -1 ? errno : 0)

static int children_see(const void *address)
{
	int ends[2], ret;

	/* What a process cannot read, write() does not. */
	ASSERT_OK(pipe(ends));
	ret = ERRNO_OF(write(ends[1], address, 1));
	close(ends[0]);
	close(ends[1]);
	return ret;
}

TEST(changing_mappings)
{
	struct mmub_record record;
	void *header, *place;
	struct watch w;
	size_t size;
	pid_t pid;

	watch_open(&w, "mappings", 0, 64);
	header = (void *)w.ring.header;
	size = w.ring.ring_size;

	ASSERT_EQ(ERRNO_OF(mprotect(header, size, PROT_READ | PROT_WRITE)),
		  EACCES);
	ASSERT_EQ(ERRNO_OF(mprotect(header, size, PROT_READ | PROT_EXEC)),
		  EACCES);
	ASSERT_EQ(ERRNO_OF(mprotect(w.ring.consumer, PAGE, PROT_EXEC)), EACCES);
	/* Grow, and the way of mremap() to map the same twice. */
	ASSERT_EQ(ERRNO_OF(mremap(header, size, 2 * size, MREMAP_MAYMOVE)),
		  EFAULT);
	ASSERT_EQ(ERRNO_OF(mremap(header, size, size + PAGE, 0)), EFAULT);
	ASSERT_EQ(ERRNO_OF(mremap(header, 0, size, MREMAP_MAYMOVE)), EFAULT);
	/* It stays out of children and core dumps. */
	ASSERT_EQ(ERRNO_OF(madvise(header, size, MADV_DOFORK)), EINVAL);
	ASSERT_EQ(ERRNO_OF(madvise(header, size, MADV_DODUMP)), EINVAL);
	ASSERT_EQ(ERRNO_OF(madvise(w.ring.consumer, PAGE, MADV_DOFORK)), EINVAL);
	ASSERT_EQ(ERRNO_OF(madvise(w.ring.consumer, PAGE, MADV_WIPEONFORK)),
		  EINVAL);
	pid = test_fork();
	if (!pid) {
		struct mmub_stats stats;

		ASSERT_EQ(children_see(header), EFAULT);
		ASSERT_EQ(children_see(w.ring.consumer), EFAULT);
		/* Nor does the descriptor serve it. */
		ASSERT_EQ(mmub_stats(w.fd, &stats), -EXDEV);
		ASSERT_EQ(mmub_detach(w.fd), -EXDEV);
		ASSERT_EQ(try_attach(w.fd, "mappings"), EXDEV);
		ASSERT_EQ(mmub_filter_set(w.fd, 1, NULL, 0), -EXDEV);
		ASSERT_EQ(try_mmap(w.fd, 0, size, PROT_READ, MAP_SHARED), EXDEV);
		_exit(0);
	}
	test_reap(pid);
	ASSERT_EQ(children_see(header), 0);

	/* To be moved, locked, cut is no harm. */
	place = ASSERT_OK(mmap(NULL, size, PROT_NONE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	ASSERT_OK(mremap(header, size, size, MREMAP_MAYMOVE | MREMAP_FIXED,
			 place));
	ASSERT_EQ(children_see(header), EFAULT);
	w.ring.header = place;
	w.ring.records = (void *)((char *)place + w.ring.header->data_offset);
	mlock(place, size);
	munlock(place, size);
	ASSERT_OK(munmap((char *)place + size - PAGE, PAGE));
	/* The moves were events themselves, and are in the ring. */
	ASSERT_GE(w.ring.header->n, 2);
	ASSERT_EQ(mmub_detach(w.fd), 0);
	while (watch_next(&w, &record))
		;
	ASSERT_EQ(record.phase, MMUB_PHASE_DETACHED);
	close(w.fd);
}

/* As with the ring, nobody writes to them, and no child has them. */
TEST(changing_guards)
{
	struct mmub_guards guards;
	struct watch w;
	void *slots;

	watch_open(&w, "mappings", 0, 64);
	ASSERT_EQ(mmub_guards_open(w.fd, 300, &guards), 0);
	slots = (void *)guards.slots;
	ASSERT_EQ(ERRNO_OF(mprotect(slots, PAGE, PROT_READ | PROT_WRITE)),
		  EACCES);
	ASSERT_EQ(ERRNO_OF(mprotect(slots, PAGE, PROT_READ | PROT_EXEC)),
		  EACCES);
	ASSERT_EQ(ERRNO_OF(mremap(slots, 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE)),
		  EFAULT);
	ASSERT_EQ(ERRNO_OF(mremap(slots, 0, 2 * PAGE, MREMAP_MAYMOVE)), EFAULT);
	ASSERT_EQ(ERRNO_OF(madvise(slots, 2 * PAGE, MADV_DOFORK)), EINVAL);
	ASSERT_EQ(ERRNO_OF(madvise(slots, 2 * PAGE, MADV_DODUMP)), EINVAL);
	ASSERT_EQ(ERRNO_OF(madvise(slots, 2 * PAGE, MADV_WIPEONFORK)), EINVAL);
	watch_close(&w);
	ASSERT_EQ(guards.slots[0].word, 1);
	ASSERT_EQ(mmub_guards_close(&guards), 0);
}

TEST(mappings_outlive_the_descriptor)
{
	struct mmub_stats stats;
	struct watch w;
	int fd = device_open();

	watch_open(&w, "outlived", 0, 64);
	ASSERT_OK(close(w.fd));
	/* The subscription goes on as long as the file. */
	watch_drain(&w);
	ASSERT_OK(munmap(ASSERT_OK(mmap(NULL, PAGE, PROT_READ,
					MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)),
			 PAGE));
	ASSERT_GE(watch_drain(&w), 1);
	ASSERT_EQ(mmub_ring_close(&w.ring), 0);
	watch_synchronize(fd, &stats);
	ASSERT_EQ(stats.live_spaces, 0);
	close(fd);
}

/* ------------------------------------------------------------ against a poller */

struct poller {
	pthread_t thread;
	int fd;
	bool stop;
	unsigned long polls;
};

static void *poll_on(void *arg)
{
	struct poller *poller = arg;
	struct pollfd p = { .fd = poller->fd, .events = POLLIN | POLLPRI };

	while (!__atomic_load_n(&poller->stop, __ATOMIC_RELAXED)) {
		ASSERT_GE(poll(&p, 1, 1), 0);
		poller->polls++;
	}
	return NULL;
}

TEST(munmap_and_close_while_polled)
{
	unsigned long i, polls = 0;
	struct mmub_stats stats;
	struct watch w;
	int fd = device_open();

	for (i = 0; i < scaled(200); i++) {
		struct poller poller = { 0 };
		int copy;

		watch_open(&w, "polled", 0, 64);
		copy = ASSERT_OK(dup(w.fd));
		poller.fd = w.fd;
		ASSERT_EQ(pthread_create(&poller.thread, NULL, poll_on, &poller),
			  0);
		while (__atomic_load_n(&poller.polls, __ATOMIC_RELAXED) < i % 3)
			sched_yield();
		ASSERT_EQ(mmub_ring_close(&w.ring), 0);
		/* Closed under it, with and without another descriptor. */
		if (i % 2)
			ASSERT_EQ(mmub_detach(copy), 0);
		close(copy);
		close(w.fd);
		__atomic_store_n(&poller.stop, true, __ATOMIC_RELAXED);
		ASSERT_EQ(pthread_join(poller.thread, NULL), 0);
		polls += poller.polls;
	}
	test_note("%lu polls", polls);
	watch_synchronize(fd, &stats);
	ASSERT_EQ(stats.live_spaces, 0);
	close(fd);
}

/* ------------------------------------------------------------------- limits */

static int attach_new(const char *subsystem)
{
	int fd = device_open();
	int ret = mmub_attach(fd, subsystem, -1, 0, NULL);

	if (ret) {
		close(fd);
		return ret;
	}
	return fd;
}

/* Attach until it fails; how often it did not, and why it did. */
static unsigned int attach_all(int *fds, unsigned int most, bool one_name,
			       int *error)
{
	unsigned int count;
	char name[32];

	for (count = 0; count < most; count++) {
		snprintf(name, sizeof(name), "limit-%u", one_name ? 0 : count);
		fds[count] = attach_new(name);
		if (fds[count] < 0) {
			*error = -fds[count];
			return count;
		}
	}
	FAIL("%u attaches and no limit", most);
}

static void close_all(int *fds, unsigned int count)
{
	while (count)
		close(fds[--count]);
}

TEST(subsystems_per_user)
{
	unsigned int count;
	int fds[4096], error;
	struct mmub_info info;
	pid_t pid;

	ASSERT_EQ(mmub_info(device_open(), &info), 0);
	count = attach_all(fds, 1000, false, &error);
	ASSERT_EQ(error, EUSERS);
	ASSERT_EQ(count, info.subsystems_per_uid);
	/* A name that is bound already needs no further one. */
	ASSERT_GE(attach_new("limit-0"), 0);
	/* Another user has his own. */
	ASSERT_OK(chmod(MMUB_DEVICE, 0666));
	pid = test_fork();
	if (!pid) {
		ASSERT_OK(setresuid(61001, 61001, 61001));
		ASSERT_GE(attach_new("limit-0"), 0);
		_exit(0);
	}
	test_reap(pid);
	ASSERT_OK(chmod(MMUB_DEVICE, 0660));
	/* One that is given back can be had again, at once. */
	ASSERT_EQ(mmub_detach(fds[5]), 0);
	ASSERT_GE(attach_new("new"), 0);
	ASSERT_EQ(attach_new("newer"), -EUSERS);
	close_all(fds, count);
}

TEST(pool_of_subsystems)
{
	unsigned int count;
	int fds[4096], error;
	struct mmub_info info;

	ASSERT_EQ(mmub_info(device_open(), &info), 0);
	set_parameter(PARAMETERS "subsystems_per_uid", 4000);
	count = attach_all(fds, 1000, false, &error);
	ASSERT_EQ(error, ENOSPC);
	ASSERT_EQ(count, info.subsystems);
	close_all(fds, count);
	set_parameter(PARAMETERS "subsystems_per_uid", info.subsystems_per_uid);
	ASSERT_GE(attach_new("again"), 0);
}

TEST(subscriptions_per_space)
{
	unsigned int count;
	int fds[4096], error, fd = device_open();
	struct mmub_stats stats;
	struct mmub_info info;

	ASSERT_EQ(mmub_info(fd, &info), 0);
	ASSERT_EQ(mmub_synchronize(fd, 0), 0);
	count = attach_all(fds, 1000, true, &error);
	ASSERT_EQ(error, EMLINK);
	ASSERT_EQ(count, info.subscriptions_per_space);
	watch_stats(fds[0], &stats);
	ASSERT_EQ(stats.space_users, count);
	ASSERT_EQ(stats.live_spaces, 1);
	close(fds[--count]);
	fds[count] = attach_new("limit-0");
	ASSERT_GE(fds[count], 0);
	close_all(fds, count + 1);
	/* A limit of none is a get and a put that leave nothing. */
	set_parameter(PARAMETERS "subscriptions_per_space", 0);
	ASSERT_EQ(attach_new("limit-0"), -EMLINK);
	watch_synchronize(fd, &stats);
	ASSERT_EQ(stats.live_spaces, 0);
	ASSERT_EQ(stats.gets, stats.puts);
	set_parameter(PARAMETERS "subscriptions_per_space",
		      info.subscriptions_per_space);
}

TEST(subscriptions_per_user)
{
	unsigned int count;
	int fds[4096], error;
	struct mmub_info info;

	ASSERT_EQ(mmub_info(device_open(), &info), 0);
	set_parameter(PARAMETERS "subscriptions_per_uid", 10);
	count = attach_all(fds, 1000, true, &error);
	ASSERT_EQ(error, EUSERS);
	ASSERT_EQ(count, 10);
	ASSERT_EQ(mmub_detach(fds[3]), 0);
	ASSERT_GE(attach_new("limit-0"), 0);
	ASSERT_EQ(attach_new("limit-0"), -EUSERS);
	close_all(fds, count);
	set_parameter(PARAMETERS "subscriptions_per_uid",
		      info.subscriptions_per_uid);
}

static int try_shadow(int fd, uint32_t mode, uint64_t start, uint64_t end)
{
	struct mmub_shadow_add added;
	int ret = mmub_shadow_add(fd, mode, start, end, 0, &added);

	if (ret >= 0)
		ASSERT_EQ(mmub_shadow_remove(fd, ret), 0);
	return ret < 0 ? -ret : 0;
}

static int try_refresh(int fd, uint32_t id, uint64_t start, uint64_t end)
{
	return -mmub_shadow_refresh(fd, id, start, end, 0, NULL);
}

TEST(shadow_arguments)
{
	const uint64_t end = (UINT64_C(1) << 47) - PAGE;
	struct mmub_shadow_add added;
	int fd = device_open();
	unsigned int i;
	char byte;

	ASSERT_EQ(try_shadow(fd, 0, 0, PAGE), ENOTCONN);
	ASSERT_EQ(try_refresh(fd, 0, 0, PAGE), ENOTCONN);
	ASSERT_EQ(mmub_shadow_remove(fd, 0), -ENOTCONN);
	ASSERT_EQ(mmub_shadow_read(fd, 0, &byte, 1), -ENOTCONN);
	ASSERT_EQ(mmub_shadow_write(fd, 0, &byte, 1), -ENOTCONN);
	ASSERT_EQ(try_attach(fd, "shadows"), 0);

	for (i = 0; i < 32; i++)
		ASSERT_EQ(try_shadow(fd, 1U << i, 0, PAGE), i < 2 ? 0 : EINVAL);
	ASSERT_EQ(try_shadow(fd, 3, 0, PAGE), EINVAL);
	ASSERT_EQ(try_shadow(fd, 0, end - PAGE, end), 0);
	/* Empty, backwards, beyond, parts of pages. */
	ASSERT_EQ(try_shadow(fd, 0, 0, 0), EINVAL);
	ASSERT_EQ(try_shadow(fd, 0, 2 * PAGE, PAGE), EINVAL);
	ASSERT_EQ(try_shadow(fd, 0, -PAGE, 0), EINVAL);
	ASSERT_EQ(try_shadow(fd, 0, end, end + PAGE), EINVAL);
	ASSERT_EQ(try_shadow(fd, 0, 0, -PAGE), EINVAL);
	ASSERT_EQ(try_shadow(fd, 0, UINT64_C(0xffff888000000000),
			     UINT64_C(0xffff888000001000)), EINVAL);
	ASSERT_EQ(try_shadow(fd, 0, 1, PAGE), EINVAL);
	ASSERT_EQ(try_shadow(fd, 0, 0, PAGE + 1), EINVAL);
	ASSERT_EQ(try_shadow(fd, 0, 0, end), ENOSPC);

	ASSERT_EQ(mmub_shadow_add(fd, 0, 4 * PAGE, 8 * PAGE, 0, &added), 0);
	ASSERT_EQ(try_refresh(fd, 0, 4 * PAGE, 8 * PAGE), 0);
	ASSERT_EQ(try_refresh(fd, 0, 4 * PAGE, 4 * PAGE), EINVAL);
	ASSERT_EQ(try_refresh(fd, 0, 5 * PAGE, 4 * PAGE), EINVAL);
	ASSERT_EQ(try_refresh(fd, 0, 3 * PAGE, 8 * PAGE), EINVAL);
	ASSERT_EQ(try_refresh(fd, 0, 4 * PAGE, 9 * PAGE), EINVAL);
	ASSERT_EQ(try_refresh(fd, 0, 4 * PAGE + 1, 8 * PAGE), EINVAL);
	ASSERT_EQ(try_refresh(fd, 0, 4 * PAGE, 8 * PAGE - 1), EINVAL);
	ASSERT_EQ(try_refresh(fd, 0, 4 * PAGE, 0), EINVAL);
	for (i = 1; i < 64; i++)
		ASSERT_EQ(try_refresh(fd, UINT32_MAX >> (i % 32), 4 * PAGE,
				      8 * PAGE), ENOENT);
	ASSERT_EQ(mmub_shadow_remove(fd, 1), -ENOENT);
	ASSERT_EQ(mmub_shadow_remove(fd, 255), -ENOENT);
	ASSERT_EQ(mmub_shadow_remove(fd, 256), -ENOENT);
	ASSERT_EQ(mmub_shadow_remove(fd, UINT32_MAX), -ENOENT);
	ASSERT_EQ(mmub_shadow_read(fd, UINT64_MAX, &byte, 1), -ENXIO);
	ASSERT_EQ(mmub_shadow_read(fd, 8 * PAGE, &byte, 1), -ENXIO);
	ASSERT_EQ(mmub_shadow_read(fd, 4 * PAGE, &byte, SIZE_MAX), -ENODATA);
	close(fd);
}

/* As the ring is; of PFNs likewise, for who may see them. */
TEST(shadow_mmap)
{
	static const unsigned int maps[] = { MMUB_MAP_SHADOW, MMUB_MAP_PFNS };
	struct mmub_shadow_add added;
	int fd = device_open();
	unsigned int i;
	off_t offset;
	size_t size;

	for (i = 0; i < 2; i++)
		ASSERT_EQ(try_mmap(fd, MAP_OF(maps[i]), PAGE, PROT_READ,
				   MAP_SHARED), ENXIO);
	ASSERT_EQ(try_attach(fd, "shadows"), 0);
	ASSERT_EQ(mmub_shadow_add(fd, 0, 0, 1000 * PAGE, 0, &added), 0);
	ASSERT_EQ(added.state_offset, MAP_OF(MMUB_MAP_SHADOW));
	ASSERT_EQ(added.pfn_offset, MAP_OF(MMUB_MAP_PFNS));
	for (i = 0; i < 2; i++) {
		offset = MAP_OF(maps[i]);
		size = i ? added.pfn_size : added.state_size;
		ASSERT_EQ(try_mmap(fd, offset, size, PROT_READ, MAP_SHARED), 0);
		ASSERT_EQ(try_mmap(fd, offset, size - PAGE, PROT_READ,
				   MAP_SHARED), EINVAL);
		ASSERT_EQ(try_mmap(fd, offset, size + PAGE, PROT_READ,
				   MAP_SHARED), EINVAL);
		ASSERT_EQ(try_mmap(fd, offset + PAGE, size, PROT_READ,
				   MAP_SHARED), EINVAL);
		ASSERT_EQ(try_mmap(fd, offset, size, PROT_READ | PROT_WRITE,
				   MAP_SHARED), EPERM);
		ASSERT_EQ(try_mmap(fd, offset, size, PROT_READ | PROT_EXEC,
				   MAP_SHARED), EPERM);
		ASSERT_EQ(try_mmap(fd, offset, size, PROT_READ, MAP_PRIVATE),
			  EINVAL);
		/* Shadows that there are not, and more than there may be. */
		ASSERT_EQ(try_mmap(fd, offset + (1L << MMUB_SHADOW_SHIFT), size,
				   PROT_READ, MAP_SHARED), ENXIO);
		ASSERT_EQ(try_mmap(fd, offset + (255L << MMUB_SHADOW_SHIFT), size,
				   PROT_READ, MAP_SHARED), ENXIO);
	}
	close(fd);
}

TEST(guards_per_subscription)
{
	unsigned int i, most;
	struct mmub_guards guards;
	struct mmub_info info;
	int fd = device_open();

	ASSERT_EQ(mmub_info(fd, &info), 0);
	most = info.guards_per_subscription;
	ASSERT_EQ(mmub_guards_open(fd, most, &guards), 0);
	ASSERT_EQ(try_attach(fd, "guards"), 0);
	for (i = 0; i < most; i++)
		ASSERT_EQ(mmub_guard_add(fd, i * PAGE, (i + 1) * PAGE, 0, 0),
			  (int)i);
	ASSERT_EQ(mmub_guard_add(fd, 0, 1, 0, 0), -ENOSPC);
	ASSERT_EQ(mmub_guard_remove(fd, most / 2), 0);
	ASSERT_EQ(mmub_guard_add(fd, 0, 1, 0, 0), (int)most / 2);
	ASSERT_EQ(mmub_guard_add(fd, 0, 1, 0, 0), -ENOSPC);
	close(fd);
	ASSERT_EQ(mmub_guards_close(&guards), 0);

	set_parameter(PARAMETERS "guards_per_subscription", 0);
	fd = device_open();
	ASSERT_EQ(mmub_guards_open(fd, 1, &guards), -EINVAL);
	/* No parameter makes it more than this. */
	set_parameter(PARAMETERS "guards_per_subscription", UINT32_MAX);
	ASSERT_EQ(mmub_info(fd, &info), 0);
	ASSERT_EQ(info.guards_per_subscription, 65536);
	ASSERT_EQ(mmub_guards_open(fd, 65537, &guards), -EINVAL);
	ASSERT_EQ(mmub_guards_open(fd, 65536, &guards), 0);
	ASSERT_EQ(mmub_guards_close(&guards), 0);
	close(fd);
	set_parameter(PARAMETERS "guards_per_subscription", most);
}

TEST(guards_per_space)
{
	struct mmub_guards guards[2];
	int fds[2], before, i;

	before = read_number(PARAMETERS "guards_per_space");
	ASSERT_GE(before, 10000);
	set_parameter(PARAMETERS "guards_per_space", 10);
	for (i = 0; i < 2; i++) {
		fds[i] = device_open();
		ASSERT_EQ(mmub_guards_open(fds[i], 8, &guards[i]), 0);
		ASSERT_EQ(try_attach(fds[i], "guards"), 0);
	}
	for (i = 0; i < 8; i++)
		ASSERT_EQ(mmub_guard_add(fds[0], 0, 1, 0, 0), i);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(mmub_guard_add(fds[1], 0, 1, 0, 0), i);
	ASSERT_EQ(mmub_guard_add(fds[1], 0, 1, 0, 0), -EMLINK);
	/* What is given back can be had, by another too. */
	ASSERT_EQ(mmub_guard_remove(fds[0], 3), 0);
	ASSERT_EQ(mmub_guard_add(fds[1], 0, 1, 0, 0), 2);
	ASSERT_EQ(mmub_guard_add(fds[0], 0, 1, 0, 0), -EMLINK);
	ASSERT_EQ(mmub_detach(fds[0]), 0);
	for (i = 3; i < 8; i++)
		ASSERT_EQ(mmub_guard_add(fds[1], 0, 1, 0, 0), i);
	ASSERT_EQ(mmub_guard_add(fds[1], 0, 1, 0, 0), -ENOSPC);
	for (i = 0; i < 2; i++) {
		close(fds[i]);
		ASSERT_EQ(mmub_guards_close(&guards[i]), 0);
	}
	set_parameter(PARAMETERS "guards_per_space", before);
}

TEST(rlimit_memlock)
{
	struct rlimit limit = { 256 << 10, 256 << 10 };
	struct mmub_ring ring, other;
	struct mmub_guards guards;
	pid_t pid;
	int i;

	ASSERT_OK(chmod(MMUB_DEVICE, 0666));
	pid = test_fork();
	if (!pid) {
		int fd, fd2;

		ASSERT_OK(setrlimit(RLIMIT_MEMLOCK, &limit));
		ASSERT_OK(setresuid(61002, 61002, 61002));
		for (i = 0; i < 10; i++) {
			fd = device_open();
			fd2 = device_open();
			/* 512 KiB; 128 KiB; the two of these with their headers. */
			ASSERT_EQ(mmub_ring_open(fd, 4096, 0, 0, &ring), -ENOBUFS);
			ASSERT_EQ(mmub_ring_open(fd, 1024, 0, 0, &ring), 0);
			ASSERT_EQ(mmub_ring_open(fd2, 1024, 0, 0, &other), -ENOBUFS);
			ASSERT_EQ(mmub_ring_open(fd2, 512, 0, 0, &other), 0);
			/* 12 KiB are left; what a guard takes is 270 bytes. */
			ASSERT_EQ(mmub_guards_open(fd, 512, &guards), -ENOBUFS);
			ASSERT_EQ(mmub_guards_open(fd, 20, &guards), 0);
			ASSERT_EQ(mmub_guards_close(&guards), 0);
			ASSERT_EQ(mmub_ring_close(&other), 0);
			ASSERT_EQ(mmub_ring_close(&ring), 0);
			close(fd);
			close(fd2);
		}
		_exit(0);
	}
	test_reap(pid);
	ASSERT_OK(chmod(MMUB_DEVICE, 0660));
}

TEST(ring_records_max)
{
	struct mmub_info info;
	struct mmub_ring ring;
	int fd = device_open();

	ASSERT_EQ(mmub_info(fd, &info), 0);
	set_parameter(PARAMETERS "ring_records_max", 128);
	ASSERT_EQ(mmub_ring_open(fd, 256, 0, 0, &ring), -EINVAL);
	ASSERT_EQ(mmub_ring_open(fd, 128, 0, 0, &ring), 0);
	set_parameter(PARAMETERS "ring_records_max", info.ring_records_max);
	close(fd);
}

/* ------------------------------------------------------------------ all at once */

static int shared_fds[8];

static void *do_anything(void *arg)
{
	unsigned int seed = (uintptr_t)arg;
	uint64_t argument[64];
	unsigned long i;
	unsigned int j, nr;
	void *map;
	int fd;

	for (i = 0; i < scaled(20000); i++) {
		fd = __atomic_load_n(&shared_fds[rand_r(&seed) % 8],
				     __ATOMIC_RELAXED);
		nr = rand_r(&seed) % MMUB_NR_COUNT;
		memset(argument, 0, sizeof(argument));
		switch (rand_r(&seed) % 8) {
		case 0:	/* noise */
			for (j = 0; j < 64; j++)
				argument[j] = (uint64_t)rand_r(&seed) << 32 |
					      rand_r(&seed);
			/* But no long wait. */
			if (nr != MMUB_NR_SYNCHRONIZE)
				try_ioctl(fd, resized(commands[nr],
						      rand_r(&seed) % 512),
					  argument);
			break;
		case 1:	/* another file in its place */
			j = rand_r(&seed) % 8;
			fd = __atomic_exchange_n(&shared_fds[j], device_open(),
						 __ATOMIC_RELAXED);
			close(fd);
			break;
		case 2:
			j = rand_r(&seed) % 4 + 1;
			map = mmap(NULL, j * PAGE, PROT_READ, MAP_SHARED, fd,
				   MAP_OF(rand_r(&seed) % 4));
			if (map != MAP_FAILED)
				munmap(map, j * PAGE);
			break;
		default:
			for (j = 0; j < ARRAY_SIZE(steps); j++)
				if (_IOC_NR(steps[j].cmd) == nr)
					memcpy(argument, &steps[j].info,
					       _IOC_SIZE(steps[j].cmd));
			try_ioctl(fd, commands[nr], argument);
		}
	}
	return NULL;
}

TEST(everything_at_once)
{
	struct mmub_stats stats;
	pthread_t threads[4];
	int fd = device_open();
	unsigned int i;

	for (i = 0; i < 8; i++)
		shared_fds[i] = device_open();
	for (i = 0; i < 4; i++)
		ASSERT_EQ(pthread_create(&threads[i], NULL, do_anything,
					 (void *)(uintptr_t)(i + 1)), 0);
	for (i = 0; i < 4; i++)
		ASSERT_EQ(pthread_join(threads[i], NULL), 0);
	for (i = 0; i < 8; i++)
		close(shared_fds[i]);
	watch_synchronize(fd, &stats);
	ASSERT_EQ(stats.gets, stats.puts);
	ASSERT_EQ(stats.allocations, stats.frees);
	ASSERT_EQ(stats.live_spaces, 0);
	test_note("%llu gets so far", stats.gets);
	close(fd);
}

/* After all of the above. */
TEST(nothing_is_left)
{
	struct mmub_stats stats;
	int fd = device_open();

	watch_synchronize(fd, &stats);
	ASSERT_EQ(stats.gets, stats.puts);
	ASSERT_EQ(stats.allocations, stats.frees);
	ASSERT_EQ(stats.live_spaces, 0);
	ASSERT_EQ(read_number("/sys/module/mmubridge/refcnt"), 1);
	close(fd);
	ASSERT_SOON(!read_number("/sys/module/mmubridge/refcnt"));
}

TEST_MAIN()
