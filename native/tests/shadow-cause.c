// SPDX-License-Identifier: Apache-2.0
/*
 * Linked to test-cause: shadows of all that its subjects have mapped, under each
 * command of each test, so that there is no cause that shadows are not seen under.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "shadows.h"

#define SHADOWS_MAX	32

static struct {
	pid_t pid;		/* 0: nobody is shadowed */
	struct watch watch;
	struct shadow shadows[SHADOWS_MAX];
	unsigned int count;
	struct compared sum;
	uint64_t dropped;
} all;

static void all_compare(const char *when)
{
	unsigned int i;

	for (i = 0; i < all.count; i++) {
		shadow_compare(&all.shadows[i], &all.sum);
		if (all.sum.mismatched ||
		    all.shadows[i].map.header->mismatched)
			FAIL("%s: the shadow of 0x%lx disagrees with pagemap",
			     when, all.shadows[i].map.start);
	}
}

/* Who has exited, or executed, has no pages to be up to date with. */
static void all_refresh(const char *when)
{
	struct mmub_shadow_refresh result;
	unsigned int i;
	int ret;

	for (i = 0; i < all.count; i++) {
		struct shadow *shadow = &all.shadows[i];

		ret = mmub_shadow_refresh(shadow->fd, shadow->added.shadow_id,
					  shadow->map.start, shadow->map.end, 0,
					  &result);
		if (ret == -ESRCH)
			return;
		if (ret)
			FAIL("%s: mmub_shadow_refresh: %s", when, strerror(-ret));
		if (result.mismatched)
			FAIL("%s: %llu entries were changed without an event",
			     when, result.mismatched);
	}
}

static void all_close(void)
{
	unsigned int i;

	if (!all.pid)
		return;
	watch_close(&all.watch);
	for (i = 0; i < all.count; i++) {
		ASSERT_EQ(shadow_present(&all.shadows[i]), 0);
		all.dropped += all.shadows[i].map.header->dropped;
		shadow_close(&all.shadows[i]);
	}
	all.count = 0;
	all.pid = 0;
}

static void all_open(pid_t pid)
{
	unsigned long start, end;
	char path[64], line[512];
	struct mmub_info info;
	FILE *maps;
	int mem;

	mem = mmub_mem_open(pid);
	if (mem == -ESRCH)
		return;
	watch_open_fd(&all.watch, "oracle", mem, 0);
	close(mem);
	all.pid = pid;
	ASSERT_EQ(mmub_info(all.watch.fd, &info), 0);

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	maps = fopen(path, "re");
	if (!maps)
		FAIL("%s: %m", path);
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx", &start, &end) != 2 ||
		    start < ARENA_BASE || end > ARENA_END ||
		    all.count == SHADOWS_MAX)
			continue;
		shadow_open(&all.shadows[all.count++], &all.watch, pid,
			    MMUB_SHADOW_SNAPSHOT, start, end);
	}
	fclose(maps);
}

/* Of what went on since the last command, the kernel's threads may be the cause. */
void scene_before(struct scene *scene)
{
	all_compare("before a command");
	all_refresh("before a command");
	all_compare("before a command, up to date");
	all_close();
	all_open(scene->subject.pid);
	all_refresh("a new shadow");
}

void scene_after(struct scene *scene)
{
	/*
	 * Who exits, and has said with what status, may do so by himself: whoever
	 * looks at his memory might be the last, and the cause another.
	 */
	if (strstr(scene->subject.reply, "\"status\":"))
		return;
	all_compare(scene->subject.reply);
	all_refresh(scene->subject.reply);
	all_compare(scene->subject.reply);
}

void scene_end(struct scene *scene)
{
	(void)scene;
	all_compare("at the end");
	all_close();
	test_note("shadows: %lu entries compared, %lu dropped, %lu mismatched",
		  all.sum.entries, all.dropped, all.sum.mismatched);
}
