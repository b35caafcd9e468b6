// SPDX-License-Identifier: Apache-2.0
/*
 * The memory of stress-ng's workers shadowed, and compared with pagemap all the
 * while: no entry that is present may disagree.
 *
 * MMUB_STRESS_SECONDS is how long; skipped without it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "shadows.h"

#define SECOND	UINT64_C(1000000000)
#define THP	"/sys/kernel/mm/transparent_hugepage/"

/* Of each process, and of each of its shadows. */
enum { PROCESSES = 24, SHADOWS = 6, PAGES_MAX = 16384 };

#define NOBODY	65534

/* Events of a process that are kept, for a page that disagrees. */
enum { EVENTS = 512 };

static void __attribute__((constructor)) settings(void)
{
	keep_setting(THP "enabled");
	keep_setting(THP "khugepaged/scan_sleep_millisecs");
	keep_setting("/proc/sys/kernel/numa_balancing");
}

struct worker {
	pid_t pid;
	char name[32];
	struct watch watch;
	struct shadow shadows[SHADOWS];
	unsigned int count;
	uint64_t opened_ns;
	struct mmub_record events[EVENTS];
	uint64_t nr_events;
};

/* What was done to whom, by the name of the worker. */
struct tally {
	char name[32];
	unsigned int processes;
	struct compared sum;
	uint64_t refreshes, dropped, same, moved, gone;
};

static struct worker workers[PROCESSES];
static struct tally tallies[32];

static struct tally *tally_of(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tallies) - 1 && tallies[i].name[0]; i++)
		if (!strcmp(tallies[i].name, name))
			break;
	strcpy(tallies[i].name, name);
	return &tallies[i];
}

static pid_t start_stress(uid_t uid, const char *const *options,
			  unsigned int count)
{
	const char *argv[32] = {
		"stress-ng", "--quiet", "--temp-path", "/tmp", "--oomable",
	};
	pid_t pid;

	pid = test_fork();
	if (pid)
		return pid;
	ASSERT_TRUE(count <= 24);
	memcpy(&argv[5], options, count * sizeof(*options));
	ASSERT_OK(dup2(STDERR_FILENO, STDOUT_FILENO));
	ASSERT_OK(setresgid(uid, uid, uid));
	ASSERT_OK(setresuid(uid, uid, uid));
	/* Forgotten with the user. */
	ASSERT_OK(prctl(PR_SET_PDEATHSIG, SIGKILL));
	execvp("stress-ng", (char *const *)argv);
	FAIL("stress-ng: %m");
}

static pid_t start_most(const char *timeout)
{
	const char *const options[] = {
		"--timeout", timeout,
		"--vm", "1", "--vm-bytes", "24m", "--mmap", "1", "--mmap-bytes",
		"24m", "--fork", "1", "--madvise", "1", "--mremap", "1",
		"--mremap-bytes", "8m", "--userfaultfd", "1",
		"--userfaultfd-bytes", "8m",
	};

	return start_stress(0, options, ARRAY_SIZE(options));
}

/*
 * Without huge pages: it names a thousand small ones to move_pages(2), each for
 * another node than the one before, and the kernel (do_pages_move()) moves a huge
 * page whole for each. An emulated machine takes minutes for that, which no signal
 * ends. Where anonymous memory is aligned for them, there are some.
 */
static pid_t start_numa(const char *timeout)
{
	const char *const options[] = { "--timeout", timeout, "--numa", "1" };
	pid_t pid;

	ASSERT_OK(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
	pid = start_stress(0, options, ARRAY_SIZE(options));
	ASSERT_OK(prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0));
	return pid;
}

/* As a user who may not poison memory: of that, the other dies on some kernels. */
static pid_t start_madvise(const char *timeout)
{
	const char *const options[] = { "--timeout", timeout, "--madvise", "1" };

	return start_stress(NOBODY, options, ARRAY_SIZE(options));
}

/* "pid (name) state ppid": 0 where the process is gone. */
static pid_t parent_of(pid_t pid, char name[32])
{
	char path[64], text[512], *end;
	FILE *file;
	int ppid = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fgets(text, sizeof(text), file)) {
		end = strrchr(text, ')');
		if (!end || sscanf(end, ") %*c %d", &ppid) != 1)
			ppid = 0;
		else if (sscanf(text, "%*d (%31[^)]", name) != 1)
			ppid = 0;
	}
	fclose(file);
	return ppid;
}

/*
 * It is the nicest there is. Among so many who are busy it would be without a CPU
 * for so long, with the mmap_lock of one of them, that RCU takes it for stalled.
 */
static pid_t khugepaged;
static int khugepaged_nice;

static void khugepaged_back(void)
{
	if (khugepaged)
		setpriority(PRIO_PROCESS, khugepaged, khugepaged_nice);
}

