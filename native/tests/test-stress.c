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
#include <sys/resource.h>
#include <unistd.h>

#include "shadows.h"

#define SECOND	UINT64_C(1000000000)
#define THP	"/sys/kernel/mm/transparent_hugepage/"

/* Of each process, and of each of its shadows. */
enum { PROCESSES = 24, SHADOWS = 6, PAGES_MAX = 16384 };

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

static pid_t start_stress(unsigned long seconds)
{
	char timeout[32];
	pid_t pid;

	snprintf(timeout, sizeof(timeout), "%lu", seconds);
	pid = test_fork();
	if (pid)
		return pid;
	ASSERT_OK(dup2(STDERR_FILENO, STDOUT_FILENO));
	execlp("stress-ng", "stress-ng", "--quiet", "--temp-path", "/tmp",
	       "--oomable", "--timeout", timeout,
	       "--vm", "1", "--vm-bytes", "24m", "--mmap", "1", "--mmap-bytes",
	       "24m", "--fork", "1", "--madvise", "1", "--numa", "1",
	       "--mremap", "1", "--mremap-bytes", "8m", "--userfaultfd", "1",
	       "--userfaultfd-bytes", "8m", NULL);
	FAIL("stress-ng: %m");
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
	ret = mmub_attach(worker->watch.fd, "stress", mem, 0,
			  &worker->watch.attached);
	close(mem);
	if (ret) {
		ASSERT_EQ(ret, -ESRCH);
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
static void look_around(pid_t stress)
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
		    strncmp(name, "stress-ng-", 10) || !descends_from(pid, stress))
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
	uint64_t end;
	pid_t pid;

	if (!given)
		SKIP("MMUB_STRESS_SECONDS, how long, is not set");
	seconds = strtoul(given, NULL, 10);
	if (system("command -v stress-ng >/dev/null"))
		SKIP("stress-ng is not installed");
	write_file(THP "enabled", "always");
	write_file(THP "khugepaged/scan_sleep_millisecs", "10");
	write_file("/proc/sys/kernel/numa_balancing", "1");

	pid = start_stress(seconds + 30);
	/* Else those who are looked at leave no time to look. */
	ASSERT_OK(setpriority(PRIO_PROCESS, 0, -10));
	/* Its workers take a moment to have memory. */
	end = now_ns() + (seconds + 5) * SECOND;
	while (now_ns() < end) {
		if (now_ns() - looked > SECOND) {
			look_around(pid);
			looked = now_ns();
		}
		round_of_all(2 * SECOND);
	}
	/* Its workers end with it. */
	kill(pid, SIGTERM);
	for (worker = workers; worker < workers + PROCESSES; worker++) {
		if (!worker->pid)
			continue;
		worker_compare(worker);
		worker_close(worker);
	}
	test_wait(pid);

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
