// SPDX-License-Identifier: Apache-2.0
/*
 * Every allocation fails once, for each call of the module and for what a watched
 * process does: the call says so, has changed nothing, and succeeds when it is
 * made again; and what guards, shadows and the ring tell is right throughout.
 *
 * MMUBRIDGE_KO names the module's file, to load it and to know all places that
 * allocate. Skipped on a kernel that injects no failures.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/capability.h>
#include <linux/mempolicy.h>

#include "faults.h"
#include "module.h"
#include "shadows.h"

static void load_anew(void)
{
	if (!module_is_loaded("mmubridge"))
		module_load(getenv("MMUBRIDGE_KO"), "");
}

static void __attribute__((constructor)) load_anew_at_exit(void)
{
	if (getenv("MMUBRIDGE_KO"))
		atexit(load_anew);
}

/* What a test that has failed has left. */
void test_setup(void)
{
	if (getenv("MMUBRIDGE_KO"))
		load_anew();
}

#define PARAMETERS	"/sys/module/mmubridge/parameters/"
#define UID		61003
#define NAME		"fault"

/* Where what is tried is mapped, each in page tables of its own. */
#define REGIONS		0x300000000000UL
#define REGION_SIZE	0x40000000UL

static void __attribute__((constructor)) settings(void)
{
	keep_setting(PARAMETERS "subscriptions_per_uid");
	keep_setting(PARAMETERS "subsystems_per_uid");
}

/**
 * struct operation - a call, made with its first, second, ... allocation failing
 * @name: of it
 * @allocates: in the module, or for it: one failure at least must come of that;
 *	else it never fails
 * @kernels: what it allocates is the kernel's alone
 * @composed: of calls that are made by themselves too
 * @fresh: each time in a process of its own, whose mm nobody has subscribed to
 * @also: an error that it may have, beside -ENOMEM
 * @before: what each attempt needs
 * @call: -errno, or what it returns
 * @failed: it has; nothing is changed
 * @done: it has succeeded, with what it returned; all is well, and taken back
 */
struct operation {
	const char *name;
	bool allocates;
	bool fresh;
	bool kernels;
	bool composed;
	int also;
	void (*before)(void);
	int (*call)(void);
	void (*failed)(void);
	void (*done)(int ret);
};

/* Of one attempt; on a page that is shared with the process that makes it. */
static struct outcome {
	bool injected;
	bool error;
} *outcome;

/* Several allocations may fail in one call. */
static bool many;

/*
 * Where there are many allocations behind few calls: how many to go on to the next
 * that fails, each where MMUB_TEST_SCALE is 1.
 */
static unsigned int thinned(void)
{
	unsigned long rounds = scaled(30);

	return rounds < 30 ? 30 / rounds : 1;
}

static void check_error(const struct operation *op, int ret)
{
	if (ret != -ENOMEM && (!op->also || ret != -op->also))
		FAIL("%s: %s", op->name, strerror(-ret));
}

static void finish(const struct operation *op, int ret)
{
	if (ret < 0) {
		check_error(op, ret);
		if (op->failed)
			op->failed();
		ret = op->call();
		if (ret < 0)
			FAIL("%s, when it is called again: %s", op->name,
			     strerror(-ret));
	}
	op->done(ret);
}

static void attempt(const struct operation *op, unsigned int nth)
{
	int ret;

	if (op->before)
		op->before();
	fault_arm(nth);
	ret = op->call();
	outcome->injected = !fault_disarm();
	outcome->error = ret < 0;
	if (ret < 0 && !outcome->injected)
		FAIL("%s, where no allocation fails: %s", op->name,
		     strerror(-ret));
	finish(op, ret);
}

static void inject(const struct operation *op)
{
	unsigned int step = op->composed ? thinned() : 1;
	unsigned int nth = 1, count = 0, errors = 0;
	struct faults faults;
	pid_t pid;

	for (;; nth += step, count++) {
		if (op->fresh) {
			pid = test_fork();
			if (!pid) {
				attempt(op, nth);
				_exit(0);
			}
			test_reap(pid);
		} else {
			attempt(op, nth);
		}
		errors += outcome->error;
		if (!outcome->injected)
			break;
	}

	faults_take(&faults);
	test_note("%s: %u failures injected, %u for the module; %u errors",
		  op->name, count, faults.module, errors);
	ASSERT_EQ(faults.all, count);
	if (op->allocates)
		ASSERT_GT(op->kernels ? faults.all : faults.module, 0);
	else
		ASSERT_EQ(errors, 0);
}

static void inject_all(const struct operation *ops, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		inject(&ops[i]);
}

/* ------------------------------------------------------------------ in common */

static struct watch w;
static struct mmub_guards guards;
static struct shadow shadow;
static struct mmub_shadow_add added;
static struct mmub_record record;
static uint64_t region, value;
static pid_t target;
static int other = -1;

static void begin(void)
{
	faults_open();
	outcome = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(outcome != MAP_FAILED);
}

static uint64_t next_region(void)
{
	static unsigned int count;

	return REGIONS + count++ % 4096 * REGION_SIZE;
}

static bool is_mapped(uint64_t addr)
{
	unsigned char vec;

	return !mincore((void *)addr, PAGE, &vec) || errno != ENOMEM;
}

static unsigned int mappings(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned int count = 0;
	int c;

	ASSERT_TRUE(maps);
	while ((c = getc(maps)) != EOF)
		count += c == '\n';
	fclose(maps);
	return count;
}

static int map_at(int fd, uint64_t offset, size_t size, int prot)
{
	void *map = mmap((void *)region, size, prot,
			 MAP_SHARED | MAP_FIXED_NOREPLACE, fd, offset);

	return map == MAP_FAILED ? -errno : 0;
}

/* Written, each page with its own number. */
static void fill(uint64_t addr, unsigned int pages)
{
	unsigned int i;

	for (i = 0; i < pages; i++)
		*(volatile uint64_t *)(addr + i * PAGE) = addr + i;
}

static void is_filled(uint64_t addr, unsigned int pages)
{
	unsigned int i;

	for (i = 0; i < pages; i++)
		ASSERT_EQ(*(volatile uint64_t *)(addr + i * PAGE), addr + i);
}

static void map_private(uint64_t addr, size_t size)
{
	ASSERT_EQ((uint64_t)ASSERT_OK(mmap((void *)addr, size,
					   PROT_READ | PROT_WRITE,
					   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
					   -1, 0)), addr);
}

/* Every notifier has been put and freed. */
static void nothing_left(void)
{
	struct mmub_stats stats;
	int fd = device_open();

	watch_synchronize(fd, &stats);
	ASSERT_EQ(stats.live_spaces, 0);
	ASSERT_EQ(stats.gets, stats.puts);
	ASSERT_EQ(stats.allocations, stats.frees);
	ASSERT_OK(close(fd));
}

/* ------------------------------------------------- what RLIMIT_MEMLOCK has left */

static unsigned long memlock_pages;

static void memlock_set(unsigned long pages)
{
	struct rlimit limit = { pages * PAGE, 4096 * PAGE };

	ASSERT_OK(setrlimit(RLIMIT_MEMLOCK, &limit));
	memlock_pages = pages;
}

/* A user that is charged, and nothing of whose is yet. */
static void memlock_begin(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	memlock_set(4096);
	ASSERT_OK(prctl(PR_SET_KEEPCAPS, 1));
	ASSERT_OK(setresuid(UID, UID, UID));
	ASSERT_OK(syscall(SYS_capget, &header, data));
	data[CAP_IPC_LOCK / 32].permitted &= ~(1U << CAP_IPC_LOCK % 32);
	data[0].effective = data[0].permitted;
	data[1].effective = data[1].permitted;
	ASSERT_OK(syscall(SYS_capset, &header, data));
}

