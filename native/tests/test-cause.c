// SPDX-License-Identifier: Apache-2.0
/*
 * Causes: whatever is done to a process's memory, by itself or by others, the
 * events that come of it are told with that as their cause. Each row of the
 * table that the notes make is an operation, and what the kernel's stack said.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scene.h"

#define HUGE		(512 * PAGE)

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif
#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE	101
#endif
#ifndef SYS_process_madvise
#define SYS_process_madvise	440
#endif

#define MPOL_BIND		2
#define MPOL_MF_MOVE		2
#define MPOL_MF_MOVE_ALL	4

#define THP		"/sys/kernel/mm/transparent_hugepage/"
#define KHUGEPAGED	THP "khugepaged/"
#define KSM		"/sys/kernel/mm/ksm/"
#define NODE1		"/sys/devices/system/node/node1"
#define CGROUP		"/sys/fs/cgroup/"
#define NUMA_BALANCING	"/proc/sys/kernel/numa_balancing"

static void __attribute__((constructor)) settings(void)
{
	watch_ring_flags = MMUB_RING_CAUSE;
	keep_setting(THP "enabled");
	keep_setting(KHUGEPAGED "scan_sleep_millisecs");
	keep_setting(KHUGEPAGED "alloc_sleep_millisecs");
	keep_setting(KHUGEPAGED "pages_to_scan");
	keep_setting(KHUGEPAGED "max_ptes_none");
	keep_setting(KSM "run");
	keep_setting(KSM "sleep_millisecs");
}

/* ------------------------------------------------------------ what was told */

static const char *cause_name(int cause)
{
	if (cause < 0)
		FAIL("mmub_cause: %s", strerror(-cause));
	return mmub_cause_name(cause);
}

static int cause_of(struct watch *watch, const struct mmub_record *record)
{
	if (!record->stack_id) {
		note_record(record);
		FAIL("a record without a stack");
	}
	return mmub_cause(watch->fd, record->stack_id);
}

/* The frames, for whoever mends the classifier or makes a fixture of them. */
static void note_stack(struct watch *watch, const struct mmub_record *record)
{
	char text[8192], *line, *next = text;
	int ret = mmub_stack_text(watch->fd, record->stack_id, text,
				  sizeof(text));

	if (ret < 0)
		FAIL("mmub_stack_text: %s", strerror(-ret));
	while ((line = strsep(&next, "\n")) && *line)
		test_note("	%s", line);
}

static void wrong(struct watch *watch, const struct mmub_record *record,
		  const char *operation, int seen, int expected)
{
	note_record(record);
	note_stack(watch, record);
	FAIL("%s: told as %s, not %s", operation, cause_name(seen),
	     cause_name(expected));
}

static void note_row(const char *operation, int cause, unsigned int events)
{
	test_note("%-36s %-18s %u event%s", operation, cause_name(cause), events,
		  events == 1 ? "" : "s");
}

/*
 * There are records, and all of them are of that cause; or of @other, which may
 * go with it.
 */
static void told(struct watch *watch, const char *operation, int cause,
		 int other)
{
	struct mmub_record record;
	unsigned int events = 0;
	int seen;

	while (watch_next(watch, &record)) {
		seen = cause_of(watch, &record);
		if (seen == cause) {
			if (!events++ && getenv("MMUB_TEST_STACKS"))
				note_stack(watch, &record);
		} else if (seen != other) {
			wrong(watch, &record, operation, seen, cause);
		}
	}
	if (!events)
		FAIL("%s: no event of %s", operation, cause_name(cause));
	note_row(operation, cause, events);
}

static void told_only(struct watch *watch, const char *operation, int cause)
{
	told(watch, operation, cause, cause);
}

/* Have the subject do something, and see it told. */
static void does(struct scene *s, const char *operation, int cause)
{
	say(s, "%s", operation);
	told_only(&s->watch, operation, cause);
}

/* One of that cause, among others that are known? */
static bool is_told(struct watch *watch, const struct mmub_record *record,
		    const char *operation, int cause)
{
	int seen;

	if (record->phase == MMUB_PHASE_LOST)
		return false;
	seen = cause_of(watch, record);
	if (seen == MMUB_CAUSE_UNKNOWN)
		wrong(watch, record, operation, seen, cause);
	if (seen != cause)
		return false;
	if (getenv("MMUB_TEST_STACKS"))
		note_stack(watch, record);
	note_row(operation, cause, 1);
	return true;
}

/* Has one come? */
static bool comes(struct watch *watch, const char *operation, int cause)
{
	struct mmub_record record;

	while (watch_next(watch, &record))
		if (is_told(watch, &record, operation, cause))
			return true;
	return false;
}

/* Others do it, in their own time. */
static void waited_for(struct watch *watch, const char *operation, int cause)
{
	struct mmub_record record;

	do {
		watch_wait(watch, &record);
	} while (!is_told(watch, &record, operation, cause));
}

/* ---------------------------------------------------------- by the process */

