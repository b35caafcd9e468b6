/* SPDX-License-Identifier: Apache-2.0 */
/* A subject watched: what it is told to do, and what must be seen of it. */
#ifndef SCENE_H
#define SCENE_H

#include "watch.h"

#define PAGE	4096UL

/* Where the subject puts its regions. */
#define ARENA_BASE	0x200000000000UL
#define ARENA_END	0x600000000000UL

struct scene {
	struct subject subject;
	struct watch watch;
	uint64_t told;		/* when the last command was given */
	uint64_t seq;		/* of the last record */
	uint64_t n;
	uint64_t time_ns;
};

/* Start a subject, and watch its arena. */
void scene_open(struct scene *scene);
void scene_close(struct scene *scene);

/* Give it a command, which must succeed. */
void say(struct scene *scene, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Have it map "NAME KIND PAGES...", and return where. */
uint64_t map(struct scene *scene, const char *what);

/*
 * The next record is the start of an event of that type and range. The task
 * and what it was in are those of the last reply: its pid and tid, and the
 * system call it names, or a page fault if it names none.
 */
void event(struct scene *scene, enum mmub_type type, uint64_t start,
	   uint64_t end);

/* The same, but the range must only cover the one given. */
void event_over(struct scene *scene, enum mmub_type type, uint64_t start,
		uint64_t end);

/* The same, and the record is left in @record for more to be said of it. */
void event_take(struct scene *scene, struct mmub_record *record);
void event_check(struct scene *scene, const struct mmub_record *record,
		 enum mmub_type type);

/* There is no further record. */
void quiet(struct scene *scene);

/*
 * If a program has them: called before and after each command of say(), and
 * before a scene is closed.
 */
void scene_before(struct scene *scene) __attribute__((weak));
void scene_after(struct scene *scene) __attribute__((weak));
void scene_end(struct scene *scene) __attribute__((weak));

/*
 * Likewise, of a child that does something to itself: called before it is forked;
 * by its parent, which returns when it has ended; and by itself, before and after
 * what it does, which is not to be held up where the parent's own memory is in it.
 */
void self_fork(void) __attribute__((weak));
void self_parent(int pid) __attribute__((weak));
void self_before(bool held) __attribute__((weak));
void self_after(void) __attribute__((weak));

#endif /* SCENE_H */
