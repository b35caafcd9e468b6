// SPDX-License-Identifier: Apache-2.0
/*
 * Operations that can be done to oneself or, with "of PID", to another process
 * of the family, whose regions are at the same addresses.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "subject.h"
#include "sys.h"

/* Newer than some systems' headers. */
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED	24
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL	102
#define MADV_GUARD_REMOVE	103
#endif

#define MPOL_MF_MOVE	2

static void report_span(struct call *call, const struct span *span, long pid,
			const char *name)
{
	field_hex(call->out, "start", span->start);
	field_hex(call->out, "end", span->start + span->size);
	field_number(call->out, "pages", span->size / PAGE_SIZE);
	if (pid)
		field_number(call->out, "of", pid);
	field_text(call->out, "syscall", name);
}

/* ------------------------------------------------------------------ madvise */

static const struct {
	const char *name;
	int advice;
} advices[] = {
	{ "NORMAL", MADV_NORMAL },
	{ "RANDOM", MADV_RANDOM },
	{ "SEQUENTIAL", MADV_SEQUENTIAL },
	{ "WILLNEED", MADV_WILLNEED },
	{ "DONTNEED", MADV_DONTNEED },
	{ "DONTNEED_LOCKED", MADV_DONTNEED_LOCKED },
	{ "FREE", MADV_FREE },
	{ "REMOVE", MADV_REMOVE },
	{ "COLD", MADV_COLD },
	{ "PAGEOUT", MADV_PAGEOUT },
	{ "POPULATE_READ", MADV_POPULATE_READ },
	{ "POPULATE_WRITE", MADV_POPULATE_WRITE },
	{ "HUGEPAGE", MADV_HUGEPAGE },
	{ "NOHUGEPAGE", MADV_NOHUGEPAGE },
	{ "COLLAPSE", MADV_COLLAPSE },
	{ "GUARD_INSTALL", MADV_GUARD_INSTALL },
	{ "GUARD_REMOVE", MADV_GUARD_REMOVE },
	{ "MERGEABLE", MADV_MERGEABLE },
	{ "UNMERGEABLE", MADV_UNMERGEABLE },
	{ "DONTFORK", MADV_DONTFORK },
	{ "DOFORK", MADV_DOFORK },
	{ "WIPEONFORK", MADV_WIPEONFORK },
	{ "KEEPONFORK", MADV_KEEPONFORK },
	{ "DONTDUMP", MADV_DONTDUMP },
	{ "DODUMP", MADV_DODUMP },
};

static int parse_advice(struct call *call, int *advice, char word[WORD_SIZE])
{
	unsigned int i;

	if (!next_word(call, word))
		return fail(call, EINVAL,
			    "ADVICE is missing: the name of a MADV_ constant without MADV_",
			    NULL);
	for (i = 0; i < ARRAY_SIZE(advices); i++) {
		if (!strcmp(word, advices[i].name)) {
			*advice = advices[i].advice;
			return 0;
		}
	}
	return fail(call, EINVAL,
		    "ADVICE must be the name of a MADV_ constant without MADV_, not '",
		    word, "'", NULL);
}

static int run_advise(struct call *call)
{
	const char *name = "madvise";
	char advice_name[WORD_SIZE];
	struct iovec range;
	struct span span;
	long result, pid, pidfd;
	int ret, advice = 0;

	ret = parse_region(call, &span.region);
	if (!ret)
		ret = parse_advice(call, &advice, advice_name);
	if (!ret)
		ret = parse_pages(call, &span);
	if (!ret)
		ret = parse_of(call, &pid);
	if (!ret)
		ret = parse_end(call);
	if (ret)
		return ret;
	if (!pid) {
		result = SYS3(SYS_madvise, span.start, span.size, advice);
	} else {
		name = "process_madvise";
		pidfd = SYS2(SYS_pidfd_open, pid, 0);
		if (pidfd < 0)
			return fail_call(call, "pidfd_open", pidfd);
		range.iov_base = (void *)span.start;
		range.iov_len = span.size;
		result = SYS5(SYS_process_madvise, pidfd, &range, 1, advice, 0);
		SYS1(SYS_close, pidfd);
		if (result >= 0)
			result = result == (long)span.size ? 0 : -EIO;
	}
	if (result)
		return fail_call(call, name, result);
	report_span(call, &span, pid, name);
	field_text(call->out, "advice", advice_name);
	return 0;
}

/* --------------------------------------------------------------- move_pages */

#define MOVE_PAGES	512

