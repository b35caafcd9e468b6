// SPDX-License-Identifier: Apache-2.0
/*
 * Following a command as its tracer: through every exec, and to its children
 * where that is asked for.
 *
 * All its threads are traced, for any of them may execute; the others die then,
 * and the one takes over the number of the first. A new thread or process is
 * traced from its start, inherits the options, and stops once before its first
 * instruction. What its parent's stop would say is read off /proc then, so that
 * it does not matter which of the two is heard of first.
 *
 * The tracer waits for its tracees and for nobody else. A wait for __WCLONE
 * leaves out ordinary children, and takes tracees whatever they are;
 * __WNOTHREAD leaves out those of the process's other threads. So other
 * children of the process neither wake it nor are reaped.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "internal.h"

struct task {
	pid_t tid;
	pid_t pid;	/* its thread group */
};

struct mmub_follow {
	pid_t tracer;
	uint32_t flags;
	pid_t told;	/* stopped, and the caller knows; 0 for none */
	int mem_fd;	/* of it */
	struct task *tasks;
	size_t nr_tasks;
	size_t room;
};

static struct task *task_find(struct mmub_follow *follow, pid_t tid)
{
	size_t i;

	for (i = 0; i < follow->nr_tasks; i++)
		if (follow->tasks[i].tid == tid)
			return &follow->tasks[i];
	return NULL;
}

static int task_add(struct mmub_follow *follow, pid_t tid, pid_t pid)
{
	struct task *tasks;
	size_t room;

	if (follow->nr_tasks == follow->room) {
		room = follow->room ? 2 * follow->room : 16;
		tasks = reallocarray(follow->tasks, room, sizeof(*tasks));
		if (!tasks)
			return -ENOMEM;
		follow->tasks = tasks;
		follow->room = room;
	}
	follow->tasks[follow->nr_tasks++] = (struct task){ tid, pid };
	return 0;
}

/* Return: the process that has ended with it, or 0. */
static pid_t task_remove(struct mmub_follow *follow, pid_t tid)
{
	struct task *task = task_find(follow, tid);
	pid_t pid;

	if (!task)
		return 0;
	pid = task->pid == tid ? tid : 0;
	*task = follow->tasks[--follow->nr_tasks];
	return pid;
}

/* A number of /proc/@pid/status; or -errno. */
static int task_status(pid_t pid, const char *format)
{
	char path[64], line[256];
	int value = -ENOENT;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, format, &value) == 1)
			break;
	fclose(file);
	return value;
}

bool follow_traces(pid_t pid)
{
	return task_status(pid, "TracerPid: %d") == gettid();
}

static void task_comm(pid_t pid, char comm[MMUB_COMM_SIZE])
{
	char path[64];
	ssize_t got;
	int fd;

	memset(comm, 0, MMUB_COMM_SIZE);
	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	/* With a newline where the name's NUL would be. */
	got = read(fd, comm, MMUB_COMM_SIZE);
	if (got > 0)
		comm[got - 1] = '\0';
	close(fd);
}

/* False where SIGKILL came first: its end is what is heard of next. */
static bool go_on(int request, pid_t tid, int sig)
{
	return !ptrace(request, tid, NULL, (void *)(long)sig);
}

static void follow_close_mem(struct mmub_follow *follow)
{
	if (follow->mem_fd >= 0)
		close(follow->mem_fd);
	follow->mem_fd = -1;
}

static void follow_close(struct mmub_spawn *spawn)
{
	follow_close_mem(spawn->follow);
	free(spawn->follow->tasks);
	free(spawn->follow);
	spawn->follow = NULL;
}

static int follow_wait(siginfo_t *info)
{
	return waitid(P_ALL, 0, info, WEXITED | __WNOTHREAD | __WCLONE) ?
		-errno : 0;
}

static bool is_stop(const siginfo_t *info)
{
	return info->si_code == CLD_TRAPPED || info->si_code == CLD_STOPPED;
}

/* Somebody has ended; return true if it was a process. */
static bool follow_ended(struct mmub_spawn *spawn, const siginfo_t *info,
			 struct mmub_spawn_event *event)
{
	pid_t pid = task_remove(spawn->follow, info->si_pid);

	if (!pid)
		return false;
	*event = (struct mmub_spawn_event){
		.what = MMUB_SPAWN_EXIT,
		.pid = pid,
		.tid = pid,
		.mem_fd = -1,
		.status = info->si_status,
		.time_ns = clock_ns(),
	};
	if (info->si_code != CLD_EXITED)
		event->status += 128;
	if (pid == spawn->pid)
		spawn->status = event->status;
	return true;
}

static void follow_tell(struct mmub_follow *follow, uint32_t what, pid_t pid,
			struct mmub_spawn_event *event)
{
	follow->told = pid;
	follow->mem_fd = mmub_mem_open(pid);
	*event = (struct mmub_spawn_event){
		.what = what,
		.pid = pid,
		.tid = pid,
		.mem_fd = follow->mem_fd,
		.time_ns = clock_ns(),
	};
	task_comm(pid, event->comm);
}

/* The first stop of a new thread or process: 1 if there is something to tell. */
static int follow_new(struct mmub_follow *follow, pid_t tid, int sig,
		      struct mmub_spawn_event *event)
{
	pid_t pid = task_status(tid, "Tgid: %d");
	int ret = 0;

