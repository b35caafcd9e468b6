/* SPDX-License-Identifier: Apache-2.0 */
/* Guards under test. */
#ifndef GUARDS_H
#define GUARDS_H

#include "scene.h"

/* A scene, and guards on its subject's memory. */
struct guarded {
	struct scene scene;
	struct mmub_guards guards;
};

void guarded_open(struct guarded *g, uint32_t slots);
void guarded_close(struct guarded *g);

/* A table for a subscription that is open. */
void guards_open(struct watch *watch, uint32_t slots, struct mmub_guards *guards);

/* Detach, unmap both, close. */
void guards_close(struct watch *watch, struct mmub_guards *guards);

/* Guard a range, causes and all; the test is over if that fails. */
uint32_t guard_add(const struct watch *watch, uint64_t start, uint64_t end);
uint32_t guard_add_ignoring(const struct watch *watch, uint64_t start,
			    uint64_t end, uint64_t ignore);

/* Remove it: it is odd, and goes on being so. */
void guard_remove(const struct watch *watch, const struct mmub_guards *guards,
		  uint32_t slot);

/* The word, even by the test's deadline. */
uint64_t guard_even(const struct mmub_guards *guards, uint32_t slot);

/*
 * The guard was @value and is not any more; an event of that type is named, of
 * that cause unless it is negative, and is left in @record.
 */
void guard_stale(const struct watch *watch, const struct mmub_guards *guards,
		 uint32_t slot, uint64_t value, enum mmub_type type, int cause,
		 struct mmub_record *record);

/* No event is named, and there is none to be had. */
void guard_nameless(const struct watch *watch, const struct mmub_guards *guards,
		    uint32_t slot);

/* Private anonymous memory, written. */
char *map_written(size_t size);

/* What a child of fork() reads at an address; false: nothing is mapped there. */
bool child_reads(const void *address, void *to, size_t size);

#endif /* GUARDS_H */
