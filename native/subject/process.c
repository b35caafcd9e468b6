// SPDX-License-Identifier: Apache-2.0
/* Processes, threads, and commands that carry out other commands. */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "subject.h"
#include "sys.h"

static long now_ns(void)
{
	struct timespec now;

	SYS2(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000L + now.tv_nsec;
}

static const char *rest_of_line(struct call *call)
{
	while (*call->rest == ' ' || *call->rest == '\t')
		call->rest++;
	return call->rest;
}

/* ----------------------------------------------------------------- children */

static struct child *find_child(struct room *room, const char *name)
{
	int i;

	for (i = 0; i < MAX_CHILDREN; i++)
		if (!strcmp(room->children[i].name, name))
			return &room->children[i];
	return NULL;
}

static int parse_child(struct call *call, struct child **child)
{
	char name[NAME_SIZE];
	int ret;

	ret = parse_name(call, "CHILD", name);
	if (ret)
		return ret;
	*child = find_child(call->room, name);
	if (!*child)
		return fail(call, EINVAL, "no child is named '", name, "'",
			    NULL);
	return 0;
}

static int child_main(void *arg)
{
	struct room *room = arg;

	serve(room);
}

/* What a new child starts with. */
static void furnish(struct room *room, const struct room *parent, int fd)
{
	memcpy(room->regions, parent->regions, sizeof(room->regions));
	/* Not its own, but serve() has their descriptors to close. */
	memcpy(room->children, parent->children, sizeof(room->children));
	room->arena_next = parent->arena_next;
	room->input_length = 0;
	room->socket = fd;
}

static int run_fork(struct call *call)
{
	unsigned int number;
	struct child *child;
	char name[NAME_SIZE];
	struct room *room;
	int ret, pid, ends[2];
	long result;

	ret = parse_name(call, "CHILD", name);
	if (!ret)
		ret = parse_end(call);
	if (ret)
		return ret;
	if (find_child(call->room, name))
		return fail(call, EEXIST, "there is a child '", name,
			    "' already: wait for it, or take another name", NULL);
	child = find_child(call->room, "");
	if (!child)
		return fail(call, ENOSPC, "there are 16 children already", NULL);
	number = __atomic_fetch_add(&HOUSE->rooms_used, 1, __ATOMIC_RELAXED);
	if (number >= MAX_PROCESSES) {
		__atomic_fetch_sub(&HOUSE->rooms_used, 1, __ATOMIC_RELAXED);
		return fail(call, ENOSPC, "64 processes have been made already",
			    NULL);
	}
	result = SYS4(SYS_socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
		      ends);
	if (result)
		return fail_call(call, "socketpair", result);

	room = &HOUSE->rooms[number];
	furnish(room, call->room, ends[1]);
	/* On its own stack, lest the two write to copies of one. */
	pid = clone(child_main, room->stack + sizeof(room->stack), SIGCHLD,
		    room);
	SYS1(SYS_close, ends[1]);
	if (pid < 0) {
		SYS1(SYS_close, ends[0]);
		return fail_call(call, "clone", -errno);
	}
	memcpy(child->name, name, sizeof(name));
	child->pid = pid;
	child->fd = ends[0];
	field_text(call->out, "child", name);
	field_number(call->out, "child_pid", pid);
	field_text(call->out, "syscall", "clone");
	return 0;
}

/* Have a child carry out the rest of the line, and pass its reply on. */
static int run_in(struct call *call)
{
	char *relay = call->room->relay;
	struct child *child;
	const char *command;
	size_t length = 0;
	long got;
	int ret;

	ret = parse_child(call, &child);
	if (ret)
		return ret;
	command = rest_of_line(call);
	if (!*command || *command == '#')
		return fail(call, EINVAL, "COMMAND is missing", NULL);
	if (SYS6(SYS_sendto, child->fd, command, strlen(command), MSG_NOSIGNAL,
		 NULL, 0) < 0 ||
	    SYS6(SYS_sendto, child->fd, "\n", 1, MSG_NOSIGNAL, NULL, 0) < 0)
		return fail(call, EPIPE, "child '", child->name, "' has ended",
			    NULL);
	do {
		got = SYS3(SYS_read, child->fd, relay + length,
			   REPLY_SIZE - 1 - length);
		if (got == -EINTR)
			continue;
		if (got <= 0)
			return fail(call, EPIPE, "child '", child->name,
				    "' ended without a reply", NULL);
		length += got;
	} while (relay[length - 1] != '\n' && length < REPLY_SIZE - 1);
	relay[length - 1] = '\0';
	call->out->length = 0;
	out_text(call->out, relay);
	call->replied = true;
	return strstr(relay, "\"ok\":true") ? 0 : -EREMOTEIO;
}

static int run_wait(struct call *call)
{
	struct child *child;
	int ret, status;
	long result;

	ret = parse_child(call, &child);
	if (!ret)
		ret = parse_end(call);
	if (ret)
		return ret;
	/* It ends when its input does, if it has not ended otherwise. */
	SYS2(SYS_shutdown, child->fd, SHUT_WR);
	do {
		result = SYS4(SYS_wait4, child->pid, &status, 0, NULL);
	} while (result == -EINTR);
	if (result < 0)
		return fail_call(call, "wait4", result);
	SYS1(SYS_close, child->fd);
	field_text(call->out, "child", child->name);
	field_number(call->out, "child_pid", child->pid);
	if (WIFSIGNALED(status))
		field_number(call->out, "signal", WTERMSIG(status));
	else
		field_number(call->out, "status", WEXITSTATUS(status));
	memset(child, 0, sizeof(*child));
	return 0;
}

static int run_kill(struct call *call)
{
	struct child *child;
	long sig, result;
	int ret;

	ret = parse_child(call, &child);
	if (!ret)
		ret = parse_number(call, "SIGNAL", 0, 64, &sig);
	if (!ret)
		ret = parse_end(call);
	if (ret)
		return ret;
	result = SYS2(SYS_kill, child->pid, sig);
	if (result)
		return fail_call(call, "kill", result);
	field_text(call->out, "child", child->name);
	field_number(call->out, "signal", sig);
	field_text(call->out, "syscall", "kill");
	return 0;
}

#define EXEC_WORDS	16

static int run_exec(struct call *call)
{
	char words[EXEC_WORDS][WORD_SIZE];
	char *argv[EXEC_WORDS + 1];
	const char *path;
	int argc = 0;
	long result;

	while (argc < EXEC_WORDS && next_word(call, words[argc])) {
		argv[argc] = words[argc];
		argc++;
	}
	if (parse_end(call))
		return fail(call, E2BIG, "exec takes at most 16 words", NULL);
	path = argv[0];
	if (!argc) {
		path = "/proc/self/exe";
		argv[argc++] = (char *)"subject";
	}
	argv[argc] = NULL;
	/* Without an environment. */
	result = SYS3(SYS_execve, path, argv, argv + argc);
	return fail_call(call, "execve", result);
}

static int run_exit(struct call *call)
{
	char word[WORD_SIZE];
	const char *rest = call->rest;
	long status = 0;
	int ret;

	if (next_word(call, word)) {
		call->rest = rest;
		ret = parse_number(call, "STATUS", 0, 255, &status);
		if (!ret)
			ret = parse_end(call);
		if (ret)
			return ret;
	}
	field_number(call->out, "status", status);
	out_text(call->out, "}\n");
	write_all(1, call->out->text, call->out->length);
	SYS1(SYS_exit_group, status);
	__builtin_unreachable();
}

static int run_name(struct call *call)
{
	char name[NAME_SIZE];
	long result;
	int ret;

	ret = parse_name(call, "NAME", name);
	if (!ret)
		ret = parse_end(call);
	if (ret)
		return ret;
	result = SYS2(SYS_prctl, PR_SET_NAME, name);
	if (result)
		return fail_call(call, "prctl", result);
	field_text(call->out, "comm", name);
	return 0;
}

/* ------------------------------------------------------------------ threads */

static int worker_main(void *arg)
{
	struct worker *worker = arg;
	struct out out = {
		.text = worker->reply,
		.size = sizeof(worker->reply),
	};

	worker->failed = !run_command(worker->room, worker->command, &out,
				      worker->depth, worker->crew);
	return 0;
}

static int worker_start(struct call *call, struct worker *worker,
			const char *command, enum crew crew)
{
	const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
			  CLONE_THREAD | CLONE_SYSVSEM | CLONE_PARENT_SETTID |
			  CLONE_CHILD_CLEARTID;

	worker->room = call->room;
	worker->command = command;
	worker->depth = call->depth + 1;
	worker->crew = crew;
	if (clone(worker_main, worker->stack + sizeof(worker->stack), flags,
		  worker, &worker->tid, NULL, &worker->tid) < 0)
		return -errno;
	return 0;
}

static void worker_join(struct worker *worker)
{
	int tid;

	while ((tid = __atomic_load_n(&worker->tid, __ATOMIC_ACQUIRE)))
		SYS4(SYS_futex, &worker->tid, FUTEX_WAIT, tid, NULL);
}

static void put_last(struct call *call, const char *reply)
{
	out_text(call->out, ",\"last\":");
	out_text(call->out, reply);
}

static int run_threads(struct call *call)
{
	struct worker *workers = call->room->workers;
	int ret, started, i, failed = -1;
	const char *command;
	long count, begin;

	ret = parse_number(call, "THREADS", 1, MAX_THREADS, &count);
	if (ret)
		return ret;
	command = rest_of_line(call);
	if (!*command)
		return fail(call, EINVAL, "COMMAND is missing", NULL);
	if (call->crew != MAIN_THREAD)
		return fail(call, EBUSY, "threads cannot start threads", NULL);

	begin = now_ns();
	for (started = 0; started < count; started++) {
		ret = worker_start(call, &workers[started], command,
				   count > 1 ? MANY_THREADS : ONE_THREAD);
		if (ret)
			break;
	}
	for (i = started - 1; i >= 0; i--) {
		worker_join(&workers[i]);
		if (workers[i].failed)
			failed = i;
	}
	if (ret)
		return fail_call(call, "clone", ret);
	if (failed >= 0)
		return fail(call, ECANCELED, "in a thread: ",
			    workers[failed].reply, NULL);
	field_number(call->out, "threads", count);
	field_number(call->out, "elapsed_ns", now_ns() - begin);
	put_last(call, workers[0].reply);
	return 0;
}

/* COMMAND [; COMMAND...], N times. */
static int run_repeat(struct call *call)
{
	long times, done, begin;
	const char *command, *end;
	char line[LINE_LENGTH + 1];
	struct out last;
	size_t length, mark;
	int ret;

	ret = parse_number(call, "TIMES", 1, 1000000000, &times);
	if (ret)
		return ret;
	if (!*rest_of_line(call))
		return fail(call, EINVAL, "COMMAND is missing", NULL);

	/* The last reply is built in place, behind what comes before it. */
	field_number(call->out, "times", times);
	out_text(call->out, ",\"last\":");
	mark = call->out->length;
	begin = now_ns();
	for (done = 0; done < times; done++) {
		for (command = call->rest; *command; command = end) {
			end = strstr(command, " ; ");
			length = end ? (size_t)(end - command) : strlen(command);
			memcpy(line, command, length);
			line[length] = '\0';
			end = command + length + (end ? 3 : 0);

			last.text = call->out->text + mark;
			last.size = call->out->size - mark;
			last.length = 0;
			if (!run_command(call->room, line, &last,
					 call->depth + 1, call->crew))
				goto failed;
		}
	}
	call->out->length = mark + last.length;
	field_number(call->out, "elapsed_ns", now_ns() - begin);
	return 0;
failed:
	memcpy(line, last.text,
	       last.length < LINE_LENGTH ? last.length : LINE_LENGTH);
	line[last.length < LINE_LENGTH ? last.length : LINE_LENGTH] = '\0';
	ret = fail(call, ECANCELED, "a command failed: ", line, NULL);
	field_number(call->out, "done", done);
	return ret;
}

const struct operation process_operations[] = {
	{ "fork", run_fork, true, "fork CHILD" },
	{ "in", run_in, true, "in CHILD COMMAND..." },
	{ "wait", run_wait, true, "wait CHILD" },
	{ "kill", run_kill, true, "kill CHILD SIGNAL" },
	{ "exec", run_exec, true, "exec [PATH [ARGUMENT...]]" },
	{ "exit", run_exit, true, "exit [STATUS]" },
	{ "name", run_name, true, "name NAME" },
	{ "threads", run_threads, false, "threads THREADS COMMAND..." },
	{ "repeat", run_repeat, false, "repeat TIMES COMMAND... [; COMMAND...]" },
	{ NULL }
};
