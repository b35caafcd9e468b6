// SPDX-License-Identifier: Apache-2.0
/*
 * An independent count: a kprobe on the function from which the kernel calls
 * every invalidate_range_start, counted by mm, against what the subscription
 * says: received + lost, equal.
 *
 * Once an mm has been subscribed to, the function runs for it until it dies,
 * also after its release, when nobody is called any more; so all is counted
 * while the process lives, stopped.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scene.h"

#define TRACING		"/sys/kernel/tracing/"
#define INSTANCE	TRACING "instances/mmub_count/"
#define PROBE		INSTANCE "events/mmub_count/start/"
#define FUNCTION	"__mmu_notifier_invalidate_range_start"

#define WORDS		4	/* of struct mmu_notifier_range that are fetched */

/* The probe, and where the mm is in what it fetches. */
struct probe {
	int mm_word;
	uint64_t mm;
};

static void remove_probe(void)
{
	write_file(PROBE "enable", "0");
	rmdir(TRACING "instances/mmub_count");
	write_file(TRACING "kprobe_events", "-:mmub_count/start");
}

/* In the process of the tests: gone with it, whatever becomes of a test. */
static void __attribute__((constructor)) remove_probe_at_exit(void)
{
	if (!access(MMUB_DEVICE, F_OK))
		atexit(remove_probe);
}

static void need(const char *path, const char *text)
{
	int ret = write_file(path, text);

	if (ret)
		SKIP("%s: %s", path, strerror(-ret));
}

static void probe_open(struct probe *probe)
{
	memset(probe, 0, sizeof(*probe));
	if (access(TRACING "kprobe_events", F_OK))
		mount("tracefs", TRACING, "tracefs", 0, NULL);
	if (access(TRACING "kprobe_events", F_OK))
		SKIP("this kernel has no kprobe events");
	remove_probe();
	need(TRACING "kprobe_events",
	     "p:mmub_count/start " FUNCTION " w0=+0($arg1):u64 w1=+8($arg1):u64 "
	     "w2=+16($arg1):u64 w3=+24($arg1):u64");
	if (mkdir(TRACING "instances/mmub_count", 0700))
		SKIP("no instance of the tracer: %m");
	need(INSTANCE "buffer_size_kb", "16384");
	need(PROBE "enable", "1");
}

/* The words of the next call that was traced; false if there is none. */
static bool next_call(FILE *trace, uint64_t words[WORDS])
{
	char line[512];
	const char *at;

	while (fgets(line, sizeof(line), trace)) {
		at = strstr(line, " w0=");
		if (!at)
			continue;
		ASSERT_EQ(sscanf(at, " w0=%lu w1=%lu w2=%lu w3=%lu", &words[0],
				 &words[1], &words[2], &words[3]), WORDS);
		return true;
	}
	return false;
}

/*
 * Learn from a range that the subscription saw where the kernel keeps its mm:
 * in the word before start, on every kernel known.
 */
static void probe_learn(struct probe *probe, const struct mmub_record *record)
{
	FILE *trace = fopen(INSTANCE "trace", "re");
	uint64_t words[WORDS];
	int i;

	ASSERT_TRUE(trace);
	while (!probe->mm && next_call(trace, words)) {
		for (i = 1; i + 1 < WORDS; i++) {
			if (words[i] != record->start ||
			    words[i + 1] != record->end)
				continue;
			probe->mm_word = i - 1;
			probe->mm = words[i - 1];
		}
	}
	fclose(trace);
	/* It looks like a pointer into the kernel. */
	ASSERT_EQ(probe->mm >> 47, 0x1ffff);
}

/* How often the function ran for the mm. */
static uint64_t probe_count(const struct probe *probe)
{
	FILE *trace = fopen(INSTANCE "trace", "re");
	uint64_t words[WORDS], count = 0;

	ASSERT_TRUE(trace);
	while (next_call(trace, words))
		count += words[probe->mm_word] == probe->mm;
	fclose(trace);
	return count;
}

static uint64_t buffer_lost(int cpu, bool *found)
{
	char path[128], line[128];
	uint64_t value, lost = 0;
	FILE *stats;

	snprintf(path, sizeof(path), INSTANCE "per_cpu/cpu%d/stats", cpu);
	stats = fopen(path, "re");
	*found = stats;
	if (!stats)
		return 0;
	while (fgets(line, sizeof(line), stats))
		if (sscanf(line, "overrun: %lu", &value) == 1 ||
		    sscanf(line, "commit overrun: %lu", &value) == 1 ||
		    sscanf(line, "dropped events: %lu", &value) == 1)
			lost += value;
	fclose(stats);
	return lost;
}

