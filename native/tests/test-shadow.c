// SPDX-License-Identifier: Apache-2.0
/*
 * Shadows: what is present is what the page tables have, what an event drops is
 * counted in it, and what has become of it is told. /proc/PID/pagemap has the
 * other opinion. What is in flight is looked at in test-shadow-hold, every other
 * cause in test-held-cause, and a great deal at once in test-stress.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guards.h"
#include "shadows.h"

#define THP		"/sys/kernel/mm/transparent_hugepage/"
#define PARAMETERS	"/sys/module/mmubridge/parameters/"

static void __attribute__((constructor)) settings(void)
{
	keep_setting(THP "enabled");
	keep_setting(PARAMETERS "shadows_per_subscription");
	keep_setting(PARAMETERS "shadow_pages_per_subscription");
	keep_setting(PARAMETERS "shadow_pages_per_space");
}

/* Whatever the test before has made of the limits. */
void test_setup(void)
{
	write_file(PARAMETERS "shadows_per_subscription", "64");
	write_file(PARAMETERS "shadow_pages_per_subscription", "1048576");
	write_file(PARAMETERS "shadow_pages_per_space", "4194304");
}

/* A scene, and one region of its subject's shadowed. */
struct shadowed {
	struct scene scene;
	struct shadow shadow;
	uint64_t a;
};

static void shadowed_open(struct shadowed *s, enum mmub_shadow_mode mode,
			  const char *what)
{
	scene_open(&s->scene);
	s->a = map(&s->scene, what);
	shadow_open(&s->shadow, &s->scene.watch, s->scene.subject.pid, mode, s->a,
		    subject_field(&s->scene.subject, "end"));
}

static void shadowed_close(struct shadowed *s)
{
	watch_close(&s->scene.watch);
	ASSERT_EQ(shadow_present(&s->shadow), 0);
	shadow_close(&s->shadow);
	subject_end(&s->scene.subject);
}

/* What the records since the last say to have been shadowed. */
static uint64_t told_shadowed(struct scene *scene)
{
	struct mmub_record record;
	uint64_t shadowed = 0;

	while (watch_next(&scene->watch, &record))
		shadowed += record.shadowed;
	return shadowed;
}

/* What is to become of the pages. */
struct outcome {
	uint64_t same, moved, reprotected, gone;
};

/*
 * The subject does it. Up to date before, and present with all that there is;
 * after it nothing disagrees; what the events have dropped is what they say; and
 * the next refresh tells what has become of it.
 */
static void does(struct shadowed *s, const char *operation,
		 const struct outcome *expected)
{
	const struct mmub_shadow_header *header = s->shadow.map.header;
	struct mmub_shadow_refresh result;
	uint64_t dropped;

	shadow_refresh(&s->shadow, NULL);
	shadow_exact(&s->shadow, operation);
	told_shadowed(&s->scene);
	dropped = header->dropped;

	say(&s->scene, "%s", operation);
	shadow_agrees(&s->shadow, operation);
	dropped = header->dropped - dropped;
	ASSERT_EQ(told_shadowed(&s->scene), dropped);

	shadow_refresh(&s->shadow, &result);
	shadow_exact(&s->shadow, operation);
	test_note("%-32s dropped %lu: same %llu moved %llu reprotected %llu gone %llu",
		  operation, dropped, result.same, result.moved,
		  result.reprotected, result.gone);
	ASSERT_EQ(result.same + result.moved + result.reprotected + result.gone,
		  dropped);
	if (result.same != expected->same || result.moved != expected->moved ||
	    result.reprotected != expected->reprotected ||
	    result.gone != expected->gone)
		FAIL("%s: not same %lu moved %lu reprotected %lu gone %lu",
		     operation, expected->same, expected->moved,
		     expected->reprotected, expected->gone);
}

#define OUTCOME(...)	(&(const struct outcome){ __VA_ARGS__ })

/* ----------------------------------------------------------------- the words */

