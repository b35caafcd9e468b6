// SPDX-License-Identifier: Apache-2.0
/* Commands that are started, stopped at their exec and followed; no module. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "mmubridge.h"
#include "roles.h"

/* --------------------------------------------------------- from the start on */

/* From now on a system call is refused, as a container's profile may have it. */
static void forbid(unsigned int nr)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { ARRAY_SIZE(filter), filter };

	ASSERT_OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	ASSERT_OK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
}

static char *true_argv[] = { (char *)"true", NULL };

static void run(struct mmub_spawn *spawn, const char *script)
{
	char *argv[] = { (char *)"sh", (char *)"-c", (char *)script, NULL };

	ASSERT_EQ(mmub_spawn_stopped(argv, NULL, 0, spawn), 0);
}

/* The State: of /proc/PID/status. */
static char state_of(pid_t pid)
{
	char path[64], line[256];
	char state = '?';
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	ASSERT_TRUE(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "State: %c", &state) == 1)
			break;
	fclose(file);
	return state;
}

TEST(spawn)
{
	char exe[256], path[64];
	struct mmub_spawn spawn;
	ssize_t length;

	run(&spawn, "exit 7");
	ASSERT_TRUE(fcntl(spawn.pidfd, F_GETFD) & FD_CLOEXEC);
	ASSERT_TRUE(fcntl(spawn.mem_fd, F_GETFD) & FD_CLOEXEC);
	ASSERT_EQ(state_of(spawn.pid), 't');
	/* It is past its exec. */
	snprintf(path, sizeof(path), "/proc/%d/exe", spawn.pid);
	length = ASSERT_OK(readlink(path, exe, sizeof(exe) - 1));
	exe[length] = '\0';
	ASSERT_TRUE(strstr(exe, "sh"));
	ASSERT_EQ(mmub_spawn_resume(&spawn), 0);
	ASSERT_EQ(spawn.mem_fd, -1);
	ASSERT_EQ(mmub_spawn_wait(&spawn), 7);
	ASSERT_EQ(spawn.pidfd, -1);
}

TEST(spawn_ended_by_a_signal)
{
	struct mmub_spawn spawn;

	run(&spawn, "kill -TERM $$");
	ASSERT_EQ(mmub_spawn_resume(&spawn), 0);
	ASSERT_EQ(mmub_spawn_wait(&spawn), 128 + SIGTERM);
}

TEST(spawn_killed_while_stopped)
{
	struct mmub_spawn spawn;

	run(&spawn, "exit 7");
	ASSERT_OK(kill(spawn.pid, SIGKILL));
	ASSERT_EQ(mmub_spawn_resume(&spawn), 0);
	ASSERT_EQ(mmub_spawn_wait(&spawn), 128 + SIGKILL);
}

TEST(spawn_kill)
{
	struct mmub_spawn spawn;
	pid_t pid;

	run(&spawn, "exit 7");
	pid = spawn.pid;
	ASSERT_EQ(mmub_spawn_kill(&spawn), 0);
	ASSERT_EQ(spawn.pidfd, -1);
	ASSERT_EQ(spawn.mem_fd, -1);
	ASSERT_EQ(kill(pid, 0), -1);
	ASSERT_EQ(errno, ESRCH);
}

TEST(spawn_what_cannot_be)
{
	char *missing[] = { (char *)"no-such-command", NULL };
	char *missing_path[] = { (char *)"/no/such/command", NULL };
	char *no_program[] = { (char *)"/etc/passwd", NULL };
	char *empty[] = { (char *)"", NULL };
	char *none[] = { NULL };
	struct mmub_spawn spawn;

	ASSERT_EQ(mmub_spawn_stopped(missing, NULL, 0, &spawn), -ENOENT);
	ASSERT_EQ(spawn.pid, -1);
	ASSERT_EQ(spawn.pidfd, -1);
	ASSERT_EQ(mmub_spawn_stopped(missing_path, NULL, 0, &spawn), -ENOENT);
	ASSERT_EQ(mmub_spawn_stopped(no_program, NULL, 0, &spawn), -EACCES);
	ASSERT_EQ(mmub_spawn_stopped(empty, NULL, 0, &spawn), -ENOENT);
	ASSERT_EQ(mmub_spawn_stopped(none, NULL, 0, &spawn), -EINVAL);
	/* And nothing is left to wait for. */
	ASSERT_EQ(waitpid(-1, NULL, WNOHANG), -1);
	ASSERT_EQ(errno, ECHILD);
}

/* Whoever ignores SIGCHLD has no children to wait for. */
TEST(spawn_with_sigchld_ignored)
{
	char *missing[] = { (char *)"no-such-command", NULL };
	struct mmub_spawn spawn;

	signal(SIGCHLD, SIG_IGN);
	ASSERT_EQ(mmub_spawn_stopped(missing, NULL, 0, &spawn), -ENOENT);
	run(&spawn, "exit 7");
	ASSERT_EQ(mmub_spawn_kill(&spawn), 0);
	run(&spawn, "exit 7");
	ASSERT_EQ(mmub_spawn_resume(&spawn), 0);
	ASSERT_EQ(mmub_spawn_wait(&spawn), -ECHILD);
	ASSERT_EQ(spawn.pidfd, -1);
}

