// SPDX-License-Identifier: Apache-2.0
/*
 * Invalidations held open, by the module for tests (kmod/test): what a guard says
 * while one is in flight, and what may be done to it meanwhile.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guards.h"
#include "holds.h"

TEST(arguments)
{
	struct mmub_hold hold = { .timeout_ms = 1000, .end = PAGE };
	int fd = hold_open();

	ASSERT_OK(ioctl(fd, MMUB_HOLD_ARM, &hold));
	ASSERT_EQ(ioctl(fd, MMUB_HOLD_RELEASE), -1);
	ASSERT_EQ(errno, ENOENT);
	hold.point = MMUB_HOLD_RELEASED + 1;
	ASSERT_EQ(ioctl(fd, MMUB_HOLD_ARM, &hold), -1);
	ASSERT_EQ(errno, EINVAL);
	hold.point = 0;
	hold.timeout_ms = MMUB_HOLD_MS_MAX + 1;
	ASSERT_EQ(ioctl(fd, MMUB_HOLD_ARM, &hold), -1);
	ASSERT_EQ(errno, EINVAL);
	ASSERT_EQ(ioctl(fd, MMUB_HOLD_ARM, NULL), -1);
	ASSERT_EQ(errno, EFAULT);
	ASSERT_EQ(ioctl(fd, _IO(0xBE, 7)), -1);
	ASSERT_EQ(errno, ENOTTY);
	close(fd);
}

/* A callback goes on by itself: at its deadline, or when the file is closed. */
TEST(goes_on_by_itself)
{
	struct mmub_hold hold = { .timeout_ms = 50 };
	struct guarded g;
	int fd = hold_open();
	uint64_t a;

	guarded_open(&g, 4);
	a = map(&g.scene, "a anon 4 populate");
	hold.space_id = g.scene.watch.attached.space_id;
	hold.start = a;
	hold.end = a + PAGE;
	ASSERT_OK(ioctl(fd, MMUB_HOLD_ARM, &hold));
	say(&g.scene, "advise a DONTNEED");
	ASSERT_EQ(ioctl(fd, MMUB_HOLD_RELEASE), -1);
	ASSERT_EQ(errno, ETIMEDOUT);

	hold_arm(fd, &g.scene.watch, MMUB_HOLD_STARTED, a, a + 1);
	subject_tell(&g.scene.subject, "advise a DONTNEED");
	hold_wait(fd);
	close(fd);
	subject_hear(&g.scene.subject);
	guarded_close(&g);
}

/* ----------------------------------------------- one that is held, and guards */

struct held {
	struct guarded g;
	int hold;
	uint64_t a;
};

static void held_open(struct held *h)
{
	h->hold = hold_open();
	guarded_open(&h->g, 8);
	h->a = map(&h->g.scene, "a anon 8 populate");
}

static struct watch *held_watch(struct held *h)
{
	return &h->g.scene.watch;
}

static uint32_t held_add(struct held *h, unsigned int first, unsigned int pages)
{
	return guard_add(held_watch(h), h->a + first * PAGE,
			 h->a + (first + pages) * PAGE);
}

/* Have the subject discard pages, and hold that. */
static void held_begin(struct held *h, enum mmub_hold_point point,
		       unsigned int first, unsigned int pages)
{
	hold_arm(h->hold, held_watch(h), point, h->a + first * PAGE,
		 h->a + (first + pages) * PAGE);
	subject_tell(&h->g.scene.subject, "advise a DONTNEED %u %u", first,
		     pages);
	hold_wait(h->hold);
}

static void held_end(struct held *h)
{
	hold_release(h->hold);
	subject_hear(&h->g.scene.subject);
}

static void held_close(struct held *h)
{
	guarded_close(&h->g);
	close(h->hold);
}

static uint64_t word(struct held *h, uint32_t slot)
{
	return mmub_guard_value(&h->g.guards, slot);
}

