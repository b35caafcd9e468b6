// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "watch.h"

uint32_t watch_ring_flags;

int device_open(void)
{
	int fd = mmub_open(NULL);

	if (fd < 0)
		FAIL("%s: %s", MMUB_DEVICE, strerror(-fd));
	return fd;
}

void watch_open_fd(struct watch *watch, const char *subsystem, int mem_fd,
		   uint32_t records)
{
	int ret;

	memset(watch, 0, sizeof(*watch));
	watch->fd = device_open();
	if (records) {
		ret = mmub_ring_open(watch->fd, records, 0, watch_ring_flags,
				     &watch->ring);
		if (ret)
			FAIL("mmub_ring_open(%u): %s", records, strerror(-ret));
	}
	ret = mmub_attach(watch->fd, subsystem, mem_fd, 0, &watch->attached);
	if (ret)
		FAIL("mmub_attach(%s): %s", subsystem, strerror(-ret));
}

void watch_open(struct watch *watch, const char *subsystem, pid_t pid,
		uint32_t records)
{
	int mem_fd = -1;

	if (pid) {
		mem_fd = mmub_mem_open(pid);
		if (mem_fd < 0)
			FAIL("mmub_mem_open(%d): %s", pid, strerror(-mem_fd));
	}
	watch_open_fd(watch, subsystem, mem_fd, records);
	if (pid)
		close(mem_fd);
}

void watch_close(struct watch *watch)
{
	int ret = mmub_detach(watch->fd);

	if (ret)
		FAIL("mmub_detach: %s", strerror(-ret));
	if (watch->ring.header)
		ASSERT_EQ(mmub_ring_close(&watch->ring), 0);
	ASSERT_OK(close(watch->fd));
	watch->fd = -1;
}

bool watch_next(struct watch *watch, struct mmub_record *record)
{
	uint32_t index;

	if (!mmub_ring_peek(&watch->ring, &index))
		return false;
	*record = *mmub_ring_at(&watch->ring, index);
	mmub_ring_consume(&watch->ring, 1);
	return true;
}

void watch_wait(struct watch *watch, struct mmub_record *record)
{
	int64_t left = test_deadline() - now_ns();
	int ret;

	do {
		ret = mmub_ring_wait(watch->fd, &watch->ring, left);
	} while (ret == -EINTR);
	if (!ret)
		FAIL("no record before the deadline");
	if (ret < 0)
		FAIL("mmub_ring_wait: %s", strerror(-ret));
	ASSERT_TRUE(watch_next(watch, record));
}

unsigned int watch_drain(struct watch *watch)
{
	struct mmub_record record;
	unsigned int count = 0;

	while (watch_next(watch, &record))
		count++;
	return count;
}

void watch_stats(int fd, struct mmub_stats *stats)
{
	int ret = mmub_stats(fd, stats);

	if (ret)
		FAIL("mmub_stats: %s", strerror(-ret));
}

void watch_synchronize(int fd, struct mmub_stats *stats)
{
	int ret = mmub_synchronize(fd, test_deadline() - now_ns());

	if (ret)
		FAIL("mmub_synchronize: %s", strerror(-ret));
	if (stats)
		watch_stats(fd, stats);
}

void note_record(const struct mmub_record *record)
{
	const char *syscall = mmub_syscall_name(record->syscall_arch,
						record->syscall_nr);

	test_note("seq %llu n %llu %s %s 0x%llx-0x%llx%s pid %d tid %d %s %s %s",
		  record->seq, record->n, mmub_phase_name(record->phase),
		  mmub_type_name(record->type), record->start, record->end,
		  record->flags & MMUB_RECORD_BLOCKABLE ? " blockable" : "",
		  record->pid, record->tid, record->comm,
		  mmub_entry_name(record->entry), syscall ? syscall : "-");
}

void subject_path(char path[4096])
{
	const char *given = getenv("SUBJECT");
	ssize_t length;

	if (given) {
		snprintf(path, 4096, "%s", given);
		return;
	}
	length = ASSERT_OK(readlink("/proc/self/exe", path, 4000));
	path[length] = '\0';
	dirname(path);
	strcat(path, "/../subject");
}

static void subject_reply(struct subject *subject)
{
	size_t length = 0;
	ssize_t got;

	do {
		got = read(subject->out, subject->reply + length,
			   sizeof(subject->reply) - 1 - length);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			FAIL("the subject has ended");
		length += got;
	} while (subject->reply[length - 1] != '\n');
	subject->reply[length - 1] = '\0';
}

