/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The subject: a process under test that performs memory operations on command
 * and reports exactly what it did.
 *
 * What a watcher sees of it must be the operations and nothing else. So there
 * is no heap, no stdio, no errno, and no restartable sequence that the kernel
 * would write to: system calls are made directly, and all that changes (buffers,
 * tables, the stacks themselves) lives in one shared mapping. A shared mapping
 * is not write-protected by fork, so that neither the bookkeeping of the parent
 * nor that of the child breaks copy-on-write.
 */
#ifndef SUBJECT_H
#define SUBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

#define PAGE_SIZE	4096UL

#define NAME_SIZE	16		/* of a region or child, with its NUL */
#define LINE_LENGTH	1023		/* longest command */
#define REPLY_SIZE	32768
#define STACK_SIZE	65536
#define MAX_REGIONS	64
#define MAX_CHILDREN	16
#define MAX_THREADS	16
#define MAX_PROCESSES	64
#define MAX_PAGES	(1UL << 24)
#define MAX_DEPTH	4		/* of commands within commands */

/* Where the subject keeps itself, and where it puts what it maps. */
#define ROOMS_BASE	0x100000000000UL
#define ARENA_BASE	0x200000000000UL
#define ARENA_END	0x600000000000UL
#define ARENA_STEP	0x200000UL	/* alignment, and the gap behind each */

/* ------------------------------------------------------------------- replies */

/* A reply being written: a string that is always terminated, cut at its end. */
struct out {
	char *text;
	size_t size;
	size_t length;
};

void out_char(struct out *out, char c);
void out_text(struct out *out, const char *text);
void out_json(struct out *out, const char *text, size_t length);
void out_number(struct out *out, long value);
void out_hex(struct out *out, unsigned long value);

/* ,"key":value */
void field_text(struct out *out, const char *key, const char *value);
void field_number(struct out *out, const char *key, long value);
void field_hex(struct out *out, const char *key, unsigned long value);

/* ------------------------------------------------------------------- state */

enum kind { ANON, SHARED, MEMFD, REGULAR, HUGE };

struct region {
	char name[NAME_SIZE];		/* empty: unused */
	enum kind kind;
	bool private;
	int fd;				/* -1: none */
	unsigned long start;
	unsigned long pages;
};

struct child {
	char name[NAME_SIZE];		/* empty: unused */
	int pid;
	int fd;				/* its standard input and output */
};

struct room;

/* Who carries out a command: the loop, or threads that it waits for. */
enum crew { MAIN_THREAD, ONE_THREAD, MANY_THREADS };

/* A thread that runs one command for another. */
struct worker {
	struct room *room;
	const char *command;
	unsigned int depth;
	enum crew crew;
	int tid;			/* cleared, and woken, at its end */
	bool failed;
	char reply[REPLY_SIZE];
	char stack[STACK_SIZE] __attribute__((aligned(16)));
};

/* All that one process of the family has. */
struct room {
	struct region regions[MAX_REGIONS];
	struct child children[MAX_CHILDREN];
	unsigned long arena_next;
	int socket;			/* of a child that has just been forked */
	size_t input_length;
	char input[LINE_LENGTH + 2];
	char reply[REPLY_SIZE];
	char relay[REPLY_SIZE];
	char stack[STACK_SIZE] __attribute__((aligned(16)));
	struct worker workers[MAX_THREADS];
};

/* The shared mapping. */
struct house {
	unsigned int rooms_used;
	struct room rooms[MAX_PROCESSES] __attribute__((aligned(PAGE_SIZE)));
};

#define HOUSE	((struct house *)ROOMS_BASE)

/* --------------------------------------------------------------- a command */

/* A command being carried out. */
struct call {
	struct room *room;
	const char *rest;	/* what of its line has not been parsed yet */
	struct out *out;
	size_t mark;		/* length of *out up to the operation's name */
	unsigned int depth;
	enum crew crew;
	bool replied;		/* the whole reply is in *out already */
};

/*
 * An operation parses its arguments, complains before it has changed anything,
 * acts, and adds the fields of its reply. Return: what fail() or fail_call()
 * returned, else 0.
 */
struct operation {
	const char *name;
	int (*run)(struct call *call);
	bool alone;		/* changes the room's tables */
	const char *usage;
};

/* Carry out @line, writing its reply; false if it failed. */
bool run_command(struct room *room, const char *line, struct out *out,
		 unsigned int depth, enum crew crew);

/* The loop over standard input. */
void serve(struct room *room) __attribute__((noreturn));

/* Make the reply an error. The strings end with NULL. */
int __attribute__((sentinel)) fail(struct call *call, int error, ...);

/* The same for a system call that returned -errno. */
int fail_call(struct call *call, const char *name, long ret);

/* --------------------------------------------------------------- arguments */

struct span {
	struct region *region;
	unsigned long start;
	unsigned long size;
};

#define WORD_SIZE	256

/* The next word into @word; false at the end of the line. */
bool next_word(struct call *call, char word[WORD_SIZE]);

/* Whether the next word is @word: skip it if so. */
bool skip_word(struct call *call, const char *word);

/* Each of these returns 0, or what fail() returned, naming @what. */
int parse_end(struct call *call);
int parse_name(struct call *call, const char *what, char name[NAME_SIZE]);
int parse_number(struct call *call, const char *what, long min, long max,
		 long *value);
int parse_address(struct call *call, unsigned long *address);
int parse_prot(struct call *call, int *prot);
int parse_region(struct call *call, struct region **region);

/* [FROM COUNT]: pages of @span->region, all of them if not said. */
int parse_pages(struct call *call, struct span *span);

/* NAME [FROM COUNT] */
int parse_span(struct call *call, struct span *span);

/* [of PID]: 0 if not said. */
int parse_of(struct call *call, long *pid);

struct region *find_region(struct room *room, const char *name);

/* -------------------------------------------------------------- operations */

extern const struct operation memory_operations[];
extern const struct operation foreign_operations[];
extern const struct operation process_operations[];

/* The one line that tells who this is. */
void greet(void);

void write_all(int fd, const char *text, size_t length);

#endif /* SUBJECT_H */
