/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a followed command does that no shell can: a test program plays it, as
 * a command of its own.
 */
#ifndef ROLES_H
#define ROLES_H

#include <sys/types.h>

/* The main() of a test program that has roles. */
int role_main(int argc, char **argv);

/* The command that plays @role; returns its program. */
char *role_argv(char *argv[4], const char *role);

/* The number in a line of /proc/PID/status, -1 if there is none. */
int status_of(pid_t pid, const char *name);

#endif /* ROLES_H */