/* Rings of 3 and 4 pages, which have 8 and 64 records. */
static bool memlock_try(unsigned long pages)
{
	struct mmub_ring_setup setup;
	unsigned int count = 0, i;
	bool all = true;
	int fds[1024];

	ASSERT_TRUE(pages == 3 || pages == 4 || pages >= 6);
	while (pages && all) {
		memset(&setup, 0, sizeof(setup));
		setup.records = pages % 3 ? 64 : 8;
		pages -= pages % 3 ? 4 : 3;
		fds[count] = device_open();
		all = !ioctl(fds[count], MMUB_IOC_RING_SETUP, &setup);
		if (!all)
			ASSERT_EQ(errno, ENOBUFS);
		count++;
	}
	for (i = 0; i < count; i++)
		ASSERT_OK(close(fds[i]));
	return all;
}

/* All of it. */
static void memlock_is_whole(void)
{
	ASSERT_TRUE(memlock_try(memlock_pages));
}

/* The limit becomes what the operation takes, and no page more. */
static void memlock_fit(const struct operation *op)
{
	unsigned long pages;
	int ret;

	for (pages = 3; pages < 1000; pages++) {
		if (pages == 5)
			continue;
		op->before();
		memlock_set(pages);
		ret = op->call();
		if (ret >= 0) {
			op->done(ret);
			return;
		}
		ASSERT_EQ(ret, -ENOBUFS);
		memlock_set(4096);
		op->done(op->call());
	}
	FAIL("%s takes %lu pages and more", op->name, pages);
}

/* ------------------------------------------------------------------- the module */

/*
 * A copy in memory, open for reading: what is tried is not to be the file system
 * that it comes from.
 */
static int copy_of(const char *path)
{
	char name[64], piece[65536];
	int from, to, copy;
	ssize_t got;

	from = ASSERT_OK(open(path, O_RDONLY | O_CLOEXEC));
	to = ASSERT_OK(memfd_create("copy", MFD_CLOEXEC));
	while ((got = ASSERT_OK(read(from, piece, sizeof(piece)))) > 0)
		ASSERT_EQ(write(to, piece, got), got);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", to);
	copy = ASSERT_OK(open(name, O_RDONLY | O_CLOEXEC));
	close(from);
	close(to);
	return copy;
}

static int module_fd;

static int call_load(void)
{
	return syscall(SYS_finit_module, module_fd, "", 0) ? -errno : 0;
}

static void load_failed(void)
{
	ASSERT_TRUE(!module_is_loaded("mmubridge"));
	ASSERT_EQ(mmub_open(NULL), -ENOENT);
}

static void load_done(int ret)
{
	struct mmub_info info;
	int fd = device_open();

	ASSERT_EQ(ret, 0);
	ASSERT_EQ(mmub_info(fd, &info), 0);
	/* Where /proc/self/mem cannot be opened it goes without, and says so. */
	if (info.foreign_reason)
		ASSERT_EQ(info.foreign_reason, MMUB_FOREIGN_NO_PROC);
	ASSERT_EQ(!!(info.features & MMUB_FEATURE_FOREIGN), !info.foreign_reason);
	ASSERT_OK(close(fd));
	ASSERT_SOON(!module_unload("mmubridge"));
}

/* More than any call allocates. */
#define NONE	1000000

/* How often it allocates; not always quite as often. */
static unsigned int allocations_of(const struct operation *op)
{
	unsigned int count;
	int ret;

	fault_arm(NONE);
	ret = op->call();
	count = NONE - fault_disarm();
	finish(op, ret);
	return count;
}

/*
 * From the end on, where its initialisation is, until what fails comes before that,
 * which is the kernel's: it warns of some.
 */
TEST(load)
{
	static const struct operation op = {
		.name = "init_module", .call = call_load,
		.failed = load_failed, .done = load_done,
	};
	unsigned int nth, init = 0, errors = 0;
	bool before = false;
	struct faults faults;

	begin();
	if (!getenv("MMUBRIDGE_KO"))
		SKIP("MMUBRIDGE_KO, the module's file, is not set");
	module_fd = copy_of(getenv("MMUBRIDGE_KO"));
	ASSERT_SOON(!module_unload("mmubridge"));
	for (nth = allocations_of(&op) + 10; nth > thinned() && !before;
	     nth -= thinned()) {
		attempt(&op, nth);
		errors += outcome->error;
		faults_take(&faults);
		init += faults.init;
		before = init && outcome->injected && !faults.init;
	}
	test_note("init_module: %u failures injected in the initialisation; %u errors",
		  init, errors);
	ASSERT_GT(init, 10);
	ASSERT_EQ(call_load(), 0);
}

/* ------------------------------------------------------------------- the device */

static int call_open(void)
{
	return mmub_open(NULL);
}

static void done_close(int ret)
{
	ASSERT_OK(close(ret));
}

static void before_device(void)
{
	w.fd = device_open();
}

static void device_done(void)
{
	ASSERT_OK(close(w.fd));
}

static struct mmub_info info;

static int call_info(void)
{
	return mmub_info(w.fd, &info);
}

static void done_info(int ret)
{
	struct mmub_info again;

	ASSERT_EQ(ret, 0);
	ASSERT_EQ(mmub_info(w.fd, &again), 0);
	ASSERT_TRUE(!memcmp(&info, &again, sizeof(info)));
	ASSERT_EQ(info.abi_version, MMUB_ABI_VERSION);
	device_done();
}

static struct mmub_stats stats;

static int call_stats(void)
{
	return mmub_stats(w.fd, &stats);
}

static void done_stats(int ret)
{
	ASSERT_EQ(ret, 0);
	ASSERT_EQ(stats.attached, 0);
	ASSERT_EQ(stats.live_spaces, 0);
	device_done();
}

static int call_synchronize(void)
{
	return mmub_synchronize(w.fd, 0);
}

static void done_device(int ret)
{
	ASSERT_EQ(ret, 0);
	device_done();
}

TEST(device)
{
	static const struct operation ops[] = {
		{ "open", true, .call = call_open, .done = done_close },
		{ "INFO", .before = before_device, .call = call_info,
		  .done = done_info },
		{ "STATS", .before = before_device, .call = call_stats,
		  .done = done_stats },
		{ "SYNCHRONIZE", .before = before_device, .call = call_synchronize,
		  .done = done_device },
	};

	begin();
	nothing_left();
	inject_all(ops, ARRAY_SIZE(ops));
}

/* --------------------------------------------------------------------- the ring */

static struct mmub_ring_setup setup;

static int call_ring_setup(void)
{
	setup = (struct mmub_ring_setup){
		.records = 256, .flags = MMUB_RING_CAUSE,
	};
	return ioctl(w.fd, MMUB_IOC_RING_SETUP, &setup) ? -errno : 0;
}

static void failed_ring_setup(void)
{
	/* There is none. */
	region = next_region();
	ASSERT_EQ(map_at(w.fd, 0, 9 * PAGE, PROT_READ), -ENXIO);
	memlock_is_whole();
}

static void done_ring_setup(int ret)
{
	ASSERT_EQ(ret, 0);
	ASSERT_EQ(setup.ring_size, 9 * PAGE);
	ASSERT_EQ(setup.consumer_size, PAGE);
	device_done();
}

static void before_ring_map(void)
{
	before_device();
	ASSERT_EQ(call_ring_setup(), 0);
	region = next_region();
}

static int call_ring_map(void)
{
	return map_at(w.fd, 0, setup.ring_size, PROT_READ);
}

static int call_consumer_map(void)
{
	return map_at(w.fd, 1UL << MMUB_MAP_SHIFT, setup.consumer_size,
		      PROT_READ | PROT_WRITE);
}

static void failed_map(void)
{
	ASSERT_TRUE(!is_mapped(region));
}

static void done_ring_map(int ret)
{
	const struct mmub_ring_header *header = (void *)region;

	ASSERT_EQ(ret, 0);
	ASSERT_EQ(header->records, 256);
	ASSERT_EQ(header->record_size, sizeof(struct mmub_record));
	ASSERT_OK(munmap((void *)region, setup.ring_size));
	device_done();
}

static void done_consumer_map(int ret)
{
	struct mmub_ring_consumer *consumer = (void *)region;

	ASSERT_EQ(ret, 0);
	ASSERT_EQ(consumer->tail, 0);
	consumer->tail = 1;
	ASSERT_OK(munmap((void *)region, setup.consumer_size));
	device_done();
}