TEST(layout)
{
	const struct mmub_shadow_header *header;
	struct mmub_shadow_refresh result;
	struct shadow shadow;
	struct watch w;
	uint64_t i;
	char *p;

	/* From the middle of one chunk to the middle of another. */
	p = ASSERT_OK(mmap(NULL, 8 * HUGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
	p = (char *)(((uintptr_t)p + HUGE - 1) & -HUGE) + 300 * PAGE;
	madvise(p, 800 * PAGE, MADV_NOHUGEPAGE);
	watch_open(&w, "shadow", 0, 64);
	shadow_open(&shadow, &w, 0, MMUB_SHADOW_SNAPSHOT, (uintptr_t)p,
		    (uintptr_t)p + 800 * PAGE);
	header = shadow.map.header;
	ASSERT_EQ(header->start, (uintptr_t)p);
	ASSERT_EQ(header->end, (uintptr_t)p + 800 * PAGE);
	ASSERT_EQ(header->mode, MMUB_SHADOW_SNAPSHOT);
	ASSERT_EQ(header->end_state, 0);
	ASSERT_EQ(header->present, 0);
	ASSERT_GE(header->states_offset,
		  header->chunks_offset + 3 * sizeof(uint64_t));
	ASSERT_EQ(shadow.added.state_size % PAGE, 0);
	ASSERT_GE(shadow.added.state_size, header->states_offset + 800 * 8);
	ASSERT_EQ(shadow.added.pfn_size, 2 * PAGE);
	ASSERT_EQ(shadow_present(&shadow), 0);

	/* Nothing is faulted in, and nothing added. */
	shadow_refresh(&shadow, &result);
	ASSERT_EQ(result.present, 0);
	ASSERT_EQ(result.added, 0);

	for (i = 0; i < 800; i += 2)
		p[i * PAGE] = 1;
	shadow_refresh(&shadow, &result);
	ASSERT_EQ(result.present, 400);
	ASSERT_EQ(result.added, 400);
	ASSERT_EQ(result.writable, 400);
	ASSERT_EQ(result.gone, 0);
	shadow_exact(&shadow, "half of the pages");
	for (i = 0; i < 800; i++)
		ASSERT_EQ(shadow_has(&shadow, (uintptr_t)p + i * PAGE), !(i % 2));
	watch_close(&w);
	shadow_close(&shadow);
}

/* Entries that nothing has happened to keep their words; others get new ones. */
TEST(generations)
{
	struct mmub_shadow_entry first, second, third;
	struct shadowed s;

	shadowed_open(&s, MMUB_SHADOW_SNAPSHOT, "a anon 8 populate");
	shadow_refresh(&s.shadow, NULL);
	ASSERT_TRUE(mmub_shadow_lookup(&s.shadow.map, s.a, &first));
	shadow_refresh(&s.shadow, NULL);
	ASSERT_TRUE(mmub_shadow_lookup(&s.shadow.map, s.a, &second));
	ASSERT_EQ(second.state, first.state);

	/* A neighbour's end is not this one's. */
	say(&s.scene, "advise a DONTNEED 1 1");
	ASSERT_TRUE(mmub_shadow_valid(&s.shadow.map, s.a, &first));
	ASSERT_TRUE(!shadow_has(&s.shadow, s.a + PAGE));
	shadow_refresh(&s.shadow, NULL);
	ASSERT_TRUE(mmub_shadow_valid(&s.shadow.map, s.a, &first));

	/* The same page again, by a part of the chunk and by all of it. */
	say(&s.scene, "protect a r 0 1");
	say(&s.scene, "protect a rw 0 1");
	say(&s.scene, "touch a write 0 1");
	ASSERT_TRUE(!mmub_shadow_valid(&s.shadow.map, s.a, &first));
	shadow_refresh(&s.shadow, NULL);
	ASSERT_TRUE(!mmub_shadow_valid(&s.shadow.map, s.a, &first));
	ASSERT_TRUE(mmub_shadow_lookup(&s.shadow.map, s.a, &second));
	ASSERT_EQ(second.pfn, first.pfn);
	ASSERT_GT(second.state >> MMUB_SHADOW_GENERATION,
		  first.state >> MMUB_SHADOW_GENERATION);

	say(&s.scene, "protect a r");
	ASSERT_EQ(shadow_present(&s.shadow), 0);
	/* Of what was, all but PRESENT is still to be seen. */
	ASSERT_TRUE(!mmub_shadow_lookup(&s.shadow.map, s.a, &third));
	ASSERT_EQ(third.state & MMUB_SHADOW_WRITABLE, MMUB_SHADOW_WRITABLE);
	shadow_refresh(&s.shadow, NULL);
	ASSERT_TRUE(!mmub_shadow_valid(&s.shadow.map, s.a, &second));
	ASSERT_TRUE(mmub_shadow_lookup(&s.shadow.map, s.a, &third));
	ASSERT_EQ(third.pfn, first.pfn);
	ASSERT_GT(third.state >> MMUB_SHADOW_GENERATION,
		  second.state >> MMUB_SHADOW_GENERATION);
	ASSERT_EQ(third.state & MMUB_SHADOW_WRITABLE, 0);
	shadowed_close(&s);
}

/* As one by one, from any page of any chunk to any other. */
TEST(pages_in_a_row)
{
	enum { PAGES = 1500 };
	static struct mmub_shadow_entry entries[PAGES + 1];
	const struct mmub_shadow_entry untouched = { 0x5eed, 0x5eed };
	static const unsigned int at[] = { 0, 1, 400, 511, 512, 513, 1025, 1499 };
	struct mmub_shadow_entry entry;
	struct mmub_shadow words;
	unsigned int i, j, page;
	size_t found, present;
	struct shadowed s;

	shadowed_open(&s, MMUB_SHADOW_SNAPSHOT, "a anon 1500 populate");
	shadow_refresh(&s.shadow, NULL);
	/* Of one chunk all is dropped, of the others some. */
	say(&s.scene, "advise a DONTNEED 3 2");
	say(&s.scene, "advise a DONTNEED 500 700");
	words = s.shadow.map;
	words.pfns = NULL;
	ASSERT_EQ(mmub_shadow_lookup_pages(&words, s.a, 0, entries), 0);

	for (i = 0; i < ARRAY_SIZE(at) * ARRAY_SIZE(at); i++) {
		const unsigned int first = at[i / ARRAY_SIZE(at)];
		const unsigned int last = at[i % ARRAY_SIZE(at)];

		if (last < first)
			continue;
		entries[last - first + 1] = untouched;
		found = mmub_shadow_lookup_pages(&s.shadow.map,
						 s.a + first * PAGE + i,
						 last - first + 1, entries);
		present = 0;
		for (page = first, j = 0; page <= last; page++, j++) {
			bool there = mmub_shadow_lookup(&s.shadow.map,
							s.a + page * PAGE, &entry);

			present += there;
			ASSERT_EQ(entries[j].state & MMUB_SHADOW_PRESENT,
				  there ? MMUB_SHADOW_PRESENT : 0);
			ASSERT_EQ(entries[j].state | MMUB_SHADOW_PRESENT,
				  entry.state | MMUB_SHADOW_PRESENT);
			ASSERT_EQ(entries[j].pfn, entry.pfn);
			ASSERT_EQ(mmub_shadow_valid(&s.shadow.map,
						    s.a + page * PAGE,
						    &entries[j]), there);
		}
		ASSERT_EQ(found, present);
		ASSERT_EQ(entries[j].state, untouched.state);

		ASSERT_EQ(mmub_shadow_lookup_pages(&words, s.a + first * PAGE,
						   last - first + 1, entries),
			  found);
		for (j = 0; j <= last - first; j++)
			ASSERT_EQ(entries[j].pfn, 0);
	}
	ASSERT_EQ(mmub_shadow_lookup_pages(&s.shadow.map, s.a, PAGES, entries),
		  PAGES - 702);
	shadowed_close(&s);
}

/* -------------------------------------------------------- whatever is done */

TEST(mapping)
{
	struct mmub_shadow_refresh result;
	struct shadowed s;

	shadowed_open(&s, MMUB_SHADOW_SNAPSHOT, "a anon 32 populate");
	does(&s, "protect a r 0 2", OUTCOME(.reprotected = 2));
	does(&s, "unmap a 0 2", OUTCOME(.gone = 2));
	does(&s, "map d anon 2 at a+4 over", OUTCOME(.gone = 2));
	does(&s, "advise a DONTNEED 8 4", OUTCOME(.gone = 4));
	does(&s, "touch a write 8 4", OUTCOME(0));
	does(&s, "unmap a 30 2", OUTCOME(.gone = 2));

	/* Present, says pagemap, but nobody can access them. */
	say(&s.scene, "protect a none 10 2");
	shadow_refresh(&s.shadow, &result);
	ASSERT_EQ(result.gone, 2);
	ASSERT_EQ(result.present, 24);
	shadow_agrees(&s.shadow, "no access");
	say(&s.scene, "protect a rw 10 2");
	shadow_refresh(&s.shadow, &result);
	ASSERT_EQ(result.added, 2);
	shadow_exact(&s.shadow, "access");
	shadowed_close(&s);
}

TEST(remap)
{
	struct shadowed s;

	shadowed_open(&s, MMUB_SHADOW_SNAPSHOT, "a anon 16 populate");
	does(&s, "remap a 8", OUTCOME(.gone = 8));
	map(&s.scene, "b anon 16");
	does(&s, "remap a 8 to b+4", OUTCOME(.gone = 8));
	shadowed_close(&s);
}

TEST(fork_and_cow)
{
	struct mmub_shadow_refresh result;
	struct shadowed s;
	uint64_t i;

	shadowed_open(&s, MMUB_SHADOW_SNAPSHOT, "a anon 8 populate");
	does(&s, "fork kid", OUTCOME(.reprotected = 8));
	does(&s, "touch a write 1 1", OUTCOME(.moved = 1));
	does(&s, "in kid unmap a", OUTCOME(0));
	/* The only owner now: written to without an event. */
	say(&s.scene, "touch a write 2 1");
	ASSERT_EQ(shadow_bits(&s.shadow, s.a + 2 * PAGE, MMUB_SHADOW_WRITABLE), 0);
	shadow_refresh(&s.shadow, &result);
	ASSERT_EQ(result.upgraded, 1);
	ASSERT_EQ(shadow_bits(&s.shadow, s.a + 2 * PAGE, MMUB_SHADOW_WRITABLE),
		  MMUB_SHADOW_WRITABLE);
	say(&s.scene, "in kid exit");
	say(&s.scene, "wait kid");

	/* The page of zeroes is a page. */
	say(&s.scene, "advise a DONTNEED");
	say(&s.scene, "touch a read");
	shadow_refresh(&s.shadow, &result);
	ASSERT_EQ(result.present, 8);
	ASSERT_EQ(result.writable, 0);
	for (i = 1; i < 8; i++)
		ASSERT_EQ(s.shadow.map.pfns[i], s.shadow.map.pfns[0]);
	shadow_exact(&s.shadow, "zeroes");
	does(&s, "touch a write 0 3", OUTCOME(.moved = 3));
	shadowed_close(&s);
}

TEST(files)
{
	struct shadowed s;

	shadowed_open(&s, MMUB_SHADOW_SNAPSHOT, "m memfd 16");
	say(&s.scene, "touch m write");
	does(&s, "punch m 1 1", OUTCOME(.gone = 1));
	does(&s, "truncate m 8", OUTCOME(.gone = 8));
	does(&s, "advise m DONTNEED 0 1", OUTCOME(.gone = 1));
	shadowed_close(&s);
}

/* In mappings of each kind that are not of single anonymous pages. */
TEST(no_memory_of_the_kernel)
{
	struct mmub_shadow_refresh result;
	struct shadow shadow;
	struct mmub_ring ring;
	struct watch w;
	char *p;
	int fd;

	watch_open(&w, "shadow", 0, 64);

	/* Our own mappings are VM_IO. */
	fd = device_open();
	ASSERT_EQ(mmub_ring_open(fd, 64, 0, 0, &ring), 0);
	shadow_open(&shadow, &w, 0, MMUB_SHADOW_READ, (uintptr_t)ring.header,
		    (uintptr_t)ring.header + ring.ring_size);
	shadow_refresh(&shadow, &result);
	ASSERT_EQ(result.present, 0);
	ASSERT_EQ(mmub_shadow_read(w.fd, (uintptr_t)ring.header, &result, 8),
		  -ENODATA);
	ASSERT_EQ(mmub_shadow_remove(w.fd, shadow.added.shadow_id), 0);
	shadow_close(&shadow);
	ASSERT_EQ(mmub_ring_close(&ring), 0);
	close(fd);

	fd = syscall(SYS_memfd_secret, O_CLOEXEC);
	if (fd < 0) {
		test_note("this kernel has no secret memory");
	} else {
		ASSERT_OK(ftruncate(fd, 4 * PAGE));
		p = ASSERT_OK(mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE,
				   MAP_SHARED, fd, 0));
		memset(p, 1, 4 * PAGE);
		shadow_open(&shadow, &w, 0, MMUB_SHADOW_WRITE, (uintptr_t)p,
			    (uintptr_t)p + 4 * PAGE);
		shadow_refresh(&shadow, &result);
		ASSERT_EQ(result.present, 0);
		ASSERT_EQ(mmub_shadow_read(w.fd, (uintptr_t)p, &result, 8),
			  -ENODATA);
		ASSERT_EQ(mmub_shadow_write(w.fd, (uintptr_t)p, &result, 8),
			  -ENODATA);
		shadow_close(&shadow);
		close(fd);
	}
	watch_close(&w);
}

/* ------------------------------------------------------------ huge pages */

static uint64_t huge_chunk(const struct shadow *shadow, uint64_t addr)
{
	return shadow->map.chunks[(addr >> MMUB_SHADOW_CHUNK_SHIFT) -
				  (shadow->map.start >> MMUB_SHADOW_CHUNK_SHIFT)];
}

/* What the kernel says that a process has in transparent huge pages. */
static long anonymous_huge_kb(pid_t pid)
{
	char path[64], line[256];
	long kb = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	file = fopen(path, "re");
	while (file && kb < 0 && fgets(line, sizeof(line), file))
		if (sscanf(line, "AnonHugePages: %ld", &kb) != 1)
			kb = -1;
	if (file)
		fclose(file);
	return kb;
}

TEST(huge_pages)
{
	struct mmub_shadow_refresh result;
	struct mmub_shadow_entry entry;
	struct shadowed s;
	uint64_t i, pfn, chunk;

	if (write_file(THP "enabled", "madvise"))
		SKIP("this kernel has no transparent huge pages");
	shadowed_open(&s, MMUB_SHADOW_SNAPSHOT, "a anon 1024 thp");
	say(&s.scene, "advise a HUGEPAGE");
	say(&s.scene, "touch a write");
	shadow_refresh(&s.shadow, &result);
	ASSERT_EQ(result.present, 1024);
	if (anonymous_huge_kb(s.scene.subject.pid) < 4096)
		SKIP("%ld kB in huge pages", anonymous_huge_kb(s.scene.subject.pid));
	ASSERT_EQ(result.huge, 1024);
	shadow_exact(&s.shadow, "huge");
	pfn = s.shadow.map.pfns[0];
	ASSERT_EQ(pfn % 512, 0);
	for (i = 0; i < 512; i++)
		ASSERT_EQ(s.shadow.map.pfns[i], pfn + i);

	/* All of one is dropped by the word of its chunk, and by that alone. */
	ASSERT_TRUE(mmub_shadow_lookup(&s.shadow.map, s.a, &entry));
	chunk = huge_chunk(&s.shadow, s.a);
	does(&s, "protect a r 0 512", OUTCOME(.reprotected = 512));
	ASSERT_GT(huge_chunk(&s.shadow, s.a), chunk);
	ASSERT_TRUE(!mmub_shadow_valid(&s.shadow.map, s.a, &entry));
	ASSERT_EQ(shadow_bits(&s.shadow, s.a, MMUB_SHADOW_HUGE),
		  MMUB_SHADOW_HUGE);

	/* Of the other, one page makes small ones of all. */
	say(&s.scene, "protect a r 700 1");
	shadow_agrees(&s.shadow, "split");
	shadow_refresh(&s.shadow, &result);
	shadow_exact(&s.shadow, "split");
	ASSERT_EQ(result.reprotected, 1);
	ASSERT_EQ(result.same, 511);
	ASSERT_EQ(result.huge, 512);
	ASSERT_EQ(shadow_bits(&s.shadow, s.a + 512 * PAGE, MMUB_SHADOW_HUGE), 0);

	does(&s, "advise a DONTNEED 0 512", OUTCOME(.gone = 512));
	does(&s, "advise a DONTNEED 600 1", OUTCOME(.gone = 1));
	shadowed_close(&s);
}

TEST(hugetlb)
{
	static const char *pages = "/proc/sys/vm/nr_hugepages";
	struct mmub_shadow_refresh result;
	struct shadowed s;

	if (write_file(pages, "4") || read_number(pages) < 4)
		SKIP("no huge pages to be had");
	shadowed_open(&s, MMUB_SHADOW_SNAPSHOT, "h huge 1024");
	say(&s.scene, "touch h write");
	shadow_refresh(&s.shadow, &result);
	ASSERT_EQ(result.present, 1024);
	ASSERT_EQ(result.huge, 1024);
	does(&s, "protect h r", OUTCOME(.reprotected = 1024));
	does(&s, "advise h DONTNEED 0 512", OUTCOME(.gone = 512));
	shadowed_close(&s);
	write_file(pages, "0");
}

/* --------------------------------------------------------------- the modes */

TEST(modes)
{
	static const struct {
		enum mmub_shadow_mode mode;
		uint64_t present, writable;
	} rows[] = {
		{ MMUB_SHADOW_SNAPSHOT, 0, 0 },
		{ MMUB_SHADOW_READ, 8, 0 },
		{ MMUB_SHADOW_WRITE, 8, 8 },
	};
	struct mmub_shadow_refresh result;
	struct shadowed s;
	struct watch w;
	struct shadow shadow;
	unsigned int i;
	int mem;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		scene_open(&s.scene);
		s.a = map(&s.scene, "a anon 8");
		mem = mmub_mem_open_writable(s.scene.subject.pid);
		ASSERT_GE(mem, 0);
		watch_open_fd(&w, "shadow", mem, 0);
		close(mem);
		shadow_open(&shadow, &w, s.scene.subject.pid, rows[i].mode, s.a,
			    s.a + 8 * PAGE);
		shadow_refresh(&shadow, &result);
		ASSERT_EQ(result.present, rows[i].present);
		ASSERT_EQ(result.writable, rows[i].writable);
		shadow_exact(&shadow, "anon");
		/* What cannot be faulted in is no error, and hides nothing else. */
		say(&s.scene, "unmap a 2 2");
		say(&s.scene, "protect a r 4 2");
		shadow_refresh(&shadow, &result);
		ASSERT_EQ(result.present, rows[i].present ? 6 : 0);
		ASSERT_EQ(result.writable, rows[i].writable ? 4 : 0);
		ASSERT_EQ(result.gone, rows[i].present ? 2 : 0);
		shadow_exact(&shadow, "with holes");
		/* Swapped out, it is not present, or it is faulted in again. */
		if (rows[i].mode == MMUB_SHADOW_WRITE &&
		    read_number("/proc/sys/vm/swappiness") >= 0) {
			say(&s.scene, "advise a PAGEOUT 0 2");
			shadow_agrees(&shadow, "swapped out");
			shadow_refresh(&shadow, &result);
			ASSERT_EQ(result.present, 6);
			shadow_exact(&shadow, "swapped in");
		}
		watch_close(&w);
		shadow_close(&shadow);
		scene_close(&s.scene);
	}
}

