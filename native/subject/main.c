// SPDX-License-Identifier: Apache-2.0
/* The subject: its start, its loop, and the dispatch of its commands. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#if __GLIBC_PREREQ(2, 35)
#include <sys/rseq.h>
#endif

#include "probe.h"
#include "subject.h"
#include "sys.h"

#ifndef AT_RSEQ_FEATURE_SIZE
#define AT_RSEQ_FEATURE_SIZE	27
#endif

static int run_help(struct call *call);
static int run_pid(struct call *call);

static const struct operation general_operations[] = {
	{ "help", run_help, false, "help" },
	{ "pid", run_pid, false, "pid" },
	{ NULL }
};

static const struct operation *const all_operations[] = {
	general_operations, memory_operations, foreign_operations,
	process_operations, NULL
};

static int run_help(struct call *call)
{
	const struct operation *const *group;
	const struct operation *op;
	bool first = true;

	out_text(call->out, ",\"commands\":[");
	for (group = all_operations; *group; group++) {
		for (op = *group; op->name; op++) {
			if (!first)
				out_char(call->out, ',');
			out_json(call->out, op->usage, strlen(op->usage));
			first = false;
		}
	}
	out_char(call->out, ']');
	return 0;
}

static int run_pid(struct call *call)
{
	return parse_end(call);
}

static const struct operation *find_operation(const char *name)
{
	const struct operation *const *group;
	const struct operation *op;

	for (group = all_operations; *group; group++)
		for (op = *group; op->name; op++)
			if (!strcmp(op->name, name))
				return op;
	return NULL;
}

static int dispatch(struct call *call, const char *name)
{
	const struct operation *op = find_operation(name);

	if (!op)
		return fail(call, EINVAL, "no command is named '", name,
			    "', see help", NULL);
	if (call->depth > MAX_DEPTH)
		return fail(call, EINVAL, "commands may be nested 4 deep", NULL);
	if (op->alone && call->crew == MANY_THREADS)
		return fail(call, EINVAL, "'", name,
			    "' cannot be done by several threads at once", NULL);
	return op->run(call);
}

bool run_command(struct room *room, const char *line, struct out *out,
		 unsigned int depth, enum crew crew)
{
	struct call call = {
		.room = room,
		.rest = line,
		.out = out,
		.depth = depth,
		.crew = crew,
	};
	char name[WORD_SIZE];
	int ret;

	next_word(&call, name);
	out->length = 0;
	out_text(out, "{\"op\":");
	out_json(out, name, strlen(name));
	call.mark = out->length;
	out_text(out, ",\"ok\":true");
	field_number(out, "pid", SYS0(SYS_getpid));
	field_number(out, "tid", SYS0(SYS_gettid));
	ret = dispatch(&call, name);
	if (!call.replied)
		out_char(out, '}');
	return !ret;
}

void write_all(int fd, const char *text, size_t length)
{
	long done;

	while (length) {
		done = SYS3(SYS_write, fd, text, length);
		if (done == -EINTR)
			continue;
		if (done < 0)
			SYS1(SYS_exit_group, 1);
		text += done;
		length -= done;
	}
}

void greet(void)
{
	char text[256];
	struct out out = { .text = text, .size = sizeof(text) };

	out_text(&out, "{\"op\":\"subject\",\"ok\":true,\"version\":\"" MMUB_VERSION "\"");
	field_number(&out, "pid", SYS0(SYS_getpid));
	field_number(&out, "page_size", PAGE_SIZE);
	out_text(&out, "}\n");
	write_all(1, text, out.length);
}

static void answer(struct room *room, const char *line)
{
	/* Room is kept for what ends the reply. */
	struct out out = {
		.text = room->reply,
		.size = sizeof(room->reply) - 1,
	};

	while (*line == ' ' || *line == '\t')
		line++;
	if (!*line || *line == '#')
		return;
	run_command(room, line, &out, 0, MAIN_THREAD);
	room->reply[out.length++] = '\n';
	write_all(1, room->reply, out.length);
}

static void answer_too_long(void)
{
	static const char text[] =
		"{\"op\":null,\"ok\":false,\"errno\":\"EMSGSIZE\","
		"\"error\":\"a command has at most 1023 bytes\"}\n";

	write_all(1, text, sizeof(text) - 1);
}