TEST(mapping)
{
	struct scene s;

	scene_open(&s);
	map(&s, "a anon 16");
	map(&s, "b anon 16");
	map(&s, "c anon 4");
	say(&s, "touch a");
	say(&s, "touch b");
	say(&s, "touch c");
	does(&s, "protect a r 0 2", MMUB_CAUSE_MPROTECT);
	does(&s, "unmap a 0 2", MMUB_CAUSE_MUNMAP);
	does(&s, "map d anon 2 at a+2 over", MMUB_CAUSE_MMAP);
	does(&s, "remap b 8", MMUB_CAUSE_MREMAP);
	does(&s, "remap b 2 to c+1", MMUB_CAUSE_MREMAP);
	scene_close(&s);
}

TEST(advice)
{
	struct scene s;

	scene_open(&s);
	map(&s, "a anon 64");
	map(&s, "m memfd 8");
	say(&s, "touch a");
	say(&s, "touch m");
	does(&s, "advise a DONTNEED 0 4", MMUB_CAUSE_MADV_DONTNEED);
	does(&s, "advise a FREE 4 4", MMUB_CAUSE_MADV_FREE);
	does(&s, "advise m REMOVE 0 2", MMUB_CAUSE_MADV_REMOVE);
	does(&s, "advise m DONTNEED 2 2", MMUB_CAUSE_MADV_DONTNEED);
	say(&s, "mlock a 60 2");
	does(&s, "advise a DONTNEED_LOCKED 60 2", MMUB_CAUSE_MADV_DONTNEED);
	say(&s, "munlock a 60 2");
	if (read_number("/proc/sys/vm/swappiness") >= 0)
		does(&s, "advise a PAGEOUT", MMUB_CAUSE_MADV_PAGEOUT);
	scene_close(&s);
}

TEST(guard_pages)
{
	struct scene s;

	scene_open(&s);
	map(&s, "a anon 4");
	say(&s, "touch a");
	if (!subject_try(&s.subject, "advise a GUARD_INSTALL 1 2"))
		SKIP("this kernel has no MADV_GUARD_INSTALL");
	told_only(&s.watch, "advise GUARD_INSTALL", MMUB_CAUSE_MADV_GUARD);
	scene_close(&s);
}

TEST(fork_and_cow)
{
	struct scene s;

	scene_open(&s);
	map(&s, "a anon 4");
	map(&s, "m memfd 4");
	map(&s, "p memfd 4 of m private");
	say(&s, "touch a 0 2");
	say(&s, "touch p read");
	does(&s, "fork kid", MMUB_CAUSE_FORK);
	does(&s, "touch a write 1 1", MMUB_CAUSE_COW);
	does(&s, "touch p write 1 1", MMUB_CAUSE_COW);
	say(&s, "touch a read 2 2");
	does(&s, "touch a write 3 1", MMUB_CAUSE_COW);
	say(&s, "in kid exit");
	say(&s, "wait kid");
	scene_close(&s);
}

TEST(hugetlb)
{
	static const char *pages = "/proc/sys/vm/nr_hugepages";
	struct scene s;

	if (write_file(pages, "4") || read_number(pages) < 4)
		SKIP("no huge pages to be had");
	scene_open(&s);
	map(&s, "h huge 1024");
	say(&s, "touch h");
	does(&s, "fork kid", MMUB_CAUSE_FORK);
	does(&s, "touch h write 0 1", MMUB_CAUSE_COW);
	say(&s, "in kid exit");
	say(&s, "wait kid");
	does(&s, "protect h r", MMUB_CAUSE_MPROTECT);
	does(&s, "advise h DONTNEED 0 512", MMUB_CAUSE_MADV_DONTNEED);
	does(&s, "unmap h", MMUB_CAUSE_MUNMAP);
	scene_close(&s);
	write_file(pages, "0");
}

TEST(files)
{
	struct scene s;

	scene_open(&s);
	map(&s, "m memfd 8");
	say(&s, "touch m");
	does(&s, "punch m 1 1", MMUB_CAUSE_HOLE_PUNCH);
	does(&s, "truncate m 4", MMUB_CAUSE_TRUNCATE);
	scene_close(&s);
}

TEST(huge_pages)
{
	struct scene s;

	if (write_file(THP "enabled", "madvise"))
		SKIP("this kernel has no transparent huge pages");
	scene_open(&s);
	map(&s, "a anon 1024 thp");
	say(&s, "touch a");
	does(&s, "protect a r 0 512", MMUB_CAUSE_MPROTECT);
	say(&s, "protect a rw 512 1");
	say(&s, "protect a r 512 1");
	told(&s.watch, "protect of a part", MMUB_CAUSE_THP_SPLIT,
	     MMUB_CAUSE_MPROTECT);
	scene_close(&s);
}

TEST(exec)
{
	struct scene s;

	scene_open(&s);
	map(&s, "a anon 4");
	does(&s, "exec", MMUB_CAUSE_EXEC);
	scene_close(&s);
}

TEST(exit)
{
	struct scene s;

	scene_open(&s);
	map(&s, "a anon 4 populate");
	say(&s, "exit");
	waited_for(&s.watch, "exit", MMUB_CAUSE_EXIT);
	test_reap(s.subject.pid);
	if (scene_end)
		scene_end(&s);
	watch_close(&s.watch);
}

