// SPDX-License-Identifier: Apache-2.0
/*
 * Events that others cause: each reaches the ring of whoever watches the
 * process that suffers them, and names the task that did it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/falloc.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scene.h"

#define UNMAP		MMUB_TYPE_UNMAP
#define CLEAR		MMUB_TYPE_CLEAR
#define SOFT_DIRTY	MMUB_TYPE_SOFT_DIRTY

#define HUGE		(512 * PAGE)

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif
#ifndef SYS_process_madvise
#define SYS_process_madvise	440
#endif

#define MPOL_MF_MOVE_ALL	4

#define THP		"/sys/kernel/mm/transparent_hugepage/"
#define KHUGEPAGED	THP "khugepaged/"
#define KSM		"/sys/kernel/mm/ksm/"

static void __attribute__((constructor)) keep_settings(void)
{
	keep_setting(THP "enabled");
	keep_setting(KHUGEPAGED "scan_sleep_millisecs");
	keep_setting(KHUGEPAGED "alloc_sleep_millisecs");
	keep_setting(KHUGEPAGED "pages_to_scan");
	keep_setting(KSM "run");
	keep_setting(KSM "sleep_millisecs");
}

/* Did this thread do it, in that system call? */
static void check_mine(const struct mmub_record *record, const char *syscall)
{
	const char *name = mmub_syscall_name(record->syscall_arch,
					     record->syscall_nr);

	if (record->pid != getpid() || record->tid != gettid() ||
	    strcmp(record->comm, "test-foreign") ||
	    record->entry != MMUB_ENTRY_SYSCALL ||
	    record->syscall_arch != AUDIT_ARCH_X86_64 || !name ||
	    strcmp(name, syscall)) {
		note_record(record);
		FAIL("not %d (test-foreign) in %s", getpid(), syscall);
	}
}

/* The same of a kernel thread. */
static void check_kthread(const struct mmub_record *record, const char *comm)
{
	if (record->entry != MMUB_ENTRY_KTHREAD || record->pid != record->tid ||
	    record->pid <= 0 || record->pid == getpid() ||
	    strcmp(record->comm, comm) || record->syscall_nr != -1 ||
	    record->syscall_arch) {
		note_record(record);
		FAIL("not the kernel thread %s", comm);
	}
}

/* The next record is mine, of that type, and covers the range. */
static void my_event(struct scene *s, enum mmub_type type, uint64_t start,
		     uint64_t end, const char *syscall)
{
	struct mmub_record record;

	event_take(s, &record);
	check_mine(&record, syscall);
	if (record.phase != MMUB_PHASE_START || record.type != type ||
	    record.start > start || record.end < end) {
		note_record(&record);
		FAIL("not %s over 0x%lx-0x%lx", mmub_type_name(type), start,
		     end);
	}
}

/* Any further ones are as that one was. */
static void my_events(struct scene *s, enum mmub_type type, uint64_t start,
		      uint64_t end, const char *syscall)
{
	struct mmub_record record;

	while (watch_next(&s->watch, &record)) {
		check_mine(&record, syscall);
		ASSERT_EQ(record.type, type);
		ASSERT_TRUE(record.start < end && start < record.end);
	}
}

/* madvise() of another; false where this kernel cannot. */
static bool advise_other(pid_t pid, uint64_t start, size_t size, int advice)
{
	struct iovec range = { (void *)start, size };
	int pidfd = ASSERT_OK(syscall(SYS_pidfd_open, pid, 0));
	long done = syscall(SYS_process_madvise, pidfd, &range, 1, advice, 0);

	close(pidfd);
	if (done < 0 && (errno == ENOSYS || errno == EINVAL))
		return false;
	if (done != (long)size)
		FAIL("process_madvise: %ld: %m", done);
	return true;
}

/* Two megabytes, aligned, in small pages that may become a huge one. */
static uint64_t map_small(struct scene *s)
{
	uint64_t a = map(s, "a anon 512");

	ASSERT_EQ(a % HUGE, 0);
	say(s, "touch a");
	quiet(s);
	/* From here on khugepaged may do it. */
	say(s, "advise a HUGEPAGE");
	return a;
}

/* Its record is waited for, and any others by the same task pass. */
static void wait_for_kthread(struct scene *s, const char *comm,
			     uint64_t start, uint64_t end)
{
	struct mmub_record record;

	do {
		watch_wait(&s->watch, &record);
		check_kthread(&record, comm);
		ASSERT_EQ(record.phase, MMUB_PHASE_START);
		ASSERT_EQ(record.type, CLEAR);
	} while (record.start > start || record.end < end);
}

