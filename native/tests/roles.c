// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "roles.h"

/* Not self: the thread that leads the group may have ended. */
#define SELF	"/proc/thread-self/exe"

char *role_argv(char *argv[4], const char *role)
{
	argv[0] = (char *)SELF;
	argv[1] = (char *)"--play";
	argv[2] = (char *)role;
	argv[3] = NULL;
	return argv[0];
}

static void __attribute__((noreturn)) become(const char *role)
{
	char *argv[4];

	execv(role_argv(argv, role), argv);
	_exit(100);
}

static void *exec_here(void *arg)
{
	(void)arg;
	become("exit-5");
}

int status_of(pid_t pid, const char *name)
{
	char path[64], line[256], format[32];
	int value = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	snprintf(format, sizeof(format), "%s: %%d", name);
	file = fopen(path, "re");
	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, format, &value) == 1)
			break;
	fclose(file);
	return value;
}

static int exit_status(pid_t pid, int options)
{
	int status;

	if (waitpid(pid, &status, options) != pid || !WIFEXITED(status))
		_exit(101);
	return WEXITSTATUS(status);
}

static void on_term(int sig)
{
	(void)sig;
	_exit(9);
}

static int cloned(void *arg)
{
	(void)arg;
	_exit(status_of(getpid(), "TracerPid") ? 1 : 0);
}

/* A child of each kind; those that say so exit with 1 if they are traced. */
static int play_children(void)
{
	static char stack[1 << 16];
	char *argv[4];
	pid_t pid;
	int traced;

	pid = fork();
	if (!pid)
		cloned(NULL);
	traced = exit_status(pid, 0);

	pid = vfork();
	if (!pid)
		become("am-i-traced");
	traced += exit_status(pid, 0);

	role_argv(argv, "am-i-traced");
	if (posix_spawn(&pid, SELF, NULL, NULL, argv, environ))
		return 102;
	traced += exit_status(pid, 0);

	pid = clone(cloned, stack + sizeof(stack), 0, NULL);
	traced += exit_status(pid, __WCLONE);
	return traced;
}

/*
 * The parent sees its child stop, sees that it does nothing while it is, and
 * sees it go on.
 */
static int play_stops(void)
{
	static const int signals[] = { SIGSTOP, SIGTSTP, SIGTTIN };
	struct pollfd says = { .events = POLLIN };
	int ends[2], status;
	unsigned int i;
	char byte;
	pid_t pid;

	for (i = 0; i < ARRAY_SIZE(signals); i++) {
		if (pipe(ends))
			return 102;
		pid = fork();
		if (!pid) {
			/* Not in an orphaned group, where stops are ignored. */
			setpgid(0, 0);
			raise(signals[i]);
			_exit(write(ends[1], "", 1) == 1 ? 3 : 4);
		}
		if (waitpid(pid, &status, WUNTRACED) != pid ||
		    !WIFSTOPPED(status) || WSTOPSIG(status) != signals[i])
			return 103;
		says.fd = ends[0];
		if (poll(&says, 1, 50))
			return 104;
		kill(pid, SIGCONT);
		if (read(ends[0], &byte, 1) != 1)
			return 105;
		if (waitpid(pid, &status, WCONTINUED) != pid)
			return 106;
		if (WIFCONTINUED(status) && waitpid(pid, &status, 0) != pid)
			return 107;
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 3)
			return 108;
		close(ends[0]);
		close(ends[1]);
	}
	return 0;
}

static void *nothing(void *arg)
{
	return arg;
}

static void *many_threads(void *rounds)
{
	pthread_t thread;
	int ret;
	long i;

	for (i = 0; i < (long)rounds; i++) {
		ret = pthread_create(&thread, NULL, nothing, NULL);
		/* No clone() while another thread executes. */
		while (ret == EAGAIN)
			pause();
		if (ret || pthread_join(thread, NULL))
			_exit(102);
	}
	return NULL;
}

static int play_threads(void)
{
	pthread_t threads[8];
	int i;

	for (i = 0; i < 8; i++)
		if (pthread_create(&threads[i], NULL, many_threads,
				   (void *)(long)scaled(50)))
			return 102;
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	/* The other half may still be at it. */
	become("exit-5");
}

/* The grandchild stays when the command and its child are gone. */
static int play_daemon(void)
{
	pid_t pid = fork();

	if (!pid) {
		if (!fork())
			for (;;)
				pause();
		_exit(0);
	}
	exit_status(pid, 0);
	return 6;
}

/* Children that wait, one that is stopped, and threads that come and go. */
static int play_crowd(void)
{
	pthread_t threads[2];
	int i, status;
	pid_t pid;

	for (i = 0; i < 3; i++)
		if (!fork())
			for (;;)
				pause();
	pid = fork();
	if (!pid) {
		raise(SIGSTOP);
		for (;;)
			pause();
	}
	if (waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status))
		return 102;
	for (i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, many_threads, (void *)LONG_MAX);
	if (!fork())
		become("exit-5");
	for (;;)
		pause();
}

static int play(const char *role)
{
	pthread_t thread;
	pid_t pid;

	if (!strcmp(role, "exit-5"))
		return 5;
	if (!strcmp(role, "am-i-traced"))
		cloned(NULL);
	if (!strcmp(role, "pause"))
		for (;;)
			pause();
	if (!strcmp(role, "exec-in-a-thread") ||
	    !strcmp(role, "exec-without-leader")) {
		if (pthread_create(&thread, NULL, exec_here, NULL))
			return 102;
		if (!strcmp(role, "exec-without-leader"))
			pthread_exit(NULL);
		for (;;)
			pause();
	}
	if (!strcmp(role, "handler")) {
		signal(SIGTERM, on_term);
		raise(SIGTERM);
		return 102;
	}
	if (!strcmp(role, "ignores-sigchld")) {
		signal(SIGCHLD, SIG_IGN);
		pid = fork();
		if (!pid)
			_exit(4);
		return waitpid(pid, NULL, 0) < 0 && errno == ECHILD ? 0 : 102;
	}
	if (!strcmp(role, "children"))
		return play_children();
	if (!strcmp(role, "stops"))
		return play_stops();
	if (!strcmp(role, "threads"))
		return play_threads();
	if (!strcmp(role, "daemon"))
		return play_daemon();
	if (!strcmp(role, "crowd"))
		return play_crowd();
	return 99;
}

int role_main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "--play"))
		return play(argv[2]);
	return test_main(argc, argv);
}