void subject_start(struct subject *subject)
{
	int in[2], out[2];
	char path[4096];

	subject_path(path);
	ASSERT_OK(pipe2(in, O_CLOEXEC));
	ASSERT_OK(pipe2(out, O_CLOEXEC));
	subject->pid = test_fork();
	if (!subject->pid) {
		ASSERT_OK(dup2(in[0], STDIN_FILENO));
		ASSERT_OK(dup2(out[1], STDOUT_FILENO));
		execl(path, "subject", NULL);
		dup2(STDERR_FILENO, STDOUT_FILENO);
		FAIL("%s: %m", path);
	}
	close(in[0]);
	close(out[1]);
	subject->in = in[1];
	subject->out = out[0];
	subject_reply(subject);
	ASSERT_EQ((pid_t)subject_field(subject, "pid"), subject->pid);
}

static void subject_send(struct subject *subject, const char *format,
			 va_list args)
{
	char line[1024];
	int length;

	length = vsnprintf(line, sizeof(line) - 1, format, args);
	ASSERT_TRUE(length > 0 && length < (int)sizeof(line) - 1);
	line[length] = '\n';
	ASSERT_EQ(write(subject->in, line, length + 1), length + 1);
}

static bool subject_receive(struct subject *subject)
{
	subject_reply(subject);
	return strstr(subject->reply, "\"ok\":true");
}

void subject_say(struct subject *subject, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	subject_send(subject, format, args);
	va_end(args);
	if (!subject_receive(subject))
		FAIL("the subject at '%s': %s", format, subject->reply);
}

void subject_tell(struct subject *subject, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	subject_send(subject, format, args);
	va_end(args);
}

void subject_hear(struct subject *subject)
{
	if (!subject_receive(subject))
		FAIL("the subject: %s", subject->reply);
}

bool subject_try(struct subject *subject, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	subject_send(subject, format, args);
	va_end(args);
	return subject_receive(subject);
}

static const char *subject_value(struct subject *subject, const char *key)
{
	char quoted[64];
	char *at;

	snprintf(quoted, sizeof(quoted), "\"%s\":", key);
	at = strstr(subject->reply, quoted);
	return at ? at + strlen(quoted) : NULL;
}

uint64_t subject_field(struct subject *subject, const char *key)
{
	const char *value = subject_value(subject, key);

	if (!value)
		FAIL("no %s in %s", key, subject->reply);
	return strtoull(value + (*value == '"'), NULL, 0);
}

bool subject_text(struct subject *subject, const char *key, char *text,
		  size_t size)
{
	const char *value = subject_value(subject, key);
	size_t length;

	if (!value || *value != '"')
		return false;
	length = strcspn(++value, "\"");
	ASSERT_TRUE(length < size);
	memcpy(text, value, length);
	text[length] = '\0';
	return true;
}

void subject_end(struct subject *subject)
{
	close(subject->in);
	close(subject->out);
	test_reap(subject->pid);
}

int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

/* Settings kept: what they said at first. */
static struct setting {
	const char *path;
	char value[64];
} settings[16];

static void put_settings_back(void)
{
	struct setting *setting;

	for (setting = settings; setting->path; setting++)
		write_file(setting->path, setting->value);
}

void keep_setting(const char *path)
{
	struct setting *setting = settings;
	char *choice;
	FILE *file;

	if (!setting->path)
		atexit(put_settings_back);
	while (setting->path)
		setting++;
	file = fopen(path, "re");
	if (!file)
		return;
	if (fgets(setting->value, sizeof(setting->value), file))
		setting->path = path;
	fclose(file);
	/* Of "always [madvise] never", the one in brackets. */
	choice = strchr(setting->value, '[');
	if (choice) {
		memmove(setting->value, choice + 1, strlen(choice));
		setting->value[strcspn(setting->value, "]")] = '\0';
	}
}

long long read_number(const char *path)
{
	FILE *file = fopen(path, "re");
	long long number;

	if (!file)
		return -1;
	if (fscanf(file, "%lld", &number) != 1)
		number = -1;
	fclose(file);
	return number;
}

bool kernel_since(int major, int minor)
{
	int seen_major = 0, seen_minor = 0;
	struct utsname name;

	ASSERT_OK(uname(&name));
	ASSERT_EQ(sscanf(name.release, "%d.%d", &seen_major, &seen_minor), 2);
	return seen_major > major ||
	       (seen_major == major && seen_minor >= minor);
}