/* Answer the whole lines of the input, and keep what is left of it. */
static void answer_lines(struct room *room, bool *skipping)
{
	char *line = room->input;
	char *end;

	room->input[room->input_length] = '\0';
	while ((end = memchr(line, '\n',
			     room->input + room->input_length - line))) {
		*end = '\0';
		if (*skipping)
			*skipping = false;
		else
			answer(room, line);
		line = end + 1;
	}
	room->input_length -= line - room->input;
	memmove(room->input, line, room->input_length);
	if (room->input_length > LINE_LENGTH) {
		if (!*skipping)
			answer_too_long();
		*skipping = true;
		room->input_length = 0;
	}
}

/* A forked child: its end of the socket becomes its input and output. */
static void move_in(struct room *room)
{
	int i;

	for (i = 0; i < MAX_CHILDREN; i++)
		if (room->children[i].name[0])
			SYS1(SYS_close, room->children[i].fd);
	memset(room->children, 0, sizeof(room->children));
	if (room->socket <= 0)
		return;
	SYS3(SYS_dup3, room->socket, 0, 0);
	SYS3(SYS_dup3, room->socket, 1, 0);
	SYS1(SYS_close, room->socket);
	room->socket = 0;
}

void serve(struct room *room)
{
	bool skipping = false;
	long got;

	move_in(room);
	for (;;) {
		got = SYS3(SYS_read, 0, room->input + room->input_length,
			   sizeof(room->input) - 1 - room->input_length);
		if (got == -EINTR)
			continue;
		if (got <= 0)
			break;
		room->input_length += got;
		answer_lines(room, &skipping);
	}
	if (room->input_length && !skipping) {
		room->input[room->input_length] = '\0';
		answer(room, room->input);
	}
	SYS1(SYS_exit_group, got < 0);
	__builtin_unreachable();
}

/* Go on in the first room, whose stack fork does not write-protect. */
static void __attribute__((noreturn)) enter(void)
{
	struct room *room = &HOUSE->rooms[0];

	HOUSE->rooms_used = 1;
	room->arena_next = ARENA_BASE;
	greet();
	serve(room);
}

/*
 * Undo the C library's registration of a restartable sequence: the kernel would
 * write the CPU's number to private memory whenever it migrates the process.
 */
static void forget_rseq(void)
{
#if __GLIBC_PREREQ(2, 35)
	/* What is registered: 32 bytes, or more where the kernel has more. */
	unsigned long size = getauxval(AT_RSEQ_FEATURE_SIZE);
	char *area = (char *)__builtin_thread_pointer() + __rseq_offset;

	if (!__rseq_size)
		return;
	size = size > 32 ? (size + 31) / 32 * 32 : 32;
	if (SYS4(SYS_rseq, area, size, RSEQ_FLAG_UNREGISTER, RSEQ_SIG) &&
	    SYS4(SYS_rseq, area, 32, RSEQ_FLAG_UNREGISTER, RSEQ_SIG)) {
		fprintf(stderr, "subject: cannot unregister rseq\n");
		_exit(1);
	}
#endif
}

static void __attribute__((noreturn)) move_house(void)
{
	ucontext_t context;

	if (mmap(HOUSE, sizeof(struct house), PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE |
			 MAP_FIXED_NOREPLACE, -1, 0) != HOUSE) {
		perror("subject: mmap");
		_exit(1);
	}
	madvise(HOUSE, sizeof(struct house), MADV_NOHUGEPAGE);
	forget_rseq();
	if (probe_init() || getcontext(&context)) {
		perror("subject");
		_exit(1);
	}
	context.uc_stack.ss_sp = HOUSE->rooms[0].stack;
	context.uc_stack.ss_size = sizeof(HOUSE->rooms[0].stack);
	context.uc_link = NULL;
	makecontext(&context, enter, 0);
	setcontext(&context);
	perror("subject: setcontext");
	_exit(1);
}

static void usage(void)
{
	const struct operation *const *group;
	const struct operation *op;

	printf("Usage: subject\n"
	       "Perform memory operations, one command a line of standard input, and answer\n"
	       "each with one line of JSON. Numbers are decimal, or hexadecimal after 0x;\n"
	       "an ADDRESS is a number, NAME or NAME+PAGE; PROT is none or some of rwx.\n\n");
	for (group = all_operations; *group; group++)
		for (op = *group; op->name; op++)
			printf("  %s\n", op->usage);
}

int main(int argc, char **argv)
{
	if (argc == 1)
		move_house();
	if (argc == 2 && !strcmp(argv[1], "--help")) {
		usage();
		return 0;
	}
	if (argc == 2 && !strcmp(argv[1], "--version")) {
		puts("subject (mmubridge) " MMUB_VERSION);
		return 0;
	}
	fprintf(stderr, "subject: it takes no arguments but --help or --version, not '%s'\n",
		argv[1]);
	return 2;
}