static void make_file(const char *path, const char *text, mode_t mode)
{
	int fd = ASSERT_OK(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));

	ASSERT_EQ(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	ASSERT_OK(fchmod(fd, mode));
	close(fd);
}

/* As execvp(): a script without an interpreter line is the shell's. */
TEST(spawn_path)
{
	char dir[] = "/tmp/mmub-XXXXXX", path[256], file[64], denied[64];
	char *argv[] = { (char *)"mmub-script", (char *)"5", NULL };
	struct mmub_spawn spawn;

	ASSERT_TRUE(mkdtemp(dir));
	snprintf(file, sizeof(file), "%s/a/mmub-script", dir);
	snprintf(denied, sizeof(denied), "%s/b/mmub-script", dir);
	snprintf(path, sizeof(path), "%s/a", dir);
	ASSERT_OK(mkdir(path, 0700));
	snprintf(path, sizeof(path), "%s/b", dir);
	ASSERT_OK(mkdir(path, 0700));
	make_file(file, "exit $(($1 + 1))\n", 0700);
	make_file(denied, "", 0600);

	snprintf(path, sizeof(path), "/nonexistent:%s/b:%s/a", dir, dir);
	ASSERT_OK(setenv("PATH", path, 1));
	ASSERT_EQ(mmub_spawn_stopped(argv, NULL, 0, &spawn), 0);
	ASSERT_EQ(mmub_spawn_resume(&spawn), 0);
	ASSERT_EQ(mmub_spawn_wait(&spawn), 6);

	/* A file that may not be executed is told of if there is no other. */
	snprintf(path, sizeof(path), "%s/b:/nonexistent", dir);
	ASSERT_OK(setenv("PATH", path, 1));
	ASSERT_EQ(mmub_spawn_stopped(argv, NULL, 0, &spawn), -EACCES);

	/* An empty element is the current directory. */
	snprintf(path, sizeof(path), "%s/a", dir);
	ASSERT_OK(chdir(path));
	ASSERT_OK(setenv("PATH", "/nonexistent:", 1));
	ASSERT_EQ(mmub_spawn_stopped(argv, NULL, 0, &spawn), 0);
	ASSERT_EQ(mmub_spawn_resume(&spawn), 0);
	ASSERT_EQ(mmub_spawn_wait(&spawn), 6);

	unlink(file);
	unlink(denied);
	snprintf(path, sizeof(path), "%s/a", dir);
	rmdir(path);
	snprintf(path, sizeof(path), "%s/b", dir);
	rmdir(path);
	rmdir(dir);
}

TEST(spawn_environment)
{
	char *argv[] = { (char *)"sh", (char *)"-c",
			 (char *)"test \"$MMUB\" = yes && test -z \"$HOME\"", NULL };
	char *envp[] = { (char *)"MMUB=yes", NULL };
	struct mmub_spawn spawn;

	ASSERT_OK(setenv("HOME", "/", 1));
	ASSERT_EQ(mmub_spawn_stopped(argv, envp, 0, &spawn), 0);
	ASSERT_EQ(mmub_spawn_resume(&spawn), 0);
	ASSERT_EQ(mmub_spawn_wait(&spawn), 0);
}

/* How many descriptors of three digits a command has that has 0, 1 and 2. */
static int passed_on(uint32_t flags, bool stopped)
{
	char *argv[] = { (char *)"sh", (char *)"-c", (char *)
			 "for fd in 0 1 2; do"
			 "  [ -e /proc/$$/fd/$fd ] || exit 255;"
			 "done;"
			 "n=0;"
			 "for fd in /proc/$$/fd/???; do"
			 "  [ -e $fd ] && n=$((n + 1));"
			 "done;"
			 "exit $n", NULL };
	struct mmub_spawn spawn;

	if (stopped) {
		ASSERT_EQ(mmub_spawn_stopped(argv, NULL, flags, &spawn), 0);
		ASSERT_EQ(mmub_spawn_resume(&spawn), 0);
	} else {
		ASSERT_EQ(mmub_spawn_running(argv, NULL, flags, &spawn), 0);
	}
	return mmub_spawn_wait(&spawn);
}