static unsigned int mapped_before;

static void before_library(void)
{
	mapped_before = mappings();
}

static int call_ring_open(void)
{
	int ret;

	w.fd = mmub_open(NULL);
	if (w.fd < 0)
		return w.fd;
	ret = mmub_ring_open(w.fd, 256, 0, 0, &w.ring);
	if (ret)
		device_done();
	return ret;
}

static void failed_library(void)
{
	ASSERT_EQ(mappings(), mapped_before);
	memlock_is_whole();
}

static void done_ring_open(int ret)
{
	uint32_t index;

	ASSERT_EQ(ret, 0);
	ASSERT_EQ(mmub_ring_peek(&w.ring, &index), 0);
	ASSERT_EQ(mmub_ring_close(&w.ring), 0);
	device_done();
}

TEST(ring)
{
	static const struct operation ops[] = {
		{ "RING_SETUP", true, .before = before_device,
		  .call = call_ring_setup, .failed = failed_ring_setup,
		  .done = done_ring_setup },
		{ "mmap of the ring", true, .before = before_ring_map,
		  .call = call_ring_map, .failed = failed_map,
		  .done = done_ring_map },
		{ "mmap of the consumer page", true, .before = before_ring_map,
		  .call = call_consumer_map, .failed = failed_map,
		  .done = done_consumer_map },
		{ "mmub_ring_open", true, .composed = true, .before = before_library,
		  .call = call_ring_open, .failed = failed_library,
		  .done = done_ring_open },
	};

	begin();
	memlock_begin();
	memlock_fit(&ops[0]);
	ASSERT_EQ(memlock_pages, 10);
	inject_all(ops, ARRAY_SIZE(ops));
	memlock_is_whole();
}

/* ----------------------------------------------------------------------- attach */

/* One of each is all that there may be: what is not given back is missed. */
static void quota_begin(unsigned int subscriptions)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", subscriptions);
	ASSERT_EQ(write_file(PARAMETERS "subscriptions_per_uid", text), 0);
	ASSERT_EQ(write_file(PARAMETERS "subsystems_per_uid", "1"), 0);
}

static void before_attach(void)
{
	w.fd = device_open();
	ASSERT_EQ(mmub_ring_open(w.fd, 64, 0, MMUB_RING_CAUSE, &w.ring), 0);
}

static int call_attach(void)
{
	return mmub_attach(w.fd, NAME, -1, 0, &w.attached);
}

static void failed_attach(void)
{
	struct mmub_stats seen;

	watch_synchronize(w.fd, &seen);
	ASSERT_EQ(seen.attached, 0);
	ASSERT_EQ(seen.live_spaces, 0);
	ASSERT_EQ(seen.gets, seen.puts);
	ASSERT_EQ(seen.allocations, seen.frees);
	ASSERT_EQ(w.ring.header->seq, 0);
}

/* Something comes: memory is unmapped, whose address this is. */
static uint64_t event_raise(void)
{
	uint64_t addr = next_region();

	map_private(addr, PAGE);
	fill(addr, 1);
	watch_drain(&w);
	ASSERT_OK(munmap((void *)addr, PAGE));
	return addr;
}

/* The ring tells of it. */
static void event_comes(void)
{
	uint64_t addr = event_raise();

	do {
		ASSERT_TRUE(watch_next(&w, &record));
	} while (record.start > addr || record.end <= addr);
	ASSERT_EQ(record.type, MMUB_TYPE_UNMAP);
	ASSERT_EQ(w.ring.header->lost, 0);
}

static void done_attach(int ret)
{
	ASSERT_EQ(ret, 0);
	ASSERT_EQ(w.attached.users, 1);
	ASSERT_EQ(w.attached.shared, 0);
	event_comes();
	watch_close(&w);
	nothing_left();
}

static void before_attach_shared(void)
{
	other = device_open();
	ASSERT_EQ(mmub_attach(other, NAME, -1, 0, NULL), 0);
	before_attach();
}

static void failed_attach_shared(void)
{
	struct mmub_stats seen;

	watch_stats(other, &seen);
	ASSERT_EQ(seen.space_users, 1);
	ASSERT_EQ(seen.live_spaces, 1);
	watch_stats(w.fd, &seen);
	ASSERT_EQ(seen.attached, 0);
}

static void done_attach_shared(int ret)
{
	ASSERT_EQ(ret, 0);
	ASSERT_EQ(w.attached.users, 2);
	ASSERT_EQ(w.attached.shared, 1);
	event_comes();
	ASSERT_OK(close(other));
	watch_close(&w);
	nothing_left();
}

static void before_attach_foreign(void)
{
	target = test_fork();
	if (!target)
		for (;;)
			pause();
	before_attach();
}

static int call_attach_foreign(void)
{
	int mem, ret;

	mem = mmub_mem_open(target);
	if (mem < 0)
		return mem;
	ret = mmub_attach(w.fd, NAME, mem, 0, &w.attached);
	close(mem);
	return ret;
}

static void done_attach_foreign(int ret)
{
	ASSERT_EQ(ret, 0);
	ASSERT_EQ(w.attached.users, 1);
	ASSERT_OK(kill(target, SIGKILL));
	test_wait(target);
	do {
		watch_wait(&w, &record);
	} while (record.phase == MMUB_PHASE_START);
	ASSERT_EQ(record.phase, MMUB_PHASE_RELEASE);
	watch_close(&w);
	nothing_left();
}

TEST(attach)
{
	static const struct operation ops[] = {
		{ "ATTACH, own", true, true, .before = before_attach,
		  .call = call_attach, .failed = failed_attach,
		  .done = done_attach },
		/* As /proc says where it has no memory: proc_pid_instantiate(). */
		{ "ATTACH, foreign", true, .also = ESRCH, .before = before_attach_foreign,
		  .call = call_attach_foreign, .failed = failed_attach,
		  .done = done_attach_foreign },
		{ "ATTACH, shared", true, true, .before = before_attach_shared,
		  .call = call_attach, .failed = failed_attach_shared,
		  .done = done_attach_shared },
	};

	begin();
	nothing_left();
	quota_begin(1);
	inject(&ops[0]);
	inject(&ops[1]);
	quota_begin(2);
	inject(&ops[2]);
}

/* ------------------------------------------------------------- a subscription */

static void before_watch(void)
{
	watch_ring_flags = MMUB_RING_CAUSE;
	watch_open(&w, NAME, 0, 1024);
}

static void watch_done(void)
{
	watch_close(&w);
	nothing_left();
}

static int call_filter(void)
{
	static const struct mmub_range all = { 0, 1UL << 47 };

	return mmub_filter_set(w.fd, 1 << MMUB_TYPE_UNMAP, &all, 1);
}

static void done_filter(int ret)
{
	uint64_t addr = next_region();

	ASSERT_EQ(ret, 0);
	map_private(addr, PAGE);
	fill(addr, 1);
	watch_drain(&w);
	ASSERT_OK(madvise((void *)addr, PAGE, MADV_DONTNEED));
	ASSERT_TRUE(!watch_next(&w, &record));
	event_comes();
	watch_done();
}

static void before_poll(void)
{
	before_watch();
	watch_drain(&w);
}

static int call_poll(void)
{
	struct pollfd p = { .fd = w.fd, .events = POLLIN };

	return poll(&p, 1, 0) < 0 ? -errno : p.revents;
}

static void done_poll(int ret)
{
	ASSERT_EQ(ret, 0);
	event_raise();
	ASSERT_EQ(call_poll(), POLLIN);
	watch_done();
}

static void before_epoll(void)
{
	before_watch();
	other = ASSERT_OK(epoll_create1(EPOLL_CLOEXEC));
	watch_drain(&w);
}

static int call_epoll(void)
{
	struct epoll_event event = { .events = EPOLLIN };

	return epoll_ctl(other, EPOLL_CTL_ADD, w.fd, &event) ? -errno : 0;
}

