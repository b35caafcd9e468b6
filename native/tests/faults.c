// SPDX-License-Identifier: Apache-2.0
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "faults.h"
#include "scene.h"

#define SLAB		"/sys/kernel/debug/failslab/"
#define PAGES		"/sys/kernel/debug/fail_page_alloc/"
#define TRACING		"/sys/kernel/tracing/"
#define INSTANCE	TRACING "instances/mmub_fault/"
#define PROBE		INSTANCE "events/mmub_fault/failed/"

/* Functions of the kernel that allocate, or call who does. */
static const char *const allocators[] = {
	"__alloc_pages", "__kmalloc", "__kmalloc_node", "__vmalloc", "alloc_pages",
	"alloc_workqueue", "filp_open", "hmm_range_fault", "kmalloc_large",
	"kmalloc_node_trace", "kmalloc_trace", "kmem_cache_alloc",
	"kmem_cache_alloc_lru", "kvmalloc_node", "misc_register",
	"mmu_interval_notifier_insert_locked", "mmu_notifier_get_locked", "vcalloc",
	"vm_map_pages_zero", "vmalloc", "vmap", "vzalloc",
};

/*
 * Of each failure: the place in the module, "function+0xoffset", where the call
 * goes out; and the function that is called there. The text of its initialisation
 * has no names any more by the time that it is looked at, and lies on one page: what
 * comes of that is "init+0xoffset".
 */
struct place {
	char site[96];
	char callee[64];
	unsigned int count;
};

/* On pages that all tests share. */
static struct {
	bool probed;
	unsigned int count;
	struct place places[512];
} *reached;

static void remove_probe(void)
{
	write_file(PROBE "enable", "0");
	rmdir(TRACING "instances/mmub_fault");
	write_file(TRACING "kprobe_events", "-:mmub_fault/failed");
}

static void __attribute__((constructor)) prepare(void)
{
	if (access(SLAB, F_OK))
		return;
	keep_setting(SLAB "ignore-gfp-wait");
	keep_setting(SLAB "verbose");
	keep_setting(SLAB "probability");
	keep_setting(SLAB "times");
	keep_setting(SLAB "task-filter");
	keep_setting(PAGES "ignore-gfp-wait");
	keep_setting(PAGES "ignore-gfp-highmem");
	keep_setting(PAGES "min-order");
	keep_setting(PAGES "verbose");
	keep_setting(PAGES "probability");
	keep_setting(PAGES "times");
	keep_setting(PAGES "task-filter");
	atexit(remove_probe);
	reached = mmap(NULL, sizeof(*reached), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (reached == MAP_FAILED)
		reached = NULL;
}

static void need(const char *path, const char *text)
{
	int ret = write_file(path, text);

	if (ret)
		SKIP("%s: %s", path, strerror(-ret));
}

static void need_both(const char *slab, const char *pages, const char *text)
{
	need(slab, text);
	need(pages, text);
}

/* Once for all tests: it takes the kernel seconds. */
static void add_probe(void)
{
	remove_probe();
	need(TRACING "kprobe_events",
	     "r:mmub_fault/failed should_fail_ex failed=$retval:u8");
	if (mkdir(TRACING "instances/mmub_fault", 0700))
		SKIP("no instance of the tracer: %m");
	need(INSTANCE "buffer_size_kb", "2048");
	need(INSTANCE "options/stacktrace", "1");
	need(INSTANCE "options/sym-offset", "1");
	need(INSTANCE "options/event-fork", "1");
	need(PROBE "filter", "failed != 0");
	need(PROBE "enable", "1");
	reached->probed = true;
}

static void clear_trace(void)
{
	ASSERT_OK(close(ASSERT_OK(open(INSTANCE "trace",
				       O_WRONLY | O_TRUNC | O_CLOEXEC))));
}

void faults_open(void)
{
	char pid[16];

	if (access(SLAB, F_OK) || access(PAGES, F_OK) ||
	    access("/proc/self/fail-nth", F_OK))
		SKIP("this kernel injects no failures (CONFIG_FAILSLAB, CONFIG_FAIL_PAGE_ALLOC)");
	ASSERT_TRUE(reached);
	need_both(SLAB "ignore-gfp-wait", PAGES "ignore-gfp-wait", "N");
	need_both(SLAB "verbose", PAGES "verbose", "0");
	need_both(SLAB "probability", PAGES "probability", "0");
	need_both(SLAB "times", PAGES "times", "-1");
	need_both(SLAB "task-filter", PAGES "task-filter", "Y");
	need(PAGES "ignore-gfp-highmem", "N");
	need(PAGES "min-order", "0");

	if (!reached->probed)
		add_probe();
	snprintf(pid, sizeof(pid), "%d", getpid());
	need(INSTANCE "set_event_pid", pid);
	clear_trace();
}

static int own_file(const char *name, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/%s", name);
	return ASSERT_OK(open(path, flags | O_CLOEXEC));
}

/* Of this process: open before the count begins. */
static int nth_fd(void)
{
	static pid_t owner;
	static int fd = -1;

	if (owner != getpid()) {
		owner = getpid();
		fd = own_file("fail-nth", O_RDWR);
	}
	return fd;
}

static void nth_write(unsigned int nth)
{
	int fd = nth_fd(), length;
	char text[16];

	length = snprintf(text, sizeof(text), "%u", nth);
	ASSERT_EQ(pwrite(fd, text, length, 0), length);
}

void fault_arm(unsigned int nth)
{
	nth_write(nth);
}

unsigned int fault_disarm(void)
{
	char text[16] = "";
	int saved = errno;

	ASSERT_GT(pread(nth_fd(), text, sizeof(text) - 1, 0), 0);
	nth_write(0);
	errno = saved;
	return strtoul(text, NULL, 10);
}

void faults_at_random(unsigned int percent)
{
	static int fd = -1;
	char text[16];

	/* Nothing fails any more before anything is opened, and the other way round. */
	if (fd >= 0)
		ASSERT_EQ(pwrite(fd, "0", 1, 0), 1);
	else
		fd = own_file("make-it-fail", O_WRONLY);
	snprintf(text, sizeof(text), "%u", percent);
	need_both(SLAB "probability", PAGES "probability", text);
	if (percent)
		ASSERT_EQ(pwrite(fd, "1", 1, 0), 1);
}

/* ------------------------------------------------------------ where they came */

/* A stack, the innermost frame first, as it is read. */
struct stack {
	bool any;
	bool mapping;
	bool exec;
	bool init;
	struct place place;	/* its callee: the frame before the site's */
};

static void remember(const struct place *place)
{
	unsigned int i;

	for (i = 0; i < reached->count; i++)
		if (!strcmp(reached->places[i].site, place->site) &&
		    !strcmp(reached->places[i].callee, place->callee))
			break;
	ASSERT_TRUE(i < ARRAY_SIZE(reached->places));
	if (i == reached->count) {
		reached->places[i] = *place;
		reached->count++;
	}
	reached->places[i].count++;
}

static bool is_allocator(const char *function)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(allocators); i++)
		if (!strcmp(function, allocators[i]))
			return true;
	return false;
}