TEST(killed)
{
	struct scene s;

	scene_open(&s);
	map(&s, "a anon 4 populate");
	say(&s, "touch a write");
	ASSERT_OK(kill(s.subject.pid, SIGKILL));
	waited_for(&s.watch, "SIGKILL", MMUB_CAUSE_EXIT);
	if (scene_end)
		scene_end(&s);
	watch_close(&s.watch);
}

/* ------------------------------------------------ by a process, to itself */

static int fork_self(void)
{
	if (self_fork)
		self_fork();
	return test_fork();
}

static int wait_self(int pid)
{
	if (self_parent)
		self_parent(pid);
	return test_wait(pid);
}

/* A child that watches itself, and then goes on in the caller's test. */
static bool in_child(struct watch *w)
{
	int pid = fork_self();

	if (pid) {
		test_reaped(pid, wait_self(pid));
		return false;
	}
	watch_open(w, "cause", 0, 1024);
	return true;
}

/* What comes from here on is of the operation. */
static void ready(struct watch *w, bool held)
{
	if (self_before)
		self_before(held);
	watch_drain(w);
}

static void ready_self(struct watch *w)
{
	ready(w, true);
}

/* Its parent's fork has left it copies to make. */
static void told_self(struct watch *w, const char *operation, int cause)
{
	if (self_after)
		self_after();
	told(w, operation, cause, MMUB_CAUSE_COW);
}

static char *map_touched(size_t size)
{
	char *p = ASSERT_OK(mmap(NULL, size, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

	memset(p, 1, size);
	return p;
}

TEST(brk)
{
	struct watch w;
	void *end;

	if (!in_child(&w))
		return;
	end = ASSERT_OK(sbrk(64 * PAGE));
	memset(end, 1, 64 * PAGE);
	ready_self(&w);
	ASSERT_OK(brk(end));
	told_self(&w, "brk", MMUB_CAUSE_BRK);
	_exit(0);
}

TEST(shmdt)
{
	struct watch w;
	char *p;
	int id;

	if (!in_child(&w))
		return;
	id = ASSERT_OK(shmget(IPC_PRIVATE, 4 * PAGE, IPC_CREAT | 0600));
	p = ASSERT_OK((char *)shmat(id, NULL, 0));
	ASSERT_OK(shmctl(id, IPC_RMID, NULL));
	memset(p, 1, 4 * PAGE);
	ready_self(&w);
	ASSERT_OK(shmdt(p));
	told_self(&w, "shmdt", MMUB_CAUSE_SHMDT);
	_exit(0);
}

TEST(migration)
{
	unsigned long node0 = 1, node1 = 2;
	int nodes[4] = { 0, 0, 0, 0 }, status[4];
	void *pages[4];
	struct watch w;
	char *p;
	int i;

	if (access(NODE1, F_OK))
		SKIP("this machine has one node");
	if (!in_child(&w))
		return;
	p = map_touched(4 * PAGE);
	for (i = 0; i < 4; i++)
		pages[i] = p + i * PAGE;
	ASSERT_OK(syscall(SYS_move_pages, 0, 4, pages, nodes, status,
			  MPOL_MF_MOVE));
	ready_self(&w);
	for (i = 0; i < 4; i++)
		nodes[i] = 1;
	ASSERT_OK(syscall(SYS_move_pages, 0, 4, pages, nodes, status,
			  MPOL_MF_MOVE));
	told_self(&w, "move_pages", MMUB_CAUSE_MOVE_PAGES);
	ready_self(&w);
	ASSERT_OK(syscall(SYS_mbind, p, 4 * PAGE, MPOL_BIND, &node0, 64,
			  MPOL_MF_MOVE));
	told_self(&w, "mbind", MMUB_CAUSE_MBIND);
	ASSERT_OK(syscall(SYS_mbind, p, 4 * PAGE, 0, NULL, 0, 0));
	/* The text is its parent's, too, and much of it is moved at once. */
	ready(&w, false);
	ASSERT_OK(syscall(SYS_migrate_pages, 0, 64, &node0, &node1));
	told_self(&w, "migrate_pages", MMUB_CAUSE_MIGRATE_PAGES);
	_exit(0);
}

TEST(userfaultfd)
{
	struct uffdio_api api = {
		.api = UFFD_API, .features = UFFD_FEATURE_PAGEFAULT_FLAG_WP,
	};
	struct uffdio_register reg = {
		.mode = UFFDIO_REGISTER_MODE_WP, .range = { .len = 4 * PAGE },
	};
	struct uffdio_writeprotect protect = {
		.mode = UFFDIO_WRITEPROTECT_MODE_WP, .range = { .len = 4 * PAGE },
	};
	struct watch w;
	char *p;
	int fd;

	fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (fd < 0)
		SKIP("no userfaultfd: %m");
	close(fd);
	if (!in_child(&w))
		return;
	fd = ASSERT_OK(syscall(SYS_userfaultfd, O_CLOEXEC));
	ASSERT_OK(ioctl(fd, UFFDIO_API, &api));
	p = map_touched(4 * PAGE);
	reg.range.start = (uintptr_t)p;
	protect.range.start = (uintptr_t)p;
	ASSERT_OK(ioctl(fd, UFFDIO_REGISTER, &reg));
	ready_self(&w);
	ASSERT_OK(ioctl(fd, UFFDIO_WRITEPROTECT, &protect));
	told_self(&w, "UFFDIO_WRITEPROTECT", MMUB_CAUSE_USERFAULTFD);
	_exit(0);
}

TEST(soft_offline)
{
	struct watch w;
	char *p;

	if (!in_child(&w))
		return;
	p = map_touched(4 * PAGE);
	ready_self(&w);
	if (madvise(p, PAGE, MADV_SOFT_OFFLINE)) {
		if (errno == EINVAL)
			SKIP("this kernel has no MADV_SOFT_OFFLINE");
		FAIL("MADV_SOFT_OFFLINE: %m");
	}
	told_self(&w, "advise SOFT_OFFLINE", MMUB_CAUSE_MEMORY_FAILURE);
	_exit(0);
}

/*
 * A file system that writes back, on a RAM disk: a page written back is
 * write-protected, and one written past the cache is dropped.
 */
TEST(file_system)
{
	char dir[] = "/tmp/mmub-XXXXXX", path[64];
	void *buffer;
	struct watch w;
	int pid, fd;
	char *p;

	if (access("/dev/ram1", F_OK) || access("/sbin/mke2fs", X_OK))
		SKIP("no second RAM disk, or no mke2fs");
	if (system("/sbin/mke2fs -q -F /dev/ram1 65536 >/dev/null 2>&1"))
		SKIP("mke2fs fails");
	ASSERT_TRUE(mkdtemp(dir));
	if (mount("/dev/ram1", dir, "ext4", 0, NULL) &&
	    mount("/dev/ram1", dir, "ext2", 0, NULL)) {
		rmdir(dir);
		SKIP("no ext4: %m");
	}
	pid = fork_self();
	if (!pid) {
		snprintf(path, sizeof(path), "%s/file", dir);
		fd = ASSERT_OK(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
		ASSERT_OK(ftruncate(fd, 8 * PAGE));
		p = ASSERT_OK(mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE,
				   MAP_SHARED, fd, 0));
		memset(p, 1, 8 * PAGE);
		watch_open(&w, "cause", 0, 1024);
		ready_self(&w);
		ASSERT_OK(msync(p, 8 * PAGE, MS_SYNC));
		told_self(&w, "msync", MMUB_CAUSE_WRITEBACK);
		ready_self(&w);
		ASSERT_OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE |
					FALLOC_FL_KEEP_SIZE, 0, PAGE));
		told_self(&w, "hole in a file", MMUB_CAUSE_HOLE_PUNCH);
		ready_self(&w);
		ASSERT_OK(ftruncate(fd, 4 * PAGE));
		told_self(&w, "truncate of a file", MMUB_CAUSE_TRUNCATE);
		fd = ASSERT_OK(open(path, O_RDWR | O_DIRECT | O_CLOEXEC));
		buffer = map_touched(PAGE);
		ready_self(&w);
		ASSERT_EQ(pwrite(fd, buffer, PAGE, PAGE), (ssize_t)PAGE);
		told_self(&w, "direct write", MMUB_CAUSE_FILE_INVALIDATE);
		_exit(0);
	}
	pid = wait_self(pid);
	umount2(dir, MNT_DETACH);
	rmdir(dir);
	ASSERT_EQ(pid, 0);
}