static void failed_epoll(void)
{
	struct epoll_event event;

	ASSERT_EQ(ASSERT_OK(epoll_wait(other, &event, 1, 0)), 0);
}

static void done_epoll(int ret)
{
	struct epoll_event event;

	ASSERT_EQ(ret, 0);
	event_raise();
	ASSERT_EQ(ASSERT_OK(epoll_wait(other, &event, 1, 0)), 1);
	ASSERT_EQ(event.events, EPOLLIN);
	ASSERT_OK(close(other));
	watch_done();
}

static int call_stats_attached(void)
{
	return mmub_stats(w.fd, &stats);
}

static void done_stats_attached(int ret)
{
	ASSERT_EQ(ret, 0);
	ASSERT_EQ(stats.attached, 1);
	ASSERT_EQ(stats.space_users, 1);
	ASSERT_EQ(stats.live_spaces, 1);
	watch_done();
}

/* With all that there can be. */
static void before_detach(void)
{
	before_watch();
	ASSERT_EQ(mmub_guards_open(w.fd, 8, &guards), 0);
	region = next_region();
	map_private(region, 16 * PAGE);
	fill(region, 16);
	ASSERT_EQ(mmub_guard_add(w.fd, region, region + PAGE, 0, 0), 0);
	shadow_open(&shadow, &w, 0, MMUB_SHADOW_READ, region, region + 16 * PAGE);
	shadow_refresh(&shadow, NULL);
	value = mmub_guard_value(&guards, 0);
	ASSERT_TRUE(mmub_guard_valid(&guards, 0, value));
	watch_drain(&w);
}

static void everything_ended(void)
{
	ASSERT_EQ(mmub_guard_value(&guards, 0) & (MMUB_GUARD_ENDED | 1),
		  MMUB_GUARD_ENDED | 1);
	ASSERT_EQ(shadow_present(&shadow), 0);
	ASSERT_EQ(shadow.map.header->end_state, MMUB_SHADOW_REMOVED);
	ASSERT_EQ(mmub_guards_close(&guards), 0);
	shadow_close(&shadow);
	ASSERT_OK(munmap((void *)region, 16 * PAGE));
}

static int call_detach(void)
{
	return mmub_detach(w.fd);
}

static void done_detach(int ret)
{
	ASSERT_EQ(ret, 0);
	do {
		ASSERT_TRUE(watch_next(&w, &record));
	} while (record.phase == MMUB_PHASE_START);
	ASSERT_EQ(record.phase, MMUB_PHASE_DETACHED);
	everything_ended();
	ASSERT_EQ(mmub_ring_close(&w.ring), 0);
	device_done();
	nothing_left();
}

static void before_close(void)
{
	before_detach();
	ASSERT_EQ(mmub_ring_close(&w.ring), 0);
	ASSERT_EQ(mmub_guards_close(&guards), 0);
	ASSERT_EQ(mmub_shadow_unmap(&shadow.map), 0);
	ASSERT_OK(close(shadow.pagemap));
}

static int call_close(void)
{
	return close(w.fd) ? -errno : 0;
}

static void done_released(int ret)
{
	ASSERT_EQ(ret, 0);
	nothing_left();
	ASSERT_OK(munmap((void *)region, 16 * PAGE));
}

TEST(subscription)
{
	static const struct operation ops[] = {
		{ "FILTER_SET", .before = before_watch, .call = call_filter,
		  .done = done_filter },
		{ "poll", .before = before_poll, .call = call_poll,
		  .done = done_poll },
		{ "epoll_ctl", true, .before = before_epoll, .call = call_epoll,
		  .failed = failed_epoll, .done = done_epoll },
		{ "STATS, attached", .before = before_watch,
		  .call = call_stats_attached, .done = done_stats_attached },
		{ "DETACH", .before = before_detach, .call = call_detach,
		  .done = done_detach },
		{ "close", .before = before_close, .call = call_close,
		  .done = done_released },
	};

	begin();
	quota_begin(1);
	inject_all(ops, ARRAY_SIZE(ops));
}

/* ----------------------------------------------------------------------- causes */

static enum mmub_cause cause_expected;
static char text[8192];

/* Each time another stack, which nobody has asked for yet. */
static void before_stack(void)
{
	static unsigned int count;
	pid_t pid;
	void *p;

	before_watch();
	region = next_region();
	map_private(region, 4 * PAGE);
	fill(region, 4);
	watch_drain(&w);
	p = (void *)region;
	switch (count++) {
	case 0:
		ASSERT_OK(mprotect(p, 4 * PAGE, PROT_READ));
		cause_expected = MMUB_CAUSE_MPROTECT;
		break;
	case 1:
		ASSERT_OK(madvise(p, 4 * PAGE, MADV_DONTNEED));
		cause_expected = MMUB_CAUSE_MADV_DONTNEED;
		break;
	case 2:
		ASSERT_OK(madvise(p, 4 * PAGE, MADV_FREE));
		cause_expected = MMUB_CAUSE_MADV_FREE;
		break;
	case 3:
		pid = test_fork();
		if (!pid)
			_exit(0);
		test_reap(pid);
		cause_expected = MMUB_CAUSE_FORK;
		break;
	case 4:
		ASSERT_OK(mremap(p, 4 * PAGE, 4 * PAGE,
				 MREMAP_MAYMOVE | MREMAP_FIXED,
				 region + 64 * PAGE));
		cause_expected = MMUB_CAUSE_MREMAP;
		break;
	case 5:
		map_private(region, 4 * PAGE);
		cause_expected = MMUB_CAUSE_MMAP;
		break;
	default:
		ASSERT_OK(munmap(p, 4 * PAGE));
		cause_expected = MMUB_CAUSE_MUNMAP;
		break;
	}
	do {
		ASSERT_TRUE(watch_next(&w, &record));
	} while (record.start > region || record.end <= region);
	ASSERT_GT(record.stack_id, 0);
}

static int call_cause(void)
{
	return mmub_cause(w.fd, record.stack_id);
}

static void done_cause(int ret)
{
	ASSERT_STREQ(mmub_cause_name(ret), mmub_cause_name(cause_expected));
	watch_done();
}

static int call_stack_text(void)
{
	return mmub_stack_text(w.fd, record.stack_id, text, sizeof(text));
}

static void done_stack_text(int ret)
{
	ASSERT_EQ(ret, (int)strlen(text) + 1);
	ASSERT_TRUE(strstr(text, "mmub_invalidate_range_start"));
	ASSERT_TRUE(strstr(text, "munmap"));
	watch_done();
}

TEST(stack)
{
	static const struct operation ops[] = {
		{ "STACK", .before = before_stack, .call = call_cause,
		  .done = done_cause, .allocates = true },
		{ "STACK, the frames", true, .before = before_stack,
		  .call = call_stack_text, .done = done_stack_text },
	};
	unsigned int i;

	begin();
	memset(text, 1, sizeof(text));
	inject(&ops[0]);
	/* The one whose text is asked for: munmap(). */
	for (i = 0; i < 8; i++) {
		before_stack();
		done_cause(call_cause());
	}
	inject(&ops[1]);
}

/* ----------------------------------------------------------------------- guards */

/*
 * What the kernel keeps of so many is vmalloc()'s where kmalloc() fails; of few
 * it is not.
 */
enum { SLOTS = 700, FEW = 4 };

static struct mmub_guard_setup guard_setup;

static int setup_slots(uint32_t slots)
{
	guard_setup = (struct mmub_guard_setup){ .slots = slots };
	return ioctl(w.fd, MMUB_IOC_GUARD_SETUP, &guard_setup) ? -errno : 0;
}

static int call_guard_setup(void)
{
	return setup_slots(SLOTS);
}

static int call_guard_setup_few(void)
{
	return setup_slots(FEW);
}

static void failed_guard_setup(void)
{
	region = next_region();
	ASSERT_EQ(map_at(w.fd, 2UL << MMUB_MAP_SHIFT, PAGE, PROT_READ), -ENXIO);
	memlock_is_whole();
}

static void done_guard_setup(int ret)
{
	ASSERT_EQ(ret, 0);
	ASSERT_EQ(guard_setup.size, 3 * PAGE);
	device_done();
}

