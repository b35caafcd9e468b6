/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invalidations held open, by the module for tests (kmod/test). Of programs that
 * link this alone:
 *
 * MMUBRIDGE_TEST_KO names that module's file: it is loaded in place of the
 * shipped one, MMUBRIDGE_KO, and that one again at the end. Where it is loaded
 * already, nothing of the sort is needed; else the tests are skipped.
 */
#ifndef HOLDS_H
#define HOLDS_H

#include "hold.h"
#include "watch.h"

int hold_open(void);

/* Hold the next callback of that kind on a range of the watched. */
void hold_arm(int fd, const struct watch *watch, enum mmub_hold_point point,
	      uint64_t start, uint64_t end);

/* Is it held? Must it be, by the test's deadline? */
bool hold_holds(int fd, int timeout_ms);
void hold_wait(int fd);

/* The range of what is held. */
struct mmub_range hold_look(int fd);

void hold_release(int fd);

#endif /* HOLDS_H */