static void __attribute__((constructor)) find_khugepaged(void)
{
	struct dirent *entry;
	char name[32];
	DIR *proc;

	if (access(MMUB_DEVICE, F_OK))
		return;
	proc = opendir("/proc");
	while (proc && (entry = readdir(proc))) {
		pid_t pid = atoi(entry->d_name);

		/* Of kthreadd. */
		if (pid && parent_of(pid, name) == 2 &&
		    !strcmp(name, "khugepaged")) {
			khugepaged = pid;
			khugepaged_nice = getpriority(PRIO_PROCESS, pid);
			atexit(khugepaged_back);
		}
	}
	if (proc)
		closedir(proc);
}

static bool descends_from(pid_t pid, pid_t ancestor)
{
	char name[32];
	int depth;

	for (depth = 0; pid > 1 && depth < 16; depth++) {
		pid = parent_of(pid, name);
		if (pid == ancestor)
			return true;
	}
	return false;
}

/* The last ones are kept. */
static void worker_hear(struct worker *worker)
{
	struct mmub_record *to;

	for (;;) {
		to = &worker->events[worker->nr_events % EVENTS];
		if (!watch_next(&worker->watch, to))
			return;
		worker->nr_events++;
	}
}

/* The lines of /proc/PID/@name of the mappings that have the page or are near. */
static void note_mappings(pid_t pid, const char *name, uint64_t page)
{
	unsigned long start, end;
	char path[64], line[512];
	bool near = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			near = start <= page + PAGE && page <= end;
		if (near)
			test_note("%s: %.*s", name, (int)strcspn(line, "\n"), line);
	}
	if (file)
		fclose(file);
}

/* What each thread of the process is in. */
static void note_stacks(pid_t pid)
{
	struct dirent *entry;
	char path[320], text[2048];
	ssize_t length;
	DIR *tasks;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	tasks = opendir(path);
	while (tasks && (entry = readdir(tasks))) {
		snprintf(path, sizeof(path), "/proc/%d/task/%s/stack", pid,
			 entry->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
		close(fd);
		if (length >= 0)
			test_note("thread %s, kernel stack: %.*s", entry->d_name,
				  (int)length, text);
	}
	if (tasks)
		closedir(tasks);
}

/* The word of a page in /proc/kpageflags or kpagecount. */
static uint64_t word_of_pfn(const char *path, uint64_t pfn)
{
	uint64_t value = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || pread(fd, &value, sizeof(value), pfn * sizeof(value)) !=
		      sizeof(value))
		test_note("%s: %m", path);
	close(fd);
	return value;
}

static void note_events(struct worker *worker, uint64_t page)
{
	uint64_t i, oldest;

	worker_hear(worker);
	oldest = worker->nr_events < EVENTS ? 0 : worker->nr_events - EVENTS;
	for (i = worker->nr_events; i > oldest; i--) {
		const struct mmub_record *record =
			&worker->events[(i - 1) % EVENTS];

		if (record->start <= page && page < record->end)
			note_record(record);
	}
	test_note("these are of the last %lu events", worker->nr_events - oldest);
}

/* All that can be known of a page of which shadow and pagemap disagree. */
void shadow_explain(const struct shadow *shadow, uint64_t page)
{
	struct mmub_shadow_refresh result;
	struct mmub_shadow_entry entry;
	struct worker *worker = workers;
	struct mmub_stats stats;
	uint64_t pagemap = 0;
	int ret;

	while (shadow < worker->shadows || shadow >= worker->shadows + SHADOWS)
		worker++;
	mmub_shadow_lookup(&shadow->map, page, &entry);
	if (pread(shadow->pagemap, &pagemap, 8, page / PAGE * 8) != 8)
		test_note("pagemap has nothing more to say");
	test_note("%s %d: 0x%lx is now: state 0x%lx pfn 0x%lx, pagemap 0x%lx",
		  worker->name, worker->pid, page, entry.state, entry.pfn, pagemap);
	test_note("kpageflags 0x%lx, kpagecount %lu",
		  word_of_pfn("/proc/kpageflags", entry.pfn),
		  word_of_pfn("/proc/kpagecount", entry.pfn));
	watch_stats(worker->watch.fd, &stats);
	test_note("space: seq %llu, completed %llu, active %llu; the last event of the shadow %llu",
		  stats.space_seq, stats.space_completed_seq, stats.space_active,
		  shadow->map.header->event_seq);
	note_events(worker, page);
	note_stacks(worker->pid);
	note_mappings(worker->pid, "maps", page);
	note_mappings(worker->pid, "smaps", page);
	/* Last, since it changes what it tells of. */
	ret = mmub_shadow_refresh(shadow->fd, shadow->added.shadow_id, page,
				  page + PAGE, MMUB_SHADOW_NOWAIT, &result);
	if (ret)
		test_note("SHADOW_REFRESH: %s", strerror(-ret));
	else
		test_note("SHADOW_REFRESH: present %llu, same %llu, gone %llu, moved %llu, mismatched %llu, busy %llu",
			  result.present, result.same, result.gone, result.moved,
			  result.mismatched, result.busy);
}

