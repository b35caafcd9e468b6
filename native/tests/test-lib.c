// SPDX-License-Identifier: Apache-2.0
/* What of libmmubridge works without the module. */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
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

TEST_MAIN()