TEST(collapse)
{
	struct scene s;
	uint64_t a;

	/* MADV_COLLAPSE does not ask whether they are enabled; khugepaged does. */
	if (write_file(THP "enabled", "never"))
		SKIP("this kernel has no transparent huge pages");
	scene_open(&s);
	a = map_small(&s);
	if (!advise_other(s.subject.pid, a, HUGE, MADV_COLLAPSE))
		SKIP("this kernel has no MADV_COLLAPSE");
	my_event(&s, CLEAR, a, a + HUGE, "process_madvise");
	my_events(&s, CLEAR, a, a + HUGE, "process_madvise");
	scene_close(&s);
}

TEST(khugepaged)
{
	struct scene s;
	uint64_t a;

	if (write_file(KHUGEPAGED "scan_sleep_millisecs", "1"))
		SKIP("this kernel has no khugepaged");
	ASSERT_EQ(write_file(KHUGEPAGED "alloc_sleep_millisecs", "1"), 0);
	ASSERT_EQ(write_file(KHUGEPAGED "pages_to_scan", "65536"), 0);
	ASSERT_EQ(write_file(THP "enabled", "madvise"), 0);
	scene_open(&s);
	a = map_small(&s);
	wait_for_kthread(&s, "khugepaged", a, a + HUGE);
	scene_close(&s);
}

TEST(ksm)
{
	struct scene s;
	uint64_t a;

	if (access(KSM "run", F_OK))
		SKIP("this kernel has no KSM");
	scene_open(&s);
	a = map(&s, "a anon 2");
	say(&s, "write a 0 the same");
	say(&s, "write a 4096 the same");
	say(&s, "advise a MERGEABLE");
	quiet(&s);
	ASSERT_EQ(write_file(KSM "sleep_millisecs", "1"), 0);
	ASSERT_EQ(write_file(KSM "run", "1"), 0);
	wait_for_kthread(&s, "ksmd", a, a + PAGE);
	ASSERT_SOON(read_number(KSM "pages_sharing") > 0);
	ASSERT_EQ(write_file(KSM "run", "0"), 0);
	watch_drain(&s.watch);
	/* The write that parts the two is the subject's own. */
	s.n = s.watch.ring.header->n;
	say(&s, "touch a write 0 1");
	event(&s, CLEAR, a, a + PAGE);
	ASSERT_EQ(write_file(KSM "run", "2"), 0);
	ASSERT_EQ(write_file(KSM "run", "0"), 0);
	scene_close(&s);
}

TEST(pageout)
{
	/* So many that few of them wait in a CPU's batch, from where none goes. */
	enum { PAGES = 64 };
	unsigned int events[PAGES] = { 0 }, gone = 0, i;
	struct mmub_record record;
	char present[PAGES + 1];
	struct scene s;
	uint64_t a;

	if (read_number("/proc/sys/vm/swappiness") < 0)
		SKIP("this kernel has no swap");
	scene_open(&s);
	a = map(&s, "a anon 64");
	say(&s, "touch a");
	if (!advise_other(s.subject.pid, a, PAGES * PAGE, MADV_PAGEOUT))
		SKIP("this kernel has no process_madvise");
	say(&s, "pagemap a");
	ASSERT_TRUE(subject_text(&s.subject, "present", present,
				 sizeof(present)));
	while (watch_next(&s.watch, &record)) {
		check_mine(&record, "process_madvise");
		ASSERT_EQ(record.type, CLEAR);
		ASSERT_TRUE(record.start >= a);
		ASSERT_LE(record.end, a + PAGES * PAGE);
		ASSERT_EQ(record.end - record.start, PAGE);
		events[(record.start - a) / PAGE]++;
	}
	/* Page by page: each that went, and no other. */
	for (i = 0; i < PAGES; i++) {
		gone += present[i] == 's';
		if (events[i] != (present[i] == 's'))
			FAIL("page %u: %u events, and it is '%c'", i, events[i],
			     present[i]);
	}
	if (!gone)
		SKIP("no page went: is swap on?");
	test_note("%u of %u pages went", gone, PAGES);
	scene_close(&s);
}

