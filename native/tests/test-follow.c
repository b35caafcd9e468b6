// SPDX-License-Identifier: Apache-2.0
/*
 * Commands from their first instruction to their exit: each mm that one has has
 * its whole stream, from the first event to the release, without a gap.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "roles.h"
#include "watch.h"

/* Read a stream that begins with the mm, to its end; how many records it has. */
static uint64_t whole_stream(struct watch *w, pid_t pid)
{
	struct mmub_record record;
	uint64_t n = 0;

	do {
		watch_wait(w, &record);
		ASSERT_EQ(record.n, ++n);
		ASSERT_EQ(record.seq, n);
		if (pid && record.entry != MMUB_ENTRY_KTHREAD)
			ASSERT_EQ(record.pid, pid);
	} while (record.phase == MMUB_PHASE_START);
	ASSERT_EQ(record.phase, MMUB_PHASE_RELEASE);
	watch_close(w);
	return n;
}

/* Nothing has happened to it yet. */
static void watch_new(struct watch *w, int mem_fd)
{
	watch_open_fd(w, "command", mem_fd, 4096);
	ASSERT_EQ(w->ring.header->seq, 0);
}

TEST(command_from_start_to_end)
{
	char *argv[] = { (char *)"sh", (char *)"-c", (char *)"exit 4", NULL };
	struct mmub_spawn spawn;
	struct watch w;
	pid_t pid;

	ASSERT_EQ(mmub_spawn_stopped(argv, NULL, 0, &spawn), 0);
	pid = spawn.pid;
	watch_new(&w, spawn.mem_fd);
	ASSERT_EQ(mmub_spawn_resume(&spawn), 0);
	ASSERT_EQ(mmub_spawn_wait(&spawn), 4);
	/* The dynamic linker alone protects and unmaps. */
	ASSERT_GT(whole_stream(&w, pid), 3);
}

/*
 * At each exec the old mm's stream is whole before the new one's begins; how
 * many mms there were.
 */
static int streams_of(char *const argv[], int status)
{
	struct mmub_spawn_event event;
	struct mmub_spawn spawn;
	struct watch w;
	int mms = 1;

	ASSERT_EQ(mmub_spawn_stopped(argv, NULL, 0, &spawn), 0);
	watch_new(&w, spawn.mem_fd);
	ASSERT_EQ(mmub_spawn_follow(&spawn, 0), 0);
	for (;;) {
		ASSERT_EQ(mmub_spawn_next(&spawn, &event), 0);
		ASSERT_EQ(w.ring.header->state, MMUB_RING_RELEASED);
		ASSERT_GT(whole_stream(&w, 0), 3);
		if (event.what != MMUB_SPAWN_EXEC)
			break;
		watch_new(&w, event.mem_fd);
		mms++;
	}
	ASSERT_EQ(event.what, MMUB_SPAWN_EXIT);
	ASSERT_EQ(mmub_spawn_next(&spawn, &event), -ECHILD);
	ASSERT_EQ(mmub_spawn_wait(&spawn), status);
	return mms;
}

TEST(command_through_execs)
{
	char *argv[] = { (char *)"sh", (char *)"-c",
			 (char *)"exec nice env nice sh -c 'exit 4'", NULL };

	ASSERT_EQ(streams_of(argv, 4), 5);
}

TEST(command_through_an_exec_by_a_thread)
{
	char *argv[4];

	role_argv(argv, "exec-in-a-thread");
	ASSERT_EQ(streams_of(argv, 5), 2);
	role_argv(argv, "exec-without-leader");
	ASSERT_EQ(streams_of(argv, 5), 2);
}

struct process {
	pid_t pid;
	bool watched;
	struct watch w;
};

static struct process *process_of(struct process *processes, pid_t pid)
{
	while (processes->pid != pid)
		processes++;
	return processes;
}

/*
 * Children that fork() or clone() made have an mm of their own from the start,
 * those of vfork() and posix_spawn() their parent's until they execute.
 */
TEST(command_and_its_children)
{
	struct process processes[6] = { { 0 } }, *process;
	int children = 0, shared = 0, streams = 0;
	struct mmub_spawn_event event;
	struct mmub_spawn spawn;
	uint64_t space_id;
	char *argv[4];

	role_argv(argv, "children");
	ASSERT_EQ(mmub_spawn_stopped(argv, NULL, 0, &spawn), 0);
	processes[0].pid = spawn.pid;
	processes[0].watched = true;
	watch_new(&processes[0].w, spawn.mem_fd);
	space_id = processes[0].w.attached.space_id;
	ASSERT_EQ(mmub_spawn_follow(&spawn, MMUB_FOLLOW_CHILDREN), 0);
	while (!mmub_spawn_next(&spawn, &event)) {
		if (event.what == MMUB_SPAWN_CHILD) {
			process = &processes[++children];
			process->pid = event.pid;
		} else {
			process = process_of(processes, event.pid);
		}
		if (event.what != MMUB_SPAWN_CHILD && process->watched) {
			ASSERT_GT(whole_stream(&process->w, 0), 0);
			process->watched = false;
			streams++;
		}
		if (event.what == MMUB_SPAWN_EXIT)
			continue;
		watch_open_fd(&process->w, "command", event.mem_fd, 4096);
		process->watched = process->w.attached.space_id != space_id;
		if (process->watched) {
			ASSERT_EQ(process->w.ring.header->seq, 0);
		} else {
			ASSERT_EQ(event.what, MMUB_SPAWN_CHILD);
			shared++;
			watch_close(&process->w);
		}
	}
	ASSERT_EQ(children, 4);
	ASSERT_EQ(shared, 2);
	ASSERT_EQ(streams, 5);
	ASSERT_EQ(mmub_spawn_wait(&spawn), 4);
}

int main(int argc, char **argv)
{
	return role_main(argc, argv);
}