static void stack_end(struct stack *stack, struct faults *faults)
{
	/* From ->mmap to there it is all tail calls; others have none in a test. */
	if (stack->mapping && !stack->place.site[0]) {
		strcpy(stack->place.site, "a tail call");
		strcpy(stack->place.callee, "vm_map_pages_zero");
	}
	if (stack->any) {
		faults->all++;
		faults->exec += stack->exec;
		faults->init += stack->init;
		if (stack->place.site[0]) {
			faults->module++;
			remember(&stack->place);
		}
	}
	memset(stack, 0, sizeof(*stack));
}

static void stack_frame(struct stack *stack, const char *frame)
{
	struct place *place = &stack->place;
	char function[64];

	snprintf(function, sizeof(function), "%.*s",
		 (int)strcspn(frame, "+ \n"), frame);
	if (strstr(function, "execve"))
		stack->exec = true;
	if (!strcmp(function, "do_init_module"))
		stack->init = true;
	/* What vm_map_pages_zero() calls, the last also by a tail call. */
	if (!strcmp(function, "vm_insert_page"))
		stack->mapping = true;
	if (place->site[0])
		return;
	if (!strncmp(function, "0x", 2))
		snprintf(place->site, sizeof(place->site), "init+0x%lx",
			 strtoul(function, NULL, 16) % PAGE);
	else if (strstr(frame, "[mmubridge]"))
		snprintf(place->site, sizeof(place->site), "%.*s",
			 (int)strcspn(frame, "/ \n"), frame);
	else
		strcpy(place->callee, function);
}

void faults_take(struct faults *faults)
{
	FILE *trace = fopen(INSTANCE "trace", "re");
	struct stack stack = { 0 };
	char line[512];

	ASSERT_TRUE(trace);
	memset(faults, 0, sizeof(*faults));
	while (fgets(line, sizeof(line), trace)) {
		if (strstr(line, "<stack trace>")) {
			stack_end(&stack, faults);
			stack.any = true;
		} else if (!strncmp(line, " => ", 4)) {
			stack_frame(&stack, line + 4);
		}
	}
	stack_end(&stack, faults);
	fclose(trace);
	clear_trace();
}

/* ---------------------------------------------------------- where they may come */

