// SPDX-License-Identifier: Apache-2.0
/* What a forked child finds in place of the mappings that it does not inherit. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "internal.h"

/*
 * A mapping and its stand-in: as large, inherited by a child, where the mapping
 * itself is not. The child moves it there, which takes neither memory nor a page
 * fault. @instead is NULL where it has been moved.
 */
struct stand_in {
	struct stand_in *next;
	void *map;
	void *instead;
	size_t size;
};

/* Held across fork(), so that the child finds the list whole. */
static pthread_mutex_t stand_ins_lock = PTHREAD_MUTEX_INITIALIZER;
static struct stand_in *stand_ins;

/* Under the lock: @instead where the mapping was. */
static int stand_in_place(struct stand_in *stand_in)
{
	if (mremap(stand_in->instead, stand_in->size, stand_in->size,
		   MREMAP_MAYMOVE | MREMAP_FIXED, stand_in->map) == MAP_FAILED)
		return -errno;
	stand_in->instead = NULL;
	return 0;
}

/* Under the lock: that of a mapping, or NULL. */
static struct stand_in *stand_in_find(const void *map)
{
	struct stand_in *stand_in = stand_ins;

	while (stand_in && stand_in->map != map)
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
		if (stand_in->instead && stand_in_place(stand_in))
			stand_in->instead = NULL;
	pthread_mutex_unlock(&stand_ins_lock);
}

static int at_fork;

static void handle_forks(void)
{
	at_fork = -pthread_atfork(before_fork, in_parent, in_child);
}

int stand_in_add(void *map, size_t size, void *instead)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct stand_in *stand_in;

	pthread_once(&once, handle_forks);
	if (at_fork)
		return at_fork;
	stand_in = malloc(sizeof(*stand_in));
	if (!stand_in)
		return -ENOMEM;
	*stand_in = (struct stand_in){ .map = map, .instead = instead, .size = size };

	pthread_mutex_lock(&stand_ins_lock);
	stand_in->next = stand_ins;
	stand_ins = stand_in;
	pthread_mutex_unlock(&stand_ins_lock);
	return 0;
}

/*
 * As one for whoever forks. The list first: a child must not find a mapping of
 * another's there.
 */
int stand_in_remove(const void *map, size_t size)
{
	struct stand_in **link = &stand_ins, *stand_in;
	int ret = 0;

	pthread_mutex_lock(&stand_ins_lock);
	stand_in = stand_in_find(map);
	while (stand_in && *link != stand_in)
		link = &(*link)->next;
	if (stand_in)
		*link = stand_in->next;
	if (munmap((void *)map, size))
		ret = -errno;
	pthread_mutex_unlock(&stand_ins_lock);

	if (stand_in && stand_in->instead)
		munmap(stand_in->instead, stand_in->size);
	free(stand_in);
	return ret;
}

int stand_in_use(const void *map)
{
	struct stand_in *stand_in;
	int ret = 0;

	pthread_mutex_lock(&stand_ins_lock);
	stand_in = stand_in_find(map);
	if (stand_in && stand_in->instead)
		ret = stand_in_place(stand_in);
	pthread_mutex_unlock(&stand_ins_lock);
	return ret;
}
