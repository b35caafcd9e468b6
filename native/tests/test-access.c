// SPDX-License-Identifier: Apache-2.0
/*
 * Who may attach to whom: as ptrace would have it, and the refusal names the
 * rule. Callers and targets have made-up users.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "watch.h"

#define ALICE	61001
#define BOB	61002

#define YAMA	"/proc/sys/kernel/yama/ptrace_scope"

static mode_t device_mode;

static void restore_device(void)
{
	chmod(MMUB_DEVICE, device_mode);
}

/* The device's own permissions are not what is tested. */
static void __attribute__((constructor)) open_to_all(void)
{
	struct stat st;

	if (stat(MMUB_DEVICE, &st))
		return;
	device_mode = st.st_mode & 07777;
	keep_setting(YAMA);
	atexit(restore_device);
	chmod(MMUB_DEVICE, 0666);
}

void test_setup(void)
{
	write_file(YAMA, "0");
}

/* ------------------------------------------------------------------ processes */

static void set_ids(uid_t uid, gid_t gid)
{
	ASSERT_OK(setresgid(gid, gid, gid));
	ASSERT_OK(setresuid(uid, uid, uid));
	/* Changed ids are not dumpable, which is a rule of its own. */
	ASSERT_OK(prctl(PR_SET_DUMPABLE, 1));
}

/* Fork; the child goes on as that user. */
static pid_t fork_as(uid_t uid, gid_t gid)
{
	pid_t pid = test_fork();

	if (!pid)
		set_ids(uid, gid);
	return pid;
}

/* Fork a target, which makes itself ready, and then waits to be killed. */
static pid_t target(void (*prepare)(void))
{
	int ready[2];
	char byte;
	pid_t pid;

	ASSERT_OK(pipe2(ready, O_CLOEXEC));
	pid = test_fork();
	if (!pid) {
		prepare();
		ASSERT_EQ(write(ready[1], "", 1), 1);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		FAIL("the target has failed");
	close(ready[0]);
	return pid;
}

static void end_target(pid_t pid)
{
	ASSERT_OK(kill(pid, SIGKILL));
	ASSERT_TRUE(WIFSIGNALED(test_wait(pid)));
}

static void as_root(void)
{
}

static void as_alice(void)
{
	set_ids(ALICE, ALICE);
}

/* What this process may do, it can; the rule says so too. */
static void allowed(pid_t pid)
{
	char text[512];
	struct watch w;

	watch_open(&w, "access", pid, 16);
	ASSERT_EQ(w.attached.users, 1);
	watch_close(&w);
	ASSERT_EQ(mmub_refusal(pid, text, sizeof(text)), MMUB_REFUSAL_NONE);
}

static void refused(pid_t pid, enum mmub_refusal rule)
{
	char text[512], number[16];
	int ret, seen;

	ret = mmub_mem_open(pid);
	if (ret >= 0)
		FAIL("%d may be opened", pid);
	seen = mmub_refusal(pid, text, sizeof(text));
	if (seen != (int)rule)
		FAIL("rule %d, not %d: %s", seen, rule, text);
	if (rule == MMUB_REFUSAL_GONE || rule == MMUB_REFUSAL_KTHREAD)
		ASSERT_EQ(ret, -ESRCH);
	else
		ASSERT_TRUE(ret == -EACCES || ret == -EPERM);
	snprintf(number, sizeof(number), "process %d", pid);
	if (!strstr(text, number))
		FAIL("no '%s' in: %s", number, text);
}

/* Have a child of that user see whether it may. */
static void allowed_to(uid_t uid, gid_t gid, pid_t pid)
{
	pid_t child = fork_as(uid, gid);

	if (!child) {
		allowed(pid);
		_exit(0);
	}
	test_reap(child);
}

static void refused_to(uid_t uid, gid_t gid, pid_t pid, enum mmub_refusal rule)
{
	pid_t child = fork_as(uid, gid);

	if (!child) {
		refused(pid, rule);
		_exit(0);
	}
	test_reap(child);
}

/* Lose a capability, as a container's root does. */
static void drop_cap(int cap)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	ASSERT_OK(syscall(SYS_capget, &header, data));
	data[cap / 32].effective &= ~(1U << cap % 32);
	data[cap / 32].permitted &= ~(1U << cap % 32);
	ASSERT_OK(syscall(SYS_capset, &header, data));
}

/* -------------------------------------------------------------------- ids */

