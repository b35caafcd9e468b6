// SPDX-License-Identifier: Apache-2.0
/*
 * A command started under watch: stopped at its exec, where its mm is new and
 * none of its instructions has run, so that nothing comes before the attach.
 *
 * The caller may be a JVM with many threads. Whatever allocates is done before
 * the fork; the child makes system calls only, waits until it is traced, and
 * executes. Its parent seizes it and waits for the exec:
 *
 *	parent				child
 *	block signals, fork		signals still blocked
 *	PTRACE_SEIZE			read(go)
 *	write(go)
 *	waitpid				default dispositions, empty mask
 *					execve
 *	PTRACE_EVENT_EXEC	<-	stopped
 *	or its exit, errno in a pipe
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "internal.h"

#define EXEC_STOP	(SIGTRAP | PTRACE_EVENT_EXEC << 8)

/* All that the child needs, made before the fork. */
struct plan {
	char *const *argv;
	char *const *envp;
	char **shell_argv;	/* for a script without an interpreter line */
	char *paths;		/* strings to try in turn, ended by an empty one */
	uint32_t flags;		/* enum mmub_spawn_flag */
	int go[2];		/* the parent writes when it traces */
	int error[2];		/* errno of the exec */
};

static void close_pipe(int ends[2])
{
	int i;

	for (i = 0; i < 2; i++) {
		if (ends[i] >= 0)
			close(ends[i]);
		ends[i] = -1;
	}
}

static void plan_free(struct plan *plan)
{
	close_pipe(plan->go);
	close_pipe(plan->error);
	free(plan->shell_argv);
	free(plan->paths);
}

/* The files that execvp() would try, in its order. */
static int plan_paths(struct plan *plan, const char *file)
{
	const char *path, *dir, *end;
	size_t length = strlen(file);
	char *out;

	if (!length)
		return -ENOENT;
	path = strchr(file, '/') ? NULL : getenv("PATH");
	if (!path && !strchr(file, '/'))
		path = "/bin:/usr/bin";
	if (!path) {
		plan->paths = calloc(1, length + 2);
		if (!plan->paths)
			return -ENOMEM;
		memcpy(plan->paths, file, length);
		return 0;
	}

	/* Each directory of PATH comes with "/" and @file, at most "./" and it. */
	out = calloc(strlen(path) + 1, length + 4);
	if (!out)
		return -ENOMEM;
	plan->paths = out;
	for (dir = path;; dir = end + 1) {
		end = strchrnul(dir, ':');
		if (end == dir)
			*out++ = '.';
		out = mempcpy(out, dir, end - dir);
		*out++ = '/';
		out = mempcpy(out, file, length);
		out++;
		if (!*end)
			return 0;
	}
}

static int plan_make(struct plan *plan, char *const argv[], char *const envp[],
		     uint32_t flags)
{
	size_t argc = 0;
	int ret;

	*plan = (struct plan){
		.argv = argv,
		.envp = envp ? envp : environ,
		.flags = flags,
		.go = { -1, -1 },
		.error = { -1, -1 },
	};
	if (!argv || !argv[0] || flags & ~MMUB_SPAWN_STDIO)
		return -EINVAL;
	while (argv[argc])
		argc++;
	ret = plan_paths(plan, argv[0]);
	if (ret)
		goto fail;
	/* /bin/sh, the file, the arguments after argv[0], NULL. */
	plan->shell_argv = calloc(argc + 2, sizeof(char *));
	if (!plan->shell_argv) {
		ret = -ENOMEM;
		goto fail;
	}
	plan->shell_argv[0] = (char *)"/bin/sh";
	memcpy(plan->shell_argv + 2, argv + 1, argc * sizeof(char *));
	if (pipe2(plan->go, O_CLOEXEC) ||
	    pipe2(plan->error, O_CLOEXEC | O_NONBLOCK)) {
		ret = -errno;
		goto fail;
	}
	return 0;
fail:
	plan_free(plan);
	return ret;
}

/* execve() the first of the paths that can be, as execvp(); return errno. */
static int child_exec(const struct plan *plan)
{
	bool denied = false;
	const char *path;
	int error = ENOENT;

	for (path = plan->paths; *path; path += strlen(path) + 1) {
		execve(path, plan->argv, plan->envp);
		error = errno;
		if (error == ENOEXEC) {
			plan->shell_argv[1] = (char *)path;
			execve(plan->shell_argv[0], plan->shell_argv,
			       plan->envp);
			return errno;
		}
		if (error == EACCES)
			denied = true;
		else if (error != ENOENT && error != ENOTDIR &&
			 error != ENODEV && error != ESTALE &&
			 error != ETIMEDOUT)
			return error;
	}
	return denied ? EACCES : error;
}

/*
 * Signals that the caller handles get their default action, and only then are
 * let in, so that none of its handlers runs here. What it ignores stays
 * ignored, as nohup(1) wants it.
 */
