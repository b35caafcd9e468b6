// SPDX-License-Identifier: Apache-2.0
/*
 * Shadows while an invalidation is held open: what it covers is dropped before
 * it, not to be had while it is in flight, and not waited for by who ends the
 * shadow.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "holds.h"
#include "shadows.h"

struct held {
	struct scene scene;
	struct shadow shadow;
	int hold;
	uint64_t a;
};

static void held_open(struct held *h, enum mmub_shadow_mode mode)
{
	h->hold = hold_open();
	scene_open(&h->scene);
	h->a = map(&h->scene, "a anon 16 populate");
	shadow_open(&h->shadow, &h->scene.watch, h->scene.subject.pid, mode, h->a,
		    h->a + 16 * PAGE);
	shadow_refresh(&h->shadow, NULL);
	shadow_exact(&h->shadow, "before");
}

/* Have the subject discard pages, and hold that. */
static void held_begin(struct held *h, enum mmub_hold_point point,
		       unsigned int first, unsigned int pages)
{
	hold_arm(h->hold, &h->scene.watch, point, h->a + first * PAGE,
		 h->a + (first + pages) * PAGE);
	subject_tell(&h->scene.subject, "advise a DONTNEED %u %u", first, pages);
	hold_wait(h->hold);
}

static void held_end(struct held *h)
{
	hold_release(h->hold);
	subject_hear(&h->scene.subject);
}

static void held_close(struct held *h)
{
	watch_close(&h->scene.watch);
	shadow_close(&h->shadow);
	subject_end(&h->scene.subject);
	close(h->hold);
}

static int refresh(struct held *h, unsigned int first, unsigned int pages,
		   uint32_t flags, struct mmub_shadow_refresh *result)
{
	return mmub_shadow_refresh(h->shadow.fd, h->shadow.added.shadow_id,
				   h->a + first * PAGE,
				   h->a + (first + pages) * PAGE, flags, result);
}

/* A call that waits, in a thread of its own. */
struct waiting {
	struct held *h;
	pthread_t thread;
	int (*call)(struct held *h);
	int ret;
	_Atomic pid_t tid;
	_Atomic bool over;
};

static void *waiting_run(void *argument)
{
	struct waiting *waiting = argument;

	waiting->tid = gettid();
	waiting->ret = waiting->call(waiting->h);
	waiting->over = true;
	return NULL;
}

static char state_of(pid_t tid)
{
	char path[64], text[256] = "", *end;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	file = fopen(path, "re");
	if (!file || !fgets(text, sizeof(text), file))
		FAIL("%s: %m", path);
	fclose(file);
	end = strrchr(text, ')');
	return end ? end[2] : '?';
}

/*
 * Begin a call. True if it sleeps as nothing but a fatal signal disturbs it, false
 * if it is over.
 */
static bool waiting_begin(struct waiting *waiting, struct held *h,
			  int (*call)(struct held *h))
{
	*waiting = (struct waiting){ .h = h, .call = call };
	ASSERT_EQ(pthread_create(&waiting->thread, NULL, waiting_run, waiting),
		  0);
	ASSERT_SOON(waiting->over ||
		    (waiting->tid && state_of(waiting->tid) == 'D'));
	return !waiting->over;
}

static void waiting_start(struct waiting *waiting, struct held *h,
			  int (*call)(struct held *h))
{
	ASSERT_TRUE(waiting_begin(waiting, h, call));
}

static int waiting_join(struct waiting *waiting)
{
	ASSERT_EQ(pthread_join(waiting->thread, NULL), 0);
	return waiting->ret;
}

static int call_refresh(struct held *h)
{
	struct mmub_shadow_refresh result;
	int ret = refresh(h, 0, 16, 0, &result);

	return ret ? ret : (int)result.present;
}

static int call_read(struct held *h)
{
	char byte;

	return mmub_shadow_read(h->shadow.fd, h->a + PAGE, &byte, 1);
}

static int call_add(struct held *h)
{
	struct mmub_shadow_add added;

	return mmub_shadow_add(h->shadow.fd, MMUB_SHADOW_SNAPSHOT, 0, PAGE, 0,
			       &added);
}

static void in_flight(enum mmub_hold_point point)
{
	struct mmub_shadow_refresh result;
	struct waiting waiting;
	struct held h;
	unsigned int i;

	held_open(&h, MMUB_SHADOW_SNAPSHOT);
	held_begin(&h, point, 1, 2);
	for (i = 0; i < 16; i++)
		ASSERT_EQ(shadow_has(&h.shadow, h.a + i * PAGE),
			  i != 1 && i != 2);
	ASSERT_EQ(h.shadow.map.header->present, 14);
	shadow_agrees(&h.shadow, "in flight");

	/* Nothing is installed where it is, and all is beside it. */
	ASSERT_EQ(refresh(&h, 1, 2, MMUB_SHADOW_NOWAIT, &result), 0);
	ASSERT_EQ(result.busy, 2);
	ASSERT_EQ(result.present, 0);
	ASSERT_EQ(refresh(&h, 0, 16, MMUB_SHADOW_NOWAIT, &result), 0);
	ASSERT_EQ(result.busy, 16);
	ASSERT_EQ(refresh(&h, 3, 13, 0, &result), 0);
	ASSERT_EQ(result.present, 13);
	ASSERT_EQ(result.busy, 0);
	ASSERT_TRUE(!shadow_has(&h.shadow, h.a + PAGE));

	waiting_start(&waiting, &h, call_refresh);
	ASSERT_TRUE(!shadow_has(&h.shadow, h.a + PAGE));
	held_end(&h);
	ASSERT_EQ(waiting_join(&waiting), 14);
	shadow_exact(&h.shadow, "after");
	ASSERT_EQ(h.shadow.map.header->gone, 2);
	held_close(&h);
}