TEST(user)
{
	pid_t pid = target(as_alice);

	allowed_to(ALICE, ALICE, pid);
	refused_to(BOB, BOB, pid, MMUB_REFUSAL_UID);
	refused_to(BOB, ALICE, pid, MMUB_REFUSAL_UID);
	refused_to(ALICE, BOB, pid, MMUB_REFUSAL_UID);
	allowed(pid);
	end_target(pid);

	pid = target(as_root);
	refused_to(ALICE, ALICE, pid, MMUB_REFUSAL_UID);
	allowed(pid);
	end_target(pid);
}

static void as_alice_saved_bob(void)
{
	ASSERT_OK(setresgid(ALICE, ALICE, ALICE));
	ASSERT_OK(setresuid(ALICE, ALICE, BOB));
	ASSERT_OK(prctl(PR_SET_DUMPABLE, 1));
}

/* All three uids count. */
TEST(saved_uid)
{
	pid_t pid = target(as_alice_saved_bob);

	refused_to(ALICE, ALICE, pid, MMUB_REFUSAL_UID);
	end_target(pid);
}

TEST(oneself)
{
	pid_t child = fork_as(ALICE, ALICE);

	if (!child) {
		struct watch w;

		/* Even undumpable, and by its descriptor. */
		ASSERT_OK(prctl(PR_SET_DUMPABLE, 0));
		watch_open(&w, "self", 0, 16);
		watch_close(&w);
		_exit(0);
	}
	test_reap(child);
}

TEST(root_without_cap_sys_ptrace)
{
	pid_t alice = target(as_alice), root = target(as_root), child;

	child = test_fork();
	if (!child) {
		drop_cap(CAP_SYS_PTRACE);
		refused(alice, MMUB_REFUSAL_UID);
		/* The same ids, but it has the capability. */
		refused(root, MMUB_REFUSAL_CAPS);
		_exit(0);
	}
	test_reap(child);
	end_target(alice);
	end_target(root);
}

TEST(cap_sys_ptrace_without_cap_dac_override)
{
	pid_t alice = target(as_alice), child;

	child = test_fork();
	if (!child) {
		drop_cap(CAP_DAC_OVERRIDE);
		drop_cap(CAP_DAC_READ_SEARCH);
		/* /proc/PID/mem has mode 0600, and is hers. */
		refused(alice, MMUB_REFUSAL_UID);
		_exit(0);
	}
	test_reap(child);
	end_target(alice);
}

static void as_alice_with_a_capability(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = {
		{ .permitted = 1 << CAP_NET_RAW },
	};

	ASSERT_OK(prctl(PR_SET_KEEPCAPS, 1));
	as_alice();
	ASSERT_OK(syscall(SYS_capset, &header, data));
	ASSERT_OK(prctl(PR_SET_DUMPABLE, 1));
}

TEST(capabilities)
{
	pid_t pid = target(as_alice_with_a_capability);

	refused_to(ALICE, ALICE, pid, MMUB_REFUSAL_CAPS);
	allowed(pid);
	end_target(pid);
}

static void as_alice_undumpable(void)
{
	as_alice();
	ASSERT_OK(prctl(PR_SET_DUMPABLE, 0));
}

TEST(not_dumpable)
{
	pid_t pid = target(as_alice_undumpable);

	refused_to(ALICE, ALICE, pid, MMUB_REFUSAL_DUMPABLE);
	allowed(pid);
	end_target(pid);
}

/* -------------------------------------------------------------------- Yama */

static void set_yama(const char *scope)
{
	if (access(YAMA, F_OK))
		SKIP("this kernel has no Yama");
	ASSERT_EQ(write_file(YAMA, scope), 0);
}

static void as_alice_for_any_tracer(void)
{
	as_alice();
	ASSERT_OK(prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY));
}

TEST(yama_1)
{
	pid_t pid, child;

	set_yama("1");
	pid = target(as_alice);
	refused_to(ALICE, ALICE, pid, MMUB_REFUSAL_YAMA);
	allowed(pid);
	end_target(pid);
	/* It has allowed it. */
	pid = target(as_alice_for_any_tracer);
	allowed_to(ALICE, ALICE, pid);
	end_target(pid);
	/* A descendant. */
	child = fork_as(ALICE, ALICE);
	if (!child) {
		pid = target(as_alice);
		allowed(pid);
		end_target(pid);
		_exit(0);
	}
	test_reap(child);
}

