// SPDX-License-Identifier: Apache-2.0
/*
 * Guards: making and mapping their slots, waiting for one, and what a forked
 * child finds in their place.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "internal.h"

/* ------------------------------------------------------------------ fork() */

/*
 * A mapping of slots and its stand-in: as large, all odd, inherited by a child,
 * where the mapping itself is not. The child moves it there, which takes neither
 * memory nor a page fault.
 */
struct stand_in {
	struct stand_in *next;
	void *slots;
	void *odd;
	size_t size;
};

/* Held across fork(), so that the child finds the list whole. */
static pthread_mutex_t stand_ins_lock = PTHREAD_MUTEX_INITIALIZER;
static struct stand_in *stand_ins;

/* Under the lock: the stand-in where the slots were. */
static int stand_in_place(struct stand_in *stand_in)
{
	if (mremap(stand_in->odd, stand_in->size, stand_in->size,
		   MREMAP_MAYMOVE | MREMAP_FIXED, stand_in->slots) == MAP_FAILED)
		return -errno;
	stand_in->odd = NULL;
	return 0;
}

/* Under the lock: that of these slots, or NULL. */
static struct stand_in *stand_in_find(const void *slots)
{
	struct stand_in *stand_in = stand_ins;

	while (stand_in && stand_in->slots != slots)
		stand_in = stand_in->next;
	return stand_in;
}

static void before_fork(void)
{
	pthread_mutex_lock(&stand_ins_lock);
}

static void in_parent(void)
{
	pthread_mutex_unlock(&stand_ins_lock);
}

static void in_child(void)
{
	struct stand_in *stand_in;

	/*
	 * Where one cannot be moved nothing is mapped, and a check does not pass
	 * either. A child of this child inherits what is in place here.
	 */
	for (stand_in = stand_ins; stand_in; stand_in = stand_in->next)
		if (stand_in->odd && stand_in_place(stand_in))
			stand_in->odd = NULL;
	pthread_mutex_unlock(&stand_ins_lock);
}

static int at_fork;

static void handle_forks(void)
{
	at_fork = -pthread_atfork(before_fork, in_parent, in_child);
}

static int stand_in_add(void *slots, size_t size)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct stand_in *stand_in;
	struct mmub_guard *odd;
	size_t i;
	int ret;

	pthread_once(&once, handle_forks);
	if (at_fork)
		return at_fork;
	stand_in = malloc(sizeof(*stand_in));
	if (!stand_in)
		return -ENOMEM;
	odd = mmap(NULL, size, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (odd == MAP_FAILED) {
		ret = -errno;
		free(stand_in);
		return ret;
	}
	for (i = 0; i < size / sizeof(*odd); i++)
		odd[i].word = UINT64_MAX;
	mprotect(odd, size, PROT_READ);
	*stand_in = (struct stand_in){ .slots = slots, .odd = odd, .size = size };

	pthread_mutex_lock(&stand_ins_lock);
	stand_in->next = stand_ins;
	stand_ins = stand_in;
	pthread_mutex_unlock(&stand_ins_lock);
	return 0;
}

/*
 * Unmap slots and stand-in, as one for whoever forks. The list first: a child
 * must not find a mapping of another's there.
 */
static int stand_in_remove(const void *slots, size_t size)
{
	struct stand_in **link = &stand_ins, *stand_in;
	int ret = 0;

	pthread_mutex_lock(&stand_ins_lock);
	stand_in = stand_in_find(slots);
	while (stand_in && *link != stand_in)
		link = &(*link)->next;
	if (stand_in)
		*link = stand_in->next;
	if (munmap((void *)slots, size))
		ret = -errno;
	pthread_mutex_unlock(&stand_ins_lock);

	if (stand_in && stand_in->odd)
		munmap(stand_in->odd, stand_in->size);
	free(stand_in);
	return ret;
}

/* ------------------------------------------------------------------- guards */

int mmub_guards_open(int fd, uint32_t slots, struct mmub_guards *guards)
{
	struct mmub_guard_setup setup = { .slots = slots };
	void *map;
	int ret;

	memset(guards, 0, sizeof(*guards));
	ret = ioctl_errno(fd, MMUB_IOC_GUARD_SETUP, &setup);
	if (ret)
		return ret;
	map = map_shared(fd, MMUB_MAP_GUARDS, PROT_READ, setup.size);
	if (map == MAP_FAILED)
		return -errno;
	ret = stand_in_add(map, setup.size);
	if (ret) {
		munmap(map, setup.size);
		return ret;
	}
	guards->slots = map;
	guards->nr_slots = slots;
	guards->size = setup.size;
	return 0;
}

int mmub_guards_close(struct mmub_guards *guards)
{
	int ret = 0;

	if (guards->slots)
		ret = stand_in_remove(guards->slots, guards->size);
	memset(guards, 0, sizeof(*guards));
	return ret;
}

int mmub_guards_retire(const struct mmub_guards *guards)
{
	struct stand_in *stand_in;
	int ret = 0;

	pthread_mutex_lock(&stand_ins_lock);
	stand_in = stand_in_find(guards->slots);
	if (stand_in && stand_in->odd)
		ret = stand_in_place(stand_in);
	pthread_mutex_unlock(&stand_ins_lock);
	return ret;
}

int mmub_guard_add(int fd, uint64_t start, uint64_t end, uint64_t ignore,
		   uint32_t flags)
{
	struct mmub_guard_add arg = {
		.flags = flags,
		.start = start,
		.end = end,
		.ignore = ignore,
	};
	int ret = ioctl_errno(fd, MMUB_IOC_GUARD_ADD, &arg);

	return ret ? ret : (int)arg.slot;
}

int mmub_guard_remove(int fd, uint32_t slot)
{
	struct mmub_guard_remove arg = { .slot = slot };

	return ioctl_errno(fd, MMUB_IOC_GUARD_REMOVE, &arg);
}

int mmub_guard_wait(const struct mmub_guards *guards, uint32_t slot,
		    int64_t timeout_ns, uint64_t *value)
{
	uint64_t begin = timeout_ns > 0 ? clock_ns() : 0;
	struct timespec pause = { .tv_nsec = 1000 };

	for (;;) {
		*value = mmub_guard_value(guards, slot);
		if (mmub_guard_is_even(*value))
			return 0;
		if (*value & MMUB_GUARD_ENDED)
			return -ESHUTDOWN;
		if (!timeout_ns || (timeout_ns > 0 &&
				    clock_ns() - begin >= (uint64_t)timeout_ns))
			return -ETIMEDOUT;
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < 500000)
			pause.tv_nsec *= 2;
	}
}

int mmub_guard_event(int fd, uint32_t slot, uint64_t value,
		     struct mmub_record *record)
{
	struct mmub_guard_event arg = { .slot = slot };
	int ret = ioctl_errno(fd, MMUB_IOC_GUARD_EVENT, &arg);

	if (ret)
		return ret;
	*record = arg.record;
	return arg.word - value > 2;
}
