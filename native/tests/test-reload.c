// SPDX-License-Identifier: Apache-2.0
/*
 * Loading and unloading: what the module makes of a missing /proc, and that it
 * goes when nothing holds it, whatever it still has to free.
 *
 * MMUBRIDGE_KO names the module's file. Without it nothing is done.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "module.h"
#include "watch.h"

#define MODULE	"mmubridge"

static int unload(void)
{
	return module_unload(MODULE);
}

static int load(const char *parameters)
{
	return module_load(getenv("MMUBRIDGE_KO"), parameters);
}

static bool is_loaded(void)
{
	return module_is_loaded(MODULE);
}

/* As it was, for the next test and for what comes after this program. */
static void load_anew(void)
{
	if (is_loaded() && unload())
		return;
	load("");
}

static void __attribute__((constructor)) load_anew_at_exit(void)
{
	if (getenv("MMUBRIDGE_KO"))
		atexit(load_anew);
}

void test_setup(void)
{
	if (getenv("MMUBRIDGE_KO") && !is_loaded())
		load("");
}

static void need_module(void)
{
	if (!getenv("MMUBRIDGE_KO"))
		SKIP("MMUBRIDGE_KO, the module's file, is not set");
	if (!is_loaded())
		FAIL("the module is not loaded");
}

/* Unload it, and load it where /proc is a file system with nothing of the sort. */
static void load_under_false_proc(bool with_mem)
{
	ASSERT_OK(unshare(CLONE_NEWNS));
	ASSERT_OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	ASSERT_OK(mount("tmpfs", "/proc", "tmpfs", 0, NULL));
	if (with_mem) {
		ASSERT_OK(mkdir("/proc/self", 0700));
		ASSERT_OK(mknod("/proc/self/mem", S_IFREG | 0600, 0));
	}
	ASSERT_EQ(unload(), 0);
	ASSERT_EQ(load(""), 0);
	ASSERT_OK(umount("/proc"));
}

static void only_oneself(enum mmub_foreign reason)
{
	struct mmub_info info;
	struct watch w;
	int fd, mem_fd;

	fd = device_open();
	ASSERT_EQ(mmub_info(fd, &info), 0);
	ASSERT_EQ(info.foreign_reason, reason);
	ASSERT_EQ(info.features & MMUB_FEATURE_FOREIGN, 0);
	/* /proc is back, but it is too late. */
	mem_fd = mmub_mem_open(getppid());
	ASSERT_GE(mem_fd, 0);
	ASSERT_EQ(mmub_attach(fd, "late", mem_fd, 0, NULL), -EOPNOTSUPP);
	close(mem_fd);
	/* Nor by one's own descriptor: it is not recognised. */
	mem_fd = mmub_mem_open(getpid());
	ASSERT_EQ(mmub_attach(fd, "late", mem_fd, 0, NULL), -EOPNOTSUPP);
	close(mem_fd);
	ASSERT_EQ(mmub_attach(fd, "late", 10000, 0, NULL), -EBADF);
	close(fd);
	watch_open(&w, "self", 0, 64);
	watch_close(&w);
	ASSERT_EQ(unload(), 0);
}

TEST(loaded_without_proc)
{
	need_module();
	load_under_false_proc(false);
	only_oneself(MMUB_FOREIGN_NO_PROC);
}

TEST(loaded_with_a_false_proc)
{
	need_module();
	load_under_false_proc(true);
	only_oneself(MMUB_FOREIGN_UNKNOWN_PROC);
}

TEST(loaded_again)
{
	struct mmub_info info;
	struct mmub_stats stats;
	struct watch w;
	int fd;

	need_module();
	ASSERT_EQ(unload(), 0);
	ASSERT_EQ(access(MMUB_DEVICE, F_OK), -1);
	ASSERT_EQ(mmub_open(NULL), -ENOENT);
	ASSERT_EQ(load("subscriptions_per_uid=3"), 0);
	fd = device_open();
	ASSERT_EQ(mmub_info(fd, &info), 0);
	ASSERT_EQ(info.foreign_reason, MMUB_FOREIGN_OK);
	ASSERT_GT(info.features & MMUB_FEATURE_FOREIGN, 0);
	ASSERT_EQ(info.subscriptions_per_uid, 3);
	watch_stats(fd, &stats);
	ASSERT_EQ(stats.gets, 0);
	ASSERT_EQ(stats.allocations, 0);
	watch_open(&w, "again", getppid(), 64);
	watch_close(&w);
	close(fd);
}

TEST(busy)
{
	struct watch w;
	int fd;

	need_module();
	fd = device_open();
	ASSERT_EQ(unload(), EWOULDBLOCK);
	close(fd);
	/* A mapping without a descriptor holds it too. */
	watch_open(&w, "mapped", 0, 64);
	close(w.fd);
	ASSERT_EQ(unload(), EWOULDBLOCK);
	ASSERT_EQ(mmub_ring_close(&w.ring), 0);
	ASSERT_EQ(unload(), 0);
	ASSERT_EQ(load(""), 0);
}

/*
 * The last put is followed at once by the unloading, while the free is still
 * to come: it waits for that.
 */
TEST(unloaded_before_the_free)
{
	unsigned long i, j;

	need_module();
	for (i = 0; i < scaled(40); i++) {
		struct watch w[8];

		for (j = 0; j < 8; j++) {
			char name[16];

			snprintf(name, sizeof(name), "last-%lu", j);
			watch_open(&w[j], name, j % 2 ? getppid() : 0,
				   j % 3 ? 0 : 64);
		}
		for (j = 0; j < 8; j++)
			watch_close(&w[j]);
		ASSERT_EQ(unload(), 0);
		ASSERT_EQ(load(""), 0);
	}
}

/* Of processes that are killed while they hold what they hold. */
TEST(unloaded_after_kills)
{
	unsigned long i;

	need_module();
	for (i = 0; i < scaled(20); i++) {
		int ready[2];
		pid_t pid;
		char byte;

		ASSERT_OK(pipe(ready));
		pid = test_fork();
		if (!pid) {
			struct watch self, parent;

			watch_open(&self, "self", 0, 64);
			watch_open(&parent, "parent", getppid(), 64);
			ASSERT_EQ(write(ready[1], "", 1), 1);
			for (;;)
				munmap(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE |
					    MAP_ANONYMOUS, -1, 0), 4096);
		}
		close(ready[1]);
		ASSERT_EQ(read(ready[0], &byte, 1), 1);
		close(ready[0]);
		ASSERT_EQ(unload(), EWOULDBLOCK);
		ASSERT_OK(kill(pid, SIGKILL));
		test_wait(pid);
		ASSERT_SOON(!unload());
		ASSERT_EQ(load(""), 0);
	}
}

TEST_MAIN()