static void done_guard_setup_few(int ret)
{
	ASSERT_EQ(ret, 0);
	ASSERT_EQ(guard_setup.size, PAGE);
	device_done();
}

static void before_guard_map(void)
{
	before_device();
	ASSERT_EQ(call_guard_setup(), 0);
	region = next_region();
}

static int call_guard_map(void)
{
	return map_at(w.fd, 2UL << MMUB_MAP_SHIFT, guard_setup.size, PROT_READ);
}

static void done_guard_map(int ret)
{
	const struct mmub_guard *slots = (void *)region;
	unsigned int i;

	ASSERT_EQ(ret, 0);
	for (i = 0; i < guard_setup.size / sizeof(*slots); i++)
		ASSERT_EQ(slots[i].word, 1);
	ASSERT_OK(munmap((void *)region, guard_setup.size));
	device_done();
}

static int call_guards_open(void)
{
	int ret;

	w.fd = mmub_open(NULL);
	if (w.fd < 0)
		return w.fd;
	ret = mmub_guards_open(w.fd, SLOTS, &guards);
	if (ret)
		device_done();
	return ret;
}

static void done_guards_open(int ret)
{
	uint64_t word;

	ASSERT_EQ(ret, 0);
	ASSERT_EQ(mmub_guard_value(&guards, SLOTS - 1), 1);
	/* A child finds no guard of its parent's valid. */
	target = test_fork();
	if (!target) {
		word = mmub_guard_value(&guards, 0);
		ASSERT_TRUE(!mmub_guard_is_even(word));
		ASSERT_EQ(word, UINT64_MAX);
		_exit(0);
	}
	test_reap(target);
	ASSERT_EQ(mmub_guards_close(&guards), 0);
	device_done();
}

TEST(guard_tables)
{
	static const struct operation ops[] = {
		{ "GUARD_SETUP", true, .before = before_device,
		  .call = call_guard_setup, .failed = failed_guard_setup,
		  .done = done_guard_setup },
		{ "GUARD_SETUP, few", true, .before = before_device,
		  .call = call_guard_setup_few, .failed = failed_guard_setup,
		  .done = done_guard_setup_few },
		{ "mmap of the guards", true, .before = before_guard_map,
		  .call = call_guard_map, .failed = failed_map,
		  .done = done_guard_map },
		{ "mmub_guards_open", true, .composed = true, .before = before_library,
		  .call = call_guards_open, .failed = failed_library,
		  .done = done_guards_open },
	};

	begin();
	memlock_begin();
	memlock_fit(&ops[0]);
	inject_all(ops, ARRAY_SIZE(ops));
	memlock_is_whole();
}

static void before_guard(void)
{
	before_watch();
	ASSERT_EQ(mmub_guards_open(w.fd, 8, &guards), 0);
	region = next_region();
	map_private(region, 4 * PAGE);
	fill(region, 4);
}

static void guard_done(void)
{
	ASSERT_OK(munmap((void *)region, 4 * PAGE));
	watch_close(&w);
	ASSERT_EQ(mmub_guards_close(&guards), 0);
	nothing_left();
}

static int call_guard_add(void)
{
	return mmub_guard_add(w.fd, region, region + PAGE, 0, MMUB_GUARD_CAUSE);
}

static void done_guard_add(int ret)
{
	ASSERT_EQ(ret, 0);
	value = mmub_guard_value(&guards, 0);
	ASSERT_TRUE(mmub_guard_valid(&guards, 0, value));
	ASSERT_OK(madvise((void *)region, PAGE, MADV_DONTNEED));
	ASSERT_TRUE(!mmub_guard_valid(&guards, 0, value));
	guard_done();
}

static void before_guard_event(void)
{
	before_guard();
	ASSERT_EQ(call_guard_add(), 0);
	value = mmub_guard_value(&guards, 0);
	ASSERT_OK(madvise((void *)region, PAGE, MADV_DONTNEED));
	memset(&record, 0, sizeof(record));
}

static int call_guard_event(void)
{
	return mmub_guard_event(w.fd, 0, value, &record);
}

static void done_guard_event(int ret)
{
	ASSERT_EQ(ret, 0);
	ASSERT_EQ(record.type, MMUB_TYPE_CLEAR);
	ASSERT_EQ(record.start, region);
	guard_done();
}

static int call_guard_remove(void)
{
	return mmub_guard_remove(w.fd, 0);
}

static void done_guard_remove(int ret)
{
	ASSERT_EQ(ret, 0);
	ASSERT_TRUE(!mmub_guard_is_even(mmub_guard_value(&guards, 0)));
	guard_done();
}

TEST(guard)
{
	static const struct operation ops[] = {
		{ "GUARD_ADD", .before = before_guard, .call = call_guard_add,
		  .done = done_guard_add },
		{ "GUARD_EVENT", .before = before_guard_event,
		  .call = call_guard_event, .done = done_guard_event },
		{ "GUARD_REMOVE", .before = before_guard_event,
		  .call = call_guard_remove, .done = done_guard_remove },
	};

	begin();
	inject_all(ops, ARRAY_SIZE(ops));
}

/* ---------------------------------------------------------------------- shadows */

/* In four chunks; what it takes is then 10 pages. */
enum { SHADOWED = 1600 };

static enum mmub_shadow_mode mode;

static void before_shadow_add(void)
{
	w.fd = device_open();
	ASSERT_EQ(mmub_attach(w.fd, NAME, -1, 0, &w.attached), 0);
	region = next_region();
}

static int call_shadow_add(void)
{
	uint64_t start = region + 256 * PAGE;

	return mmub_shadow_add(w.fd, mode, start, start + SHADOWED * PAGE, 0,
			       &added);
}

static void failed_shadow_add(void)
{
	ASSERT_EQ(mmub_shadow_refresh(w.fd, 0, region + 256 * PAGE,
				      region + 257 * PAGE, 0, NULL), -ENOENT);
	memlock_is_whole();
}

static void done_shadow_add(int ret)
{
	ASSERT_EQ(ret, 0);
	ASSERT_EQ(added.pfn_size, 4 * PAGE);
	ASSERT_EQ(mmub_shadow_remove(w.fd, 0), 0);
	ASSERT_EQ(mmub_detach(w.fd), 0);
	device_done();
	nothing_left();
	/* What it was charged with is given back by a worker. */
	ASSERT_SOON(memlock_try(memlock_pages));
}

static void before_shadow_map(void)
{
	before_shadow_add();
	ASSERT_EQ(call_shadow_add(), 0);
	mapped_before = mappings();
}

static int call_shadow_state_map(void)
{
	return map_at(w.fd, added.state_offset, added.state_size, PROT_READ);
}

static void shadow_map_done(size_t size)
{
	ASSERT_OK(munmap((void *)region, size));
	done_shadow_add(0);
}

static void done_shadow_state_map(int ret)
{
	const struct mmub_shadow_header *header = (void *)region;

	ASSERT_EQ(ret, 0);
	ASSERT_EQ(header->start, region + 256 * PAGE);
	ASSERT_EQ(header->present, 0);
	shadow_map_done(added.state_size);
}

static int call_shadow_pfn_map(void)
{
	return map_at(w.fd, added.pfn_offset, added.pfn_size, PROT_READ);
}

static void done_shadow_pfn_map(int ret)
{
	ASSERT_EQ(ret, 0);
	ASSERT_EQ(*(uint64_t *)region, 0);
	shadow_map_done(added.pfn_size);
}

static int call_shadow_map(void)
{
	return mmub_shadow_map(w.fd, &added, MMUB_SHADOW_MAP_PFNS, &shadow.map);
}

static void failed_shadow_map(void)
{
	ASSERT_EQ(mappings(), mapped_before);
}

static void done_shadow_map(int ret)
{
	ASSERT_EQ(ret, 0);
	ASSERT_EQ(shadow_present(&shadow), 0);
	ASSERT_EQ(mmub_shadow_unmap(&shadow.map), 0);
	done_shadow_add(0);
}