/* ----------------------------------------------------------------- by others */

TEST(clear_refs)
{
	struct scene s;
	char path[64];

	scene_open(&s);
	map(&s, "a anon 2");
	say(&s, "touch a");
	snprintf(path, sizeof(path), "/proc/%d/clear_refs", s.subject.pid);
	ASSERT_EQ(write_file(path, "4"), 0);
	told_only(&s.watch, "clear_refs", MMUB_CAUSE_CLEAR_REFS);
	scene_close(&s);
}

/* What a debugger writes breaks copy-on-write as the owner's write would. */
TEST(remote_writes)
{
	struct iovec local, remote;
	struct scene s;
	char path[64];
	uint64_t a;
	int fd;

	scene_open(&s);
	a = map(&s, "a anon 2");
	say(&s, "touch a");
	say(&s, "fork kid");
	watch_drain(&s.watch);
	local.iov_base = (void *)"poked";
	local.iov_len = 5;
	remote.iov_base = (void *)a;
	remote.iov_len = 5;
	ASSERT_EQ(process_vm_writev(s.subject.pid, &local, 1, &remote, 1, 0), 5);
	told_only(&s.watch, "process_vm_writev", MMUB_CAUSE_COW);
	snprintf(path, sizeof(path), "/proc/%d/mem", s.subject.pid);
	fd = ASSERT_OK(open(path, O_RDWR | O_CLOEXEC));
	ASSERT_EQ(pwrite(fd, "poked", 5, a + PAGE), 5);
	told_only(&s.watch, "write to /proc/PID/mem", MMUB_CAUSE_COW);
	close(fd);
	scene_close(&s);
}

