/* SPDX-License-Identifier: Apache-2.0 */
/* A subscription under test, and the subject that it watches. */
#ifndef WATCH_H
#define WATCH_H

#include <sys/types.h>

#include "harness.h"
#include "mmubridge.h"

/* ------------------------------------------------------------ a subscription */

struct watch {
	int fd;
	struct mmub_ring ring;
	struct mmub_attach attached;
};

/* Flags of the rings of all watches to come; 0 unless a program sets them. */
extern uint32_t watch_ring_flags;

/* Open the device; the test is over if that fails. */
int device_open(void);

/* Open it, make a ring unless @records is 0, attach to @pid, 0 for oneself. */
void watch_open(struct watch *watch, const char *subsystem, pid_t pid,
		uint32_t records);

/* The same, to a descriptor of /proc/PID/mem. */
void watch_open_fd(struct watch *watch, const char *subsystem, int mem_fd,
		   uint32_t records);

/* Detach, unmap, close. */
void watch_close(struct watch *watch);

/* The next record; false if there is none now. */
bool watch_next(struct watch *watch, struct mmub_record *record);

/* The same, waited for until the test's deadline. */
void watch_wait(struct watch *watch, struct mmub_record *record);

/* Forget the records that there are; how many they were. */
unsigned int watch_drain(struct watch *watch);

void watch_stats(int fd, struct mmub_stats *stats);

/* Wait until every notifier that was put is freed; fill in @stats, or NULL. */
void watch_synchronize(int fd, struct mmub_stats *stats);

/* Print a record as a note. */
void note_record(const struct mmub_record *record);

/* ----------------------------------------------------------------- a subject */

struct subject {
	pid_t pid;
	int in;			/* commands to it */
	int out;		/* replies from it */
	char reply[65536];	/* the last one */
};

/* Its program: $SUBJECT, else ../subject beside the test. */
void subject_path(char path[4096]);

/* Start one. */
void subject_start(struct subject *subject);

/* Have it carry out a command; say() requires success, try() tells of it. */
void subject_say(struct subject *subject, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
bool subject_try(struct subject *subject, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Give it a command, and only later wait for its reply, which is to be ok. */
void subject_tell(struct subject *subject, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void subject_hear(struct subject *subject);

/* A field of the last reply: a number or a hexadecimal string; or a string. */
uint64_t subject_field(struct subject *subject, const char *key);
bool subject_text(struct subject *subject, const char *key, char *text,
		  size_t size);

/* Close its input and wait for its end, which must be exit(0). */
void subject_end(struct subject *subject);

/* ------------------------------------------------------------------- matters */

/* Write @text to a file of /proc or /sys; -errno if that fails. */
int write_file(const char *path, const char *text);

/*
 * Have the program put back, at its end, what this file says now; whatever a
 * test makes of it. For constructors.
 */
void keep_setting(const char *path);

/* The first number in a file; -1 if there is none. */
long long read_number(const char *path);

/* This kernel is @major.@minor or later. */
bool kernel_since(int major, int minor);

#endif /* WATCH_H */
