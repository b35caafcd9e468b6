// SPDX-License-Identifier: Apache-2.0
#include <linux/audit.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "scene.h"

/*
 * NUMA balancing raises PROTECTION_VMA when it likes, in every process. Off
 * while the tests run, but for machines that have no module to test.
 */
static void __attribute__((constructor)) stop_numa_balancing(void)
{
	static const char setting[] = "/proc/sys/kernel/numa_balancing";

	if (access(MMUB_DEVICE, F_OK))
		return;
	keep_setting(setting);
	write_file(setting, "0");
}

void scene_open(struct scene *scene)
{
	const struct mmub_range arena = { ARENA_BASE, ARENA_END };

	memset(scene, 0, sizeof(*scene));
	subject_start(&scene->subject);
	watch_open(&scene->watch, "scene", scene->subject.pid, 4096);
	ASSERT_EQ(mmub_filter_set(scene->watch.fd, (1 << MMUB_TYPE_COUNT) - 1,
				  &arena, 1), 0);
}

void scene_close(struct scene *scene)
{
	if (scene_end)
		scene_end(scene);
	watch_close(&scene->watch);
	subject_end(&scene->subject);
}

void say(struct scene *scene, const char *format, ...)
{
	char line[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (scene_before)
		scene_before(scene);
	scene->told = now_ns();
	if (!subject_try(&scene->subject, "%s", line))
		FAIL("'%s': %s", line, scene->subject.reply);
	if (scene_after)
		scene_after(scene);
}

uint64_t map(struct scene *scene, const char *what)
{
	say(scene, "map %s", what);
	return subject_field(&scene->subject, "start");
}

void event_take(struct scene *scene, struct mmub_record *record)
{
	if (!watch_next(&scene->watch, record))
		FAIL("no event after %s", scene->subject.reply);
}

static void bad(struct scene *scene, const struct mmub_record *record,
		const char *what)
{
	note_record(record);
	FAIL("wrong %s, after %s", what, scene->subject.reply);
}

void event_check(struct scene *scene, const struct mmub_record *record,
		 enum mmub_type type)
{
	char name[64];

	if (record->phase != MMUB_PHASE_START)
		bad(scene, record, "phase");
	if (record->type != type)
		bad(scene, record, mmub_type_name(type));
	if (record->flags != MMUB_RECORD_BLOCKABLE)
		bad(scene, record, "flags");
	if (record->n != scene->n + 1)
		bad(scene, record, "n");
	if (record->seq <= scene->seq)
		bad(scene, record, "seq");
	if (record->time_ns < scene->told || record->time_ns > now_ns() ||
	    record->time_ns < scene->time_ns)
		bad(scene, record, "time");
	if (record->pid != (int)subject_field(&scene->subject, "pid"))
		bad(scene, record, "pid");
	if (record->tid != (int)subject_field(&scene->subject, "tid"))
		bad(scene, record, "tid");
	if (strcmp(record->comm, "subject"))
		bad(scene, record, "comm");
	if (subject_text(&scene->subject, "syscall", name, sizeof(name))) {
		const char *seen = mmub_syscall_name(record->syscall_arch,
						     record->syscall_nr);

		if (record->entry != MMUB_ENTRY_SYSCALL ||
		    record->syscall_arch != AUDIT_ARCH_X86_64 || !seen ||
		    strcmp(seen, name))
			bad(scene, record, "system call");
	} else if (record->entry != MMUB_ENTRY_EXCEPTION ||
		   record->syscall_arch || record->syscall_nr != -1) {
		bad(scene, record, "entry");
	}
	if (record->stack_id || record->shadowed || record->lost_from ||
	    record->lost_to || record->reserved[0] || record->reserved[1])
		bad(scene, record, "fields that must be 0");
	scene->seq = record->seq;
	scene->n = record->n;
	scene->time_ns = record->time_ns;
}

void event(struct scene *scene, enum mmub_type type, uint64_t start,
	   uint64_t end)
{
	struct mmub_record record;

	event_take(scene, &record);
	event_check(scene, &record, type);
	if (record.start != start || record.end != end) {
		note_record(&record);
		FAIL("not 0x%lx-0x%lx, after %s", start, end,
		     scene->subject.reply);
	}
}

void event_over(struct scene *scene, enum mmub_type type, uint64_t start,
		uint64_t end)
{
	struct mmub_record record;

	event_take(scene, &record);
	event_check(scene, &record, type);
	if (record.start > start || record.end < end) {
		note_record(&record);
		FAIL("does not cover 0x%lx-0x%lx, after %s", start, end,
		     scene->subject.reply);
	}
}

void quiet(struct scene *scene)
{
	struct mmub_record record;

	if (watch_next(&scene->watch, &record)) {
		note_record(&record);
		FAIL("an event too many, after %s", scene->subject.reply);
	}
}