/* ---------------------------------------------------------------- accesses */

TEST(read_and_write)
{
	const uint64_t touched = MMUB_SHADOW_ACCESSED | MMUB_SHADOW_DIRTY;
	static char out[3 * 4096], in[3 * 4096];
	struct shadow shadow;
	struct watch w;
	unsigned int i;
	char *p;

	p = ASSERT_OK(mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	watch_open(&w, "shadow", 0, 64);
	shadow_open(&shadow, &w, 0, MMUB_SHADOW_WRITE, (uintptr_t)p,
		    (uintptr_t)p + 16 * PAGE);

	/* Reading faults in for reading alone. */
	ASSERT_EQ(mmub_shadow_read(w.fd, (uintptr_t)p, in, 10), 10);
	ASSERT_EQ(in[3], 0);
	ASSERT_EQ(shadow_bits(&shadow, (uintptr_t)p,
			      MMUB_SHADOW_WRITABLE | touched),
		  MMUB_SHADOW_ACCESSED);
	ASSERT_TRUE(!shadow_has(&shadow, (uintptr_t)p + PAGE));

	for (i = 0; i < sizeof(out); i++)
		out[i] = i * 7 + (i >> 8);
	ASSERT_EQ(mmub_shadow_write(w.fd, (uintptr_t)p + 100, out, 9000), 9000);
	ASSERT_EQ(memcmp(p + 100, out, 9000), 0);
	ASSERT_EQ(p[99], 0);
	ASSERT_EQ(p[9100], 0);
	ASSERT_EQ(shadow_bits(&shadow, (uintptr_t)p,
			      MMUB_SHADOW_WRITABLE | touched),
		  MMUB_SHADOW_WRITABLE | touched);
	ASSERT_EQ(mmub_shadow_read(w.fd, (uintptr_t)p + 100, in, 9000), 9000);
	ASSERT_EQ(memcmp(in, out, 9000), 0);
	/* What was accessed is known as long as the entry stays. */
	shadow_refresh(&shadow, NULL);
	ASSERT_EQ(shadow_bits(&shadow, (uintptr_t)p, touched), touched);
	ASSERT_OK(madvise(p, PAGE, MADV_DONTNEED));
	p[0] = 1;
	shadow_refresh(&shadow, NULL);
	ASSERT_EQ(shadow_bits(&shadow, (uintptr_t)p, touched), 0);

	/* From the shadowed memory into itself, in more than one page. */
	memset(p, 'a', 2 * PAGE);
	ASSERT_EQ(mmub_shadow_read(w.fd, (uintptr_t)p, p + 4 * PAGE, 2 * PAGE),
		  2 * PAGE);
	ASSERT_EQ(memcmp(p, p + 4 * PAGE, 2 * PAGE), 0);
	ASSERT_EQ(mmub_shadow_write(w.fd, (uintptr_t)p + 7 * PAGE + 5, p, 100),
		  100);
	ASSERT_EQ(p[7 * PAGE + 104], 'a');

	/* Up to the end, and to what is not there. */
	ASSERT_EQ(mmub_shadow_read(w.fd, (uintptr_t)p + 15 * PAGE, in, 2 * PAGE),
		  PAGE);
	ASSERT_EQ(mmub_shadow_read(w.fd, (uintptr_t)p + 16 * PAGE, in, 1),
		  -ENXIO);
	ASSERT_OK(munmap(p + 10 * PAGE, PAGE));
	ASSERT_EQ(mmub_shadow_read(w.fd, (uintptr_t)p + 9 * PAGE, in, 2 * PAGE),
		  PAGE);
	ASSERT_EQ(mmub_shadow_read(w.fd, (uintptr_t)p + 10 * PAGE, in, 1),
		  -ENODATA);
	ASSERT_OK(mprotect(p + 11 * PAGE, PAGE, PROT_READ));
	ASSERT_EQ(mmub_shadow_read(w.fd, (uintptr_t)p + 11 * PAGE, in, 1), 1);
	ASSERT_EQ(mmub_shadow_write(w.fd, (uintptr_t)p + 11 * PAGE, in, 1),
		  -EACCES);
	ASSERT_EQ(mmub_shadow_write(w.fd, (uintptr_t)p + 9 * PAGE, in, 3 * PAGE),
		  PAGE);
	ASSERT_EQ(mmub_shadow_read(w.fd, (uintptr_t)p, NULL, 1), -EFAULT);
	ASSERT_EQ(mmub_shadow_write(w.fd, (uintptr_t)p, NULL, 1), -EFAULT);
	ASSERT_EQ(mmub_shadow_read(w.fd, (uintptr_t)p, in, 0), 0);
	shadow_agrees(&shadow, "accesses");
	watch_close(&w);
	shadow_close(&shadow);
}

/* What is written through a shadow is not lost when the page is paged out. */
TEST(written_is_dirty)
{
	struct shadow shadow;
	struct watch w;
	char path[64], byte = 0;
	char *p;
	int fd;

	watch_open(&w, "shadow", 0, 0);
	p = ASSERT_OK(mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	memset(p, 'x', 64 * PAGE);
	/* Clean, writable, and to be discarded unless it is written to. */
	ASSERT_OK(madvise(p, 64 * PAGE, MADV_FREE));
	shadow_open(&shadow, &w, 0, MMUB_SHADOW_SNAPSHOT, (uintptr_t)p,
		    (uintptr_t)p + 64 * PAGE);
	ASSERT_EQ(mmub_shadow_write(w.fd, (uintptr_t)p + 5 * PAGE, "kept", 4), 4);
	ASSERT_OK(madvise(p, 64 * PAGE, MADV_PAGEOUT));
	ASSERT_EQ(memcmp(p + 5 * PAGE, "keptx", 5), 0);
	shadow_close(&shadow);

	/* A shared page of a file: the file has it. */
	snprintf(path, sizeof(path), "/dev/shm/mmub-shadow-%d", getpid());
	fd = ASSERT_OK(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
	unlink(path);
	ASSERT_OK(ftruncate(fd, PAGE));
	p = ASSERT_OK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	shadow_open(&shadow, &w, 0, MMUB_SHADOW_WRITE, (uintptr_t)p,
		    (uintptr_t)p + PAGE);
	ASSERT_EQ(mmub_shadow_write(w.fd, (uintptr_t)p + 7, "f", 1), 1);
	ASSERT_OK(munmap(p, PAGE));
	ASSERT_EQ(pread(fd, &byte, 1, 7), 1);
	ASSERT_EQ(byte, 'f');
	close(fd);
	watch_close(&w);
	shadow_close(&shadow);
}

/* A mode faults in no more than it says. */
TEST(access_modes)
{
	struct shadow snapshot, reading;
	struct watch w;
	char byte = 1;
	char *p;

	p = ASSERT_OK(mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	watch_open(&w, "shadow", 0, 0);
	shadow_open(&snapshot, &w, 0, MMUB_SHADOW_SNAPSHOT, (uintptr_t)p,
		    (uintptr_t)p + 4 * PAGE);
	shadow_open(&reading, &w, 0, MMUB_SHADOW_READ, (uintptr_t)p + 4 * PAGE,
		    (uintptr_t)p + 8 * PAGE);
	ASSERT_EQ(mmub_shadow_read(w.fd, (uintptr_t)p, &byte, 1), -ENODATA);
	ASSERT_EQ(mmub_shadow_write(w.fd, (uintptr_t)p, &byte, 1), -ENODATA);
	p[0] = 3;
	ASSERT_EQ(mmub_shadow_read(w.fd, (uintptr_t)p, &byte, 1), 1);
	ASSERT_EQ(byte, 3);
	ASSERT_EQ(mmub_shadow_write(w.fd, (uintptr_t)p + 1, &byte, 1), 1);
	ASSERT_EQ(p[1], 3);

	p += 4 * PAGE;
	ASSERT_EQ(mmub_shadow_write(w.fd, (uintptr_t)p, &byte, 1), -ENODATA);
	ASSERT_EQ(mmub_shadow_read(w.fd, (uintptr_t)p, &byte, 1), 1);
	ASSERT_EQ(byte, 0);
	ASSERT_EQ(mmub_shadow_write(w.fd, (uintptr_t)p, &byte, 1), -EACCES);
	shadow_agrees(&snapshot, "modes");
	shadow_agrees(&reading, "modes");
	watch_close(&w);
	shadow_close(&snapshot);
	shadow_close(&reading);
}

/* A process whose memory was opened for reading is not written to. */
TEST(another_process)
{
	struct mmub_shadow_add added;
	struct shadowed s;
	char text[8] = "";
	struct watch w;
	int mem;

	shadowed_open(&s, MMUB_SHADOW_READ, "a anon 4 populate");
	say(&s.scene, "write a 10 hello");
	ASSERT_EQ(mmub_shadow_read(s.scene.watch.fd, s.a + 10, text, 5), 5);
	ASSERT_STREQ(text, "hello");
	ASSERT_EQ(mmub_shadow_write(s.scene.watch.fd, s.a + 10, "j", 1), -EACCES);
	ASSERT_EQ(mmub_shadow_add(s.scene.watch.fd, MMUB_SHADOW_WRITE, 0, PAGE, 0,
				  &added), -EACCES);

	mem = mmub_mem_open_writable(s.scene.subject.pid);
	ASSERT_GE(mem, 0);
	watch_open_fd(&w, "writer", mem, 0);
	close(mem);
	ASSERT_GE(mmub_shadow_add(w.fd, MMUB_SHADOW_WRITE, s.a, s.a + PAGE, 0,
				  &added), 0);
	ASSERT_EQ(mmub_shadow_write(w.fd, s.a + 10, "j", 1), 1);
	ASSERT_EQ(mmub_shadow_read(s.scene.watch.fd, s.a + 10, text, 5), 5);
	ASSERT_STREQ(text, "jello");
	/* A copy-on-write for the writer is one for the owner. */
	say(&s.scene, "fork kid");
	ASSERT_TRUE(!shadow_has(&s.shadow, s.a));
	ASSERT_EQ(mmub_shadow_write(w.fd, s.a + 10, "m", 1), 1);
	shadow_agrees(&s.shadow, "written by another");
	ASSERT_EQ(mmub_shadow_read(s.scene.watch.fd, s.a + 10, text, 5), 5);
	ASSERT_STREQ(text, "mello");
	say(&s.scene, "in kid read a 10 5");
	ASSERT_TRUE(strstr(s.scene.subject.reply, "jello"));
	say(&s.scene, "in kid exit");
	say(&s.scene, "wait kid");
	watch_close(&w);
	shadowed_close(&s);
}

/* ------------------------------------------------------------- permissions */

TEST(pfns_are_for_root)
{
	struct mmub_shadow_add added;
	struct mmub_shadow map;
	struct watch w;
	int pid;
	char *p;

	if (geteuid())
		SKIP("needs root");
	pid = test_fork();
	if (!pid) {
		ASSERT_OK(chmod("/dev/mmubridge", 0666));
		ASSERT_OK(setresuid(65534, 65534, 65534));
		p = map_written(4 * PAGE);
		watch_open(&w, "shadow", 0, 0);
		ASSERT_GE(mmub_shadow_add(w.fd, MMUB_SHADOW_READ, (uintptr_t)p,
					  (uintptr_t)p + 4 * PAGE, 0, &added), 0);
		ASSERT_EQ(mmub_shadow_map(w.fd, &added, MMUB_SHADOW_MAP_PFNS,
					  &map), -EPERM);
		ASSERT_TRUE(mmub_shadow_refusal(-EPERM) != NULL);
		ASSERT_EQ(mmub_shadow_map(w.fd, &added, 0, &map), 0);
		ASSERT_EQ(mmub_shadow_refresh(w.fd, added.shadow_id, map.start,
					      map.end, 0, NULL), 0);
		ASSERT_EQ(map.header->present, 4);
		ASSERT_EQ(mmub_shadow_unmap(&map), 0);
		watch_close(&w);
		_exit(0);
	}
	test_reap(pid);
	ASSERT_OK(chmod("/dev/mmubridge", 0660));
}

/* It is the opener that counts, whoever has the descriptor. */
TEST(opener_counts)
{
	struct mmub_shadow_add added;
	struct mmub_shadow map;
	struct watch w;
	char *p;

	if (geteuid())
		SKIP("needs root");
	p = map_written(PAGE);
	watch_open(&w, "shadow", 0, 0);
	ASSERT_GE(mmub_shadow_add(w.fd, MMUB_SHADOW_READ, (uintptr_t)p,
				  (uintptr_t)p + PAGE, 0, &added), 0);
	ASSERT_OK(setresuid(65534, 65534, 65534));
	ASSERT_EQ(mmub_shadow_map(w.fd, &added, MMUB_SHADOW_MAP_PFNS, &map), 0);
	ASSERT_EQ(mmub_shadow_unmap(&map), 0);
	watch_close(&w);
}

/* ------------------------------------------------------------------ limits */

TEST(limits)
{
	struct mmub_shadow_add added;
	struct mmub_info info;
	struct watch w, other;
	uint64_t base = 1 << 30;
	unsigned int i;
	int ret;

	if (access(PARAMETERS, F_OK))
		SKIP("it is not the shipped module that is loaded");
	watch_open(&w, "shadow", 0, 0);
	ASSERT_EQ(mmub_info(w.fd, &info), 0);
	ASSERT_GT(info.shadow_pages_per_subscription, 0);
	ASSERT_EQ(info.shadows_per_subscription, 64);
	ASSERT_EQ(mmub_shadow_add(w.fd, 0, 0,
				  (info.shadow_pages_per_subscription + 1UL) * PAGE,
				  0, &added), -ENOSPC);

	ASSERT_EQ(write_file(PARAMETERS "shadow_pages_per_subscription", "100"), 0);
	ASSERT_EQ(mmub_info(w.fd, &info), 0);
	ASSERT_EQ(info.shadow_pages_per_subscription, 100);
	ASSERT_EQ(mmub_shadow_add(w.fd, 0, base, base + 60 * PAGE, 0, &added), 0);
	ASSERT_EQ(mmub_shadow_add(w.fd, 0, 2 * base, 2 * base + 41 * PAGE, 0,
				  &added), -ENOSPC);
	ASSERT_EQ(mmub_shadow_add(w.fd, 0, 2 * base, 2 * base + 40 * PAGE, 0,
				  &added), 1);
	/* Overlaps, of one byte to all. */
	ASSERT_EQ(mmub_shadow_remove(w.fd, 1), 0);
	ASSERT_EQ(mmub_shadow_add(w.fd, 0, base + 59 * PAGE, base + 61 * PAGE, 0,
				  &added), -EEXIST);
	ASSERT_EQ(mmub_shadow_add(w.fd, 0, base - PAGE, base + PAGE, 0, &added),
		  -EEXIST);
	ASSERT_EQ(mmub_shadow_add(w.fd, 0, base, base + 20 * PAGE, 0, &added),
		  -EEXIST);
	ASSERT_EQ(mmub_shadow_add(w.fd, 0, base + 60 * PAGE, base + 61 * PAGE, 0,
				  &added), 1);

	/* All subscriptions of the space together; overlaps are their right. */
	ASSERT_EQ(write_file(PARAMETERS "shadow_pages_per_space", "80"), 0);
	watch_open(&other, "shadow", 0, 0);
	ASSERT_EQ(mmub_shadow_add(other.fd, 0, base, base + 20 * PAGE, 0, &added),
		  -EMLINK);
	ASSERT_EQ(mmub_shadow_add(other.fd, 0, base, base + 19 * PAGE, 0, &added),
		  0);
	watch_close(&other);
	watch_open(&other, "shadow2", 0, 0);
	ASSERT_EQ(mmub_shadow_add(other.fd, 0, base, base + 80 * PAGE, 0, &added),
		  0);
	watch_close(&other);

	ASSERT_EQ(write_file(PARAMETERS "shadows_per_subscription", "1000"), 0);
	ASSERT_EQ(mmub_info(w.fd, &info), 0);
	ASSERT_EQ(info.shadows_per_subscription, 256);
	ASSERT_EQ(write_file(PARAMETERS "shadows_per_subscription", "3"), 0);
	ASSERT_EQ(mmub_info(w.fd, &info), 0);
	ASSERT_EQ(info.shadows_per_subscription, 3);
	for (i = 2; i < 4; i++) {
		ret = mmub_shadow_add(w.fd, 0, (i + 1) * base,
				      (i + 1) * base + PAGE, 0, &added);
		ASSERT_EQ(ret, i < 3 ? (int)i : -ENOSPC);
	}
	/* A number that is free is used again. */
	ASSERT_EQ(mmub_shadow_remove(w.fd, 1), 0);
	ASSERT_EQ(mmub_shadow_remove(w.fd, 1), -ENOENT);
	ASSERT_EQ(mmub_shadow_add(w.fd, 0, 5 * base, 5 * base + PAGE, 0, &added),
		  1);
	watch_close(&w);
}

TEST(locked_memory)
{
	struct rlimit limit = { 16 * PAGE, 16 * PAGE };
	struct mmub_shadow_add added;
	struct watch w;
	int pid;

	if (geteuid())
		SKIP("needs root");
	pid = test_fork();
	if (!pid) {
		ASSERT_OK(chmod("/dev/mmubridge", 0666));
		ASSERT_OK(setrlimit(RLIMIT_MEMLOCK, &limit));
		ASSERT_OK(setresuid(65533, 65533, 65533));
		watch_open(&w, "shadow", 0, 0);
		ASSERT_EQ(mmub_shadow_add(w.fd, 0, 0, 8192 * PAGE, 0, &added),
			  -ENOBUFS);
		/* Header, states and PFNs of a page each, and the chunk. */
		ASSERT_EQ(mmub_shadow_add(w.fd, 0, 0, PAGE, 0, &added), 0);
		ASSERT_EQ(mmub_shadow_add(w.fd, 0, PAGE, 2 * PAGE, 0, &added), 1);
		ASSERT_EQ(mmub_shadow_add(w.fd, 0, 2 * PAGE, 3 * PAGE, 0, &added),
			  2);
		ASSERT_EQ(mmub_shadow_add(w.fd, 0, 3 * PAGE, 4 * PAGE, 0, &added),
			  3);
		ASSERT_EQ(mmub_shadow_add(w.fd, 0, 4 * PAGE, 5 * PAGE, 0, &added),
			  -ENOBUFS);
		/* Given back, by a worker. */
		ASSERT_EQ(mmub_shadow_remove(w.fd, 0), 0);
		ASSERT_SOON(mmub_shadow_add(w.fd, 0, 0, PAGE, 0, &added) == 0);
		watch_close(&w);
		_exit(0);
	}
	test_reap(pid);
	ASSERT_OK(chmod("/dev/mmubridge", 0660));
}

/* --------------------------------------------------------------------- ends */

/* No entries, and what is mapped stays readable. */
static void ended(struct shadow *shadow, uint32_t end_state)
{
	ASSERT_EQ(shadow_present(shadow), 0);
	ASSERT_EQ(shadow->map.header->present, 0);
	ASSERT_EQ(shadow->map.header->end_state, end_state);
}

TEST(removed)
{
	struct mmub_shadow map;
	struct shadowed s;

	shadowed_open(&s, MMUB_SHADOW_SNAPSHOT, "a anon 600 populate");
	shadow_refresh(&s.shadow, NULL);
	ASSERT_EQ(s.shadow.map.header->present, 600);
	ASSERT_EQ(mmub_shadow_remove(s.scene.watch.fd, 0), 0);
	ended(&s.shadow, MMUB_SHADOW_REMOVED);
	ASSERT_EQ(mmub_shadow_refresh(s.scene.watch.fd, 0, s.a, s.a + PAGE, 0,
				      NULL), -ENOENT);
	ASSERT_EQ(mmub_shadow_read(s.scene.watch.fd, s.a, &map, 1), -ENXIO);
	ASSERT_EQ(mmub_shadow_map(s.scene.watch.fd, &s.shadow.added, 0, &map),
		  -ENXIO);
	/* Events go on, and have nothing to drop. */
	told_shadowed(&s.scene);
	say(&s.scene, "unmap a");
	ASSERT_EQ(told_shadowed(&s.scene), 0);
	ended(&s.shadow, MMUB_SHADOW_REMOVED);
	shadowed_close(&s);
}

TEST(detached)
{
	struct mmub_shadow_add added;
	struct shadowed s;
	char byte;

	shadowed_open(&s, MMUB_SHADOW_READ, "a anon 8 populate");
	shadow_refresh(&s.shadow, NULL);
	ASSERT_EQ(mmub_detach(s.scene.watch.fd), 0);
	ended(&s.shadow, MMUB_SHADOW_REMOVED);
	ASSERT_EQ(mmub_shadow_refresh(s.scene.watch.fd, 0, s.a, s.a + PAGE, 0,
				      NULL), -ESHUTDOWN);
	ASSERT_EQ(mmub_shadow_read(s.scene.watch.fd, s.a, &byte, 1), -ESHUTDOWN);
	ASSERT_EQ(mmub_shadow_remove(s.scene.watch.fd, 0), -ESHUTDOWN);
	ASSERT_EQ(mmub_shadow_add(s.scene.watch.fd, 0, 0, PAGE, 0, &added),
		  -ESHUTDOWN);
	ASSERT_EQ(mmub_ring_close(&s.scene.watch.ring), 0);
	/* Also beyond the descriptor. */
	close(s.scene.watch.fd);
	ended(&s.shadow, MMUB_SHADOW_REMOVED);
	shadow_close(&s.shadow);
	subject_end(&s.scene.subject);
}

/* The mm's end, by exit and by exec; a subscription that remains has errors. */
static void released(const char *how)
{
	struct mmub_shadow_add added;
	struct mmub_record record;
	struct shadowed s;
	char byte;

	shadowed_open(&s, MMUB_SHADOW_READ, "a anon 8 populate");
	shadow_refresh(&s.shadow, NULL);
	watch_drain(&s.scene.watch);
	subject_tell(&s.scene.subject, "%s", how);
	do {
		watch_wait(&s.scene.watch, &record);
	} while (record.phase != MMUB_PHASE_RELEASE);
	ASSERT_EQ(record.shadowed, 8);
	ended(&s.shadow, MMUB_SHADOW_RELEASED);
	ASSERT_EQ(mmub_shadow_refresh(s.scene.watch.fd, 0, s.a, s.a + PAGE, 0,
				      NULL), -ESRCH);
	ASSERT_EQ(mmub_shadow_read(s.scene.watch.fd, s.a, &byte, 1), -ESRCH);
	ASSERT_EQ(mmub_shadow_add(s.scene.watch.fd, 0, 0, PAGE, 0, &added),
		  -ESRCH);
	if (!strcmp(how, "exec")) {
		subject_hear(&s.scene.subject);
		subject_end(&s.scene.subject);
	} else {
		test_reap(s.scene.subject.pid);
	}
	ASSERT_EQ(mmub_shadow_remove(s.scene.watch.fd, 0), 0);
	ended(&s.shadow, MMUB_SHADOW_RELEASED | MMUB_SHADOW_REMOVED);
	watch_close(&s.scene.watch);
	shadow_close(&s.shadow);
}

TEST(exited)
{
	released("exit");
}

TEST(executed)
{
	released("exec");
}

/* Killed with shadows, mapped and in use: nothing is left. */
TEST(killed)
{
	struct mmub_stats before, after;
	struct shadow shadow;
	struct watch w;
	int pid, fd = device_open();
	char *p;

	watch_synchronize(fd, &before);
	pid = test_fork();
	if (!pid) {
		p = map_written(64 * PAGE);
		watch_open(&w, "shadow", 0, 64);
		shadow_open(&shadow, &w, 0, MMUB_SHADOW_WRITE, (uintptr_t)p,
			    (uintptr_t)p + 64 * PAGE);
		for (;;)
			mmub_shadow_refresh(w.fd, 0, (uintptr_t)p,
					    (uintptr_t)p + 64 * PAGE, 0, NULL);
	}
	/* It has attached. */
	do {
		watch_stats(fd, &after);
	} while (after.gets == before.gets && now_ns() < test_deadline());
	ASSERT_OK(kill(pid, SIGKILL));
	test_wait(pid);
	ASSERT_SOON((watch_synchronize(fd, &after),
		     after.live_spaces == before.live_spaces));
	close(fd);
}

/* The file goes at once, and whoever still looks finds no entries. */
TEST(retired)
{
	struct mmub_shadow_entry entry, none;
	struct mmub_stats before, after;
	struct shadow shadow;
	struct watch w;
	int fd = device_open();
	char *p;

	p = map_written(4 * PAGE);
	watch_synchronize(fd, &before);
	watch_open(&w, "shadow", 0, 0);
	shadow_open(&shadow, &w, 0, MMUB_SHADOW_SNAPSHOT, (uintptr_t)p,
		    (uintptr_t)p + 4 * PAGE);
	shadow_refresh(&shadow, NULL);
	ASSERT_TRUE(mmub_shadow_lookup(&shadow.map, (uintptr_t)p, &entry));
	ASSERT_EQ(mmub_shadow_retire(&shadow.map), 0);
	ASSERT_OK(close(w.fd));
	/* A mapping would have kept it, and so the space. */
	watch_synchronize(fd, &after);
	ASSERT_EQ(after.live_spaces, before.live_spaces);
	ASSERT_TRUE(!mmub_shadow_valid(&shadow.map, (uintptr_t)p, &entry));
	ASSERT_TRUE(!mmub_shadow_lookup(&shadow.map, (uintptr_t)p, &none));
	ASSERT_EQ(none.pfn, 0);
	ASSERT_EQ(shadow_present(&shadow), 0);
	ASSERT_EQ(mmub_shadow_retire(&shadow.map), 0);
	ASSERT_EQ(shadow_present(&shadow), 0);
	shadow_close(&shadow);
	close(fd);
}

/* ------------------------------------------------------------------- forks */

TEST(forked_child)
{
	struct mmub_shadow_refresh result;
	struct mmub_shadow_entry entry;
	struct shadow shadow;
	struct watch w;
	int pid;
	char *p;

	p = map_written(4 * PAGE);
	watch_open(&w, "shadow", 0, 0);
	shadow_open(&shadow, &w, 0, MMUB_SHADOW_SNAPSHOT, (uintptr_t)p,
		    (uintptr_t)p + 4 * PAGE);
	shadow_refresh(&shadow, NULL);
	ASSERT_TRUE(mmub_shadow_lookup(&shadow.map, (uintptr_t)p, &entry));
	pid = test_fork();
	if (!pid) {
		struct mmub_shadow_entry none;

		/* Not the parent's, neither what it has found nor anything new. */
		ASSERT_TRUE(!mmub_shadow_valid(&shadow.map, (uintptr_t)p, &entry));
		ASSERT_TRUE(!mmub_shadow_lookup(&shadow.map, (uintptr_t)p, &none));
		ASSERT_EQ(none.pfn, 0);
		ASSERT_EQ(mmub_shadow_refresh(w.fd, 0, (uintptr_t)p,
					      (uintptr_t)p + PAGE, 0, &result),
			  -EXDEV);
		ASSERT_EQ(mmub_shadow_read(w.fd, (uintptr_t)p, &result, 1),
			  -EXDEV);
		ASSERT_EQ(mmub_shadow_unmap(&shadow.map), 0);
		_exit(0);
	}
	test_reap(pid);
	shadow_refresh(&shadow, NULL);
	ASSERT_TRUE(shadow_has(&shadow, (uintptr_t)p));
	watch_close(&w);
	shadow_close(&shadow);
}

/* --------------------------------------------------------------- many at once */

static _Atomic bool over;

struct churn {
	char *memory;
	uint64_t pages;
	unsigned int seed;
};

/* Pages come, go, move and change their permissions, and hold their number. */
static void *churn(void *argument)
{
	struct churn *churn = argument;
	uint64_t first, count, i;
	char *p;

	while (!over) {
		first = rand_r(&churn->seed) % churn->pages;
		count = 1 + rand_r(&churn->seed) % 64;
		if (first + count > churn->pages)
			count = churn->pages - first;
		p = churn->memory + first * PAGE;
		switch (rand_r(&churn->seed) % 4) {
		case 0:
			madvise(p, count * PAGE, MADV_DONTNEED);
			break;
		case 1:
			ASSERT_OK(mmap(p, count * PAGE, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
				       -1, 0));
			break;
		case 2:
			mprotect(p, count * PAGE, PROT_READ);
			mprotect(p, count * PAGE, PROT_READ | PROT_WRITE);
			break;
		}
		for (i = 0; i < count; i++)
			*(volatile uint64_t *)(p + i * PAGE) = (uintptr_t)p / PAGE + i;
	}
	return NULL;
}

static void *refresher(void *argument)
{
	struct shadow *shadow = argument;

	while (!over)
		shadow_refresh(shadow, NULL);
	return NULL;
}

/* What is read is what the page had: its own number, or zero. */
static void *reader(void *argument)
{
	struct shadow *shadow = argument;
	uint64_t pages = (shadow->map.end - shadow->map.start) / PAGE;
	unsigned int seed = 3;
	uint64_t addr, seen;
	int64_t ret;

	while (!over) {
		addr = shadow->map.start + rand_r(&seed) % pages * PAGE;
		ret = mmub_shadow_read(shadow->fd, addr, &seen, sizeof(seen));
		if (ret == -ENODATA)
			continue;
		ASSERT_EQ(ret, 8);
		if (seen)
			ASSERT_EQ(seen, addr / PAGE);
	}
	return NULL;
}

TEST(concurrent)
{
	enum { PAGES = 1500 };
	struct compared sum = { 0 };
	struct churn churns[2];
	pthread_t threads[4];
	struct shadow shadow;
	unsigned long round;
	struct watch w;
	unsigned int i;
	char *p;

	p = map_written(PAGES * PAGE);
	memset(p, 0, PAGES * PAGE);
	watch_open(&w, "shadow", 0, 0);
	shadow_open(&shadow, &w, 0, MMUB_SHADOW_READ, (uintptr_t)p,
		    (uintptr_t)p + PAGES * PAGE);
	for (i = 0; i < 2; i++) {
		/* Each its own: one takes permissions away, and writes then. */
		churns[i] = (struct churn){ p + i * PAGES / 2 * PAGE, PAGES / 2, i };
		ASSERT_EQ(pthread_create(&threads[i], NULL, churn, &churns[i]), 0);
	}
	ASSERT_EQ(pthread_create(&threads[2], NULL, refresher, &shadow), 0);
	ASSERT_EQ(pthread_create(&threads[3], NULL, reader, &shadow), 0);
	for (round = 0; round < scaled(1000); round++)
		shadow_compare(&shadow, &sum);
	over = true;
	for (i = 0; i < 4; i++)
		ASSERT_EQ(pthread_join(threads[i], NULL), 0);
	test_note("%lu compared, %lu changed meanwhile, %llu dropped",
		  sum.entries, sum.changed, shadow.map.header->dropped);
	ASSERT_EQ(sum.mismatched, 0);
	ASSERT_GT(sum.entries, 0);
	ASSERT_GT(shadow.map.header->dropped, 0);
	shadow_refresh(&shadow, NULL);
	shadow_exact(&shadow, "at the end");
	watch_close(&w);
	shadow_close(&shadow);
}

/*
 * Pages that come are no event, so of two who refresh the one who has looked
 * before they came must not take them away from the one who has looked after. Who
 * looks at all of them takes longer than a page takes to come and be looked at.
 */
TEST(refreshed_by_two)
{
	enum { PAGES = 512 };
	struct mmub_shadow_refresh result;
	struct shadow shadow;
	unsigned long round;
	pthread_t thread;
	struct watch w;
	uintptr_t page;
	unsigned int i;
	char *p;

	p = map_written(PAGES * PAGE);
	watch_open(&w, "shadow", 0, 0);
	shadow_open(&shadow, &w, 0, MMUB_SHADOW_SNAPSHOT, (uintptr_t)p,
		    (uintptr_t)p + PAGES * PAGE);
	ASSERT_EQ(pthread_create(&thread, NULL, refresher, &shadow), 0);
	for (round = 0; round < scaled(50); round++) {
		ASSERT_OK(madvise(p, PAGES * PAGE, MADV_DONTNEED));
		for (i = 0; i < PAGES; i++) {
			page = (uintptr_t)p + i * PAGE;
			*(char *)page = 1;
			ASSERT_OK(mmub_shadow_refresh(shadow.fd, 0, page,
						      page + PAGE, 0, NULL));
		}
	}
	over = true;
	ASSERT_EQ(pthread_join(thread, NULL), 0);
	shadow_refresh(&shadow, &result);
	ASSERT_EQ(result.present, PAGES);
	ASSERT_EQ(shadow.map.header->mismatched, 0);
	ASSERT_GT(shadow.map.header->dropped, 0);
	watch_close(&w);
	shadow_close(&shadow);
}

/* Removed, detached and closed while others refresh and read. */
TEST(ends_in_use)
{
	unsigned long round;
	char *p = map_written(600 * PAGE);

	for (round = 0; round < scaled(60); round++) {
		struct shadow shadow;
		struct watch w;
		int pid, i;

		watch_open(&w, "shadow", 0, 0);
		shadow_open(&shadow, &w, 0, MMUB_SHADOW_WRITE, (uintptr_t)p,
			    (uintptr_t)p + 600 * PAGE);
		shadow_refresh(&shadow, NULL);
		pid = test_fork();
		if (!pid) {
			/* From outside: on the parent's mm, by another's hand. */
			struct watch own;
			struct mmub_shadow_add added;
			int error = 0;

			watch_open(&own, "shadow", getppid(), 0);
			ASSERT_GE(mmub_shadow_add(own.fd, MMUB_SHADOW_READ,
						  (uintptr_t)p,
						  (uintptr_t)p + 600 * PAGE, 0,
						  &added), 0);
			for (i = 0; i < 20 && !error; i++)
				error = mmub_shadow_refresh(own.fd, 0,
							    (uintptr_t)p,
							    (uintptr_t)p +
							    600 * PAGE, 0, NULL);
			ASSERT_EQ(error, 0);
			_exit(0);
		}
		for (i = 0; i < 5; i++)
			ASSERT_OK(madvise(p + i * 100 * PAGE, 50 * PAGE,
					  MADV_DONTNEED));
		memset(p, 1, 600 * PAGE);
		if (round % 2)
			ASSERT_EQ(mmub_shadow_remove(w.fd, 0), 0);
		watch_close(&w);
		ASSERT_EQ(shadow_present(&shadow), 0);
		shadow_close(&shadow);
		test_reap(pid);
	}
}

TEST_MAIN()