TEST(move_pages)
{
	int nodes[2] = { 1, 1 }, status[2] = { -1, -1 };
	void *pages[2];
	struct scene s;
	uint64_t a;

	if (access("/sys/devices/system/node/node1", F_OK))
		SKIP("this machine has one node");
	scene_open(&s);
	a = map(&s, "a anon 2");
	say(&s, "touch a");
	say(&s, "move a 0");
	watch_drain(&s.watch);
	pages[0] = (void *)a;
	pages[1] = (void *)(a + PAGE);
	ASSERT_OK(syscall(SYS_move_pages, s.subject.pid, 2, pages, nodes,
			  status, MPOL_MF_MOVE_ALL));
	ASSERT_EQ(status[0], 1);
	ASSERT_EQ(status[1], 1);
	my_event(&s, CLEAR, a, a + PAGE, "move_pages");
	my_event(&s, CLEAR, a + PAGE, a + 2 * PAGE, "move_pages");
	quiet(&s);
	/* They are there already. */
	ASSERT_OK(syscall(SYS_move_pages, s.subject.pid, 2, pages, nodes,
			  status, MPOL_MF_MOVE_ALL));
	quiet(&s);
	scene_close(&s);
}

/* A file that the subject has mapped, open here as well. */
static int shared_file(struct scene *s, uint64_t *address)
{
	char path[64], what[128];
	int fd;

	snprintf(path, sizeof(path), "/dev/shm/mmub-foreign-%d", getpid());
	snprintf(what, sizeof(what), "f file 4 path %s", path);
	*address = map(s, what);
	say(s, "touch f");
	fd = ASSERT_OK(open(path, O_RDWR | O_CLOEXEC));
	ASSERT_OK(unlink(path));
	return fd;
}

TEST(ftruncate)
{
	struct scene s;
	uint64_t f;
	int fd;

	scene_open(&s);
	fd = shared_file(&s, &f);
	quiet(&s);
	ASSERT_OK(ftruncate(fd, PAGE));
	my_event(&s, CLEAR, f + PAGE, f + 4 * PAGE, "ftruncate");
	my_events(&s, CLEAR, f + PAGE, f + 4 * PAGE, "ftruncate");
	ASSERT_TRUE(!subject_try(&s.subject, "touch f read 1 1"));
	close(fd);
	scene_close(&s);
}

TEST(hole_punch)
{
	struct scene s;
	uint64_t f;
	int fd;

	scene_open(&s);
	fd = shared_file(&s, &f);
	ASSERT_OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			    PAGE, 2 * PAGE));
	my_event(&s, CLEAR, f + PAGE, f + 3 * PAGE, "fallocate");
	my_events(&s, CLEAR, f + PAGE, f + 3 * PAGE, "fallocate");
	close(fd);
	scene_close(&s);
}

TEST(clear_refs)
{
	struct scene s;
	char path[64];
	uint64_t a;

	scene_open(&s);
	a = map(&s, "a anon 1");
	say(&s, "touch a");
	snprintf(path, sizeof(path), "/proc/%d/clear_refs", s.subject.pid);
	ASSERT_EQ(write_file(path, "1"), 0);
	quiet(&s);
	ASSERT_EQ(write_file(path, "4"), 0);
	my_event(&s, SOFT_DIRTY, a, a + PAGE, "write");
	quiet(&s);
	scene_close(&s);
}

/* What a debugger writes breaks copy-on-write as the owner's write would. */
TEST(process_vm_writev)
{
	struct iovec local, remote;
	struct scene s;
	uint64_t a;

	scene_open(&s);
	a = map(&s, "a anon 2");
	say(&s, "touch a");
	say(&s, "fork kid");
	watch_drain(&s.watch);
	local.iov_base = (void *)"poked";
	local.iov_len = 5;
	remote.iov_base = (void *)(a + PAGE);
	remote.iov_len = 5;
	ASSERT_EQ(process_vm_writev(s.subject.pid, &local, 1, &remote, 1, 0), 5);
	my_event(&s, CLEAR, a + PAGE, a + 2 * PAGE, "process_vm_writev");
	quiet(&s);
	say(&s, "read a 4096 5");
	ASSERT_TRUE(strstr(s.subject.reply, "\"poked\""));
	scene_close(&s);
}

/*
 * The code of the OOM reaper, on a process that is held at its exit, after its
 * SIGKILL and before it lets go of its memory.
 */