/* Held behind the start, and before the end: odd from the one to the other. */
static void in_flight(enum mmub_hold_point point)
{
	uint64_t value, other_value, seen;
	struct mmub_record record;
	struct mmub_stats stats;
	uint32_t slot, other;
	struct held h;

	held_open(&h);
	slot = held_add(&h, 0, 2);
	other = held_add(&h, 4, 2);
	value = guard_even(&h.g.guards, slot);
	other_value = guard_even(&h.g.guards, other);

	held_begin(&h, point, 1, 2);
	watch_stats(held_watch(&h)->fd, &stats);
	ASSERT_EQ(stats.space_active, 1);
	ASSERT_EQ(word(&h, slot), value + 1);
	ASSERT_TRUE(mmub_guard_valid(&h.g.guards, other, other_value));
	guard_stale(held_watch(&h), &h.g.guards, slot, value, MMUB_TYPE_CLEAR,
		    MMUB_CAUSE_MADV_DONTNEED, &record);
	ASSERT_EQ(record.pid, h.g.scene.subject.pid);
	ASSERT_EQ(record.start, h.a + PAGE);
	ASSERT_EQ(record.end, h.a + 3 * PAGE);
	ASSERT_EQ(record.seq, stats.space_seq);
	/* Not before its time. */
	ASSERT_EQ(mmub_guard_wait(&h.g.guards, slot, 20000000, &seen),
		  -ETIMEDOUT);
	ASSERT_EQ(seen, value + 1);

	held_end(&h);
	ASSERT_EQ(guard_even(&h.g.guards, slot), value + 2);
	ASSERT_TRUE(mmub_guard_valid(&h.g.guards, other, other_value));
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

/* The table's second row: odd, wherever the range, and even at the end of all. */
static void added(enum mmub_hold_point point)
{
	uint32_t over, beside, later;
	struct mmub_record record;
	uint64_t value, last;
	struct held h;

	held_open(&h);
	/* Slots that were used before, so that words are not those of the start. */
	over = held_add(&h, 0, 1);
	last = guard_even(&h.g.guards, over);
	guard_remove(held_watch(&h), &h.g.guards, over);

	held_begin(&h, point, 0, 2);
	ASSERT_EQ(held_add(&h, 0, 1), over);
	beside = held_add(&h, 5, 1);
	ASSERT_TRUE(!mmub_guard_is_even(word(&h, over)));
	ASSERT_GT(word(&h, over), last + 1);
	ASSERT_TRUE(!mmub_guard_is_even(word(&h, beside)));
	guard_nameless(held_watch(&h), &h.g.guards, over);
	guard_nameless(held_watch(&h), &h.g.guards, beside);
	ASSERT_EQ(mmub_guard_wait(&h.g.guards, over, 5000000, &value),
		  -ETIMEDOUT);
	ASSERT_EQ(mmub_guard_wait(&h.g.guards, beside, 0, &value), -ETIMEDOUT);

	held_end(&h);
	value = guard_even(&h.g.guards, over);
	ASSERT_GT(value, last);
	guard_even(&h.g.guards, beside);
	/* They are guards as others are. */
	say(&h.g.scene, "advise a DONTNEED 0 1");
	guard_stale(held_watch(&h), &h.g.guards, over, value, MMUB_TYPE_CLEAR,
		    MMUB_CAUSE_MADV_DONTNEED, &record);
	later = held_add(&h, 0, 1);
	ASSERT_TRUE(mmub_guard_is_even(word(&h, later)));
	held_close(&h);
}

TEST(added_after_the_start)
{
	added(MMUB_HOLD_STARTED);
}

TEST(added_before_the_end)
{
	added(MMUB_HOLD_ENDING);
}

/* Of a guard that ignores the type of what is in flight too: it may not be all. */
TEST(added_and_ignoring)
{
	uint64_t value, kept;
	uint32_t slot, old;
	struct held h;

	held_open(&h);
	old = guard_add_ignoring(held_watch(&h), h.a, h.a + PAGE,
				 1 << MMUB_TYPE_CLEAR);
	kept = guard_even(&h.g.guards, old);
	held_begin(&h, MMUB_HOLD_STARTED, 0, 2);
	/* One that is there already lives through it. */
	ASSERT_TRUE(mmub_guard_valid(&h.g.guards, old, kept));
	slot = guard_add_ignoring(held_watch(&h), h.a, h.a + PAGE,
				  1 << MMUB_TYPE_CLEAR);
	ASSERT_TRUE(!mmub_guard_is_even(word(&h, slot)));
	held_end(&h);
	value = guard_even(&h.g.guards, slot);
	say(&h.g.scene, "advise a DONTNEED 0 1");
	ASSERT_TRUE(mmub_guard_valid(&h.g.guards, slot, value));
	ASSERT_TRUE(mmub_guard_valid(&h.g.guards, old, kept));
	held_close(&h);
}

/* ---------------------------------------------------------- two in flight */

struct two {
	struct held h;
	uint64_t m;
	int memfd;
	int second;
	pid_t child;
};

/*
 * The subject discards pages of a file's mapping, by mmap_lock; a child of ours
 * then punches a hole into that file, without.
 */
static void two_open(struct two *t)
{
	char path[64], what[128];

	held_open(&t->h);
	t->second = hold_open();
	snprintf(path, sizeof(path), "/dev/shm/mmub-hold-%d", getpid());
	snprintf(what, sizeof(what), "m file 8 path %s", path);
	t->m = map(&t->h.g.scene, what);
	say(&t->h.g.scene, "touch m");
	t->memfd = ASSERT_OK(open(path, O_RDWR | O_CLOEXEC));
	ASSERT_OK(unlink(path));
}

static void two_begin_first(struct two *t)
{
	hold_arm(t->h.hold, held_watch(&t->h), MMUB_HOLD_STARTED, t->m,
		 t->m + PAGE);
	subject_tell(&t->h.g.scene.subject, "advise m DONTNEED 0 2");
	hold_wait(t->h.hold);
}

static void two_begin_second(struct two *t, unsigned int page)
{
	hold_arm(t->second, held_watch(&t->h), MMUB_HOLD_STARTED,
		 t->m + page * PAGE, t->m + (page + 1) * PAGE);
	t->child = test_fork();
	if (!t->child) {
		/* Held, it could not end the holds of a test that has failed. */
		close(t->h.hold);
		close(t->second);
		ASSERT_OK(fallocate(t->memfd,
				    FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				    page * PAGE, PAGE));
		_exit(0);
	}
	hold_wait(t->second);
}

static void two_end_second(struct two *t)
{
	hold_release(t->second);
	test_reap(t->child);
}

static void two_close(struct two *t)
{
	close(t->second);
	close(t->memfd);
	held_close(&t->h);
}

/* Odd until nothing is in flight; and the first stays named. */
TEST(two_over_one_guard)
{
	uint64_t value, seq;
	struct mmub_record record;
	uint32_t slot;
	struct two t;

	two_open(&t);
	slot = guard_add(held_watch(&t.h), t.m, t.m + PAGE);
	value = guard_even(&t.h.g.guards, slot);

	two_begin_first(&t);
	guard_stale(held_watch(&t.h), &t.h.g.guards, slot, value,
		    MMUB_TYPE_CLEAR, MMUB_CAUSE_MADV_DONTNEED, &record);
	seq = record.seq;
	two_begin_second(&t, 0);
	ASSERT_EQ(word(&t.h, slot), value + 1);
	guard_stale(held_watch(&t.h), &t.h.g.guards, slot, value,
		    MMUB_TYPE_CLEAR, MMUB_CAUSE_MADV_DONTNEED, &record);
	ASSERT_EQ(record.seq, seq);
	/* The end of the one is not the end of both. */
	two_end_second(&t);
	ASSERT_EQ(word(&t.h, slot), value + 1);
	held_end(&t.h);
	ASSERT_EQ(guard_even(&t.h.g.guards, slot), value + 2);
	guard_stale(held_watch(&t.h), &t.h.g.guards, slot, value,
		    MMUB_TYPE_CLEAR, MMUB_CAUSE_MADV_DONTNEED, &record);
	ASSERT_EQ(record.seq, seq);
	two_close(&t);
}

/* Two guards, an invalidation each, and the first to end is over too early. */
TEST(two_over_two_guards)
{
	uint64_t first_value, second_value;
	uint32_t first, second;
	struct two t;

	two_open(&t);
	first = guard_add(held_watch(&t.h), t.m, t.m + PAGE);
	second = guard_add(held_watch(&t.h), t.m + 5 * PAGE, t.m + 6 * PAGE);
	first_value = guard_even(&t.h.g.guards, first);
	second_value = guard_even(&t.h.g.guards, second);

	two_begin_first(&t);
	ASSERT_TRUE(mmub_guard_valid(&t.h.g.guards, second, second_value));
	two_begin_second(&t, 5);
	ASSERT_EQ(word(&t.h, first), first_value + 1);
	ASSERT_EQ(word(&t.h, second), second_value + 1);
	held_end(&t.h);
	ASSERT_EQ(word(&t.h, first), first_value + 1);
	ASSERT_EQ(word(&t.h, second), second_value + 1);
	two_end_second(&t);
	ASSERT_EQ(guard_even(&t.h.g.guards, first), first_value + 2);
	ASSERT_EQ(guard_even(&t.h.g.guards, second), second_value + 2);
	two_close(&t);
}

/* A guard that began odd names the first that is known to overlap. */
TEST(added_between_two)
{
	struct mmub_record record;
	uint32_t slot;
	struct two t;

	two_open(&t);
	two_begin_first(&t);
	slot = guard_add(held_watch(&t.h), t.m, t.m + PAGE);
	guard_nameless(held_watch(&t.h), &t.h.g.guards, slot);
	two_begin_second(&t, 0);
	ASSERT_EQ(word(&t.h, slot), 3);
	guard_stale(held_watch(&t.h), &t.h.g.guards, slot, 2, MMUB_TYPE_CLEAR,
		    MMUB_CAUSE_HOLE_PUNCH, &record);
	two_end_second(&t);
	ASSERT_EQ(word(&t.h, slot), 3);
	held_end(&t.h);
	ASSERT_EQ(guard_even(&t.h.g.guards, slot), 4);
	two_close(&t);
}

/* --------------------------------------------------------- gone meanwhile */

/* Odd for good: the end does not wake it. */
static void removed(enum mmub_hold_point point)
{
	uint32_t hit, spared;
	uint64_t value;
	struct held h;

	held_open(&h);
	hit = held_add(&h, 0, 1);
	spared = held_add(&h, 5, 1);
	value = guard_even(&h.g.guards, hit);
	guard_even(&h.g.guards, spared);
	held_begin(&h, point, 0, 1);
	guard_remove(held_watch(&h), &h.g.guards, hit);
	guard_remove(held_watch(&h), &h.g.guards, spared);
	held_end(&h);
	say(&h.g.scene, "advise a DONTNEED");
	ASSERT_EQ(word(&h, hit), value + 1);
	ASSERT_EQ(word(&h, spared), value + 1);
	held_close(&h);
}

TEST(removed_after_the_start)
{
	removed(MMUB_HOLD_STARTED);
}

TEST(removed_before_the_end)
{
	removed(MMUB_HOLD_ENDING);
}

/* Its slot is used again, while what had made it odd is in flight. */
TEST(reused)
{
	uint64_t value, seen;
	struct held h;
	uint32_t slot;
	int i;

	held_open(&h);
	slot = held_add(&h, 0, 1);
	value = guard_even(&h.g.guards, slot);
	held_begin(&h, MMUB_HOLD_STARTED, 0, 1);
	for (i = 0; i < 3; i++) {
		guard_remove(held_watch(&h), &h.g.guards, slot);
		seen = word(&h, slot);
		ASSERT_EQ(held_add(&h, 0, 1), slot);
		ASSERT_GT(word(&h, slot), seen);
		ASSERT_TRUE(!mmub_guard_is_even(word(&h, slot)));
		ASSERT_TRUE(!mmub_guard_valid(&h.g.guards, slot, value));
	}
	held_end(&h);
	seen = guard_even(&h.g.guards, slot);
	ASSERT_GT(seen, value + 2);
	ASSERT_TRUE(!mmub_guard_valid(&h.g.guards, slot, value + 2));
	held_close(&h);
}

static void detached(enum mmub_hold_point point, bool close_instead)
{
	uint32_t hit, spared;
	struct mmub_stats stats;
	uint64_t value;
	struct held h;
	int fd;

	held_open(&h);
	fd = device_open();
	hit = held_add(&h, 0, 1);
	spared = held_add(&h, 5, 1);
	value = guard_even(&h.g.guards, hit);
	held_begin(&h, point, 0, 1);
	if (close_instead) {
		/* The file goes with its last mapping, the callback inside. */
		ASSERT_EQ(mmub_ring_close(&held_watch(&h)->ring), 0);
		close(held_watch(&h)->fd);
		ASSERT_EQ(word(&h, hit), value + 1);
	} else {
		ASSERT_EQ(mmub_detach(held_watch(&h)->fd), 0);
		ASSERT_EQ(word(&h, hit), (value + 1) | MMUB_GUARD_ENDED);
		ASSERT_EQ(word(&h, spared), (value + 1) | MMUB_GUARD_ENDED);
		ASSERT_EQ(mmub_ring_close(&held_watch(&h)->ring), 0);
		close(held_watch(&h)->fd);
	}
	if (close_instead)
		ASSERT_EQ(mmub_guards_close(&h.g.guards), 0);
	held_end(&h);
	if (!close_instead) {
		say(&h.g.scene, "advise a DONTNEED");
		ASSERT_EQ(word(&h, hit), (value + 1) | MMUB_GUARD_ENDED);
		ASSERT_EQ(word(&h, spared), (value + 1) | MMUB_GUARD_ENDED);
		ASSERT_EQ(mmub_guards_close(&h.g.guards), 0);
	}
	subject_end(&h.g.scene.subject);
	close(h.hold);
	watch_synchronize(fd, &stats);
	ASSERT_EQ(stats.live_spaces, 0);
	close(fd);
}

TEST(detached_after_the_start)
{
	detached(MMUB_HOLD_STARTED, false);
}

TEST(detached_before_the_end)
{
	detached(MMUB_HOLD_ENDING, false);
}

TEST(closed_after_the_start)
{
	detached(MMUB_HOLD_STARTED, true);
}

TEST(closed_before_the_end)
{
	detached(MMUB_HOLD_ENDING, true);
}

/*
 * The subject is killed while another's invalidation of its memory is in
 * flight: release has run, and the end that comes after it wakes nothing.
 */
TEST(killed_meanwhile)
{
	uint64_t hit_value, spared_value;
	uint32_t hit, spared, odd;
	struct mmub_record record;
	struct two t;

	two_open(&t);
	hit = guard_add(held_watch(&t.h), t.m, t.m + PAGE);
	spared = held_add(&t.h, 0, 1);
	hit_value = guard_even(&t.h.g.guards, hit);
	spared_value = guard_even(&t.h.g.guards, spared);
	two_begin_second(&t, 0);
	odd = held_add(&t.h, 1, 1);
	ASSERT_EQ(word(&t.h, odd), 3);

	ASSERT_OK(kill(t.h.g.scene.subject.pid, SIGKILL));
	do {
		watch_wait(held_watch(&t.h), &record);
	} while (record.phase != MMUB_PHASE_RELEASE);
	ASSERT_EQ(word(&t.h, hit), (hit_value + 1) | MMUB_GUARD_ENDED);
	ASSERT_EQ(word(&t.h, spared), (spared_value + 1) | MMUB_GUARD_ENDED);
	ASSERT_EQ(word(&t.h, odd), 3 | MMUB_GUARD_ENDED);
	/* The first stays named; what was even names the release. */
	guard_stale(held_watch(&t.h), &t.h.g.guards, hit, hit_value,
		    MMUB_TYPE_CLEAR, MMUB_CAUSE_HOLE_PUNCH, &record);
	guard_stale(held_watch(&t.h), &t.h.g.guards, spared, spared_value,
		    MMUB_TYPE_RELEASE, -1, &record);
	ASSERT_EQ(mmub_guard_add(held_watch(&t.h)->fd, 0, 1, 0, 0), -ESRCH);

	two_end_second(&t);
	ASSERT_EQ(test_wait(t.h.g.scene.subject.pid), SIGKILL);
	ASSERT_EQ(word(&t.h, hit), (hit_value + 1) | MMUB_GUARD_ENDED);
	ASSERT_EQ(word(&t.h, spared), (spared_value + 1) | MMUB_GUARD_ENDED);
	ASSERT_EQ(word(&t.h, odd), 3 | MMUB_GUARD_ENDED);
	guard_remove(held_watch(&t.h), &t.h.g.guards, odd);
	guards_close(held_watch(&t.h), &t.h.g.guards);
	close(t.h.hold);
	close(t.second);
	close(t.memfd);
}

/* Held in the release: odd, and what is removed or detached then stays so. */
static void in_release(bool detach)
{
	struct mmub_record record;
	uint64_t value;
	struct held h;
	uint32_t slot;

	held_open(&h);
	slot = held_add(&h, 0, 1);
	value = guard_even(&h.g.guards, slot);
	hold_arm(h.hold, held_watch(&h), MMUB_HOLD_RELEASED, 0, UINT64_MAX);
	ASSERT_OK(kill(h.g.scene.subject.pid, SIGKILL));
	hold_wait(h.hold);
	guard_stale(held_watch(&h), &h.g.guards, slot, value, MMUB_TYPE_RELEASE,
		    MMUB_CAUSE_EXIT, &record);
	ASSERT_EQ(word(&h, slot), (value + 1) | MMUB_GUARD_ENDED);
	ASSERT_EQ(mmub_guard_add(held_watch(&h)->fd, h.a, h.a + 1, 0, 0),
		  -ESRCH);
	if (detach)
		ASSERT_EQ(mmub_detach(held_watch(&h)->fd), 0);
	else
		guard_remove(held_watch(&h), &h.g.guards, slot);
	ASSERT_EQ(word(&h, slot), (value + 1) | MMUB_GUARD_ENDED);
	hold_release(h.hold);
	ASSERT_EQ(test_wait(h.g.scene.subject.pid), SIGKILL);
	ASSERT_EQ(word(&h, slot), (value + 1) | MMUB_GUARD_ENDED);
	if (detach) {
		ASSERT_EQ(mmub_ring_close(&held_watch(&h)->ring), 0);
		close(held_watch(&h)->fd);
		ASSERT_EQ(mmub_guards_close(&h.g.guards), 0);
	} else {
		guards_close(held_watch(&h), &h.g.guards);
	}
	close(h.hold);
}

TEST(removed_in_release)
{
	in_release(false);
}

TEST(detached_in_release)
{
	in_release(true);
}

/* One that is killed while it is in the callback itself ends after it. */
TEST(killed_in_the_callback)
{
	struct mmub_record record;
	uint64_t value;
	struct held h;
	uint32_t slot;

	held_open(&h);
	slot = held_add(&h, 0, 1);
	value = guard_even(&h.g.guards, slot);
	held_begin(&h, MMUB_HOLD_STARTED, 0, 1);
	ASSERT_OK(kill(h.g.scene.subject.pid, SIGKILL));
	ASSERT_EQ(word(&h, slot), value + 1);
	hold_release(h.hold);
	do {
		watch_wait(held_watch(&h), &record);
	} while (record.phase != MMUB_PHASE_RELEASE);
	/* Even for a moment, or not at all; odd for good now. */
	ASSERT_TRUE(!mmub_guard_is_even(word(&h, slot)));
	ASSERT_GE(word(&h, slot), value + 1);
	guards_close(held_watch(&h), &h.g.guards);
	ASSERT_EQ(test_wait(h.g.scene.subject.pid), SIGKILL);
	close(h.hold);
}

TEST_MAIN()
