// SPDX-License-Identifier: Apache-2.0
/*
 * A 32-bit process, and its library, on the same device: the interface has the
 * same layout, and what such a process does is told by the numbers of its ABI.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/futex.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "abi-v1.h"
#include "watch.h"

#define PAGE	4096U

static_assert(sizeof(void *) == 4, "this test is to be compiled with -m32");

/* The next record of that range, and it names that 32-bit system call. */
static void own_event(struct watch *w, enum mmub_type type, void *start,
		      size_t size, const char *syscall)
{
	struct mmub_record record;

	do {
		if (!watch_next(w, &record))
			FAIL("no event of %s", syscall);
	} while (record.start != (uintptr_t)start);
	ASSERT_EQ(record.end, (uintptr_t)start + size);
	ASSERT_EQ(record.phase, MMUB_PHASE_START);
	ASSERT_EQ(record.type, type);
	ASSERT_EQ(record.pid, getpid());
	ASSERT_EQ(record.entry, MMUB_ENTRY_SYSCALL);
	ASSERT_EQ(record.syscall_arch, AUDIT_ARCH_I386);
	ASSERT_STREQ(mmub_syscall_name(record.syscall_arch, record.syscall_nr),
		     syscall);
}

TEST(oneself)
{
	struct mmub_range range;
	struct mmub_stats stats;
	struct mmub_info info;
	struct pollfd p;
	struct watch w;
	uint64_t seq;
	char *map;

	watch_open(&w, "compat", 0, 256);
	ASSERT_EQ(mmub_info(w.fd, &info), 0);
	ASSERT_EQ(info.record_size, 128);
	ASSERT_GT(info.features & MMUB_FEATURE_WATCH, 0);
	ASSERT_EQ(w.attached.users, 1);
	ASSERT_GT(w.attached.space_id, 0);

	map = ASSERT_OK((char *)mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	memset(map, 1, 4 * PAGE);
	/* Elsewhere the kernel may do something of its own at any time. */
	range = (struct mmub_range){ (uintptr_t)map, (uintptr_t)map + 4 * PAGE };
	ASSERT_EQ(mmub_filter_set(w.fd, (1 << MMUB_TYPE_COUNT) - 1, &range, 1), 0);
	watch_drain(&w);
	p = (struct pollfd){ .fd = w.fd, .events = POLLIN | POLLPRI };
	ASSERT_EQ(poll(&p, 1, 0), 0);
	ASSERT_OK(mprotect(map, 2 * PAGE, PROT_READ));
	ASSERT_EQ(poll(&p, 1, 0), 1);
	ASSERT_EQ(p.revents, POLLIN);
	own_event(&w, MMUB_TYPE_PROTECTION_VMA, map, 2 * PAGE, "mprotect");
	ASSERT_OK(madvise(map + PAGE, PAGE, MADV_DONTNEED));
	own_event(&w, MMUB_TYPE_CLEAR, map + PAGE, PAGE, "madvise");
	ASSERT_OK(munmap(map, 4 * PAGE));
	own_event(&w, MMUB_TYPE_UNMAP, map, 4 * PAGE, "munmap");

	seq = w.ring.header->seq;
	watch_stats(w.fd, &stats);
	ASSERT_EQ(stats.attached, 1);
	ASSERT_EQ(stats.space_id, w.attached.space_id);
	ASSERT_EQ(stats.sub_n, w.ring.header->n);
	ASSERT_GE(stats.space_seq, seq);
	ASSERT_LE(stats.space_seq, w.ring.header->seq);
	watch_close(&w);
}

/* A 64-bit process, whose addresses do not fit into a pointer here. */
TEST(another)
{
	struct mmub_range range;
	struct mmub_record record;
	struct subject subject;
	struct watch w;
	uint64_t a;

	subject_start(&subject);
	subject_say(&subject, "map a anon 4 populate");
	a = subject_field(&subject, "start");
	ASSERT_GT(a, UINT64_C(1) << 32);
	watch_open(&w, "compat", subject.pid, 64);
	range.start = a + PAGE;
	range.end = a + 2 * PAGE;
	ASSERT_EQ(mmub_filter_set(w.fd, 1 << MMUB_TYPE_CLEAR, &range, 1), 0);
	subject_say(&subject, "advise a DONTNEED 2 2");
	subject_say(&subject, "protect a r");
	ASSERT_TRUE(!watch_next(&w, &record));
	subject_say(&subject, "advise a DONTNEED");
	ASSERT_TRUE(watch_next(&w, &record));
	ASSERT_EQ(record.start, a);
	ASSERT_EQ(record.end, a + 4 * PAGE);
	ASSERT_EQ(record.n, 1);
	ASSERT_EQ(record.seq, 3);
	ASSERT_EQ(record.syscall_arch, AUDIT_ARCH_X86_64);
	ASSERT_STREQ(mmub_syscall_name(record.syscall_arch, record.syscall_nr),
		     "madvise");
	subject_end(&subject);
	watch_wait(&w, &record);
	ASSERT_EQ(record.phase, MMUB_PHASE_RELEASE);
	watch_close(&w);
}

/* Threads, and so the library's fork handlers, are none of a kernel without it. */
static void need_futex(void)
{
	uint32_t word = 0;

	if (syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) &&
	    errno == ENOSYS)
		SKIP("this kernel has no 32-bit futex() (COMPAT_32BIT_TIME)");
}