	/* clone() makes processes too, if they end with another than SIGCHLD. */
	if (pid < 0)
		ret = pid;
	else if (pid != tid || follow->flags & MMUB_FOLLOW_CHILDREN)
		ret = task_add(follow, tid, pid);
	if (!task_find(follow, tid)) {
		go_on(PTRACE_DETACH, tid, 0);
		return ret;
	}
	if (pid != tid) {
		/* It may be born into a process that is stopping. */
		go_on(sig == SIGTRAP ? PTRACE_CONT : PTRACE_LISTEN, tid, 0);
		return 0;
	}
	follow_tell(follow, MMUB_SPAWN_CHILD, pid, event);
	event->parent = task_status(pid, "PPid: %d");
	return 1;
}

/* Return: 1 if there is something to tell, 0 if it runs on, or -errno. */
static int follow_stopped(struct mmub_follow *follow, const siginfo_t *info,
			  struct mmub_spawn_event *event)
{
	int sig = info->si_status & 0x7f, what = info->si_status >> 8;
	pid_t tid = info->si_pid;
	unsigned long former;

	switch (what) {
	case 0:
		/* About to get a signal, or to ignore it. */
		go_on(PTRACE_CONT, tid, sig);
		return 0;
	case PTRACE_EVENT_STOP:
		if (!task_find(follow, tid))
			return follow_new(follow, tid, sig, event);
		/* SIGTRAP: its stop is over. Else it is stopped, as all threads. */
		go_on(sig == SIGTRAP ? PTRACE_CONT : PTRACE_LISTEN, tid, 0);
		return 0;
	case PTRACE_EVENT_EXEC:
		if (ptrace(PTRACE_GETEVENTMSG, tid, NULL, &former))
			return 0;
		if ((pid_t)former != tid)
			task_remove(follow, former);
		follow_tell(follow, MMUB_SPAWN_EXEC, tid, event);
		event->tid = former;
		return 1;
	default:
		/* It made a thread or a process, which stops by itself. */
		go_on(PTRACE_CONT, tid, 0);
		return 0;
	}
}

int mmub_spawn_follow(struct mmub_spawn *spawn, uint32_t flags)
{
	unsigned long options = PTRACE_O_TRACEEXEC | PTRACE_O_TRACECLONE;
	struct mmub_follow *follow;
	int ret;

	if (flags & ~(uint32_t)MMUB_FOLLOW_CHILDREN || spawn->follow)
		return -EINVAL;
	if (flags & MMUB_FOLLOW_CHILDREN)
		options |= PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK;
	follow = calloc(1, sizeof(*follow));
	if (!follow)
		return -ENOMEM;
	follow->tracer = gettid();
	follow->flags = flags;
	follow->told = spawn->pid;
	follow->mem_fd = -1;
	ret = task_add(follow, spawn->pid, spawn->pid);
	if (ret)
		goto fail;

	/* Without PTRACE_O_EXITKILL: who runs already outlives a watcher. */
	if (ptrace(PTRACE_SETOPTIONS, spawn->pid, NULL, (void *)options)) {
		ret = -errno;
		/* Killed meanwhile: mmub_spawn_next() tells. */
		if (ret != -ESRCH || !follow_traces(spawn->pid))
			goto fail;
	}
	follow->mem_fd = spawn->mem_fd;
	spawn->mem_fd = -1;
	spawn->follow = follow;
	return 0;
fail:
	free(follow->tasks);
	free(follow);
	return ret;
}

int mmub_spawn_next(struct mmub_spawn *spawn, struct mmub_spawn_event *event)
{
	struct mmub_follow *follow = spawn->follow;
	siginfo_t info;
	int ret;

	if (!follow)
		return -EINVAL;
	if (follow->tracer != gettid())
		return -ESRCH;
	follow_close_mem(follow);
	if (follow->told)
		go_on(PTRACE_CONT, follow->told, 0);
	follow->told = 0;

	for (;;) {
		ret = follow_wait(&info);
		if (ret)
			return ret;
		if (is_stop(&info)) {
			ret = follow_stopped(follow, &info, event);
			if (ret)
				return ret < 0 ? ret : 0;
		} else if (follow_ended(spawn, &info, event)) {
			return 0;
		}
	}
}

int follow_end(struct mmub_spawn *spawn)
{
	struct mmub_follow *follow = spawn->follow;
	struct mmub_spawn_event ignored;
	siginfo_t info;
	int ret, sig;
	size_t i;

	if (follow->tracer != gettid()) {
		/* A thread that has ended has let go of all. */
		if (!tgkill(getpid(), follow->tracer, 0))
			return -ESRCH;
		follow_close(spawn);
		return 0;
	}
	if (follow->told && go_on(PTRACE_DETACH, follow->told, 0))
		task_remove(follow, follow->told);
	for (i = 0; i < follow->nr_tasks; i++)
		ptrace(PTRACE_INTERRUPT, follow->tasks[i].tid, NULL, NULL);

	/* Whoever is new meanwhile comes to a stop too. */
	while ((ret = follow_wait(&info)) != -ECHILD) {
		if (ret)
			continue;
		if (is_stop(&info)) {
			/* A signal that it was about to get, it gets. */
			sig = info.si_status >> 8 ? 0 : info.si_status;
			if (go_on(PTRACE_DETACH, info.si_pid, sig))
				task_remove(follow, info.si_pid);
		} else {
			follow_ended(spawn, &info, &ignored);
		}
	}
	follow_close(spawn);
	return 0;
}