TEST(yama_2)
{
	pid_t pid, child;

	set_yama("2");
	pid = target(as_alice);
	refused_to(ALICE, ALICE, pid, MMUB_REFUSAL_YAMA);
	allowed(pid);
	end_target(pid);
	child = fork_as(ALICE, ALICE);
	if (!child) {
		struct watch w;

		pid = target(as_alice);
		refused(pid, MMUB_REFUSAL_YAMA);
		end_target(pid);
		/* Oneself is never asked about. */
		watch_open(&w, "self", 0, 16);
		watch_close(&w);
		_exit(0);
	}
	test_reap(child);
}

/* Nothing but a reboot undoes it. */
TEST(yama_3)
{
	char *argv[] = { (char *)"touch", (char *)"/tmp/mmub-ran", NULL };
	struct mmub_spawn spawn;
	struct watch w;
	pid_t pid;

	if (!getenv("MMUB_TEST_YAMA_3"))
		SKIP("it cannot be undone: MMUB_TEST_YAMA_3 is not set");
	set_yama("3");
	pid = target(as_alice);
	refused(pid, MMUB_REFUSAL_YAMA);
	refused_to(ALICE, ALICE, pid, MMUB_REFUSAL_YAMA);
	end_target(pid);
	watch_open(&w, "self", 0, 16);
	watch_close(&w);
	/* A command that cannot be watched is not run. */
	ASSERT_EQ(mmub_spawn_stopped(argv, NULL, 0, &spawn), -EPERM);
	ASSERT_EQ(mmub_spawn_running(argv, NULL, 0, &spawn), -EPERM);
	ASSERT_EQ(access("/tmp/mmub-ran", F_OK), -1);
}

/* --------------------------------------------------------------- namespaces */

static void alice_sees_but_bob(pid_t hidden, pid_t seen)
{
	pid_t child = fork_as(ALICE, ALICE);

	if (!child) {
		char text[512];

		refused(hidden, MMUB_REFUSAL_GONE);
		mmub_refusal(hidden, text, sizeof(text));
		ASSERT_TRUE(strstr(text, "hidepid"));
		allowed(seen);
		_exit(0);
	}
	test_reap(child);
}

static void as_bob(void)
{
	set_ids(BOB, BOB);
}

TEST(hidepid)
{
	pid_t bob = target(as_bob), alice = target(as_alice);

	ASSERT_OK(unshare(CLONE_NEWNS));
	ASSERT_OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	if (mount("proc", "/proc", "proc", 0, "hidepid=2"))
		SKIP("no hidepid=2: %m");
	alice_sees_but_bob(bob, alice);
	allowed(bob);
	end_target(bob);
	end_target(alice);
}

TEST(proc_not_mounted)
{
	pid_t pid = target(as_root);
	struct watch w;

	ASSERT_OK(unshare(CLONE_NEWNS));
	ASSERT_OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	ASSERT_OK(mount("tmpfs", "/proc", "tmpfs", 0, NULL));
	ASSERT_EQ(mmub_mem_open(pid), -ENOENT);
	ASSERT_EQ(mmub_mem_open_pidfd(ASSERT_OK(syscall(SYS_pidfd_open, pid, 0))),
		  -ENOENT);
	/* Oneself needs no /proc. */
	watch_open(&w, "self", 0, 16);
	watch_close(&w);
	end_target(pid);
}

/* Become root of a new user namespace, in which only oneself is mapped. */
static void enter_userns(void)
{
	char map[64];
	uid_t uid = getuid();
	gid_t gid = getgid();

	if (unshare(CLONE_NEWUSER))
		SKIP("no user namespaces: %m");
	/* Its files are root's until it is dumpable again. */
	ASSERT_OK(prctl(PR_SET_DUMPABLE, 1));
	ASSERT_EQ(write_file("/proc/self/setgroups", "deny"), 0);
	snprintf(map, sizeof(map), "0 %u 1", uid);
	ASSERT_EQ(write_file("/proc/self/uid_map", map), 0);
	snprintf(map, sizeof(map), "0 %u 1", gid);
	ASSERT_EQ(write_file("/proc/self/gid_map", map), 0);
	ASSERT_EQ(getuid(), 0);
}

static void as_alice_in_userns(void)
{
	as_alice();
	enter_userns();
}

TEST(target_in_user_namespace)
{
	pid_t pid = target(as_alice_in_userns);

	/* Who made the namespace has every capability in it. */
	allowed_to(ALICE, ALICE, pid);
	refused_to(BOB, BOB, pid, MMUB_REFUSAL_UID);
	allowed(pid);
	end_target(pid);
}