/* More than one system call reads from /proc. */
TEST(spawn_descriptors)
{
	struct mmub_spawn spawn;
	int fd;

	for (fd = 100; fd < 300; fd++)
		ASSERT_OK(dup2(0, fd));
	ASSERT_EQ(passed_on(0, true), 200);
	ASSERT_EQ(passed_on(0, false), 200);
	ASSERT_EQ(passed_on(MMUB_SPAWN_STDIO, true), 0);
	ASSERT_EQ(passed_on(MMUB_SPAWN_STDIO, false), 0);
	forbid(SYS_close_range);
	ASSERT_EQ(passed_on(MMUB_SPAWN_STDIO, true), 0);
	ASSERT_EQ(passed_on(MMUB_SPAWN_STDIO, false), 0);
	ASSERT_EQ(passed_on(0, true), 200);
	forbid(SYS_getdents64);
	ASSERT_EQ(mmub_spawn_stopped(true_argv, NULL, MMUB_SPAWN_STDIO, &spawn),
		  -EIO);
	ASSERT_EQ(mmub_spawn_running(true_argv, NULL, MMUB_SPAWN_STDIO, &spawn),
		  -EIO);
	/* The caller's stay what they are. */
	for (fd = 100; fd < 300; fd++)
		ASSERT_EQ(fcntl(fd, F_GETFD), 0);

	ASSERT_EQ(mmub_spawn_stopped(true_argv, NULL, MMUB_SPAWN_STDIO << 1,
				     &spawn), -EINVAL);
	ASSERT_EQ(mmub_spawn_running(true_argv, NULL, MMUB_SPAWN_STDIO << 1,
				     &spawn), -EINVAL);
}

static void handler(int sig)
{
	(void)sig;
}

/* The SigBlk: or another mask of /proc/PID/status. */
static unsigned long long mask_of(pid_t pid, const char *name)
{
	char path[64], line[256], key[32];
	unsigned long long mask = ~0ULL;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	snprintf(key, sizeof(key), "%s:", name);
	file = fopen(path, "re");
	ASSERT_TRUE(file);
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, key, strlen(key)))
			mask = strtoull(line + strlen(key), NULL, 16);
	fclose(file);
	return mask;
}

TEST(spawn_signals)
{
	struct mmub_spawn spawn;
	sigset_t block, now;

	signal(SIGUSR1, handler);
	signal(SIGHUP, SIG_IGN);
	sigemptyset(&block);
	sigaddset(&block, SIGQUIT);
	sigaddset(&block, SIGTERM);
	ASSERT_EQ(pthread_sigmask(SIG_BLOCK, &block, NULL), 0);

	run(&spawn, "exit 0");
	ASSERT_EQ(mask_of(spawn.pid, "SigBlk"), 0);
	ASSERT_EQ(mask_of(spawn.pid, "SigCgt"), 0);
	ASSERT_EQ(mask_of(spawn.pid, "SigIgn"), mask_of(getpid(), "SigIgn"));
	ASSERT_TRUE(mask_of(spawn.pid, "SigIgn") & 1 << (SIGHUP - 1));
	/* The caller's own are as they were. */
	ASSERT_EQ(pthread_sigmask(SIG_SETMASK, NULL, &now), 0);
	ASSERT_TRUE(sigismember(&now, SIGQUIT) && sigismember(&now, SIGTERM));
	ASSERT_TRUE(!sigismember(&now, SIGUSR1));
	ASSERT_EQ(mmub_spawn_resume(&spawn), 0);
	ASSERT_EQ(mmub_spawn_wait(&spawn), 0);
}

/* A stop and a continue of the command are none of the waiting caller's. */
TEST(spawn_wait_is_not_confused_by_stops)
{
	const struct sigaction action = { .sa_handler = handler };
	struct mmub_spawn spawn;

	run(&spawn, "kill -STOP $$; exit 3");
	ASSERT_EQ(mmub_spawn_resume(&spawn), 0);
	ASSERT_SOON(state_of(spawn.pid) == 'T');
	/* Without SA_RESTART. */
	ASSERT_OK(sigaction(SIGALRM, &action, NULL));
	if (!test_fork()) {
		int i;

		/* Signals to the waiting caller are none of the command's. */
		for (i = 0; i < 100; i++) {
			kill(getppid(), SIGALRM);
			sched_yield();
		}
		kill(spawn.pid, SIGCONT);
		_exit(0);
	}
	ASSERT_EQ(mmub_spawn_wait(&spawn), 3);
}

/* A stop that comes before the resume takes effect after it. */
TEST(spawn_stopped_before_resume)
{
	struct mmub_spawn spawn;

	run(&spawn, "exit 3");
	ASSERT_OK(kill(spawn.pid, SIGSTOP));
	ASSERT_EQ(mmub_spawn_resume(&spawn), 0);
	ASSERT_SOON(state_of(spawn.pid) == 'T');
	ASSERT_OK(kill(spawn.pid, SIGCONT));
	ASSERT_EQ(mmub_spawn_wait(&spawn), 3);
}

static void *resume_elsewhere(void *arg)
{
	return (void *)(intptr_t)mmub_spawn_resume(arg);
}

TEST(spawn_resume_by_another_thread)
{
	struct mmub_spawn spawn;
	pthread_t thread;
	void *ret;

	run(&spawn, "exit 0");
	ASSERT_EQ(pthread_create(&thread, NULL, resume_elsewhere, &spawn), 0);
	ASSERT_EQ(pthread_join(thread, &ret), 0);
	ASSERT_EQ((int)(intptr_t)ret, -ESRCH);
	ASSERT_EQ(mmub_spawn_kill(&spawn), 0);
}

