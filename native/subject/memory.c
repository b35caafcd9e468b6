// SPDX-License-Identifier: Apache-2.0
/* Operations on the subject's own memory. */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/memfd.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "probe.h"
#include "subject.h"
#include "sys.h"

#define HUGE_SIZE	0x200000UL

static void report_range(struct call *call, unsigned long start,
			 unsigned long size)
{
	field_hex(call->out, "start", start);
	field_hex(call->out, "end", start + size);
	field_number(call->out, "pages", size / PAGE_SIZE);
}

static int report_fault(struct call *call, int sig, unsigned long address)
{
	char text[24];
	struct out hex = { .text = text, .size = sizeof(text) };

	out_hex(&hex, address);
	return fail(call, EFAULT, sig == SIGBUS ? "SIGBUS" : "SIGSEGV", " at ", text,
		    NULL);
}

/* --------------------------------------------------------------------- map */

struct map_options {
	unsigned long at;
	int prot;
	bool has_at;
	bool over;
	bool private;
	bool thp;
	bool populate;
	bool has_path;
	char path[WORD_SIZE];
	struct region *of;
};

static int parse_kind(struct call *call, enum kind *kind)
{
	static const char *const kinds[] = {
		[ANON] = "anon",  [SHARED] = "shared",	[MEMFD] = "memfd",
		[REGULAR] = "file", [HUGE] = "huge",
	};
	char word[WORD_SIZE];
	unsigned int i;

	if (next_word(call, word)) {
		for (i = 0; i < ARRAY_SIZE(kinds); i++) {
			if (!strcmp(word, kinds[i])) {
				*kind = i;
				return 0;
			}
		}
	}
	return fail(call, EINVAL, "KIND must be anon, shared, memfd, file or huge, not '",
		    word, "'", NULL);
}

static int parse_map_options(struct call *call, enum kind kind,
			     struct map_options *options)
{
	char word[WORD_SIZE];
	int ret;

	memset(options, 0, sizeof(*options));
	options->prot = PROT_READ | PROT_WRITE;
	while (next_word(call, word)) {
		ret = 0;
		if (!strcmp(word, "at")) {
			options->has_at = true;
			ret = parse_address(call, &options->at);
		} else if (!strcmp(word, "prot")) {
			ret = parse_prot(call, &options->prot);
		} else if (!strcmp(word, "of")) {
			ret = parse_region(call, &options->of);
		} else if (!strcmp(word, "path")) {
			options->has_path = next_word(call, options->path);
		} else if (!strcmp(word, "over")) {
			options->over = true;
		} else if (!strcmp(word, "private")) {
			options->private = true;
		} else if (!strcmp(word, "thp")) {
			options->thp = true;
		} else if (!strcmp(word, "populate")) {
			options->populate = true;
		} else {
			ret = fail(call, EINVAL, "'", word,
				   "' is no option of map, see help", NULL);
		}
		if (ret)
			return ret;
	}
	if (options->over && !options->has_at)
		return fail(call, EINVAL, "over needs at ADDRESS", NULL);
	if (options->has_path != (kind == REGULAR && !options->of))
		return fail(call, EINVAL,
			    "path PATH goes with file, and file with path PATH or of NAME",
			    NULL);
	if (options->of && (options->of->kind != kind || options->of->fd < 0))
		return fail(call, EINVAL, "of NAME needs a region of the same kind, memfd or file",
			    NULL);
	if (options->private && kind != MEMFD && kind != REGULAR)
		return fail(call, EINVAL, "private goes with memfd and file",
			    NULL);
	return 0;
}