TEST(shadow_tables)
{
	static const char *const names[] = {
		"SHADOW_ADD, SNAPSHOT", "SHADOW_ADD, READ", "SHADOW_ADD, WRITE",
	};
	static const struct operation maps[] = {
		{ "mmap of state words", true, .before = before_shadow_map,
		  .call = call_shadow_state_map, .failed = failed_map,
		  .done = done_shadow_state_map },
		{ "mmap of PFNs", true, .before = before_shadow_map,
		  .call = call_shadow_pfn_map, .failed = failed_map,
		  .done = done_shadow_pfn_map },
		/* Among mappings, whose page tables are there. */
		{ "mmub_shadow_map", true, .kernels = true, .composed = true,
		  .before = before_shadow_map, .call = call_shadow_map,
		  .failed = failed_shadow_map, .done = done_shadow_map },
	};
	struct operation op = {
		.allocates = true, .before = before_shadow_add,
		.call = call_shadow_add, .failed = failed_shadow_add,
		.done = done_shadow_add,
	};
	unsigned int i;

	begin();
	memlock_begin();
	op.name = names[0];
	memlock_set(10);
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		mode = i;
		op.name = names[i];
		inject(&op);
	}
	inject_all(maps, ARRAY_SIZE(maps));
	/* It is tight: with a page less there is none. */
	memlock_set(9);
	before_shadow_add();
	ASSERT_EQ(call_shadow_add(), -ENOBUFS);
}

enum { PAGES = 24 };

/* Memory that is written, or, for who is to fault it in, was never touched. */
static void before_refresh(void)
{
	before_watch();
	region = next_region();
	map_private(region, PAGES * PAGE);
	if (mode == MMUB_SHADOW_SNAPSHOT)
		fill(region, PAGES);
	shadow_open(&shadow, &w, 0, mode, region, region + PAGES * PAGE);
}

static struct mmub_shadow_refresh refreshed;

static int call_refresh(void)
{
	return mmub_shadow_refresh(w.fd, shadow.added.shadow_id, region,
				   region + PAGES * PAGE, 0, &refreshed);
}

static void failed_refresh(void)
{
	ASSERT_EQ(shadow.map.header->present, 0);
	ASSERT_EQ(shadow_present(&shadow), 0);
}

static void shadow_done(void)
{
	ASSERT_EQ(shadow.map.header->mismatched, 0);
	watch_close(&w);
	shadow_close(&shadow);
	ASSERT_OK(munmap((void *)region, PAGES * PAGE));
	nothing_left();
}

static void done_refresh(int ret)
{
	ASSERT_EQ(ret, 0);
	ASSERT_EQ(refreshed.mismatched, 0);
	ASSERT_EQ(refreshed.busy, 0);
	ASSERT_EQ(refreshed.present, shadow_present(&shadow));
	/* One failure is made good where pages are faulted in one by one. */
	if (!many) {
		ASSERT_EQ(refreshed.present, PAGES);
		if (mode == MMUB_SHADOW_WRITE)
			ASSERT_EQ(refreshed.writable, PAGES);
	}
	shadow_exact(&shadow, "refreshed");
	if (mode == MMUB_SHADOW_SNAPSHOT)
		is_filled(region, PAGES);
	shadow_done();
}

static int call_shadow_remove(void)
{
	return mmub_shadow_remove(w.fd, shadow.added.shadow_id);
}

static void before_shadow_remove(void)
{
	before_refresh();
	ASSERT_EQ(call_refresh(), 0);
}

static void done_shadow_remove(int ret)
{
	ASSERT_EQ(ret, 0);
	ASSERT_EQ(shadow_present(&shadow), 0);
	shadow_done();
}

TEST(refresh)
{
	static const char *const names[] = {
		"SHADOW_REFRESH, SNAPSHOT", "SHADOW_REFRESH, READ",
		"SHADOW_REFRESH, WRITE",
	};
	static const struct operation removal = {
		"SHADOW_REMOVE", .before = before_shadow_remove,
		.call = call_shadow_remove, .done = done_shadow_remove,
	};
	struct operation op = {
		.allocates = true, .before = before_refresh,
		.call = call_refresh, .failed = failed_refresh,
		.done = done_refresh,
	};
	unsigned int i;

	begin();
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		mode = i;
		op.name = names[i];
		inject(&op);
	}
	inject(&removal);
}

/* --------------------------------------------------------------------- accesses */

static char *buffer;

static void before_read(void)
{
	mode = MMUB_SHADOW_READ;
	before_refresh();
	fill(region, PAGES);
	buffer = (char *)next_region();
	map_private((uint64_t)buffer, PAGES * PAGE);
}

/* Across pages, into memory that was never touched. */
static int call_read(void)
{
	return mmub_shadow_read(w.fd, region, buffer, 3 * PAGE);
}

static void failed_read(void)
{
	is_filled(region, PAGES);
}

static void done_read(int ret)
{
	/* Where it ends early, the next call says why. */
	ASSERT_TRUE(ret > 0 && ret <= (int)(3 * PAGE));
	ASSERT_TRUE(!memcmp(buffer, (void *)region, ret));
	shadow_agrees(&shadow, "read");
	ASSERT_OK(munmap(buffer, PAGES * PAGE));
	shadow_done();
}

/* What nobody has touched yet reads as zeroes. */
static void before_read_untouched(void)
{
	mode = MMUB_SHADOW_READ;
	before_refresh();
	buffer = (char *)next_region();
	map_private((uint64_t)buffer, PAGES * PAGE);
	memset(buffer, 1, 3 * PAGE);
}

static void done_read_untouched(int ret)
{
	int i;

	ASSERT_TRUE(ret > 0 && ret <= (int)(3 * PAGE));
	for (i = 0; i < ret; i++)
		ASSERT_EQ(buffer[i], 0);
	shadow_agrees(&shadow, "read");
	ASSERT_OK(munmap(buffer, PAGES * PAGE));
	shadow_done();
}

static void before_write(void)
{
	mode = MMUB_SHADOW_WRITE;
	before_refresh();
	buffer = (char *)next_region();
	map_private((uint64_t)buffer, PAGES * PAGE);
	memset(buffer, 7, 3 * PAGE);
}

static int call_write(void)
{
	return mmub_shadow_write(w.fd, region + 100, buffer, 2 * PAGE);
}

static void failed_write(void)
{
	unsigned int i;

	for (i = 0; i < PAGES; i++)
		ASSERT_EQ(*(volatile uint64_t *)(region + i * PAGE), 0);
}

static void done_write(int ret)
{
	const char *there = (char *)region;
	int i;

	ASSERT_TRUE(ret > 0 && ret <= (int)(2 * PAGE));
	for (i = 0; i < (int)(4 * PAGE); i++)
		ASSERT_EQ(there[i], i >= 100 && i < 100 + ret ? 7 : 0);
	shadow_agrees(&shadow, "written");
	ASSERT_OK(munmap(buffer, PAGES * PAGE));
	shadow_done();
}

static const struct operation accesses[] = {
	{ "READ", true, .also = EFAULT, .before = before_read, .call = call_read,
	  .failed = failed_read, .done = done_read },
	{ "READ, untouched", true, .before = before_read_untouched,
	  .call = call_read, .done = done_read_untouched },
	{ "WRITE", true, .before = before_write, .call = call_write,
	  .failed = failed_write, .done = done_write },
};

TEST(access)
{
	begin();
	inject_all(accesses, ARRAY_SIZE(accesses));
}

/* ---------------------------------------------------------- who is watched */

/* Of its pages, those that are changed, and those that are left alone. */
enum { FIRST = 4, LAST = 8, APART = 12, ALL = 16 };

static struct {
	struct watch watch;
	struct mmub_guards guards;
	struct shadow shadow;
	uint64_t base;
	uint64_t words[2];
	uint64_t n;
	int memory;		/* of a file, or -1 */
	pid_t child;
} watched;

static uint64_t page_at(unsigned int page)
{
	return watched.base + page * PAGE;
}