/* Two megabytes, aligned, in small pages that may become a huge one: so many. */
static uint64_t map_small(struct scene *s, unsigned int pages)
{
	uint64_t a = map(s, "a anon 512");

	ASSERT_EQ(a % HUGE, 0);
	say(s, "touch a write 0 %u", pages);
	say(s, "advise a HUGEPAGE");
	watch_drain(&s->watch);
	return a;
}

TEST(collapse)
{
	struct iovec range = { .iov_len = HUGE };
	struct scene s;
	int pidfd;

	if (write_file(THP "enabled", "never"))
		SKIP("this kernel has no transparent huge pages");
	scene_open(&s);
	range.iov_base = (void *)map_small(&s, 512);
	pidfd = ASSERT_OK(syscall(SYS_pidfd_open, s.subject.pid, 0));
	if (syscall(SYS_process_madvise, pidfd, &range, 1, MADV_COLLAPSE, 0) < 0)
		SKIP("no MADV_COLLAPSE: %m");
	told_only(&s.watch, "MADV_COLLAPSE", MMUB_CAUSE_MADV_COLLAPSE);
	scene_close(&s);
}

TEST(khugepaged)
{
	struct scene s;

	if (write_file(KHUGEPAGED "scan_sleep_millisecs", "1"))
		SKIP("this kernel has no khugepaged");
	ASSERT_EQ(write_file(KHUGEPAGED "alloc_sleep_millisecs", "1"), 0);
	ASSERT_EQ(write_file(KHUGEPAGED "pages_to_scan", "65536"), 0);
	ASSERT_EQ(write_file(THP "enabled", "madvise"), 0);
	/* A page that is missing is one too many, until all is prepared. */
	ASSERT_EQ(write_file(KHUGEPAGED "max_ptes_none", "0"), 0);
	scene_open(&s);
	map_small(&s, 511);
	ASSERT_EQ(write_file(KHUGEPAGED "max_ptes_none", "511"), 0);
	waited_for(&s.watch, "khugepaged", MMUB_CAUSE_KHUGEPAGED);
	scene_close(&s);
}

TEST(ksm)
{
	struct scene s;

	if (access(KSM "run", F_OK))
		SKIP("this kernel has no KSM");
	scene_open(&s);
	map(&s, "a anon 4");
	say(&s, "write a 0 the same");
	say(&s, "write a 4096 the same");
	say(&s, "write a 8192 the same");
	say(&s, "write a 12288 the same");
	say(&s, "advise a MERGEABLE");
	ASSERT_EQ(write_file(KSM "sleep_millisecs", "1"), 0);
	ASSERT_EQ(write_file(KSM "run", "1"), 0);
	waited_for(&s.watch, "ksmd", MMUB_CAUSE_KSM_MERGE);
	ASSERT_SOON(read_number(KSM "pages_sharing") > 2);
	ASSERT_EQ(write_file(KSM "run", "0"), 0);
	watch_drain(&s.watch);
	does(&s, "touch a write 0 1", MMUB_CAUSE_COW);
	does(&s, "advise a UNMERGEABLE 1 1", MMUB_CAUSE_KSM_UNMERGE);
	ASSERT_EQ(write_file(KSM "run", "2"), 0);
	told_only(&s.watch, "unmerge by sysfs", MMUB_CAUSE_KSM_UNMERGE);
	ASSERT_EQ(write_file(KSM "run", "0"), 0);
	scene_close(&s);
}

TEST(foreign_file)
{
	char path[64], what[128];
	struct scene s;
	int fd;

	scene_open(&s);
	snprintf(path, sizeof(path), "/dev/shm/mmub-cause-%d", getpid());
	snprintf(what, sizeof(what), "f file 8 path %s", path);
	map(&s, what);
	say(&s, "touch f");
	fd = ASSERT_OK(open(path, O_RDWR | O_CLOEXEC));
	ASSERT_OK(unlink(path));
	watch_drain(&s.watch);
	ASSERT_OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			    PAGE, 2 * PAGE));
	told_only(&s.watch, "fallocate by another", MMUB_CAUSE_HOLE_PUNCH);
	ASSERT_OK(ftruncate(fd, 4 * PAGE));
	told_only(&s.watch, "ftruncate by another", MMUB_CAUSE_TRUNCATE);
	close(fd);
	scene_close(&s);
}

/* Every second page goes, so that there are holes to fill, and pages to move. */
TEST(compaction)
{
	const unsigned int pages = 1 << 15;
	struct watch w;
	unsigned int i;
	char *p;

	if (access("/proc/sys/vm/compact_memory", F_OK))
		SKIP("this kernel has no compaction");
	if (!in_child(&w))
		return;
	p = map_touched(pages * PAGE);
	do {
		for (i = 0; i < pages; i += 2)
			p[i * PAGE] = 1;
		for (i = 0; i < pages; i += 2)
			ASSERT_OK(madvise(p + i * PAGE, PAGE, MADV_DONTNEED));
		ready_self(&w);
		ASSERT_EQ(write_file("/proc/sys/vm/compact_memory", "1"), 0);
		ASSERT_TRUE(now_ns() < test_deadline());
	} while (!comes(&w, "compact_memory", MMUB_CAUSE_COMPACTION));
	_exit(0);
}