/* The descriptor to map, of at least @size bytes, or -errno. */
static long map_file(enum kind kind, const char *name,
		     const struct map_options *options, unsigned long size,
		     const char **failed)
{
	long fd, ret, end;

	if (kind == MEMFD && !options->of) {
		*failed = "memfd_create";
		fd = SYS2(SYS_memfd_create, name, MFD_CLOEXEC);
	} else if (kind == REGULAR && !options->of) {
		*failed = "open";
		fd = SYS4(SYS_openat, AT_FDCWD, options->path,
			  O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	} else {
		*failed = "fcntl";
		return SYS3(SYS_fcntl, options->of->fd, F_DUPFD_CLOEXEC, 3);
	}
	if (fd < 0)
		return fd;
	*failed = "ftruncate";
	end = SYS3(SYS_lseek, fd, 0, SEEK_END);
	if (end >= 0 && (unsigned long)end >= size)
		return fd;
	ret = SYS2(SYS_ftruncate, fd, size);
	if (!ret)
		return fd;
	SYS1(SYS_close, fd);
	return ret;
}

static int run_map(struct call *call)
{
	struct map_options options;
	struct region *region;
	unsigned long size, start;
	const char *failed = NULL;
	char name[NAME_SIZE];
	enum kind kind = ANON;
	int flags, ret;
	long fd, pages, addr, result;

	ret = parse_name(call, "NAME", name);
	if (!ret)
		ret = parse_kind(call, &kind);
	if (!ret)
		ret = parse_number(call, "PAGES", 1, MAX_PAGES, &pages);
	if (!ret)
		ret = parse_map_options(call, kind, &options);
	if (ret)
		return ret;
	if (find_region(call->room, name))
		return fail(call, EEXIST, "there is a region '", name,
			    "' already: unmap it, or take another name", NULL);
	region = find_region(call->room, "");
	if (!region)
		return fail(call, ENOSPC, "there are 64 regions already", NULL);
	size = pages * PAGE_SIZE;
	if (kind == HUGE && size % HUGE_SIZE)
		return fail(call, EINVAL, "PAGES of a huge mapping must be a multiple of 512",
			    NULL);
	start = options.has_at ? options.at : call->room->arena_next;
	if (!options.has_at && start + size > ARENA_END)
		return fail(call, ENOSPC, "the arena is spent", NULL);

	flags = options.over ? MAP_FIXED : MAP_FIXED_NOREPLACE;
	flags |= kind == ANON || kind == HUGE || options.private ? MAP_PRIVATE :
								   MAP_SHARED;
	if (kind == ANON || kind == SHARED || kind == HUGE)
		flags |= MAP_ANONYMOUS;
	if (kind == HUGE)
		flags |= MAP_HUGETLB;

	fd = -1;
	if (!(flags & MAP_ANONYMOUS)) {
		fd = map_file(kind, name, &options, size, &failed);
		if (fd < 0)
			return fail_call(call, failed, fd);
	}
	addr = SYS6(SYS_mmap, start, size, options.prot, flags, fd, 0);
	if (addr < 0) {
		if (fd >= 0)
			SYS1(SYS_close, fd);
		return fail_call(call, "mmap", addr);
	}
	/* No huge pages unless they are asked for; this raises no event. */
	if (!options.thp && kind != HUGE)
		SYS3(SYS_madvise, addr, size, MADV_NOHUGEPAGE);
	if (options.populate) {
		result = SYS3(SYS_madvise, addr, size,
			      options.prot & PROT_WRITE ? MADV_POPULATE_WRITE :
							  MADV_POPULATE_READ);
		if (result) {
			SYS2(SYS_munmap, addr, size);
			if (fd >= 0)
				SYS1(SYS_close, fd);
			return fail_call(call, "madvise", result);
		}
	}

	memcpy(region->name, name, sizeof(name));
	region->kind = kind;
	region->private = flags & MAP_PRIVATE;
	region->fd = fd;
	region->start = addr;
	region->pages = pages;
	if (!options.has_at)
		call->room->arena_next +=
			(size + 2 * ARENA_STEP - 1) / ARENA_STEP * ARENA_STEP;
	report_range(call, addr, size);
	field_text(call->out, "syscall", "mmap");
	return 0;
}

static void forget_region(struct region *region)
{
	if (region->fd >= 0)
		SYS1(SYS_close, region->fd);
	memset(region, 0, sizeof(*region));
}

static int run_unmap(struct call *call)
{
	struct span span;
	long result;
	int ret;

	ret = parse_span(call, &span);
	if (!ret)
		ret = parse_end(call);
	if (ret)
		return ret;
	result = SYS2(SYS_munmap, span.start, span.size);
	if (result)
		return fail_call(call, "munmap", result);
	report_range(call, span.start, span.size);
	field_text(call->out, "syscall", "munmap");
	if (span.size == span.region->pages * PAGE_SIZE)
		forget_region(span.region);
	return 0;
}

static int run_remap(struct call *call)
{
	unsigned long old_start, old_size, to = 0;
	struct region *region;
	long pages, result;
	int flags = 0, ret;

	ret = parse_region(call, &region);
	if (!ret)
		ret = parse_number(call, "PAGES", 1, MAX_PAGES, &pages);
	if (ret)
		return ret;
	if (skip_word(call, "to")) {
		ret = parse_address(call, &to);
		if (ret)
			return ret;
		flags = MREMAP_MAYMOVE | MREMAP_FIXED;
	} else if (skip_word(call, "maymove")) {
		flags = MREMAP_MAYMOVE;
	}
	if (skip_word(call, "dontunmap"))
		flags |= MREMAP_DONTUNMAP;
	ret = parse_end(call);
	if (ret)
		return ret;

	old_start = region->start;
	old_size = region->pages * PAGE_SIZE;
	result = SYS5(SYS_mremap, old_start, old_size, pages * PAGE_SIZE, flags,
		      to);
	if (result < 0 && result > -4096)
		return fail_call(call, "mremap", result);
	region->start = result;
	region->pages = pages;
	report_range(call, result, pages * PAGE_SIZE);
	field_hex(call->out, "old_start", old_start);
	field_hex(call->out, "old_end", old_start + old_size);
	field_text(call->out, "syscall", "mremap");
	return 0;
}

/* ------------------------------------------------------------------ access */

static int run_touch(struct call *call)
{
	unsigned long at;
	struct span span;
	bool reads;
	int ret, sig;

	ret = parse_region(call, &span.region);
	if (ret)
		return ret;
	reads = skip_word(call, "read");
	if (!reads)
		skip_word(call, "write");
	ret = parse_pages(call, &span);
	if (!ret)
		ret = parse_end(call);
	if (ret)
		return ret;
	for (at = span.start; at < span.start + span.size; at += PAGE_SIZE) {
		sig = reads ? probe_read(at) : probe_write(at);
		if (sig)
			return report_fault(call, sig, at);
	}
	report_range(call, span.start, span.size);
	field_text(call->out, "access", reads ? "read" : "write");
	return 0;
}

static int parse_offset(struct call *call, struct region *region, long *offset)
{
	return parse_number(call, "OFFSET", 0, region->pages * PAGE_SIZE - 1,
			    offset);
}

static int run_write(struct call *call)
{
	struct region *region;
	size_t length;
	long offset;
	int ret, sig;

	ret = parse_region(call, &region);
	if (!ret)
		ret = parse_offset(call, region, &offset);
	if (ret)
		return ret;
	while (*call->rest == ' ' || *call->rest == '\t')
		call->rest++;
	length = strlen(call->rest);
	if (!length)
		return fail(call, EINVAL, "TEXT is missing", NULL);
	if (length > region->pages * PAGE_SIZE - offset)
		return fail(call, EINVAL, "TEXT goes beyond the region", NULL);
	sig = probe_copy(region->start + offset, (unsigned long)call->rest,
			 length);
	if (sig)
		return report_fault(call, sig, region->start + offset);
	field_hex(call->out, "address", region->start + offset);
	field_number(call->out, "bytes", length);
	return 0;
}

static int run_read(struct call *call)
{
	char text[LINE_LENGTH];
	struct region *region;
	long offset, length;
	int ret, sig;

	ret = parse_region(call, &region);
	if (!ret)
		ret = parse_offset(call, region, &offset);
	if (!ret)
		ret = parse_number(call, "LENGTH", 1, sizeof(text), &length);
	if (!ret)
		ret = parse_end(call);
	if (ret)
		return ret;
	if ((unsigned long)length > region->pages * PAGE_SIZE - offset)
		return fail(call, EINVAL, "LENGTH goes beyond the region", NULL);
	sig = probe_copy((unsigned long)text, region->start + offset, length);
	if (sig)
		return report_fault(call, sig, region->start + offset);
	field_hex(call->out, "address", region->start + offset);
	field_number(call->out, "bytes", length);
	out_text(call->out, ",\"text\":");
	out_json(call->out, text, length);
	return 0;
}

/* --------------------------------------------------------------- attributes */

static int run_protect(struct call *call)
{
	struct span span;
	long result;
	int ret, prot;

	ret = parse_region(call, &span.region);
	if (!ret)
		ret = parse_prot(call, &prot);
	if (!ret)
		ret = parse_pages(call, &span);
	if (!ret)
		ret = parse_end(call);
	if (ret)
		return ret;
	result = SYS3(SYS_mprotect, span.start, span.size, prot);
	if (result)
		return fail_call(call, "mprotect", result);
	report_range(call, span.start, span.size);
	field_text(call->out, "syscall", "mprotect");
	return 0;
}

/* Operations of the form NAME [FROM COUNT] that are one system call. */
static int run_span(struct call *call, long nr, const char *name, long arg)
{
	struct span span;
	long result;
	int ret;

	ret = parse_span(call, &span);
	if (!ret)
		ret = parse_end(call);
	if (ret)
		return ret;
	result = SYS3(nr, span.start, span.size, arg);
	if (result)
		return fail_call(call, name, result);
	report_range(call, span.start, span.size);
	field_text(call->out, "syscall", name);
	return 0;
}

static int run_mlock(struct call *call)
{
	return run_span(call, SYS_mlock, "mlock", 0);
}

static int run_munlock(struct call *call)
{
	return run_span(call, SYS_munlock, "munlock", 0);
}

static int run_sync(struct call *call)
{
	return run_span(call, SYS_msync, "msync", MS_SYNC);
}

/* -------------------------------------------------------------------- files */

static int need_file(struct call *call, const struct region *region)
{
	if (region->fd >= 0)
		return 0;
	return fail(call, EINVAL, "region '", region->name,
		    "' is neither memfd nor file", NULL);
}

static int run_truncate(struct call *call)
{
	struct region *region;
	long pages, result;
	int ret;

	ret = parse_region(call, &region);
	if (!ret)
		ret = parse_number(call, "PAGES", 0, MAX_PAGES, &pages);
	if (!ret)
		ret = parse_end(call);
	if (!ret)
		ret = need_file(call, region);
	if (ret)
		return ret;
	result = SYS2(SYS_ftruncate, region->fd, pages * PAGE_SIZE);
	if (result)
		return fail_call(call, "ftruncate", result);
	field_number(call->out, "pages", pages);
	field_text(call->out, "syscall", "ftruncate");
	return 0;
}

static int run_punch(struct call *call)
{
	struct span span;
	long result;
	int ret;

	ret = parse_span(call, &span);
	if (!ret)
		ret = parse_end(call);
	if (!ret)
		ret = need_file(call, span.region);
	if (ret)
		return ret;
	result = SYS4(SYS_fallocate, span.region->fd,
		      FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		      span.start - span.region->start, span.size);
	if (result)
		return fail_call(call, "fallocate", result);
	report_range(call, span.start, span.size);
	field_text(call->out, "syscall", "fallocate");
	return 0;
}

/* ------------------------------------------------------------------ queries */

#define PM_PRESENT	(1UL << 63)
#define PM_SWAP		(1UL << 62)

static int run_pagemap(struct call *call)
{
	unsigned long entries[128];
	unsigned long at, i, count;
	struct span span;
	long fd, got;
	int ret;

	ret = parse_span(call, &span);
	if (!ret)
		ret = parse_end(call);
	if (ret)
		return ret;
	if (span.size / PAGE_SIZE > REPLY_SIZE / 2)
		return fail(call, EINVAL, "COUNT must be at most 16384", NULL);
	fd = SYS4(SYS_openat, AT_FDCWD, "/proc/self/pagemap",
		  O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return fail_call(call, "open", fd);
	report_range(call, span.start, span.size);
	out_text(call->out, ",\"present\":\"");
	for (at = span.start; at < span.start + span.size;
	     at += count * PAGE_SIZE) {
		count = (span.start + span.size - at) / PAGE_SIZE;
		if (count > ARRAY_SIZE(entries))
			count = ARRAY_SIZE(entries);
		got = SYS4(SYS_pread64, fd, entries, count * sizeof(entries[0]),
			   at / PAGE_SIZE * sizeof(entries[0]));
		if (got != (long)(count * sizeof(entries[0]))) {
			SYS1(SYS_close, fd);
			return fail_call(call, "pread", got < 0 ? got : -EIO);
		}
		for (i = 0; i < count; i++)
			out_char(call->out, entries[i] & PM_PRESENT ? '1' :
					    entries[i] & PM_SWAP    ? 's' :
								      '0');
	}
	out_char(call->out, '"');
	SYS1(SYS_close, fd);
	return 0;
}

static int run_regions(struct call *call)
{
	const struct region *region;
	bool first = true;
	int i, ret;

	ret = parse_end(call);
	if (ret)
		return ret;
	out_text(call->out, ",\"regions\":[");
	for (i = 0; i < MAX_REGIONS; i++) {
		region = &call->room->regions[i];
		if (!region->name[0])
			continue;
		out_text(call->out, first ? "{\"name\":" : ",{\"name\":");
		out_json(call->out, region->name, strlen(region->name));
		field_hex(call->out, "start", region->start);
		field_hex(call->out, "end",
			  region->start + region->pages * PAGE_SIZE);
		field_number(call->out, "pages", region->pages);
		out_char(call->out, '}');
		first = false;
	}
	out_char(call->out, ']');
	return 0;
}

const struct operation memory_operations[] = {
	{ "map", run_map, true,
	  "map NAME anon|shared|memfd|file|huge PAGES [at ADDRESS [over]] "
	  "[prot PROT] [path PATH] [of NAME] [private] [thp] [populate]" },
	{ "unmap", run_unmap, true, "unmap NAME [FROM COUNT]" },
	{ "remap", run_remap, true,
	  "remap NAME PAGES [maymove|to ADDRESS] [dontunmap]" },
	{ "touch", run_touch, false, "touch NAME [read|write] [FROM COUNT]" },
	{ "write", run_write, false, "write NAME OFFSET TEXT..." },
	{ "read", run_read, false, "read NAME OFFSET LENGTH" },
	{ "protect", run_protect, false, "protect NAME PROT [FROM COUNT]" },
	{ "mlock", run_mlock, false, "mlock NAME [FROM COUNT]" },
	{ "munlock", run_munlock, false, "munlock NAME [FROM COUNT]" },
	{ "sync", run_sync, false, "sync NAME [FROM COUNT]" },
	{ "truncate", run_truncate, false, "truncate NAME PAGES" },
	{ "punch", run_punch, false, "punch NAME [FROM COUNT]" },
	{ "pagemap", run_pagemap, false, "pagemap NAME [FROM COUNT]" },
	{ "regions", run_regions, false, "regions" },
	{ NULL }
};
