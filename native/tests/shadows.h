/* SPDX-License-Identifier: Apache-2.0 */
/* Shadows under test, and /proc/PID/pagemap, which is the other opinion. */
#ifndef SHADOWS_H
#define SHADOWS_H

#include "scene.h"

#define HUGE		(512 * PAGE)

/* One that is added and mapped, PFNs and all. */
struct shadow {
	int fd;			/* the subscription's */
	int pagemap;
	struct mmub_shadow_add added;
	struct mmub_shadow map;
};

/*
 * Shadow a range of the process that @watch is attached to, 0 for oneself; the
 * test is over if that fails.
 */
void shadow_open(struct shadow *shadow, const struct watch *watch, pid_t pid,
		 enum mmub_shadow_mode mode, uint64_t start, uint64_t end);

/* Unmap it, and close what it has of pagemap. Does not remove it. */
void shadow_close(struct shadow *shadow);

/* Bring all of it up to date; nothing is mismatched, and nothing busy. */
void shadow_refresh(struct shadow *shadow, struct mmub_shadow_refresh *result);

/* Is the page at @addr present, and if so with these bits of @mask? */
bool shadow_has(const struct shadow *shadow, uint64_t addr);
uint64_t shadow_bits(const struct shadow *shadow, uint64_t addr, uint64_t mask);

/* How many entries are present. */
uint64_t shadow_present(const struct shadow *shadow);

struct compared {
	uint64_t entries;	/* present, and looked at in both */
	uint64_t changed;	/* likewise, but dropped meanwhile */
	uint64_t missing;	/* pages that pagemap has, and the shadow has not */
	uint64_t mismatched;
	unsigned long rounds;
};

/*
 * Compare what is present with pagemap, also while it is being changed: an entry
 * that is there before and after pagemap is read has been there meanwhile, and
 * so has its page. A mismatch is noted.
 */
void shadow_compare(const struct shadow *shadow, struct compared *sum);

/* If a program has it: called of a page that is mismatched, to say more of it. */
void shadow_explain(const struct shadow *shadow, uint64_t page)
	__attribute__((weak));

/* The same, of which nothing may be mismatched. */
void shadow_agrees(const struct shadow *shadow, const char *when);

/* And nothing missing: after a refresh while nobody changes anything. */
void shadow_exact(const struct shadow *shadow, const char *when);

#endif /* SHADOWS_H */