static int run_move(struct call *call)
{
	void *pages[MOVE_PAGES];
	int nodes[MOVE_PAGES], status[MOVE_PAGES];
	long result, pid, node;
	unsigned long i, count;
	struct span span;
	int ret, moved = 0;

	ret = parse_region(call, &span.region);
	if (!ret)
		ret = parse_number(call, "NODE", 0, 1023, &node);
	if (!ret)
		ret = parse_pages(call, &span);
	if (!ret)
		ret = parse_of(call, &pid);
	if (!ret)
		ret = parse_end(call);
	if (ret)
		return ret;
	count = span.size / PAGE_SIZE;
	if (count > MOVE_PAGES)
		return fail(call, EINVAL, "COUNT must be at most 512", NULL);
	for (i = 0; i < count; i++) {
		pages[i] = (char *)span.start + i * PAGE_SIZE;
		nodes[i] = node;
		status[i] = -1;
	}
	result = SYS6(SYS_move_pages, pid, count, pages, nodes, status,
		      MPOL_MF_MOVE);
	if (result < 0)
		return fail_call(call, "move_pages", result);
	for (i = 0; i < count; i++)
		moved += status[i] == node;
	report_span(call, &span, pid, "move_pages");
	field_number(call->out, "on_node", moved);
	return 0;
}

/* --------------------------------------------------------------------- proc */

static int run_clearrefs(struct call *call)
{
	char path[64], digit[24];
	struct out path_out = { .text = path, .size = sizeof(path) };
	struct out digit_out = { .text = digit, .size = sizeof(digit) };
	long value, pid, fd, result;
	int ret;

	ret = parse_number(call, "VALUE", 1, 5, &value);
	if (!ret)
		ret = parse_of(call, &pid);
	if (!ret)
		ret = parse_end(call);
	if (ret)
		return ret;
	out_text(&path_out, "/proc/");
	if (pid)
		out_number(&path_out, pid);
	else
		out_text(&path_out, "self");
	out_text(&path_out, "/clear_refs");
	out_number(&digit_out, value);

	fd = SYS4(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return fail_call(call, path, fd);
	result = SYS3(SYS_write, fd, digit, digit_out.length);
	SYS1(SYS_close, fd);
	if (result < 0)
		return fail_call(call, path, result);
	field_number(call->out, "value", value);
	if (pid)
		field_number(call->out, "of", pid);
	field_text(call->out, "syscall", "write");
	return 0;
}

/* Write into another process as a debugger would: it breaks copy-on-write. */
static int run_poke(struct call *call)
{
	struct iovec local, remote;
	struct region *region;
	long pid, offset, result;
	int ret;

	ret = parse_number(call, "PID", 1, INT32_MAX, &pid);
	if (!ret)
		ret = parse_region(call, &region);
	if (!ret)
		ret = parse_number(call, "OFFSET", 0,
				   region->pages * PAGE_SIZE - 1, &offset);
	if (ret)
		return ret;
	while (*call->rest == ' ' || *call->rest == '\t')
		call->rest++;
	local.iov_base = (void *)call->rest;
	local.iov_len = strlen(call->rest);
	if (!local.iov_len)
		return fail(call, EINVAL, "TEXT is missing", NULL);
	remote.iov_base = (char *)region->start + offset;
	remote.iov_len = local.iov_len;
	result = SYS6(SYS_process_vm_writev, pid, &local, 1, &remote, 1, 0);
	if (result < 0)
		return fail_call(call, "process_vm_writev", result);
	field_hex(call->out, "address", region->start + offset);
	field_number(call->out, "bytes", result);
	field_number(call->out, "of", pid);
	field_text(call->out, "syscall", "process_vm_writev");
	return 0;
}

/* Kill a process and reap its memory as the OOM reaper does. */
static int run_mrelease(struct call *call)
{
	long pid, pidfd, result;
	int ret;

	ret = parse_number(call, "PID", 1, INT32_MAX, &pid);
	if (!ret)
		ret = parse_end(call);
	if (ret)
		return ret;
	pidfd = SYS2(SYS_pidfd_open, pid, 0);
	if (pidfd < 0)
		return fail_call(call, "pidfd_open", pidfd);
	result = SYS4(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
	if (!result)
		result = SYS2(SYS_process_mrelease, pidfd, 0);
	SYS1(SYS_close, pidfd);
	if (result)
		return fail_call(call, "process_mrelease", result);
	field_number(call->out, "of", pid);
	field_text(call->out, "syscall", "process_mrelease");
	return 0;
}

const struct operation foreign_operations[] = {
	{ "advise", run_advise, false,
	  "advise NAME ADVICE [FROM COUNT] [of PID]" },
	{ "move", run_move, false, "move NAME NODE [FROM COUNT] [of PID]" },
	{ "clearrefs", run_clearrefs, false, "clearrefs VALUE [of PID]" },
	{ "poke", run_poke, false, "poke PID NAME OFFSET TEXT..." },
	{ "mrelease", run_mrelease, false, "mrelease PID" },
	{ NULL }
};