/* ------------------------------------------------------------------- cgroups */

/* A cgroup for the subject; gone with the test's process when it is empty. */
static char cgroup[128];

static void cgroup_remove(void)
{
	rmdir(cgroup);
}

static void cgroup_open(struct scene *s, const char *controllers)
{
	char text[32];

	if (write_file(CGROUP "cgroup.subtree_control", controllers))
		SKIP("no cgroup v2 with %s", controllers);
	snprintf(cgroup, sizeof(cgroup), CGROUP "mmub-cause-%d", getpid());
	if (mkdir(cgroup, 0755))
		SKIP("%s: %m", cgroup);
	atexit(cgroup_remove);
	strcat(cgroup, "/cgroup.procs");
	snprintf(text, sizeof(text), "%d", s->subject.pid);
	ASSERT_EQ(write_file(cgroup, text), 0);
	*strrchr(cgroup, '/') = '\0';
}

static void cgroup_write(const char *file, const char *text)
{
	char path[192];
	int ret;

	snprintf(path, sizeof(path), "%s/%s", cgroup, file);
	ret = write_file(path, text);
	if (ret == -ENOENT)
		SKIP("this kernel has no %s", file);
	if (ret && ret != -EAGAIN)
		FAIL("%s: %s", path, strerror(-ret));
}

TEST(reclaim_of_a_cgroup)
{
	struct scene s;

	scene_open(&s);
	cgroup_open(&s, "+memory");
	map(&s, "a anon 1024");
	say(&s, "touch a");
	do {
		cgroup_write("memory.reclaim", "4M");
		ASSERT_TRUE(now_ns() < test_deadline());
	} while (!comes(&s.watch, "memory.reclaim", MMUB_CAUSE_RECLAIM_DIRECT));
	scene_close(&s);
}

TEST(cpuset)
{
	struct scene s;

	if (access(NODE1, F_OK))
		SKIP("this machine has one node");
	scene_open(&s);
	cgroup_open(&s, "+cpuset");
	cgroup_write("cpuset.mems", "0");
	map(&s, "a anon 8");
	say(&s, "touch a");
	watch_drain(&s.watch);
	cgroup_write("cpuset.mems", "1");
	waited_for(&s.watch, "cpuset.mems", MMUB_CAUSE_CPUSET);
	scene_close(&s);
}

/* The victim is held at its exit, so that the reaper finds it. */
static void hold_at_exit(struct scene *s)
{
	ASSERT_OK(ptrace(PTRACE_SEIZE, s->subject.pid, NULL,
			 (void *)PTRACE_O_TRACEEXIT));
}

static void held_at_exit(struct scene *s)
{
	int status;

	ASSERT_EQ(waitpid(s->subject.pid, &status, __WALL), s->subject.pid);
	ASSERT_TRUE(WIFSTOPPED(status));
	ASSERT_EQ(status >> 8, SIGTRAP | PTRACE_EVENT_EXIT << 8);
}

TEST(process_mrelease)
{
	struct scene s;
	int pidfd;

	scene_open(&s);
	map(&s, "a anon 4");
	say(&s, "touch a");
	pidfd = ASSERT_OK(syscall(SYS_pidfd_open, s.subject.pid, 0));
	hold_at_exit(&s);
	ASSERT_OK(kill(s.subject.pid, SIGKILL));
	held_at_exit(&s);
	if (syscall(SYS_process_mrelease, pidfd, 0))
		SKIP("process_mrelease: %m");
	told_only(&s.watch, "process_mrelease", MMUB_CAUSE_PROCESS_MRELEASE);
	ASSERT_OK(ptrace(PTRACE_DETACH, s.subject.pid, NULL, NULL));
	waited_for(&s.watch, "its exit", MMUB_CAUSE_EXIT);
	watch_close(&s.watch);
}

TEST(oom_reaper)
{
	struct scene s;

	scene_open(&s);
	cgroup_open(&s, "+memory");
	cgroup_write("memory.max", "8M");
	cgroup_write("memory.swap.max", "0");
	map(&s, "a anon 8192");
	hold_at_exit(&s);
	subject_tell(&s.subject, "touch a");
	held_at_exit(&s);
	waited_for(&s.watch, "the OOM killer", MMUB_CAUSE_OOM_REAPER);
	ASSERT_OK(ptrace(PTRACE_DETACH, s.subject.pid, NULL, NULL));
	waited_for(&s.watch, "its exit", MMUB_CAUSE_EXIT);
	watch_close(&s.watch);
	ASSERT_EQ(test_wait(s.subject.pid), SIGKILL);
}

/* ------------------------------------------------------------------- uprobes */

#define UPROBES		"/sys/kernel/tracing/uprobe_events"
#define UPROBE		"/sys/kernel/tracing/events/mmub_cause/entry/enable"