static void watched_open(void)
{
	watch_ring_flags = MMUB_RING_CAUSE;
	watch_open(&watched.watch, "watched", 0, 4096);
	ASSERT_EQ(mmub_guards_open(watched.watch.fd, 2, &watched.guards), 0);
	watched.base = next_region();
	watched.memory = -1;
	ASSERT_EQ(mmub_guard_add(watched.watch.fd, page_at(FIRST), page_at(LAST),
				 0, 0), 0);
	ASSERT_EQ(mmub_guard_add(watched.watch.fd, page_at(APART), page_at(ALL),
				 0, 0), 1);
	shadow_open(&watched.shadow, &watched.watch, 0, MMUB_SHADOW_WRITE,
		    watched.base, page_at(ALL));
}

static void watched_close(void)
{
	watch_close(&watched.watch);
	ASSERT_EQ(mmub_guards_close(&watched.guards), 0);
	shadow_close(&watched.shadow);
	ASSERT_OK(munmap((void *)watched.base, ALL * PAGE));
	nothing_left();
}

/* From here on what comes is looked at. */
static void watched_begin(void)
{
	unsigned int i;

	watch_drain(&watched.watch);
	watched.n = watched.watch.ring.header->n;
	for (i = 0; i < 2; i++) {
		watched.words[i] = mmub_guard_value(&watched.guards, i);
		ASSERT_TRUE(mmub_guard_is_even(watched.words[i]));
	}
}

static void watched_settle(void)
{
	fill(watched.base, ALL);
	shadow_refresh(&watched.shadow, NULL);
	shadow_exact(&watched.shadow, "before");
	ASSERT_EQ(shadow_present(&watched.shadow), ALL);
	watched_begin();
}

static void before_private(void)
{
	map_private(watched.base, ALL * PAGE);
	watched_settle();
}

static void before_file(void)
{
	watched.memory = ASSERT_OK(memfd_create("fault", MFD_CLOEXEC));
	ASSERT_OK(ftruncate(watched.memory, ALL * PAGE));
	ASSERT_OK(mmap((void *)watched.base, ALL * PAGE, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_FIXED, watched.memory, 0));
	watched_settle();
}

/* A child shares the pages, so that who writes to one copies it. */
static void before_cow(void)
{
	map_private(watched.base, ALL * PAGE);
	watched_settle();
	watched.child = test_fork();
	if (!watched.child)
		for (;;)
			pause();
	watched_begin();
}

/*
 * The guards know of exactly those events that the ring tells of; the shadow
 * agrees with pagemap; no event is missing.
 */
static void watched_check(bool changed)
{
	bool touched[2] = { false, false };
	struct mmub_record seen;
	unsigned int i;

	while (watch_next(&watched.watch, &seen)) {
		ASSERT_EQ(seen.phase, MMUB_PHASE_START);
		ASSERT_EQ(seen.n, watched.n + 1);
		watched.n = seen.n;
		touched[0] |= seen.start < page_at(LAST) &&
			      page_at(FIRST) < seen.end;
		touched[1] |= seen.start < page_at(ALL) &&
			      page_at(APART) < seen.end;
	}
	ASSERT_EQ(watched.n, watched.watch.ring.header->n);
	ASSERT_EQ(watched.watch.ring.header->lost, 0);
	ASSERT_EQ(watched.watch.ring.header->active, 0);
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(mmub_guard_valid(&watched.guards, i, watched.words[i]),
			  !touched[i]);
		ASSERT_TRUE(mmub_guard_is_even(mmub_guard_value(&watched.guards,
								i)));
	}
	if (changed)
		ASSERT_TRUE(touched[0]);
	shadow_agrees(&watched.shadow, "afterwards");
	shadow_refresh(&watched.shadow, NULL);
	shadow_exact(&watched.shadow, "refreshed");
	if (watched.child) {
		kill(watched.child, SIGKILL);
		test_wait(watched.child);
		watched.child = 0;
	}
	if (watched.memory >= 0) {
		close(watched.memory);
		watched.memory = -1;
	}
}

/* It has failed; what it has told is looked at once it has succeeded. */
static void watched_failed(void)
{
	shadow_agrees(&watched.shadow, "after a failure");
	is_filled(watched.base, ALL);
}

static void watched_done(int ret)
{
	ASSERT_GE(ret, 0);
	watched_check(true);
}

/* There need not be an event. */
static void watched_done_maybe(int ret)
{
	ASSERT_GE(ret, 0);
	watched_check(false);
}

static int call_munmap(void)
{
	return munmap((void *)page_at(FIRST), (LAST - FIRST) * PAGE) ? -errno : 0;
}

static int call_mprotect(void)
{
	return mprotect((void *)page_at(FIRST), (LAST - FIRST) * PAGE,
			PROT_READ) ? -errno : 0;
}

static int call_mremap(void)
{
	void *to = (void *)(watched.base + REGION_SIZE / 2);

	return mremap((void *)page_at(FIRST), (LAST - FIRST) * PAGE,
		      (LAST - FIRST) * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		      to) == MAP_FAILED ? -errno : 0;
}

static void mremap_done(int ret)
{
	uint64_t to = watched.base + REGION_SIZE / 2;
	unsigned int i;

	watched_done(ret);
	for (i = FIRST; i < LAST; i++)
		ASSERT_EQ(*(uint64_t *)(to + (i - FIRST) * PAGE),
			  watched.base + i);
	ASSERT_OK(munmap((void *)to, (LAST - FIRST) * PAGE));
}

static int advise(int advice)
{
	return madvise((void *)page_at(FIRST), (LAST - FIRST) * PAGE, advice) ?
		-errno : 0;
}

static int call_dontneed(void)
{
	return advise(MADV_DONTNEED);
}

static int call_free(void)
{
	return advise(MADV_FREE);
}