static void worker_close(struct worker *worker)
{
	struct tally *tally = tally_of(worker->name);
	unsigned int i;

	for (i = 0; i < worker->count; i++) {
		const struct mmub_shadow_header *header =
			worker->shadows[i].map.header;

		tally->dropped += header->dropped;
		tally->same += header->same + header->reprotected;
		tally->moved += header->moved;
		tally->gone += header->gone;
		if (header->mismatched)
			FAIL("%s: %llu entries were changed without an event",
			     worker->name, header->mismatched);
	}
	watch_close(&worker->watch);
	for (i = 0; i < worker->count; i++)
		shadow_close(&worker->shadows[i]);
	worker->pid = 0;
}

/* The largest of what it may write to, but for what is larger than that. */
static int largest(pid_t pid, struct mmub_range ranges[SHADOWS])
{
	unsigned long start, end;
	char path[64], line[512];
	int count = 0, i;
	char mode[8];
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	maps = fopen(path, "re");
	while (maps && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx %7s", &start, &end, mode) != 3 ||
		    mode[1] != 'w' || end - start < 2 * PAGE)
			continue;
		if (end - start > PAGES_MAX * PAGE)
			end = start + PAGES_MAX * PAGE;
		/* In order of size; what is smaller than all falls off the end. */
		for (i = count; i > 0 && ranges[i - 1].end - ranges[i - 1].start <
					 end - start; i--)
			if (i < SHADOWS)
				ranges[i] = ranges[i - 1];
		if (i < SHADOWS)
			ranges[i] = (struct mmub_range){ start, end };
		if (count < SHADOWS)
			count++;
	}
	if (maps)
		fclose(maps);
	return count;
}

/* Of one that has ended there is none to be had, and nothing to be read. */
static int pagemap_open(pid_t pid)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? ASSERT_OK(open("/dev/null", O_RDONLY | O_CLOEXEC)) : fd;
}

/* It may end at any time: then there is nothing to be shadowed. */
static void worker_open(struct worker *worker, pid_t pid, const char *name)
{
	struct mmub_range ranges[SHADOWS];
	struct mmub_shadow_add added;
	int count, i, mem, ret;

	memset(worker, 0, sizeof(*worker));
	mem = mmub_mem_open(pid);
	if (mem < 0)
		return;
	worker->watch.fd = device_open();
	ret = mmub_ring_open(worker->watch.fd, 1024, 0, 0, &worker->watch.ring);
	ASSERT_EQ(ret, 0);
	ret = mmub_attach(worker->watch.fd, "stress", mem, 0,
			  &worker->watch.attached);
	close(mem);
	if (ret) {
		ASSERT_EQ(ret, -ESRCH);
		mmub_ring_close(&worker->watch.ring);
		close(worker->watch.fd);
		return;
	}
	worker->pid = pid;
	strcpy(worker->name, name);
	worker->opened_ns = now_ns();
	tally_of(name)->processes++;

	count = largest(pid, ranges);
	for (i = 0; i < count; i++) {
		ret = mmub_shadow_add(worker->watch.fd, MMUB_SHADOW_SNAPSHOT,
				      ranges[i].start, ranges[i].end, 0, &added);
		if (ret == -ESRCH)
			break;
		ASSERT_GE(ret, 0);
		ret = mmub_shadow_map(worker->watch.fd, &added,
				      MMUB_SHADOW_MAP_PFNS,
				      &worker->shadows[i].map);
		ASSERT_EQ(ret, 0);
		worker->shadows[i].fd = worker->watch.fd;
		worker->shadows[i].added = added;
		worker->shadows[i].pagemap = pagemap_open(pid);
		worker->count++;
	}
}

/* Bring up to date; false: it has ended. */
static bool worker_refresh(struct worker *worker)
{
	struct mmub_shadow_refresh result;
	unsigned int i;
	int ret;

	for (i = 0; i < worker->count; i++) {
		struct shadow *shadow = &worker->shadows[i];

		ret = mmub_shadow_refresh(shadow->fd, shadow->added.shadow_id,
					  shadow->map.start, shadow->map.end,
					  MMUB_SHADOW_NOWAIT, &result);
		if (ret == -ESRCH)
			return false;
		if (ret)
			FAIL("mmub_shadow_refresh: %s", strerror(-ret));
		if (result.mismatched)
			FAIL("%s: %llu entries were changed without an event",
			     worker->name, result.mismatched);
		tally_of(worker->name)->refreshes++;
	}
	return true;
}