static void *spawn_and_end(void *arg)
{
	ASSERT_EQ(mmub_spawn_stopped(true_argv, NULL, 0, arg), 0);
	return NULL;
}

/* A stopped command does not outlive its tracer. */
TEST(spawn_tracer_ends)
{
	struct mmub_spawn spawn;
	pthread_t thread;

	ASSERT_EQ(pthread_create(&thread, NULL, spawn_and_end, &spawn), 0);
	ASSERT_EQ(pthread_join(thread, NULL), 0);
	ASSERT_EQ(mmub_spawn_wait(&spawn), 128 + SIGKILL);
}

static void *spawn_many(void *arg)
{
	unsigned long i, rounds = scaled(50);
	struct mmub_spawn spawn;
	(void)arg;

	for (i = 0; i < rounds; i++) {
		ASSERT_EQ(mmub_spawn_stopped(true_argv, NULL, 0, &spawn), 0);
		ASSERT_EQ(mmub_spawn_resume(&spawn), 0);
		ASSERT_EQ(mmub_spawn_wait(&spawn), 0);
	}
	return NULL;
}

static void *allocate(void *stop)
{
	while (!__atomic_load_n((bool *)stop, __ATOMIC_RELAXED)) {
		void *block = malloc(1 << 16);

		ASSERT_TRUE(block);
		*(volatile char *)block = 1;
		free(block);
	}
	return NULL;
}