static int call_remap(void)
{
	return mmap((void *)page_at(FIRST), (LAST - FIRST) * PAGE, PROT_READ,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
	       MAP_FAILED ? -errno : 0;
}

static int call_fork(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	return pid < 0 ? -errno : pid;
}

static void fork_done(int ret)
{
	test_reap(ret);
	watched_done(ret);
}

static int call_write_to_shared(void)
{
	*(volatile uint64_t *)page_at(FIRST) = page_at(FIRST) - FIRST * PAGE + FIRST;
	return 0;
}

static int call_truncate(void)
{
	return ftruncate(watched.memory, FIRST * PAGE) ? -errno : 0;
}

static int call_punch(void)
{
	return fallocate(watched.memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			 FIRST * PAGE, (LAST - FIRST) * PAGE) ? -errno : 0;
}

static int other_node;

/* To the node where the first of them is not. */
static void before_move_pages(void)
{
	void *page = (void *)page_at(FIRST);
	int status = -1;

	before_private();
	ASSERT_OK(syscall(SYS_move_pages, 0, 1, &page, NULL, &status, 0));
	ASSERT_GE(status, 0);
	other_node = !status;
}

static int call_move_pages(void)
{
	int nodes[LAST - FIRST], status[LAST - FIRST], i;
	void *pages[LAST - FIRST];

	for (i = 0; i < LAST - FIRST; i++) {
		pages[i] = (void *)page_at(FIRST + i);
		nodes[i] = other_node;
	}
	return syscall(SYS_move_pages, 0, LAST - FIRST, pages, nodes, status,
		       MPOL_MF_MOVE) < 0 ? -errno : 0;
}

static int call_clear_refs(void)
{
	return write_file("/proc/self/clear_refs", "4");
}

/*
 * No MADV_PAGEOUT: swap may be on a RAM disk, and 6.1's, which allocates as it
 * writes, does not survive that (bdev_write_page(), folio_end_writeback()).
 */
static const struct operation deeds[] = {
	{ "munmap", .before = before_private, .call = call_munmap,
	  .failed = watched_failed, .done = watched_done },
	{ "mprotect", .before = before_private, .call = call_mprotect,
	  .failed = watched_failed, .done = watched_done },
	{ "mremap", .before = before_private, .call = call_mremap,
	  .failed = watched_failed, .done = mremap_done },
	/* Where that fails, what was there may be gone. */
	{ "mmap over it", .before = before_private, .call = call_remap,
	  .done = watched_done },
	{ "MADV_DONTNEED", .before = before_private, .call = call_dontneed,
	  .failed = watched_failed, .done = watched_done },
	{ "MADV_FREE", .before = before_private, .call = call_free,
	  .failed = watched_failed, .done = watched_done },
	{ "move_pages", .before = before_move_pages, .call = call_move_pages,
	  .failed = watched_failed, .done = watched_done_maybe },
	{ "fork", .before = before_private, .call = call_fork,
	  .failed = watched_failed, .done = fork_done },
	{ "copy on write", .before = before_cow, .call = call_write_to_shared,
	  .done = watched_done },
	{ "ftruncate", .before = before_file, .call = call_truncate,
	  .failed = watched_failed, .done = watched_done },
	{ "hole punch", .before = before_file, .call = call_punch,
	  .failed = watched_failed, .done = watched_done },
	/* As /proc says where it has no memory: proc_pid_instantiate(). */
	{ "clear_refs", .also = ENOENT, .before = before_private,
	  .call = call_clear_refs, .failed = watched_failed, .done = watched_done },
};

/*
 * The calls are the kernel's and fail as they like. What the module does in them
 * allocates nothing.
 */
static void inject_deed(const struct operation *op)
{
	unsigned int nth = 1, count = 0, errors = 0;
	struct faults faults;

	for (;; nth += thinned()) {
		attempt(op, nth);
		errors += outcome->error;
		if (!outcome->injected)
			break;
		count++;
	}
	faults_take(&faults);
	test_note("%s, watched: %u failures injected; %u errors", op->name,
		  count, errors);
	ASSERT_EQ(faults.all, count);
	ASSERT_EQ(faults.module, 0);
}

TEST(watched)
{
	unsigned int i;

	begin();
	watched_open();
	for (i = 0; i < ARRAY_SIZE(deeds); i++)
		inject_deed(&deeds[i]);
	watched_close();
}

/* ------------------------------------------------------------- its exec and exit */

static int program_fd;

/* A child that, told to, has its @nth allocation fail and then ends its mm. */
static void end_mm(unsigned int nth, bool by_exec, int go)
{
	static char *const argv[] = { "subject", "--version", NULL };
	char byte;

	fault_arm(0);
	ASSERT_OK(dup2(ASSERT_OK(open("/dev/null", O_WRONLY | O_CLOEXEC)),
		       STDOUT_FILENO));
	ASSERT_EQ(read(go, &byte, 1), 1);
	fault_arm(nth);
	if (by_exec)
		fexecve(program_fd, argv, environ);
	_exit(6);
}

static void mm_ends(unsigned int nth, bool by_exec)
{
	int go[2], status;

	region = next_region();
	map_private(region, ALL * PAGE);
	fill(region, ALL);
	ASSERT_OK(pipe2(go, O_CLOEXEC));
	target = test_fork();
	if (!target)
		end_mm(nth, by_exec, go[0]);
	watch_open(&w, NAME, target, 1024);
	ASSERT_EQ(mmub_guards_open(w.fd, 1, &guards), 0);
	ASSERT_EQ(mmub_guard_add(w.fd, region, region + PAGE, 0, 0), 0);
	shadow_open(&shadow, &w, target, MMUB_SHADOW_READ, region,
		    region + ALL * PAGE);
	shadow_refresh(&shadow, NULL);
	shadow_exact(&shadow, "before");
	ASSERT_EQ(shadow_present(&shadow), ALL);
	ASSERT_EQ(write(go[1], "", 1), 1);

	value = 0;
	do {
		watch_wait(&w, &record);
		ASSERT_EQ(record.n, ++value);
	} while (record.phase == MMUB_PHASE_START);
	ASSERT_EQ(record.phase, MMUB_PHASE_RELEASE);
	ASSERT_EQ(mmub_guard_value(&guards, 0) & (MMUB_GUARD_ENDED | 1),
		  MMUB_GUARD_ENDED | 1);
	ASSERT_EQ(shadow_present(&shadow), 0);
	ASSERT_EQ(shadow.map.header->end_state, MMUB_SHADOW_RELEASED);
	/*
	 * What has been executed is not waited for: where padzero() fails, elf_load()
	 * on some kernels goes on, and the program finds in its .bss what it likes.
	 */
	kill(target, SIGKILL);
	status = test_wait(target);
	if (WIFEXITED(status))
		ASSERT_TRUE(WEXITSTATUS(status) == 6 ||
			    (by_exec && !WEXITSTATUS(status)));
	watch_close(&w);
	ASSERT_EQ(mmub_guards_close(&guards), 0);
	shadow_close(&shadow);
	ASSERT_OK(munmap((void *)region, ALL * PAGE));
	close(go[0]);
	close(go[1]);
}

/*
 * As long as there is something to fail before the mm has gone. What has failed is
 * asked for by the dozen, since that takes long. Returns how many failures there
 * were.
 */
static unsigned int inject_end(bool by_exec)
{
	unsigned int nth = 1, count = 0, failed, i;
	struct faults faults;

	do {
		for (i = 0; i < 12; i++, nth += by_exec ? thinned() : 1)
			mm_ends(nth, by_exec);
		nothing_left();
		faults_take(&faults);
		ASSERT_EQ(faults.module, 0);
		failed = by_exec ? faults.exec : faults.all;
		count += failed;
	} while (failed == 12);
	return count;
}

TEST(exec_and_exit)
{
	unsigned int count;
	char path[4096];

	begin();
	subject_path(path);
	program_fd = copy_of(path);
	count = inject_end(true);
	test_note("execve, watched: %u failures injected", count);
	ASSERT_GT(count, 10);
	count = inject_end(false);
	test_note("exit, watched: %u failures injected", count);
}

/* -------------------------------------------------------------------- at random */

/*
 * A fifth of all allocations fail, for as long as a call takes. None that makes
 * the kernel look for a place for vmalloc() or vmap(), as RING_SETUP and fork() do:
 * alloc_vmap_area() warns where that fails twice.
 */
static void at_random(const struct operation *op, unsigned long *errors)
{
	int ret;

	if (op->before)
		op->before();
	faults_at_random(20);
	ret = op->call();
	faults_at_random(0);
	*errors += ret < 0;
	finish(op, ret);
}

TEST(many_at_a_time)
{
	static const struct operation calls[] = {
		{ "SHADOW_REFRESH", true, .before = before_refresh,
		  .call = call_refresh, .failed = failed_refresh,
		  .done = done_refresh },
		{ "READ", true, .also = ENODATA, .before = before_read_untouched,
		  .call = call_read, .done = done_read_untouched },
		{ "WRITE", true, .also = ENODATA, .before = before_write,
		  .call = call_write, .failed = failed_write,
		  .done = done_write },
	};
	unsigned long i, round, errors = 0;
	struct faults faults;

	begin();
	many = true;
	for (round = 0; round < scaled(60); round++)
		for (i = 0; i < ARRAY_SIZE(calls); i++) {
			mode = round % 3;
			at_random(&calls[i], &errors);
		}
	watched_open();
	for (round = 0; round < scaled(20); round++)
		for (i = 0; i < ARRAY_SIZE(deeds); i++)
			if (deeds[i].call != call_fork)
				at_random(&deeds[i], &errors);
	watched_close();
	faults_take(&faults);
	test_note("%u failures injected, %u for the module; %lu errors",
		  faults.all, faults.module, errors);
	ASSERT_GT(faults.module, 0);
}

/* ------------------------------------------------------------------ all of them */

TEST(every_place)
{
	static const char *const excused[] = {
		/* Whoever adds a shadow is attached, so the mm has all it takes. */
		"mmu_interval_notifier_insert_locked",
		NULL
	};

	begin();
	if (!getenv("MMUBRIDGE_KO"))
		SKIP("MMUBRIDGE_KO, the module's file, is not set");
	if (!faults_any())
		SKIP("no other test has run");
	ASSERT_EQ(faults_missed(getenv("MMUBRIDGE_KO"), excused), 0);
}

TEST_MAIN()