static void worker_compare(struct worker *worker)
{
	struct tally *tally = tally_of(worker->name);
	unsigned int i;

	for (i = 0; i < worker->count; i++)
		shadow_compare(&worker->shadows[i], &tally->sum);
	if (tally->sum.mismatched)
		FAIL("%s: disagrees with pagemap", worker->name);
}

/* Take up who is there, in place of who has ended or was looked at for long. */
static void look_around(void)
{
	struct dirent *entry;
	struct worker *worker;
	DIR *proc = opendir("/proc");
	char name[32];
	pid_t pid;

	ASSERT_TRUE(proc != NULL);
	while ((entry = readdir(proc))) {
		pid = atoi(entry->d_name);
		if (!pid || !parent_of(pid, name) ||
		    strncmp(name, "stress-ng-", 10) || !descends_from(pid, getpid()))
			continue;
		for (worker = workers; worker < workers + PROCESSES; worker++)
			if (worker->pid == pid)
				break;
		if (worker < workers + PROCESSES)
			continue;
		for (worker = workers; worker < workers + PROCESSES; worker++)
			if (!worker->pid)
				break;
		if (worker < workers + PROCESSES)
			worker_open(worker, pid, name);
	}
	closedir(proc);
}

static void round_of_all(uint64_t again_ns)
{
	struct worker *worker;

	for (worker = workers; worker < workers + PROCESSES; worker++) {
		if (!worker->pid)
			continue;
		worker_hear(worker);
		worker_compare(worker);
		/* What it maps changes: look at its mappings again. */
		if (!worker_refresh(worker) ||
		    now_ns() - worker->opened_ns > again_ns) {
			worker_compare(worker);
			worker_close(worker);
			continue;
		}
		worker_compare(worker);
	}
}

TEST(stress_ng)
{
	const char *given = getenv("MMUB_STRESS_SECONDS");
	unsigned long seconds;
	uint64_t dropped = 0, looked = 0;
	struct compared sum = { 0 };
	struct worker *worker;
	struct tally *tally;
	char timeout[32];
	unsigned int i;
	pid_t stress[3];
	uint64_t end;

	if (!given)
		SKIP("MMUB_STRESS_SECONDS, how long, is not set");
	seconds = strtoul(given, NULL, 10);
	if (system("command -v stress-ng >/dev/null"))
		SKIP("stress-ng is not installed");
	write_file(THP "enabled", "always");
	write_file(THP "khugepaged/scan_sleep_millisecs", "10");
	write_file("/proc/sys/kernel/numa_balancing", "1");

	if (khugepaged)
		ASSERT_OK(setpriority(PRIO_PROCESS, khugepaged, 0));

	snprintf(timeout, sizeof(timeout), "%lu", seconds + 30);
	stress[0] = start_most(timeout);
	stress[1] = start_numa(timeout);
	stress[2] = start_madvise(timeout);
	/* Else those who are looked at leave no time to look. */
	ASSERT_OK(setpriority(PRIO_PROCESS, 0, -10));
	/* Its workers take a moment to have memory. */
	end = now_ns() + (seconds + 5) * SECOND;
	while (now_ns() < end) {
		if (now_ns() - looked > SECOND) {
			look_around();
			looked = now_ns();
		}
		round_of_all(2 * SECOND);
	}
	/* Their workers end with them. */
	for (i = 0; i < ARRAY_SIZE(stress); i++)
		kill(stress[i], SIGTERM);
	for (worker = workers; worker < workers + PROCESSES; worker++) {
		if (!worker->pid)
			continue;
		worker_compare(worker);
		worker_close(worker);
	}
	for (i = 0; i < ARRAY_SIZE(stress); i++)
		test_wait(stress[i]);

	for (tally = tallies; tally->name[0]; tally++) {
		test_note("%-20s %3u shadowed, %lu refreshes: %lu entries compared, %lu changed meanwhile; %lu dropped, of which %lu same, %lu moved, %lu gone",
			  tally->name, tally->processes, tally->refreshes,
			  tally->sum.entries, tally->sum.changed, tally->dropped,
			  tally->same, tally->moved, tally->gone);
		sum.entries += tally->sum.entries;
		sum.changed += tally->sum.changed;
		sum.mismatched += tally->sum.mismatched;
		dropped += tally->dropped;
	}
	test_note("%lu entries compared, %lu changed meanwhile, %lu mismatched",
		  sum.entries, sum.changed, sum.mismatched);
	ASSERT_EQ(sum.mismatched, 0);
	ASSERT_GT(sum.entries, 0);
	ASSERT_GT(dropped, 0);
}

TEST_MAIN()