TEST(caller_in_user_namespace)
{
	pid_t alice = target(as_alice), bob = target(as_bob), child;

	child = fork_as(ALICE, ALICE);
	if (!child) {
		struct watch w;
		pid_t pid;

		enter_userns();
		/* Root here, and nobody outside, though the uid is the same. */
		refused(alice, MMUB_REFUSAL_CAPS);
		refused(bob, MMUB_REFUSAL_UID);
		pid = target(as_root);
		allowed(pid);
		end_target(pid);
		watch_open(&w, "self", 0, 16);
		watch_close(&w);
		_exit(0);
	}
	test_reap(child);
	end_target(alice);
	end_target(bob);
}

/* --------------------------------------------------------------- descriptors */

static int attach_fd(int mem_fd)
{
	int fd = device_open();
	int ret = mmub_attach(fd, "descriptor", mem_fd, 0, NULL);

	close(fd);
	return ret;
}

static int attach_path(const char *path, int flags)
{
	int mem_fd = ASSERT_OK(open(path, flags | O_CLOEXEC));
	int ret = attach_fd(mem_fd);

	close(mem_fd);
	return ret;
}

TEST(what_is_no_descriptor_of_mem)
{
	int pair[2];

	ASSERT_EQ(attach_path("/dev/null", O_RDONLY), -EINVAL);
	ASSERT_EQ(attach_path("/etc/passwd", O_RDONLY), -EINVAL);
	ASSERT_EQ(attach_path("/proc", O_RDONLY | O_DIRECTORY), -EINVAL);
	ASSERT_EQ(attach_path("/proc/self/maps", O_RDONLY), -EINVAL);
	/* These hold an mm too, where mem has it. */
	ASSERT_EQ(attach_path("/proc/self/environ", O_RDONLY), -EINVAL);
	ASSERT_EQ(attach_path("/proc/self/auxv", O_RDONLY), -EINVAL);
	ASSERT_EQ(attach_path("/proc/self/pagemap", O_RDONLY), -EINVAL);
	ASSERT_EQ(attach_path(MMUB_DEVICE, O_RDWR), -EINVAL);
	ASSERT_EQ(attach_fd(ASSERT_OK(syscall(SYS_pidfd_open, getpid(), 0))),
		  -EINVAL);
	ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	ASSERT_EQ(attach_fd(pair[0]), -EINVAL);
	ASSERT_EQ(attach_fd(10000), -EBADF);
	ASSERT_EQ(attach_fd(-2), -EINVAL);
	ASSERT_EQ(attach_fd(INT32_MIN), -EINVAL);
	ASSERT_EQ(attach_fd(INT32_MAX), -EBADF);
}

TEST(modes_of_mem)
{
	ASSERT_EQ(attach_path("/proc/self/mem", O_WRONLY), -EACCES);
	ASSERT_EQ(attach_path("/proc/self/mem", O_PATH), -EBADF);
	ASSERT_EQ(attach_path("/proc/self/mem", O_RDONLY), 0);
	ASSERT_EQ(attach_path("/proc/self/mem", O_RDWR), 0);
	ASSERT_EQ(attach_path("/proc/thread-self/mem", O_RDONLY), 0);
}

static void *wait_for_stop(void *arg)
{
	pid_t *tid = arg;

	__atomic_store_n(tid, gettid(), __ATOMIC_RELEASE);
	ASSERT_SOON(!__atomic_load_n(tid, __ATOMIC_ACQUIRE));
	return NULL;
}

/* A thread's own mem is its process's. */
TEST(mem_of_a_thread)
{
	struct watch process, thread;
	pthread_t waiter;
	char path[64];
	pid_t tid = 0;
	int fd;

	ASSERT_EQ(pthread_create(&waiter, NULL, wait_for_stop, &tid), 0);
	ASSERT_SOON(__atomic_load_n(&tid, __ATOMIC_ACQUIRE));
	snprintf(path, sizeof(path), "/proc/%d/task/%d/mem", getpid(), tid);
	fd = ASSERT_OK(open(path, O_RDONLY | O_CLOEXEC));
	watch_open(&process, "thread", 0, 16);
	watch_open_fd(&thread, "thread", fd, 16);
	ASSERT_EQ(thread.attached.space_id, process.attached.space_id);
	ASSERT_EQ(thread.attached.users, 2);
	__atomic_store_n(&tid, 0, __ATOMIC_RELEASE);
	ASSERT_EQ(pthread_join(waiter, NULL), 0);
	watch_close(&thread);
	watch_close(&process);
}