/* A word is 64 bits, and read at once, by a 32-bit process too. */
TEST(guards)
{
	struct mmub_record record;
	struct mmub_guards guards;
	uint64_t value, a;
	struct subject subject;
	struct watch w;
	char *p;
	int slot;

	need_futex();
	p = ASSERT_OK((char *)mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	memset(p, 1, 2 * PAGE);
	watch_open(&w, "compat", 0, 64);
	ASSERT_EQ(mmub_guards_open(w.fd, 4, &guards), 0);
	slot = mmub_guard_add(w.fd, (uintptr_t)p, (uintptr_t)p + 1, 0, 0);
	ASSERT_EQ(slot, 0);
	ASSERT_EQ(mmub_guard_wait(&guards, slot, 1000000000, &value), 0);
	ASSERT_TRUE(mmub_guard_valid(&guards, slot, value));
	ASSERT_OK(munmap(p + PAGE, PAGE));
	ASSERT_TRUE(mmub_guard_valid(&guards, slot, value));
	ASSERT_OK(munmap(p, PAGE));
	ASSERT_TRUE(!mmub_guard_valid(&guards, slot, value));
	ASSERT_EQ(mmub_guard_event(w.fd, slot, value, &record), 0);
	ASSERT_EQ(record.start, (uintptr_t)p);
	ASSERT_EQ(record.syscall_arch, AUDIT_ARCH_I386);
	/* Its address space is smaller. */
	ASSERT_EQ(mmub_guard_add(w.fd, 0, UINT64_C(1) << 32, 0, 0), -EINVAL);
	watch_close(&w);
	ASSERT_EQ(mmub_guards_close(&guards), 0);

	subject_start(&subject);
	subject_say(&subject, "map a anon 4 populate");
	a = subject_field(&subject, "start");
	watch_open(&w, "compat", subject.pid, 64);
	ASSERT_EQ(mmub_guards_open(w.fd, 4, &guards), 0);
	slot = mmub_guard_add(w.fd, a, a + PAGE, 0, 0);
	ASSERT_EQ(slot, 0);
	ASSERT_EQ(mmub_guard_wait(&guards, slot, 1000000000, &value), 0);
	subject_say(&subject, "unmap a 1 1");
	ASSERT_TRUE(mmub_guard_valid(&guards, slot, value));
	subject_say(&subject, "unmap a 0 1");
	ASSERT_TRUE(!mmub_guard_valid(&guards, slot, value));
	watch_close(&w);
	ASSERT_EQ(mmub_guards_close(&guards), 0);
	subject_end(&subject);
}

TEST(errors)
{
	struct mmub_range bad = { 2, 1 };
	struct mmub_stack stack = { 0 };
	struct mmub_stats stats = { 0 };
	struct mmub_info info;
	int fd = device_open();

	ASSERT_EQ(mmub_info(fd, &info), 0);
	ASSERT_EQ(ioctl(fd, MMUB_IOC_STATS, NULL), -1);
	ASSERT_EQ(errno, EFAULT);
	ASSERT_EQ(ioctl(fd, MMUB_IOC_STATS, &stats), 0);
	stats.flags = 1;
	ASSERT_EQ(ioctl(fd, MMUB_IOC_STATS, &stats), -1);
	ASSERT_EQ(errno, EINVAL);
	ASSERT_EQ(mmub_detach(fd), -ENOTCONN);
	ASSERT_EQ(mmub_filter_set(fd, 1, &bad, 1), -EINVAL);
	if (!(info.features & MMUB_FEATURE_CAUSE)) {
		ASSERT_EQ(ioctl(fd, MMUB_IOC_STACK, &stack), -1);
		ASSERT_EQ(errno, EOPNOTSUPP);
	}
	close(fd);
}

TEST(shadows)
{
	struct mmub_shadow_refresh result;
	struct mmub_shadow_entry entry;
	struct mmub_shadow_add added;
	struct mmub_shadow shadow;
	struct subject subject;
	char text[8] = "";
	struct watch w;
	uint64_t a;

	need_futex();
	subject_start(&subject);
	subject_say(&subject, "map a anon 4 populate");
	a = subject_field(&subject, "start");
	subject_say(&subject, "write a 4100 hello");
	watch_open(&w, "compat", subject.pid, 64);
	ASSERT_EQ(mmub_shadow_add(w.fd, MMUB_SHADOW_READ, a, a + 4 * PAGE, 0,
				  &added), 0);
	ASSERT_EQ(mmub_shadow_map(w.fd, &added, MMUB_SHADOW_MAP_PFNS, &shadow),
		  0);
	ASSERT_EQ(mmub_shadow_refresh(w.fd, 0, a, a + 4 * PAGE, 0, &result), 0);
	ASSERT_EQ(result.present, 4);
	ASSERT_EQ(shadow.header->present, 4);
	ASSERT_TRUE(mmub_shadow_lookup(&shadow, a + PAGE, &entry));
	ASSERT_GT(entry.pfn, 0);
	ASSERT_EQ(mmub_shadow_read(w.fd, a + 4100, text, 5), 5);
	ASSERT_STREQ(text, "hello");
	subject_say(&subject, "unmap a 1 1");
	ASSERT_TRUE(!mmub_shadow_valid(&shadow, a + PAGE, &entry));
	ASSERT_TRUE(mmub_shadow_lookup(&shadow, a, &entry));
	watch_close(&w);
	ASSERT_EQ(mmub_shadow_unmap(&shadow), 0);
	subject_end(&subject);
}

/* A 64-bit command, followed from its first instruction to its end. */
TEST(spawn)
{
	char *argv[] = { (char *)"true", NULL };
	struct mmub_record record;
	struct mmub_spawn spawn;
	struct watch w;

	ASSERT_EQ(mmub_spawn_stopped(argv, NULL, 0, &spawn), 0);
	watch_open_fd(&w, "compat", spawn.mem_fd, 4096);
	ASSERT_EQ(mmub_spawn_resume(&spawn), 0);
	ASSERT_EQ(mmub_spawn_wait(&spawn), 0);
	do {
		watch_wait(&w, &record);
	} while (record.phase == MMUB_PHASE_START);
	ASSERT_EQ(record.phase, MMUB_PHASE_RELEASE);
	/* The dynamic linker alone protects and unmaps. */
	ASSERT_GT(record.n, 2);
	watch_close(&w);
}

TEST_MAIN()