static void remove_uprobe(void)
{
	write_file(UPROBE, "0");
	write_file(UPROBES, "-:mmub_cause/entry");
}

/* Where in its file a program begins. */
static unsigned long entry_offset(const char *path)
{
	Elf64_Ehdr header;
	Elf64_Phdr segment;
	int fd = ASSERT_OK(open(path, O_RDONLY | O_CLOEXEC)), i;

	ASSERT_EQ(pread(fd, &header, sizeof(header), 0), (int)sizeof(header));
	for (i = 0; i < header.e_phnum; i++) {
		ASSERT_EQ(pread(fd, &segment, sizeof(segment),
				header.e_phoff + i * sizeof(segment)),
			  (int)sizeof(segment));
		if (segment.p_type == PT_LOAD &&
		    header.e_entry - segment.p_vaddr < segment.p_filesz) {
			close(fd);
			return header.e_entry - segment.p_vaddr +
			       segment.p_offset;
		}
	}
	FAIL("%s: no segment has its entry", path);
}

TEST(uprobe)
{
	char link[64], path[4096], line[4200];
	struct subject subject;
	struct watch w;
	ssize_t length;

	if (access(UPROBES, F_OK))
		SKIP("this kernel has no uprobe events");
	subject_start(&subject);
	snprintf(link, sizeof(link), "/proc/%d/exe", subject.pid);
	length = ASSERT_OK(readlink(link, path, sizeof(path) - 1));
	path[length] = '\0';
	watch_open(&w, "cause", subject.pid, 256);
	remove_uprobe();
	snprintf(line, sizeof(line), "p:mmub_cause/entry %s:0x%lx", path,
		 entry_offset(path));
	if (write_file(UPROBES, line))
		SKIP("no uprobe can be set in %s", path);
	ASSERT_EQ(write_file(UPROBE, "1"), 0);
	told(&w, "uprobe", MMUB_CAUSE_UPROBE, MMUB_CAUSE_COW);
	remove_uprobe();
	watch_close(&w);
	subject_end(&subject);
}

/* ------------------------------------------------------------ NUMA balancing */

TEST(numa_balancing)
{
	cpu_set_t cpus = { 0 };
	struct scene s;

	if (access(NODE1, F_OK) || access(NUMA_BALANCING, F_OK))
		SKIP("one node, or no NUMA balancing");
	keep_setting("/sys/kernel/debug/sched/numa_balancing/scan_delay_ms");
	keep_setting("/sys/kernel/debug/sched/numa_balancing/scan_period_min_ms");
	write_file("/sys/kernel/debug/sched/numa_balancing/scan_delay_ms", "1");
	write_file("/sys/kernel/debug/sched/numa_balancing/scan_period_min_ms", "1");
	ASSERT_EQ(write_file(NUMA_BALANCING, "1"), 0);
	scene_open(&s);
	map(&s, "a anon 256");
	say(&s, "touch a");
	do {
		say(&s, "repeat 1000 touch a");
		ASSERT_TRUE(now_ns() < test_deadline());
	} while (!comes(&s.watch, "NUMA balancing", MMUB_CAUSE_NUMA_HINTING));
	/* It runs on node 0, and its memory is on node 1. */
	CPU_SET(0, &cpus);
	ASSERT_OK(sched_setaffinity(s.subject.pid, sizeof(cpus), &cpus));
	do {
		say(&s, "move a 1");
		say(&s, "repeat 1000 touch a");
		ASSERT_TRUE(now_ns() < test_deadline());
	} while (!comes(&s.watch, "NUMA balancing", MMUB_CAUSE_NUMA_MIGRATION));
	write_file(NUMA_BALANCING, "0");
	scene_close(&s);
}

/* --------------------------------------------------------- without a cause */

TEST(not_asked_for)
{
	struct mmub_record record;
	struct watch silent;
	struct scene s;
	char text[64];

	scene_open(&s);
	watch_ring_flags = 0;
	watch_open(&silent, "scene", s.subject.pid, 256);
	ASSERT_EQ(silent.attached.shared, 1);
	map(&s, "a anon 2");
	say(&s, "touch a");
	does(&s, "unmap a", MMUB_CAUSE_MUNMAP);
	do {
		ASSERT_TRUE(watch_next(&silent, &record));
		ASSERT_EQ(record.stack_id, 0);
	} while (record.type != MMUB_TYPE_UNMAP);
	/* It is the ring that asks, and each for itself. */
	watch_close(&s.watch);
	map(&s, "a anon 2");
	say(&s, "touch a");
	say(&s, "unmap a");
	ASSERT_TRUE(watch_next(&silent, &record));
	ASSERT_EQ(record.stack_id, 0);
	ASSERT_EQ(mmub_cause(silent.fd, 0), MMUB_CAUSE_UNKNOWN);
	ASSERT_EQ(mmub_cause(silent.fd, UINT32_MAX), -ENOENT);
	ASSERT_EQ(mmub_stack_text(silent.fd, UINT32_MAX, text, sizeof(text)),
		  -ENOENT);
	watch_close(&silent);
	subject_end(&s.subject);
}

