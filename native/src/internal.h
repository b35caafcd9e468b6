/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of libmmubridge share. */
#ifndef MMUB_INTERNAL_H
#define MMUB_INTERNAL_H

/* The public header carries no attributes: bindings are generated from it. */
#pragma GCC visibility push(default)
#include "mmubridge.h"
#pragma GCC visibility pop

/* CLOCK_MONOTONIC, in nanoseconds. */
uint64_t clock_ns(void);

/* ioctl() that returns -errno. */
int ioctl_errno(int fd, unsigned long request, void *arg);

/* Map what the module shares; MAP_FAILED and errno. */
void *map_shared(int fd, enum mmub_map which, int prot, size_t size);

/*
 * Have a forked child find @instead, as large, in place of a mapping that it does
 * not inherit: -errno, and @instead is the caller's still.
 */
int stand_in_add(void *map, size_t size, void *instead);

/* Unmap a mapping, and what was to stand in for it. */
int stand_in_remove(const void *map, size_t size);

/* Put it there in this process, too; does nothing the second time. */
int stand_in_use(const void *map);

/* Whether the calling thread traces @pid, be it dying or dead. */
bool follow_traces(pid_t pid);

/* Let go whoever @spawn follows; -ESRCH in a thread that does not trace them. */
int follow_end(struct mmub_spawn *spawn);

#endif /* MMUB_INTERNAL_H */