/* How often it has failed there. Of a tail call no frame is left. */
static unsigned int count_at(const char *site, const char *callee, bool tail)
{
	unsigned int i, count = 0;

	for (i = 0; i < reached->count; i++) {
		const struct place *place = &reached->places[i];

		if (tail ? !strcmp(place->callee, callee) :
			   !strcmp(place->site, site))
			count += place->count;
	}
	return count;
}

struct object {
	const unsigned char *file;
	const Elf64_Ehdr *header;
	const Elf64_Shdr *sections;
	const Elf64_Sym *symbols;
	unsigned int nr_symbols;
	const char *strings;
	const char *section_strings;
};

static void object_open(struct object *object, const char *path)
{
	int fd = ASSERT_OK(open(path, O_RDONLY | O_CLOEXEC)), i;
	struct stat stat;

	ASSERT_OK(fstat(fd, &stat));
	object->file = ASSERT_OK(mmap(NULL, stat.st_size, PROT_READ, MAP_PRIVATE,
				      fd, 0));
	close(fd);
	object->header = (const void *)object->file;
	ASSERT_TRUE(!memcmp(object->header->e_ident, ELFMAG, SELFMAG));
	object->sections = (const void *)(object->file + object->header->e_shoff);
	object->section_strings = (const char *)object->file +
		object->sections[object->header->e_shstrndx].sh_offset;
	for (i = 0; i < object->header->e_shnum; i++) {
		const Elf64_Shdr *section = &object->sections[i];

		if (section->sh_type != SHT_SYMTAB)
			continue;
		object->symbols = (const void *)(object->file + section->sh_offset);
		object->nr_symbols = section->sh_size / sizeof(Elf64_Sym);
		object->strings = (const char *)object->file +
				  object->sections[section->sh_link].sh_offset;
	}
	ASSERT_TRUE(object->symbols);
}

/* "function+0xoffset" of a place in a section. */
static void object_place(const struct object *object, unsigned int section,
			 uint64_t at, char site[96])
{
	unsigned int i;

	for (i = 0; i < object->nr_symbols; i++) {
		const Elf64_Sym *symbol = &object->symbols[i];

		if (symbol->st_shndx == section &&
		    ELF64_ST_TYPE(symbol->st_info) == STT_FUNC &&
		    at > symbol->st_value && at <= symbol->st_value + symbol->st_size) {
			snprintf(site, 96, "%s+0x%lx",
				 object->strings + symbol->st_name,
				 at - symbol->st_value);
			return;
		}
	}
	FAIL("no function has 0x%lx", at);
}

static bool is_excused(const char *callee, const char *const *excused)
{
	for (; *excused; excused++)
		if (!strcmp(callee, *excused))
			return true;
	return false;
}

/* The calls that the relocations of one section tell of. */
static unsigned int section_missed(const struct object *object,
				   const Elf64_Shdr *relocations,
				   const char *const *excused)
{
	const Elf64_Shdr *section = &object->sections[relocations->sh_info];
	const char *name = object->section_strings + section->sh_name;
	const Elf64_Rela *rela = (const void *)(object->file +
						relocations->sh_offset);
	unsigned int missed = 0;
	size_t i;

	for (i = 0; i < relocations->sh_size / sizeof(*rela); i++) {
		const Elf64_Sym *symbol =
			&object->symbols[ELF64_R_SYM(rela[i].r_info)];
		const char *callee = object->strings + symbol->st_name;
		const unsigned char *code = object->file + section->sh_offset +
					    rela[i].r_offset;
		uint64_t after = rela[i].r_offset + 4;
		char where[96], site[96];
		unsigned int count;

		if (symbol->st_shndx != SHN_UNDEF || !is_allocator(callee))
			continue;
		object_place(object, relocations->sh_info, after, where);
		strcpy(site, where);
		if (!strcmp(name, ".init.text"))
			snprintf(site, sizeof(site), "init+0x%lx", after % PAGE);
		/* jmp, not call */
		count = count_at(site, callee, code[-1] == 0xe9);
		test_note("%4u failures of %s at %s%s", count, callee, where,
			  count || !is_excused(callee, excused) ? "" :
			  ": cannot fail there");
		missed += !count && !is_excused(callee, excused);
	}
	return missed;
}

bool faults_any(void)
{
	return reached->count;
}

unsigned int faults_missed(const char *module, const char *const *excused)
{
	struct object object = { 0 };
	unsigned int missed = 0;
	int i;

	object_open(&object, module);
	for (i = 0; i < object.header->e_shnum; i++) {
		const Elf64_Shdr *section = &object.sections[i];

		if (section->sh_type == SHT_RELA &&
		    object.sections[section->sh_info].sh_flags & SHF_EXECINSTR)
			missed += section_missed(&object, section, excused);
	}
	return missed;
}