/* The probe has missed no call, and the tracer has lost none. */
static void probe_check(void)
{
	FILE *file = fopen(TRACING "kprobe_profile", "re");
	unsigned long hits, missed = 1;
	bool found = true;
	char name[64];
	int cpu;

	ASSERT_TRUE(file);
	while (fscanf(file, "%63s %lu %lu", name, &hits, &missed) == 3)
		if (!strcmp(name, "start"))
			break;
	fclose(file);
	ASSERT_EQ(missed, 0);
	for (cpu = 0; found; cpu++)
		ASSERT_EQ(buffer_lost(cpu, &found), 0);
	ASSERT_GT(cpu, 1);
}

/*
 * Read the ring to its end: @received and @lost grow; the first record is left
 * in @first.
 */
static void drain(struct watch *w, uint64_t *received, uint64_t *lost,
		  struct mmub_record *first)
{
	struct mmub_record record;

	while (watch_next(w, &record)) {
		if (record.phase == MMUB_PHASE_LOST) {
			*lost += record.lost_to - record.lost_from + 1;
		} else {
			ASSERT_EQ(record.phase, MMUB_PHASE_START);
			if (!*received)
				*first = record;
			++*received;
		}
	}
}

/*
 * Both say the same of a process at rest, of which the kernel may still take a
 * page away: so the ring is read once more, in between.
 */
static void compare(const struct probe *probe, struct watch *w,
		    uint64_t received, uint64_t lost)
{
	struct mmub_stats before, after;
	struct mmub_record first;
	uint64_t hits;

	do {
		watch_stats(w->fd, &before);
		drain(w, &received, &lost, &first);
		hits = probe_count(probe);
		watch_stats(w->fd, &after);
		ASSERT_LE(now_ns(), test_deadline());
	} while (before.space_seq != after.space_seq);
	/* What is lost at the end is announced by the header alone. */
	lost += after.sub_lost - lost;
	test_note("kprobe %lu == %lu received + %lu lost", hits, received, lost);
	ASSERT_EQ(after.space_invalidations, hits);
	ASSERT_EQ(after.sub_n, hits);
	ASSERT_EQ(received + lost, hits);
	probe_check();
}

static void watch_all(struct scene *s, const char *subsystem, uint32_t records)
{
	memset(s, 0, sizeof(*s));
	subject_start(&s->subject);
	watch_open(&s->watch, subsystem, s->subject.pid, records);
}

/* A batch of the subject's operations, its own bookkeeping included. */
static void operate(struct scene *s)
{
	map(s, "a anon 64");
	map(s, "b anon 16");
	map(s, "m memfd 16");
	say(s, "touch a");
	say(s, "touch b");
	say(s, "touch m");
	say(s, "protect a r 1 5");
	say(s, "protect a rw 2 2");
	say(s, "advise a DONTNEED 10 10");
	say(s, "advise a FREE 20 10");
	say(s, "advise a COLD");
	say(s, "unmap a 30 4");
	say(s, "remap b 16 to m+100");
	say(s, "remap b 8");
	say(s, "fork kid");
	say(s, "touch a write 0 1");
	say(s, "touch b");
	say(s, "in kid advise m REMOVE 2 2");
	say(s, "punch m 4 4");
	say(s, "truncate m 2");
	say(s, "clearrefs 4");
	say(s, "clearrefs 1");
	say(s, "threads 3 repeat 20 advise b DONTNEED");
	say(s, "in kid exit");
	say(s, "wait kid");
	say(s, "unmap a");
	say(s, "unmap m");
}

TEST(subject)
{
	uint64_t received = 0, lost = 0;
	struct mmub_record first;
	struct probe probe;
	struct scene s;

	probe_open(&probe);
	watch_all(&s, "count", 4096);
	operate(&s);
	drain(&s.watch, &received, &lost, &first);
	probe_learn(&probe, &first);
	ASSERT_GT(received, 80);
	ASSERT_EQ(lost, 0);
	compare(&probe, &s.watch, received, lost);
	scene_close(&s);
}

/* The same with a ring that is far too small. */
TEST(subject_with_losses)
{
	uint64_t received = 0, lost = 0;
	struct mmub_record first;
	struct probe probe;
	struct scene s;
	int i;

	probe_open(&probe);
	watch_all(&s, "count", 8);
	for (i = 0; i < 5; i++) {
		operate(&s);
		drain(&s.watch, &received, &lost, &first);
		say(&s, "unmap b");
	}
	probe_learn(&probe, &first);
	drain(&s.watch, &received, &lost, &first);
	ASSERT_GT(lost, 200);
	compare(&probe, &s.watch, received, lost);
	scene_close(&s);
}