TEST(process_mrelease)
{
	struct mmub_stats before, after;
	struct mmub_record record;
	int pidfd, status;
	struct scene s;
	uint64_t a;

	scene_open(&s);
	a = map(&s, "a anon 4");
	say(&s, "touch a");
	pidfd = ASSERT_OK(syscall(SYS_pidfd_open, s.subject.pid, 0));
	ASSERT_OK(ptrace(PTRACE_SEIZE, s.subject.pid, NULL,
			 (void *)PTRACE_O_TRACEEXIT));
	ASSERT_OK(kill(s.subject.pid, SIGKILL));
	ASSERT_EQ(waitpid(s.subject.pid, &status, __WALL), s.subject.pid);
	ASSERT_TRUE(WIFSTOPPED(status));
	ASSERT_EQ(status >> 8, SIGTRAP | PTRACE_EVENT_EXIT << 8);

	watch_stats(s.watch.fd, &before);
	if (syscall(SYS_process_mrelease, pidfd, 0)) {
		if (errno == ENOSYS)
			SKIP("this kernel has no process_mrelease");
		FAIL("process_mrelease: %m");
	}
	watch_stats(s.watch.fd, &after);
	event_take(&s, &record);
	check_mine(&record, "process_mrelease");
	/* The type is CLEAR on newer kernels. */
	ASSERT_TRUE(record.type == UNMAP || record.type == CLEAR);
	ASSERT_EQ(record.start, a);
	ASSERT_EQ(record.end, a + 4 * PAGE);
	ASSERT_EQ(record.flags, 0);
	ASSERT_GT(after.nonblockable, before.nonblockable);
	ASSERT_EQ(after.space_nonblockable, after.space_invalidations);
	quiet(&s);

	ASSERT_OK(ptrace(PTRACE_DETACH, s.subject.pid, NULL, NULL));
	watch_wait(&s.watch, &record);
	ASSERT_EQ(record.phase, MMUB_PHASE_RELEASE);
	ASSERT_EQ(record.pid, s.subject.pid);
	ASSERT_EQ(record.entry, MMUB_ENTRY_EXIT);
	watch_close(&s.watch);
}

/*
 * A task outside the watcher's pid namespace is nobody there: no pid, no name,
 * and the record says so.
 */
TEST(task_of_another_pid_namespace)
{
	/* As many as of which some go. */
	enum { PAGES = 64 };
	struct {
		uint64_t address;
		int attached, advised;
	} *shared;
	pid_t pid;

	shared = ASSERT_OK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	if (unshare(CLONE_NEWPID))
		SKIP("no pid namespaces: %m");
	pid = test_fork();
	if (!pid) {
		struct mmub_record record;
		struct watch w;
		char *p;

		ASSERT_EQ(getpid(), 1);
		p = ASSERT_OK(mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
		memset(p, 1, PAGES * PAGE);
		watch_open(&w, "inside", 0, 256);
		/* What it does itself has a name. */
		ASSERT_OK(madvise(p, PAGE, MADV_DONTNEED));
		do {
			ASSERT_TRUE(watch_next(&w, &record));
		} while (record.start != (uintptr_t)p);
		ASSERT_EQ(record.pid, 1);
		ASSERT_EQ(record.tid, 1);
		ASSERT_EQ(record.flags, MMUB_RECORD_BLOCKABLE);
		ASSERT_STREQ(record.comm, "test-foreign");

		shared->address = (uintptr_t)p + PAGE;
		__atomic_store_n(&shared->attached, 1, __ATOMIC_RELEASE);
		ASSERT_SOON(__atomic_load_n(&shared->advised, __ATOMIC_ACQUIRE));
		do {
			ASSERT_TRUE(watch_next(&w, &record));
		} while (record.start <= (uintptr_t)p ||
			 record.start >= (uintptr_t)p + PAGES * PAGE);
		ASSERT_EQ(record.pid, 0);
		ASSERT_EQ(record.tid, 0);
		ASSERT_STREQ(record.comm, "");
		ASSERT_EQ(record.flags,
			  MMUB_RECORD_BLOCKABLE | MMUB_RECORD_FOREIGN);
		watch_close(&w);
		_exit(0);
	}
	ASSERT_SOON(__atomic_load_n(&shared->attached, __ATOMIC_ACQUIRE));
	if (!advise_other(pid, shared->address, (PAGES - 1) * PAGE,
			  MADV_PAGEOUT))
		SKIP("this kernel has no process_madvise");
	__atomic_store_n(&shared->advised, 1, __ATOMIC_RELEASE);
	test_reap(pid);
}

TEST_MAIN()
