// SPDX-License-Identifier: Apache-2.0
/* What of libmmubridge works without the module. */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi-v1.h"
#include "harness.h"
#include "mmubridge.h"

TEST(names)
{
	unsigned int i;

	for (i = 0; i < MMUB_TYPE_COUNT; i++)
		ASSERT_TRUE(mmub_type_name(i));
	ASSERT_STREQ(mmub_type_name(MMUB_TYPE_PROTECTION_VMA), "PROTECTION_VMA");
	ASSERT_TRUE(!mmub_type_name(MMUB_TYPE_COUNT));
	ASSERT_STREQ(mmub_phase_name(MMUB_PHASE_DETACHED), "detached");
	ASSERT_TRUE(!mmub_phase_name(MMUB_PHASE_DETACHED + 1));
	ASSERT_STREQ(mmub_entry_name(MMUB_ENTRY_USER_WORKER), "user_worker");
	ASSERT_TRUE(!mmub_entry_name(MMUB_ENTRY_EXIT + 1));
	ASSERT_TRUE(!mmub_entry_name(UINT32_MAX));
	for (i = 0; i < MMUB_CAUSE_COUNT; i++)
		ASSERT_TRUE(mmub_cause_name(i));
	ASSERT_STREQ(mmub_cause_name(MMUB_CAUSE_UNKNOWN), "unknown");
	ASSERT_STREQ(mmub_cause_name(MMUB_CAUSE_PROCESS_MRELEASE),
		     "process_mrelease");
	ASSERT_TRUE(!mmub_cause_name(MMUB_CAUSE_COUNT));
}

TEST(syscall_names)
{
	ASSERT_STREQ(mmub_syscall_name(AUDIT_ARCH_X86_64, 0), "read");
	ASSERT_STREQ(mmub_syscall_name(AUDIT_ARCH_X86_64, SYS_munmap), "munmap");
	ASSERT_STREQ(mmub_syscall_name(AUDIT_ARCH_X86_64, SYS_process_mrelease),
		     "process_mrelease");
	ASSERT_STREQ(mmub_syscall_name(AUDIT_ARCH_I386, 91), "munmap");
	ASSERT_STREQ(mmub_syscall_name(AUDIT_ARCH_I386, 0), "restart_syscall");
	/* x32 shares most numbers, and has 512 to 547 for itself. */
	ASSERT_STREQ(mmub_syscall_name(AUDIT_ARCH_X86_64, 0x40000000 | 11),
		     "munmap");
	ASSERT_STREQ(mmub_syscall_name(AUDIT_ARCH_X86_64, 0x40000000 | 520),
		     "execve");
	ASSERT_TRUE(!mmub_syscall_name(AUDIT_ARCH_X86_64, 520));
	ASSERT_TRUE(!mmub_syscall_name(AUDIT_ARCH_X86_64, -1));
	ASSERT_TRUE(!mmub_syscall_name(AUDIT_ARCH_X86_64, INT32_MAX));
	ASSERT_TRUE(!mmub_syscall_name(AUDIT_ARCH_I386, 100000));
	ASSERT_TRUE(!mmub_syscall_name(0, 0));
}

TEST(open_what_is_no_device)
{
	char dir[] = "/tmp/mmub-XXXXXX";

	ASSERT_EQ(mmub_open("/nonexistent"), -ENOENT);
	ASSERT_EQ(mmub_open("/dev/null"), -ENOTTY);
	ASSERT_TRUE(mkdtemp(dir));
	ASSERT_EQ(mmub_open(dir), -EISDIR);
	ASSERT_OK(rmdir(dir));
}

TEST(attach_name_too_long)
{
	ASSERT_EQ(mmub_attach(-1, "0123456789012345678901234567890", -1, 0,
			      NULL), -EBADF);
	ASSERT_EQ(mmub_attach(-1, "01234567890123456789012345678901", -1, 0,
			      NULL), -ENAMETOOLONG);
}

/* --------------------------------------------------------- other processes */

/* A child that sleeps until it is killed. */
static pid_t sleeper(void)
{
	pid_t pid = test_fork();

	if (!pid)
		for (;;)
			pause();
	return pid;
}