static void child_signals(void)
{
	struct sigaction action;
	sigset_t none;
	int sig;

	for (sig = 1; sig < NSIG; sig++) {
		if (sigaction(sig, NULL, &action) ||
		    action.sa_handler == SIG_IGN ||
		    action.sa_handler == SIG_DFL)
			continue;
		memset(&action, 0, sizeof(action));
		action.sa_handler = SIG_DFL;
		sigaction(sig, &action, NULL);
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/*
 * Close 3 and all above at the exec; EIO if that cannot be, which execve() does not
 * say of a command that is not there. Where close_range() is refused, as by the
 * seccomp profile of an older container engine, the open ones are read from /proc,
 * without opendir(), which allocates.
 */
static int child_descriptors(void)
{
	char entries[2048] __attribute__((aligned(8)));
	const struct dirent64 *entry;
	long size, at;
	int dir, fd;

	if (!syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC))
		return 0;
	dir = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return EIO;
	while ((size = syscall(SYS_getdents64, dir, entries,
			       sizeof(entries))) > 0) {
		for (at = 0; at < size; at += entry->d_reclen) {
			entry = (const struct dirent64 *)(entries + at);
			/* 0 of "." and "..", too. */
			fd = atoi(entry->d_name);
			if (fd > 2)
				fcntl(fd, F_SETFD, FD_CLOEXEC);
		}
	}
	close(dir);
	return size < 0 ? EIO : 0;
}

static void __attribute__((noreturn)) child_run(const struct plan *plan)
{
	ssize_t got;
	char byte;
	int error;

	close(plan->go[1]);
	got = read(plan->go[0], &byte, 1);
	if (got == 1) {
		child_signals();
		error = plan->flags & MMUB_SPAWN_STDIO ? child_descriptors() : 0;
		if (!error)
			error = child_exec(plan);
		got = write(plan->error[1], &error, sizeof(error));
	}
	_exit(got < 0 ? 126 : 127);
}

static int wait_retry(pid_t pid, int *status, int options)
{
	pid_t ret;

	do {
		ret = waitpid(pid, status, options);
	} while (ret < 0 && errno == EINTR);
	return ret < 0 ? -errno : 0;
}

/* Wait until it is dead, whatever stops come before. */
static int wait_exit(pid_t pid, int *status)
{
	int ret;

	do {
		ret = wait_retry(pid, status, __WALL);
	} while (!ret && !WIFEXITED(*status) && !WIFSIGNALED(*status));
	return ret;
}

/*
 * Run the traced child to its exec. A stop signal that comes before it is
 * obeyed, any other delivered, as if nobody traced. Return: 0 stopped at its
 * exec, 1 it ended before and has been reaped, or -errno.
 */
static int trace_to_exec(pid_t pid)
{
	int ret, status, sig;

	for (;;) {
		ret = wait_retry(pid, &status, __WALL);
		/* Where SIGCHLD is ignored the kernel reaps it. */
		if (ret == -ECHILD || (!ret && !WIFSTOPPED(status)))
			return 1;
		if (ret)
			return ret;
		if (status >> 8 == EXEC_STOP)
			return 0;
		sig = WSTOPSIG(status);
		if (status >> 16 != PTRACE_EVENT_STOP)
			ptrace(PTRACE_CONT, pid, NULL, (void *)(long)sig);
		else if (sig == SIGTRAP)
			ptrace(PTRACE_CONT, pid, NULL, NULL);
		else
			ptrace(PTRACE_LISTEN, pid, NULL, NULL);
	}
}

static void spawn_init(struct mmub_spawn *spawn)
{
	*spawn = (struct mmub_spawn){
		.pid = -1,
		.pidfd = -1,
		.mem_fd = -1,
		.status = -1,
	};
}

static void spawn_close(struct mmub_spawn *spawn)
{
	if (spawn->pidfd >= 0)
		close(spawn->pidfd);
	if (spawn->mem_fd >= 0)
		close(spawn->mem_fd);
	spawn->pidfd = -1;
	spawn->mem_fd = -1;
}

/* Fork the child, which waits for the word to go. */
static int spawn_fork(struct mmub_spawn *spawn, const struct plan *plan)
{
	sigset_t all, old;
	int ret;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	spawn->pid = fork();
	if (!spawn->pid)
		child_run(plan);
	ret = spawn->pid < 0 ? -errno : 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (ret)
		return ret;
	spawn->pidfd = syscall(SYS_pidfd_open, spawn->pid, 0);
	return spawn->pidfd < 0 ? -errno : 0;
}

/* The child is gone without an exec: why. */
static int exec_error(const struct plan *plan)
{
	int error;

	if (read(plan->error[0], &error, sizeof(error)) == sizeof(error))
		return -error;
	return -ECHILD;
}

int mmub_spawn_stopped(char *const argv[], char *const envp[], uint32_t flags,
		       struct mmub_spawn *spawn)
{
	struct plan plan;
	int ret;

	spawn_init(spawn);
	ret = plan_make(&plan, argv, envp, flags);
	if (ret)
		return ret;
	ret = spawn_fork(spawn, &plan);
	if (ret)
		goto kill;
	if (ptrace(PTRACE_SEIZE, spawn->pid, NULL,
		   (void *)(PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL)) ||
	    write(plan.go[1], "", 1) != 1) {
		ret = -errno;
		goto kill;
	}
	ret = trace_to_exec(spawn->pid);
	if (ret < 0)
		goto kill;
	if (ret) {
		ret = exec_error(&plan);
		spawn_close(spawn);
		spawn->pid = -1;
		goto out;
	}
	spawn->mem_fd = mmub_mem_open(spawn->pid);
	if (spawn->mem_fd < 0) {
		/* Not execve()'s, that a caller takes it for. */
		ret = spawn->mem_fd == -ESRCH ? -ECHILD : -EPERM;
		goto kill;
	}
	goto out;
kill:
	mmub_spawn_kill(spawn);
out:
	plan_free(&plan);
	return ret;
}

/*
 * What forbids to open the child's memory now will after the exec, but for the
 * caller's own being not dumpable, which the program's is again.
 */
static int may_watch(pid_t pid)
{
	int fd = mmub_mem_open(pid);

	if (fd >= 0)
		close(fd);
	else if (mmub_refusal(pid, NULL, 0) != MMUB_REFUSAL_DUMPABLE)
		return -EPERM;
	return 0;
}

/* The exec closes the pipe, and so does death; an errno comes otherwise. */
static int wait_exec(struct plan *plan)
{
	struct pollfd error = { .fd = plan->error[0], .events = POLLIN };
	int ret;

	close(plan->error[1]);
	plan->error[1] = -1;
	do {
		ret = poll(&error, 1, -1);
	} while (ret < 0 && errno == EINTR);
	if (ret < 0)
		return -errno;
	return error.revents & POLLIN ? exec_error(plan) : 0;
}

int mmub_spawn_running(char *const argv[], char *const envp[], uint32_t flags,
		       struct mmub_spawn *spawn)
{
	struct plan plan;
	int ret;

	spawn_init(spawn);
	ret = plan_make(&plan, argv, envp, flags);
	if (ret)
		return ret;
	ret = spawn_fork(spawn, &plan);
	if (!ret)
		ret = may_watch(spawn->pid);
	if (!ret && write(plan.go[1], "", 1) != 1)
		ret = -errno;
	if (!ret)
		ret = wait_exec(&plan);
	if (!ret) {
		spawn->mem_fd = mmub_mem_open(spawn->pid);
		if (spawn->mem_fd < 0 && spawn->mem_fd != -ESRCH)
			ret = -EPERM;
	}
	if (ret)
		mmub_spawn_kill(spawn);
	plan_free(&plan);
	return ret;
}

int mmub_spawn_resume(struct mmub_spawn *spawn)
{
	int ret = 0;

	if (spawn->follow)
		return follow_end(spawn);
	if (ptrace(PTRACE_DETACH, spawn->pid, NULL, NULL)) {
		ret = -errno;
		/* Killed meanwhile: mmub_spawn_wait() tells. */
		if (ret == -ESRCH && follow_traces(spawn->pid))
			ret = 0;
	}
	if (spawn->mem_fd >= 0)
		close(spawn->mem_fd);
	spawn->mem_fd = -1;
	return ret;
}

int mmub_spawn_kill(struct mmub_spawn *spawn)
{
	int ret = 0, status;

	if (spawn->pid <= 0)
		return -ESRCH;
	if (spawn->status < 0) {
		/* By the pidfd: the pid may be another's if SIGCHLD is ignored. */
		if (spawn->pidfd < 0)
			kill(spawn->pid, SIGKILL);
		else
			syscall(SYS_pidfd_send_signal, spawn->pidfd, SIGKILL,
				NULL, 0);
	}
	if (spawn->follow)
		ret = follow_end(spawn);
	if (!ret && spawn->status < 0)
		ret = wait_exit(spawn->pid, &status);
	if (ret == -ECHILD)
		ret = 0;
	spawn_close(spawn);
	spawn->pid = -1;
	return ret;
}

int mmub_spawn_wait(struct mmub_spawn *spawn)
{
	int ret = 0, status;

	if (spawn->follow)
		ret = follow_end(spawn);
	if (!ret && spawn->status < 0) {
		ret = wait_exit(spawn->pid, &status);
		if (!ret)
			spawn->status = WIFEXITED(status) ?
				WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
	if (ret == -ESRCH)
		return ret;
	spawn_close(spawn);
	return ret ? ret : spawn->status;
}