/* Without an mm it cannot be opened, or, on older kernels, attached to. */
static void no_mm(pid_t pid)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		ASSERT_EQ(errno, ESRCH);
	} else {
		ASSERT_EQ(attach_fd(fd), -ESRCH);
		close(fd);
	}
}

TEST(kernel_thread)
{
	refused(2, MMUB_REFUSAL_KTHREAD);
	no_mm(2);
}

TEST(exited)
{
	pid_t pid = target(as_root);
	int fd = mmub_mem_open(pid);
	siginfo_t info;

	ASSERT_GE(fd, 0);
	ASSERT_EQ(attach_fd(fd), 0);
	ASSERT_OK(kill(pid, SIGKILL));
	ASSERT_OK(waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
	/* A zombie: by the descriptor from before, and by a new one. */
	ASSERT_EQ(attach_fd(fd), -ESRCH);
	no_mm(pid);
	refused(pid, MMUB_REFUSAL_GONE);
	test_wait(pid);
	ASSERT_EQ(attach_fd(fd), -ESRCH);
	refused(pid, MMUB_REFUSAL_GONE);
	close(fd);
}

/* The descriptor is of the mm, not of the process. */
TEST(executed)
{
	struct subject subject;
	int fd;

	subject_start(&subject);
	fd = mmub_mem_open(subject.pid);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(attach_fd(fd), 0);
	subject_say(&subject, "exec");
	ASSERT_EQ(attach_fd(fd), -ESRCH);
	allowed(subject.pid);
	close(fd);
	subject_end(&subject);
}

/* ------------------------------------------------------------------- passing */

static void send_fd(int socket, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec data = { (void *)"", 1 };
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	ASSERT_EQ(sendmsg(socket, &message, 0), 1);
}

static int receive_fd(int socket)
{
	char control[CMSG_SPACE(sizeof(int))], byte;
	struct iovec data = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header;
	int fd;

	ASSERT_EQ(recvmsg(socket, &message, MSG_CMSG_CLOEXEC), 1);
	header = CMSG_FIRSTHDR(&message);
	ASSERT_TRUE(header && header->cmsg_type == SCM_RIGHTS);
	memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}

/* Who holds the descriptor may already read that memory. */
TEST(mem_descriptor_passed)
{
	pid_t pid = target(as_root), child;
	int pair[2];

	ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	child = fork_as(ALICE, ALICE);
	if (!child) {
		refused(pid, MMUB_REFUSAL_UID);
		ASSERT_EQ(attach_fd(receive_fd(pair[1])), 0);
		_exit(0);
	}
	send_fd(pair[0], mmub_mem_open(pid));
	test_reap(child);
	end_target(pid);
}

/* A subscription to oneself is of no use to others; one to another is. */
TEST(subscription_passed)
{
	struct watch self, named, other;
	pid_t pid = target(as_root), child;
	int pair[2];

	ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	watch_open(&self, "passed", 0, 16);
	/* To oneself as well, though by /proc/PID/mem. */
	watch_open(&named, "passed", getpid(), 16);
	watch_open(&other, "passed", pid, 16);
	child = fork_as(ALICE, ALICE);
	if (!child) {
		struct mmub_stats stats;
		struct mmub_info info;
		int fd;

		fd = receive_fd(pair[1]);
		ASSERT_EQ(mmub_info(fd, &info), 0);
		ASSERT_EQ(mmub_synchronize(fd, 0), 0);
		ASSERT_EQ(mmub_stats(fd, &stats), -EXDEV);
		ASSERT_EQ(mmub_filter_set(fd, 1, NULL, 0), -EXDEV);
		ASSERT_EQ(mmub_detach(fd), -EXDEV);
		close(fd);

		fd = receive_fd(pair[1]);
		ASSERT_EQ(mmub_detach(fd), -EXDEV);
		close(fd);

		fd = receive_fd(pair[1]);
		watch_stats(fd, &stats);
		ASSERT_EQ(stats.attached, 1);
		ASSERT_EQ(stats.space_id, other.attached.space_id);
		ASSERT_EQ(mmub_detach(fd), 0);
		_exit(0);
	}
	send_fd(pair[0], self.fd);
	send_fd(pair[0], named.fd);
	send_fd(pair[0], other.fd);
	test_reap(child);
	/* The one detached is so for all who have it. */
	ASSERT_EQ(mmub_detach(other.fd), -ESHUTDOWN);
	ASSERT_EQ(mmub_ring_close(&other.ring), 0);
	close(other.fd);
	watch_close(&named);
	watch_close(&self);
	end_target(pid);
}

TEST_MAIN()
