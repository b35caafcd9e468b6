/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Allocation failures: one by one, as Documentation/fault-injection has them, or
 * at random; and where in the kernel each of them came, by a probe on what
 * decides that.
 */
#ifndef FAULTS_H
#define FAULTS_H

#include <stdbool.h>

/* For a test that injects failures: skipped where the kernel cannot. */
void faults_open(void);

/* The @nth allocation of this process from now on fails. */
void fault_arm(unsigned int nth);

/* None is to; 0 if it has failed, else how many more it would have taken. */
unsigned int fault_disarm(void);

/* Each allocation of this process fails with a probability, in percent; 0: none. */
void faults_at_random(unsigned int percent);

/* Failures of this process and of the children that it has had meanwhile. */
struct faults {
	unsigned int all;
	unsigned int module;	/* of these, on behalf of the module */
	unsigned int init;	/* of all, in the initialisation of a module */
	unsigned int exec;	/* of all, in execve() */
};

/* What has failed since the last call; remembers where. */
void faults_take(struct faults *faults);

/* Whether any failure so far came on behalf of the module, in whatever test. */
bool faults_any(void);

/*
 * Print every place in the module's file that allocates, and how often it has been
 * made to fail in all tests so far; how many have not been, but for those that
 * @excused has, by the function that is called, a NULL at the end.
 */
unsigned int faults_missed(const char *module, const char *const *excused);

#endif /* FAULTS_H */