static int open_descriptors(void)
{
	int fd, count = 0;

	for (fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* From many threads, while others hold the allocator's locks. */
TEST(spawn_from_threads)
{
	pthread_t threads[4], allocators[2];
	bool stop = false;
	int i, before = open_descriptors();

	for (i = 0; i < 2; i++)
		ASSERT_EQ(pthread_create(&allocators[i], NULL, allocate, &stop),
			  0);
	for (i = 0; i < 4; i++)
		ASSERT_EQ(pthread_create(&threads[i], NULL, spawn_many, NULL),
			  0);
	for (i = 0; i < 4; i++)
		ASSERT_EQ(pthread_join(threads[i], NULL), 0);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(pthread_join(allocators[i], NULL), 0);
	ASSERT_EQ(open_descriptors(), before);
}

/* ----------------------------------------------------------------- following */

static void follow_argv(struct mmub_spawn *spawn, uint32_t flags, char *argv[])
{
	ASSERT_EQ(mmub_spawn_stopped(argv, NULL, 0, spawn), 0);
	ASSERT_EQ(mmub_spawn_follow(spawn, flags), 0);
	ASSERT_EQ(spawn->mem_fd, -1);
}

static void follow(struct mmub_spawn *spawn, uint32_t flags, const char *role)
{
	char *argv[4];

	role_argv(argv, role);
	follow_argv(spawn, flags, argv);
}

static void follow_script(struct mmub_spawn *spawn, const char *script)
{
	char *argv[] = { (char *)"sh", (char *)"-c", (char *)script, NULL };

	follow_argv(spawn, 0, argv);
}

/* The next event, which is to be such a one. */
static void next(struct mmub_spawn *spawn, uint32_t what,
		 struct mmub_spawn_event *event)
{
	uint64_t before = now_ns();

	ASSERT_EQ(mmub_spawn_next(spawn, event), 0);
	if (event->what != what)
		FAIL("not %u but %u, process %d, status %d", what, event->what,
		     event->pid, event->status);
	ASSERT_GE(event->time_ns, before);
	ASSERT_LE(event->time_ns, now_ns());
	if (what == MMUB_SPAWN_EXIT) {
		ASSERT_EQ(event->mem_fd, -1);
		return;
	}
	ASSERT_GE(event->mem_fd, 0);
	ASSERT_TRUE(fcntl(event->mem_fd, F_GETFD) & FD_CLOEXEC);
	ASSERT_EQ(state_of(event->pid), 't');
}

/* The command ends like this, and is the last that is followed. */
static void ends(struct mmub_spawn *spawn, int status)
{
	struct mmub_spawn_event event;

	next(spawn, MMUB_SPAWN_EXIT, &event);
	ASSERT_EQ(event.pid, spawn->pid);
	ASSERT_EQ(event.status, status);
	ASSERT_EQ(mmub_spawn_next(spawn, &event), -ECHILD);
	ASSERT_EQ(mmub_spawn_wait(spawn), status);
	ASSERT_EQ(spawn->pidfd, -1);
	ASSERT_TRUE(!spawn->follow);
}

/* Where the stack of a stopped process starts, by /proc/PID/stat. */
static off_t stack_of(pid_t pid)
{
	unsigned long long start = 0;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	ASSERT_TRUE(file);
	ASSERT_EQ(fscanf(file, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u "
			 "%*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %*u %*u %*d "
			 "%*u %*u %*u %llu", &start), 1);
	fclose(file);
	return start;
}

TEST(follow_execs)
{
	static const char *const names[] = { "nice", "env", "true" };
	struct mmub_spawn_event event;
	int before = open_descriptors();
	struct mmub_spawn spawn;
	unsigned int i;

	follow_script(&spawn, "exec nice env true");
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		next(&spawn, MMUB_SPAWN_EXEC, &event);
		ASSERT_EQ(event.pid, spawn.pid);
		ASSERT_EQ(event.tid, spawn.pid);
		ASSERT_STREQ(event.comm, names[i]);
	}
	ends(&spawn, 0);
	ASSERT_EQ(open_descriptors(), before);
}

/* The descriptor is of the mm that the exec made: of the old one nothing is left. */
TEST(follow_execs_into_a_new_mm)
{
	struct mmub_spawn_event event;
	struct mmub_spawn spawn;
	off_t stack;
	char byte;
	int fd;

	run(&spawn, "exec true");
	fd = ASSERT_OK(dup(spawn.mem_fd));
	ASSERT_EQ(pread(fd, &byte, 1, stack_of(spawn.pid)), 1);
	ASSERT_EQ(mmub_spawn_follow(&spawn, 0), 0);
	next(&spawn, MMUB_SPAWN_EXEC, &event);
	stack = stack_of(spawn.pid);
	ASSERT_EQ(pread(fd, &byte, 1, stack), 0);
	ASSERT_EQ(pread(event.mem_fd, &byte, 1, stack), 1);
	close(fd);
	ends(&spawn, 0);
}

static void exec_by_a_thread(const char *role)
{
	struct mmub_spawn_event event;
	struct mmub_spawn spawn;

	follow(&spawn, 0, role);
	next(&spawn, MMUB_SPAWN_EXEC, &event);
	ASSERT_EQ(event.pid, spawn.pid);
	ASSERT_NE(event.tid, spawn.pid);
	ends(&spawn, 5);
}

TEST(follow_exec_by_a_thread)
{
	exec_by_a_thread("exec-in-a-thread");
}

TEST(follow_exec_by_a_thread_after_the_first_has_ended)
{
	exec_by_a_thread("exec-without-leader");
}

TEST(follow_many_threads)
{
	struct mmub_spawn_event event;
	struct mmub_spawn spawn;

	follow(&spawn, 0, "threads");
	next(&spawn, MMUB_SPAWN_EXEC, &event);
	ends(&spawn, 5);
}

/* --------------------------------------------------------------- its signals */

TEST(follow_signals_are_delivered)
{
	struct mmub_spawn spawn;

	follow_script(&spawn, "kill -TERM $$");
	ends(&spawn, 128 + SIGTERM);
	follow_script(&spawn, "trap 'exit 4' TERM; kill -TERM $$; exit 5");
	ends(&spawn, 4);
	follow_script(&spawn, "trap '' TERM; kill -TERM $$; exit 6");
	ends(&spawn, 6);
	follow_script(&spawn, "kill -TRAP $$");
	ends(&spawn, 128 + SIGTRAP);
	follow(&spawn, 0, "handler");
	ends(&spawn, 9);
}

/* Stops hold, are seen by the parent, and end, of who is followed or not. */
TEST(follow_job_control)
{
	struct mmub_spawn_event event;
	struct mmub_spawn spawn;
	int i, exits = 0;

	follow(&spawn, 0, "stops");
	ends(&spawn, 0);

	follow(&spawn, MMUB_FOLLOW_CHILDREN, "stops");
	for (i = 0; i < 3; i++) {
		next(&spawn, MMUB_SPAWN_CHILD, &event);
		ASSERT_EQ(event.parent, spawn.pid);
		next(&spawn, MMUB_SPAWN_EXIT, &event);
		exits += event.status == 3;
	}
	ASSERT_EQ(exits, 3);
	ends(&spawn, 0);
}

/* The command itself, whose parent is the tracer. */
TEST(follow_stop_and_continue)
{
	struct mmub_spawn spawn;
	pid_t helper;

	follow_script(&spawn, "kill -STOP $$; exit 3");
	helper = test_fork();
	if (!helper) {
		/* One that comes before the stop has no effect. */
		while (!kill(spawn.pid, SIGCONT))
			sched_yield();
		_exit(0);
	}
	ends(&spawn, 3);
	test_reap(helper);
}

TEST(follow_killed_at_its_exec)
{
	struct mmub_spawn_event event;
	struct mmub_spawn spawn;

	/* At the first one, before it is followed and after; and at the next. */
	run(&spawn, "exit 7");
	ASSERT_OK(kill(spawn.pid, SIGKILL));
	ASSERT_EQ(mmub_spawn_follow(&spawn, 0), 0);
	ends(&spawn, 128 + SIGKILL);

	follow_script(&spawn, "exit 7");
	ASSERT_OK(kill(spawn.pid, SIGKILL));
	ends(&spawn, 128 + SIGKILL);

	follow_script(&spawn, "exec true");
	next(&spawn, MMUB_SPAWN_EXEC, &event);
	ASSERT_OK(kill(spawn.pid, SIGKILL));
	ends(&spawn, 128 + SIGKILL);
}

/* Whenever it comes, SIGKILL leaves nobody to wait for. */
TEST(follow_killed_at_any_moment)
{
	unsigned long i, rounds = scaled(100);
	struct mmub_spawn_event event;
	struct mmub_spawn spawn;
	pid_t helper, pids[8];
	int ret, nr;

	for (i = 0; i < rounds; i++) {
		follow(&spawn, i & 1 ? MMUB_FOLLOW_CHILDREN : 0, "crowd");
		helper = test_fork();
		if (!helper) {
			uint64_t until = now_ns() + i * 50000;

			while (now_ns() < until)
				sched_yield();
			kill(spawn.pid, SIGKILL);
			_exit(0);
		}
		nr = 0;
		while (!(ret = mmub_spawn_next(&spawn, &event))) {
			if (event.what == MMUB_SPAWN_CHILD)
				pids[nr++] = event.pid;
			if (event.what == MMUB_SPAWN_EXIT &&
			    event.pid != spawn.pid)
				ASSERT_TRUE(event.status == 128 + SIGKILL ||
					    event.status == 5);
			while (spawn.status >= 0 && nr)
				kill(pids[--nr], SIGKILL);
		}
		ASSERT_EQ(ret, -ECHILD);
		test_reap(helper);
		ASSERT_EQ(mmub_spawn_wait(&spawn), 128 + SIGKILL);
	}
}

/* -------------------------------------------------------------- its children */

TEST(follow_leaves_children_alone)
{
	struct mmub_spawn spawn;

	follow(&spawn, 0, "children");
	ends(&spawn, 0);
}

TEST(follow_children)
{
	/* fork(), vfork() and exec, posix_spawn(), clone(). */
	static const bool execs[] = { false, true, true, false };
	struct mmub_spawn_event event;
	struct mmub_spawn spawn;
	unsigned int i;
	pid_t pid;

	follow(&spawn, MMUB_FOLLOW_CHILDREN, "children");
	for (i = 0; i < ARRAY_SIZE(execs); i++) {
		next(&spawn, MMUB_SPAWN_CHILD, &event);
		pid = event.pid;
		ASSERT_NE(pid, spawn.pid);
		ASSERT_EQ(event.parent, spawn.pid);
		ASSERT_STREQ(event.comm, "exe");
		if (execs[i]) {
			next(&spawn, MMUB_SPAWN_EXEC, &event);
			ASSERT_EQ(event.pid, pid);
			ASSERT_EQ(event.parent, 0);
		}
		next(&spawn, MMUB_SPAWN_EXIT, &event);
		ASSERT_EQ(event.pid, pid);
		ASSERT_EQ(event.status, 1);
	}
	ends(&spawn, 4);
}

TEST(follow_who_ignores_sigchld)
{
	struct mmub_spawn_event event;
	struct mmub_spawn spawn;

	follow(&spawn, 0, "ignores-sigchld");
	ends(&spawn, 0);
	follow(&spawn, MMUB_FOLLOW_CHILDREN, "ignores-sigchld");
	next(&spawn, MMUB_SPAWN_CHILD, &event);
	next(&spawn, MMUB_SPAWN_EXIT, &event);
	ASSERT_EQ(event.status, 4);
	ends(&spawn, 0);
}

/* Runs the daemon until it alone is left. */
static pid_t outlived(struct mmub_spawn *spawn)
{
	struct mmub_spawn_event event;
	pid_t pids[2], ended = 0;
	int children = 0, exits = 0;

	follow(spawn, MMUB_FOLLOW_CHILDREN, "daemon");
	while (children < 2 || exits < 2) {
		ASSERT_EQ(mmub_spawn_next(spawn, &event), 0);
		if (event.what == MMUB_SPAWN_CHILD)
			pids[children++] = event.pid;
		else if (exits++ == 0)
			ended = event.pid;
	}
	ASSERT_EQ(spawn->status, 6);
	pids[0] = ended == pids[0] ? pids[1] : pids[0];
	ASSERT_EQ(status_of(pids[0], "TracerPid"), gettid());
	return pids[0];
}

TEST(follow_who_outlives_the_command)
{
	struct mmub_spawn_event event;
	struct mmub_spawn spawn;
	pid_t pid = outlived(&spawn);

	ASSERT_OK(kill(pid, SIGKILL));
	next(&spawn, MMUB_SPAWN_EXIT, &event);
	ASSERT_EQ(event.pid, pid);
	ASSERT_EQ(event.status, 128 + SIGKILL);
	ASSERT_EQ(mmub_spawn_next(&spawn, &event), -ECHILD);
	ASSERT_EQ(mmub_spawn_wait(&spawn), 6);

	pid = outlived(&spawn);
	ASSERT_EQ(mmub_spawn_wait(&spawn), 6);
	ASSERT_EQ(status_of(pid, "TracerPid"), 0);
	ASSERT_SOON(state_of(pid) == 'S');
	ASSERT_OK(kill(pid, SIGKILL));
}

/* ---------------------------------------------------------------- the tracer */

TEST(follow_misused)
{
	struct mmub_spawn_event event;
	struct mmub_spawn spawn;

	run(&spawn, "exit 7");
	ASSERT_EQ(mmub_spawn_next(&spawn, &event), -EINVAL);
	ASSERT_EQ(mmub_spawn_follow(&spawn, 2), -EINVAL);
	ASSERT_EQ(mmub_spawn_follow(&spawn, 0), 0);
	ASSERT_EQ(mmub_spawn_follow(&spawn, 0), -EINVAL);
	ends(&spawn, 7);
}

/* What the caller ignores, it is told of all the same. */
TEST(follow_with_sigchld_ignored)
{
	struct mmub_spawn spawn;

	signal(SIGCHLD, SIG_IGN);
	follow_script(&spawn, "true; exec sh -c 'exit 7'");
	next(&spawn, MMUB_SPAWN_EXEC, &(struct mmub_spawn_event){ 0 });
	ends(&spawn, 7);
}

static void *child_of_a_thread(void *pid)
{
	siginfo_t info;

	*(pid_t *)pid = test_fork();
	if (!*(pid_t *)pid)
		_exit(8);
	/* It would die with the thread that made it. */
	ASSERT_OK(waitid(P_PID, *(pid_t *)pid, &info, WEXITED | WNOWAIT));
	return NULL;
}

/* Children of the tracer, and of another thread, ended and stopped. */
TEST(follow_beside_other_children)
{
	struct mmub_spawn_event event;
	struct mmub_spawn spawn;
	pid_t ended, other, stopped;
	pthread_t thread;
	siginfo_t info;

	ended = test_fork();
	if (!ended)
		_exit(9);
	stopped = test_fork();
	if (!stopped) {
		raise(SIGSTOP);
		_exit(10);
	}
	ASSERT_EQ(pthread_create(&thread, NULL, child_of_a_thread, &other), 0);
	ASSERT_EQ(pthread_join(thread, NULL), 0);
	ASSERT_OK(waitid(P_PID, ended, &info, WEXITED | WNOWAIT));
	ASSERT_OK(waitid(P_PID, stopped, &info, WSTOPPED | WNOWAIT));

	follow_script(&spawn, "exec true");
	next(&spawn, MMUB_SPAWN_EXEC, &event);
	ends(&spawn, 0);
	follow_script(&spawn, "exec true");
	ASSERT_EQ(mmub_spawn_resume(&spawn), 0);
	ASSERT_EQ(mmub_spawn_wait(&spawn), 0);

	ASSERT_EQ(WEXITSTATUS(test_wait(ended)), 9);
	ASSERT_EQ(WEXITSTATUS(test_wait(other)), 8);
	ASSERT_OK(waitid(P_PID, stopped, &info, WSTOPPED));
	ASSERT_OK(kill(stopped, SIGCONT));
	ASSERT_EQ(WEXITSTATUS(test_wait(stopped)), 10);
}

TEST(follow_interrupted)
{
	const struct sigaction action = { .sa_handler = handler };
	struct mmub_spawn_event event;
	struct mmub_spawn spawn;
	bool done = false;
	pid_t helper;

	ASSERT_OK(sigaction(SIGALRM, &action, NULL));
	follow(&spawn, 0, "pause");
	helper = test_fork();
	if (!helper) {
		pid_t parent = getppid();

		/* One that comes before the wait is lost. */
		for (;;) {
			kill(parent, SIGALRM);
			sched_yield();
		}
	}
	while (!done)
		done = mmub_spawn_next(&spawn, &event) == -EINTR;
	ASSERT_OK(kill(helper, SIGKILL));
	test_wait(helper);
	ASSERT_OK(kill(spawn.pid, SIGKILL));
	while (mmub_spawn_next(&spawn, &event))
		;
	ASSERT_EQ(event.status, 128 + SIGKILL);
	ASSERT_EQ(mmub_spawn_wait(&spawn), 128 + SIGKILL);
}

/* Whatever each does at that moment, it runs on, and untraced. */
TEST(follow_and_let_go)
{
	struct mmub_spawn_event event;
	struct mmub_spawn spawn;
	int i, children = 0, waiting = 0, stopped = 0;
	pid_t pids[5], executed = 0;

	follow(&spawn, MMUB_FOLLOW_CHILDREN, "crowd");
	while (children < 5 || !executed) {
		ASSERT_EQ(mmub_spawn_next(&spawn, &event), 0);
		if (event.what == MMUB_SPAWN_CHILD)
			pids[children++] = event.pid;
		else
			executed = event.pid;
	}
	ASSERT_EQ(mmub_spawn_resume(&spawn), 0);
	ASSERT_TRUE(!spawn.follow);
	for (i = 0; i < 5; i++) {
		if (pids[i] == executed)
			continue;
		ASSERT_EQ(status_of(pids[i], "TracerPid"), 0);
		ASSERT_SOON(strchr("ST", state_of(pids[i])));
		waiting += state_of(pids[i]) == 'S';
		stopped += state_of(pids[i]) == 'T';
		ASSERT_OK(kill(pids[i], SIGKILL));
	}
	ASSERT_EQ(waiting, 3);
	ASSERT_EQ(stopped, 1);
	ASSERT_EQ(status_of(spawn.pid, "TracerPid"), 0);
	ASSERT_OK(kill(spawn.pid, SIGKILL));
	ASSERT_EQ(mmub_spawn_wait(&spawn), 128 + SIGKILL);
}

TEST(follow_and_kill)
{
	struct mmub_spawn_event event;
	struct mmub_spawn spawn;
	pid_t pid, child;

	follow(&spawn, MMUB_FOLLOW_CHILDREN, "crowd");
	pid = spawn.pid;
	next(&spawn, MMUB_SPAWN_CHILD, &event);
	child = event.pid;
	ASSERT_EQ(mmub_spawn_kill(&spawn), 0);
	ASSERT_EQ(kill(pid, 0), -1);
	ASSERT_EQ(errno, ESRCH);
	ASSERT_EQ(status_of(child, "TracerPid"), 0);
	ASSERT_OK(kill(child, SIGKILL));
}

static void *next_elsewhere(void *arg)
{
	struct mmub_spawn_event event;

	ASSERT_EQ(mmub_spawn_next(arg, &event), -ESRCH);
	ASSERT_EQ(mmub_spawn_resume(arg), -ESRCH);
	ASSERT_EQ(mmub_spawn_wait(arg), -ESRCH);
	return NULL;
}

TEST(follow_by_another_thread)
{
	struct mmub_spawn spawn;
	pthread_t thread;

	follow_script(&spawn, "exit 7");
	ASSERT_EQ(pthread_create(&thread, NULL, next_elsewhere, &spawn), 0);
	ASSERT_EQ(pthread_join(thread, NULL), 0);
	ends(&spawn, 7);
}

static void *follow_and_end(void *arg)
{
	struct mmub_spawn_event event;

	follow_script(arg, "exec sh -c 'exit 5'");
	next(arg, MMUB_SPAWN_EXEC, &event);
	return NULL;
}

/* Who is followed outlives its tracer, unlike who has not begun. */
TEST(follow_tracer_ends)
{
	struct mmub_spawn spawn;
	pthread_t thread;
	int ret;

	ASSERT_EQ(pthread_create(&thread, NULL, follow_and_end, &spawn), 0);
	ASSERT_EQ(pthread_join(thread, NULL), 0);
	/* A thread is joined shortly before it is gone. */
	ASSERT_SOON((ret = mmub_spawn_wait(&spawn)) != -ESRCH);
	ASSERT_EQ(ret, 5);
}

/* ---------------------------------------------------------- where none may be */

TEST(running_where_ptrace_is_forbidden)
{
	char *argv[4], *missing[] = { (char *)"no-such-command", NULL };
	char *no_program[] = { (char *)"/etc/passwd", NULL };
	int before = open_descriptors();
	struct mmub_spawn_event event;
	struct mmub_spawn spawn;
	siginfo_t info;

	forbid(SYS_ptrace);
	role_argv(argv, "pause");
	ASSERT_EQ(mmub_spawn_stopped(argv, NULL, 0, &spawn), -EPERM);
	ASSERT_EQ(spawn.pid, -1);

	ASSERT_EQ(mmub_spawn_running(argv, NULL, 0, &spawn), 0);
	ASSERT_GE(spawn.mem_fd, 0);
	ASSERT_EQ(status_of(spawn.pid, "TracerPid"), 0);
	ASSERT_EQ(mmub_spawn_next(&spawn, &event), -EINVAL);
	ASSERT_OK(kill(spawn.pid, SIGTERM));
	ASSERT_EQ(mmub_spawn_wait(&spawn), 128 + SIGTERM);

	ASSERT_EQ(mmub_spawn_running(argv, NULL, 0, &spawn), 0);
	ASSERT_EQ(mmub_spawn_kill(&spawn), 0);

	/* However quick it is, its status is told. */
	role_argv(argv, "exit-5");
	ASSERT_EQ(mmub_spawn_running(argv, NULL, 0, &spawn), 0);
	ASSERT_OK(waitid(P_PID, spawn.pid, &info, WEXITED | WNOWAIT));
	ASSERT_EQ(mmub_spawn_wait(&spawn), 5);

	ASSERT_EQ(mmub_spawn_running(missing, NULL, 0, &spawn), -ENOENT);
	ASSERT_EQ(spawn.pid, -1);
	ASSERT_EQ(mmub_spawn_running(no_program, NULL, 0, &spawn), -EACCES);
	ASSERT_EQ(waitpid(-1, NULL, WNOHANG), -1);
	ASSERT_EQ(errno, ECHILD);
	ASSERT_EQ(open_descriptors(), before);
}

int main(int argc, char **argv)
{
	return role_main(argc, argv);
}