/* A filter is none of the kernel's business: seq counts all, n what matches. */
TEST(subject_with_a_filter)
{
	struct mmub_stats stats;
	struct watch other;
	struct probe probe;
	struct scene s;
	struct mmub_record first;
	uint64_t received = 0, lost = 0;

	probe_open(&probe);
	watch_all(&s, "count", 4096);
	watch_open(&other, "other", s.subject.pid, 64);
	ASSERT_EQ(mmub_filter_set(other.fd, 1 << MMUB_TYPE_UNMAP, NULL, 0), 0);
	operate(&s);
	drain(&s.watch, &received, &lost, &first);
	probe_learn(&probe, &first);
	watch_stats(other.fd, &stats);
	ASSERT_EQ(stats.space_seq, probe_count(&probe));
	ASSERT_GT(stats.sub_n, 0);
	ASSERT_LE(stats.sub_n, received / 2);
	compare(&probe, &s.watch, received, lost);
	watch_close(&other);
	scene_close(&s);
}

/* --------------------------------------------------------------------- a JVM */

static const char java_source[] =
	"import java.nio.*;\n"
	"public class Load {\n"
	"  static volatile Object sink;\n"
	"  public static void main(String[] a) throws Exception {\n"
	"    for (int t = 0; t < 3; t++) {\n"
	"      Thread thread = new Thread(() -> {\n"
	"        for (int i = 0; ; i++) {\n"
	"          sink = new byte[1 << (i % 20)];\n"
	"          if (i % 50 == 0) sink = ByteBuffer.allocateDirect(1 << 20);\n"
	"        }\n"
	"      });\n"
	"      thread.setDaemon(true);\n"
	"      thread.start();\n"
	"    }\n"
	"    for (int i = 0; ; i++) {\n"
	"      Thread thread = new Thread(() -> sink = new int[1000]);\n"
	"      thread.start();\n"
	"      thread.join();\n"
	"      if (i % 100 == 0) System.gc();\n"
	"    }\n"
	"  }\n"
	"}\n";

/* Whether all threads of a process are stopped. */
static bool all_stopped(pid_t pid)
{
	char command[128];

	snprintf(command, sizeof(command),
		 "! grep -h ^State: /proc/%d/task/*/status | grep -qv T", pid);
	return !system(command);
}

/*
 * Two subscriptions of one subsystem, thus one call each time: one with a ring
 * that is large enough, and one whose ring is far too small.
 */
TEST(jvm_under_load)
{
	char dir[] = "/tmp/mmub-count-XXXXXX", file[64];
	char *java = getenv("JAVA");
	/* One compiler: emulation may not survive the other's patching of code. */
	char *argv[] = { java, (char *)"-Xmx64m",
			 (char *)"-XX:TieredStopAtLevel=1", file, NULL };
	struct { uint64_t received, lost; } large = { 0 }, small = { 0 };
	struct watch w_large, w_small;
	struct mmub_record first;
	struct mmub_spawn spawn;
	struct probe probe;
	int fd;

	if (!java)
		SKIP("JAVA, the path of a JVM, is not set");
	ASSERT_TRUE(mkdtemp(dir));
	snprintf(file, sizeof(file), "%s/Load.java", dir);
	fd = ASSERT_OK(open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	ASSERT_EQ(write(fd, java_source, sizeof(java_source) - 1),
		  (ssize_t)sizeof(java_source) - 1);
	close(fd);

	probe_open(&probe);
	fd = mmub_spawn_stopped(argv, NULL, 0, &spawn);
	if (fd)
		FAIL("%s: %s", java, strerror(-fd));
	watch_open_fd(&w_large, "jvm", spawn.mem_fd, 65536);
	watch_open_fd(&w_small, "jvm", spawn.mem_fd, 8);
	ASSERT_EQ(w_small.attached.users, 2);
	ASSERT_EQ(mmub_spawn_resume(&spawn), 0);
	/* Until it has long compiled its program, and done so much. */
	while (w_large.ring.header->n < scaled(15000)) {
		ASSERT_GE(mmub_ring_wait(w_large.fd, &w_large.ring, 1000000000),
			  0);
		drain(&w_large, &large.received, &large.lost, &first);
		drain(&w_small, &small.received, &small.lost,
		      &(struct mmub_record){});
		ASSERT_LE(now_ns(), test_deadline());
	}
	ASSERT_OK(kill(spawn.pid, SIGSTOP));
	ASSERT_SOON(all_stopped(spawn.pid));
	drain(&w_large, &large.received, &large.lost, &first);
	drain(&w_small, &small.received, &small.lost, &(struct mmub_record){});
	probe_learn(&probe, &first);
	ASSERT_EQ(large.lost, 0);
	compare(&probe, &w_large, large.received, large.lost);
	compare(&probe, &w_small, small.received, small.lost);

	ASSERT_OK(kill(spawn.pid, SIGKILL));
	ASSERT_EQ(mmub_spawn_wait(&spawn), 128 + SIGKILL);
	watch_close(&w_large);
	watch_close(&w_small);
	unlink(file);
	rmdir(dir);
}

TEST_MAIN()