TEST(mem_open)
{
	pid_t pid = sleeper();
	char byte, text[256];
	siginfo_t info;
	int fd;

	fd = ASSERT_OK(mmub_mem_open(pid));
	ASSERT_GE(fd, 0);
	ASSERT_TRUE(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	/* It is memory, and the child's: @pid is 0 there. */
	ASSERT_EQ(pread(fd, &text, sizeof(pid), (off_t)(uintptr_t)&pid),
		  (ssize_t)sizeof(pid));
	ASSERT_EQ(*(pid_t *)text, 0);
	ASSERT_EQ(mmub_refusal(pid, text, sizeof(text)), MMUB_REFUSAL_NONE);

	ASSERT_OK(kill(pid, SIGKILL));
	ASSERT_OK(waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
	ASSERT_EQ(mmub_mem_open(pid), -ESRCH);
	ASSERT_EQ(mmub_refusal(pid, text, sizeof(text)), MMUB_REFUSAL_GONE);
	ASSERT_TRUE(strstr(text, "has exited"));
	test_wait(pid);
	ASSERT_EQ(mmub_mem_open(pid), -ESRCH);
	ASSERT_EQ(mmub_refusal(pid, text, sizeof(text)), MMUB_REFUSAL_GONE);
	ASSERT_TRUE(strstr(text, "there is no process"));

	ASSERT_EQ(mmub_mem_open(0), -ESRCH);
	ASSERT_EQ(mmub_mem_open(-1), -ESRCH);
	ASSERT_EQ(read(fd, &byte, 1), 0);
	close(fd);
}

TEST(mem_open_pidfd)
{
	pid_t pid = sleeper();
	int pidfd = ASSERT_OK(syscall(SYS_pidfd_open, pid, 0));
	siginfo_t info;
	int fd;

	fd = mmub_mem_open_pidfd(pidfd);
	ASSERT_GE(fd, 0);
	close(fd);

	ASSERT_OK(kill(pid, SIGKILL));
	ASSERT_OK(waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
	ASSERT_EQ(mmub_mem_open_pidfd(pidfd), -ESRCH);
	test_wait(pid);
	ASSERT_EQ(mmub_mem_open_pidfd(pidfd), -ESRCH);

	ASSERT_EQ(mmub_mem_open_pidfd(-1), -EBADF);
	ASSERT_EQ(mmub_mem_open_pidfd(STDIN_FILENO), -EBADF);
	ASSERT_EQ(mmub_mem_open_pidfd(10000), -EBADF);
}

TEST(kernel_thread)
{
	char text[256];

	if (access("/proc/2/status", F_OK))
		SKIP("no kernel threads in this pid namespace");
	ASSERT_EQ(mmub_mem_open(2) < 0, 1);
	ASSERT_EQ(mmub_refusal(2, text, sizeof(text)), MMUB_REFUSAL_KTHREAD);
	ASSERT_TRUE(strstr(text, "kthreadd"));
}

TEST(refusal_text_is_cut)
{
	char text[8] = "-------";

	ASSERT_EQ(mmub_refusal(0, text, 4), MMUB_REFUSAL_GONE);
	ASSERT_STREQ(text, "the");
	ASSERT_EQ(text[4], '-');
	ASSERT_EQ(mmub_refusal(0, text, 0), MMUB_REFUSAL_GONE);
	ASSERT_STREQ(text, "the");
}

/* ---------------------------------------------------------------- commands */

static char *true_argv[] = { (char *)"true", NULL };

static void run(struct mmub_spawn *spawn, const char *script)
{
	char *argv[] = { (char *)"sh", (char *)"-c", (char *)script, NULL };

	ASSERT_EQ(mmub_spawn_stopped(argv, NULL, spawn), 0);
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
	siginfo_t info;

	run(&spawn, "exit 7");
	ASSERT_OK(kill(spawn.pid, SIGKILL));
	ASSERT_OK(waitid(P_PID, spawn.pid, &info, WEXITED | WNOWAIT));
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

	ASSERT_EQ(mmub_spawn_stopped(missing, NULL, &spawn), -ENOENT);
	ASSERT_EQ(spawn.pid, -1);
	ASSERT_EQ(spawn.pidfd, -1);
	ASSERT_EQ(mmub_spawn_stopped(missing_path, NULL, &spawn), -ENOENT);
	ASSERT_EQ(mmub_spawn_stopped(no_program, NULL, &spawn), -EACCES);
	ASSERT_EQ(mmub_spawn_stopped(empty, NULL, &spawn), -ENOENT);
	ASSERT_EQ(mmub_spawn_stopped(none, NULL, &spawn), -EINVAL);
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
	ASSERT_EQ(mmub_spawn_stopped(missing, NULL, &spawn), -ENOENT);
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
	ASSERT_EQ(mmub_spawn_stopped(argv, NULL, &spawn), 0);
	ASSERT_EQ(mmub_spawn_resume(&spawn), 0);
	ASSERT_EQ(mmub_spawn_wait(&spawn), 6);

	/* A file that may not be executed is told of if there is no other. */
	snprintf(path, sizeof(path), "%s/b:/nonexistent", dir);
	ASSERT_OK(setenv("PATH", path, 1));
	ASSERT_EQ(mmub_spawn_stopped(argv, NULL, &spawn), -EACCES);

	/* An empty element is the current directory. */
	snprintf(path, sizeof(path), "%s/a", dir);
	ASSERT_OK(chdir(path));
	ASSERT_OK(setenv("PATH", "/nonexistent:", 1));
	ASSERT_EQ(mmub_spawn_stopped(argv, NULL, &spawn), 0);
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
	ASSERT_EQ(mmub_spawn_stopped(argv, envp, &spawn), 0);
	ASSERT_EQ(mmub_spawn_resume(&spawn), 0);
	ASSERT_EQ(mmub_spawn_wait(&spawn), 0);
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
	ASSERT_EQ(mmub_spawn_stopped(true_argv, NULL, arg), 0);
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
		ASSERT_EQ(mmub_spawn_stopped(true_argv, NULL, &spawn), 0);
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

TEST_MAIN()