TEST(text)
{
	struct mmub_record record;
	char text[8192], part[16];
	struct scene s;
	int size, fd;

	scene_open(&s);
	map(&s, "a anon 2");
	say(&s, "touch a");
	say(&s, "unmap a");
	ASSERT_TRUE(watch_next(&s.watch, &record));
	size = mmub_stack_text(s.watch.fd, record.stack_id, text, sizeof(text));
	ASSERT_EQ(size, (int)strlen(text) + 1);
	ASSERT_TRUE(strstr(text, "mmub_invalidate_range_start"));
	ASSERT_TRUE(strstr(text, "munmap"));
	ASSERT_TRUE(!strstr(text, "0xffff"));
	/* Cut, not torn. */
	ASSERT_EQ(mmub_stack_text(s.watch.fd, record.stack_id, part,
				  sizeof(part)), size);
	ASSERT_EQ(strlen(part), sizeof(part) - 1);
	ASSERT_EQ(strncmp(part, text, sizeof(part) - 1), 0);
	ASSERT_EQ(mmub_stack_text(s.watch.fd, record.stack_id, part, 1), size);
	ASSERT_EQ(part[0], '\0');
	ASSERT_EQ(mmub_stack_text(s.watch.fd, record.stack_id, part, 0),
		  -EINVAL);
	ASSERT_EQ(mmub_stack_text(s.watch.fd, record.stack_id, NULL, 16),
		  -EINVAL);
	ASSERT_EQ(mmub_stack_text(s.watch.fd, record.stack_id, (char *)16, 16),
		  -EFAULT);
	/* Frames are for the opener with CAP_SYS_ADMIN, causes for all. */
	ASSERT_OK(chmod(MMUB_DEVICE, 0666));
	ASSERT_OK(seteuid(65534));
	fd = mmub_open(NULL);
	ASSERT_OK(seteuid(0));
	ASSERT_OK(chmod(MMUB_DEVICE, 0660));
	ASSERT_GE(fd, 0);
	ASSERT_EQ(mmub_cause(fd, record.stack_id), MMUB_CAUSE_MUNMAP);
	ASSERT_EQ(mmub_stack_text(fd, record.stack_id, text, sizeof(text)),
		  -EPERM);
	close(fd);
	scene_close(&s);
}

TEST(stack_arguments)
{
	struct {
		struct mmub_stack stack;
		uint64_t more;
	} arg = { 0 };
	const size_t size = sizeof(arg.stack);
	struct mmub_record record;
	unsigned int i;
	struct scene s;

	scene_open(&s);
	map(&s, "a anon 2");
	say(&s, "touch a");
	say(&s, "unmap a");
	ASSERT_TRUE(watch_next(&s.watch, &record));
	arg.stack.stack_id = record.stack_id;
	for (i = 0; i < size; i++) {
		ASSERT_EQ(ioctl(s.watch.fd, _IOWR(MMUB_IOC_MAGIC, MMUB_NR_STACK,
						  char[0]) | i << 16, &arg), -1);
		ASSERT_EQ(errno, EINVAL);
	}
	for (i = 0; i < 32; i++) {
		arg.stack.flags = 1U << i;
		ASSERT_EQ(ioctl(s.watch.fd, MMUB_IOC_STACK, &arg), -1);
		ASSERT_EQ(errno, EINVAL);
	}
	arg.stack.flags = 0;
	arg.more = 1;
	ASSERT_EQ(ioctl(s.watch.fd, _IOWR(MMUB_IOC_MAGIC, MMUB_NR_STACK, arg),
			&arg), -1);
	ASSERT_EQ(errno, E2BIG);
	arg.more = 0;
	ASSERT_OK(ioctl(s.watch.fd, _IOWR(MMUB_IOC_MAGIC, MMUB_NR_STACK, arg),
			&arg));
	ASSERT_EQ(arg.stack.cause, MMUB_CAUSE_MUNMAP);
	ASSERT_EQ(arg.stack.text_size, 0);
	scene_close(&s);
}

static void *ask_for_causes(void *data)
{
	struct scene *s = data;
	uint32_t id;

	for (id = 1; mmub_cause(s->watch.fd, id) >= 0; id++)
		;
	return (void *)(uintptr_t)(id - 1);
}

/* Stacks are added, found and classified at once, by several. */
TEST(at_once)
{
	pthread_t threads[4];
	struct scene s;
	void *seen;
	int i;

	scene_open(&s);
	map(&s, "a anon 16");
	subject_tell(&s.subject, "threads 4 repeat %lu advise a DONTNEED 0 4 ; "
		     "advise a FREE 4 4 ; touch a", scaled(2000));
	for (i = 0; i < 4; i++)
		ASSERT_EQ(pthread_create(&threads[i], NULL, ask_for_causes, &s),
			  0);
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(pthread_join(threads[i], &seen), 0);
		ASSERT_GT((uintptr_t)seen, 0);
	}
	subject_hear(&s.subject);
	ASSERT_TRUE(comes(&s.watch, "threads", MMUB_CAUSE_MADV_FREE));
	scene_close(&s);
}

TEST_MAIN()