TEST(started)
{
	in_flight(MMUB_HOLD_STARTED);
}

TEST(ending)
{
	in_flight(MMUB_HOLD_ENDING);
}

/* A device's access waits until the page is what it will be. */
TEST(access)
{
	struct waiting waiting;
	struct held h;
	char byte;

	held_open(&h, MMUB_SHADOW_READ);
	held_begin(&h, MMUB_HOLD_STARTED, 1, 2);
	ASSERT_EQ(mmub_shadow_read(h.shadow.fd, h.a + 5 * PAGE, &byte, 1), 1);
	waiting_start(&waiting, &h, call_read);
	held_end(&h);
	ASSERT_EQ(waiting_join(&waiting), 1);
	shadow_agrees(&h.shadow, "after an access");
	held_close(&h);
}

/* Who waits is no reason for the end to wait. */
TEST(detached)
{
	struct waiting waiting[3];
	struct held h;
	bool waits;
	int ret;

	held_open(&h, MMUB_SHADOW_READ);
	held_begin(&h, MMUB_HOLD_STARTED, 1, 2);
	waiting_start(&waiting[0], &h, call_refresh);
	waiting_start(&waiting[1], &h, call_read);
	/* The subject has its mmap_lock; on 7.3 that of the VMA alone. */
	waits = waiting_begin(&waiting[2], &h, call_add);
	ASSERT_EQ(mmub_detach(h.scene.watch.fd), 0);
	ASSERT_EQ(shadow_present(&h.shadow), 0);
	ASSERT_EQ(waiting_join(&waiting[0]), -ESHUTDOWN);
	ASSERT_EQ(waiting_join(&waiting[1]), -ESHUTDOWN);
	ASSERT_EQ(!waiting[2].over, waits);
	held_end(&h);
	ret = waiting_join(&waiting[2]);
	if (waits)
		ASSERT_EQ(ret, -ESHUTDOWN);
	else
		ASSERT_GE(ret, 0);
	ASSERT_EQ(mmub_ring_close(&h.scene.watch.ring), 0);
	close(h.scene.watch.fd);
	shadow_close(&h.shadow);
	subject_end(&h.scene.subject);
	close(h.hold);
}

TEST(removed)
{
	struct waiting waiting;
	struct held h;

	held_open(&h, MMUB_SHADOW_SNAPSHOT);
	held_begin(&h, MMUB_HOLD_STARTED, 1, 2);
	waiting_start(&waiting, &h, call_refresh);
	ASSERT_EQ(mmub_shadow_remove(h.shadow.fd, 0), 0);
	ASSERT_EQ(waiting_join(&waiting), -ENOENT);
	ASSERT_EQ(shadow_present(&h.shadow), 0);
	held_end(&h);
	held_close(&h);
}

/* Closed, and killed, while it is in flight. */
TEST(killed)
{
	struct mmub_stats before, after;
	int fd = device_open();
	struct held h;
	int pid;

	h.hold = hold_open();
	scene_open(&h.scene);
	h.a = map(&h.scene, "a anon 16 populate");
	watch_synchronize(fd, &before);
	held_begin(&h, MMUB_HOLD_STARTED, 1, 2);
	pid = test_fork();
	if (!pid) {
		/* Another space: it must not wait for this mmap_lock either. */
		watch_open(&h.scene.watch, "killed", h.scene.subject.pid, 0);
		FAIL("attached");
	}
	ASSERT_OK(kill(pid, SIGKILL));
	test_wait(pid);
	held_end(&h);

	/* Now one that has a shadow, and waits with it. */
	hold_arm(h.hold, &h.scene.watch, MMUB_HOLD_STARTED, h.a, h.a + PAGE);
	pid = test_fork();
	if (!pid) {
		struct shadow own;
		struct watch w;

		watch_open(&w, "scene", h.scene.subject.pid, 0);
		shadow_open(&own, &w, h.scene.subject.pid, MMUB_SHADOW_SNAPSHOT,
			    h.a, h.a + 16 * PAGE);
		for (;;)
			mmub_shadow_refresh(w.fd, 0, h.a, h.a + 16 * PAGE, 0,
					    NULL);
	}
	do {
		watch_stats(h.scene.watch.fd, &after);
	} while (after.space_users < 2 && now_ns() < test_deadline());
	subject_tell(&h.scene.subject, "advise a DONTNEED 0 1");
	hold_wait(h.hold);
	ASSERT_OK(kill(pid, SIGKILL));
	test_wait(pid);
	watch_stats(h.scene.watch.fd, &after);
	ASSERT_EQ(after.space_users, 1);
	held_end(&h);
	watch_close(&h.scene.watch);
	subject_end(&h.scene.subject);
	close(h.hold);
	ASSERT_SOON((watch_synchronize(fd, &after),
		     after.live_spaces < before.live_spaces));
	close(fd);
}

/* Between the release and the end of the pages there is no entry any more. */
TEST(released)
{
	struct held h;

	held_open(&h, MMUB_SHADOW_SNAPSHOT);
	hold_arm(h.hold, &h.scene.watch, MMUB_HOLD_RELEASED, 0, UINT64_MAX);
	subject_tell(&h.scene.subject, "exit");
	hold_wait(h.hold);
	ASSERT_EQ(shadow_present(&h.shadow), 0);
	ASSERT_EQ(refresh(&h, 0, 16, 0, NULL), -ESRCH);
	hold_release(h.hold);
	test_reap(h.scene.subject.pid);
	watch_close(&h.scene.watch);
	shadow_close(&h.shadow);
	close(h.hold);
}

TEST_MAIN()
