/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * /dev/mmubridge_hold, of the module for tests alone: holds a callback open, so
 * that what must hold while an invalidation is in flight can be looked at.
 *
 * An open file holds one callback. Whatever was forgotten, a callback goes on at
 * its deadline and when the file is released.
 */
#ifndef MMUB_HOLD_H
#define MMUB_HOLD_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * enum mmub_hold_point - where a callback is held
 * @MMUB_HOLD_STARTED: behind all that its start does, before it returns
 * @MMUB_HOLD_ENDING: before its end does anything: the page tables have changed
 * @MMUB_HOLD_RELEASED: behind all that the mm's release does
 */
enum mmub_hold_point {
	MMUB_HOLD_STARTED	= 0,
	MMUB_HOLD_ENDING	= 1,
	MMUB_HOLD_RELEASED	= 2,
};

/* No callback is held for longer. */
#define MMUB_HOLD_MS_MAX	600000

/**
 * struct mmub_hold - argument of MMUB_HOLD_ARM
 * @point: in, enum mmub_hold_point
 * @timeout_ms: in, from 1 to MMUB_HOLD_MS_MAX
 * @space_id: in, of ATTACH: whose callbacks
 * @start: in, first byte of what the callback's range must overlap
 * @end: in, first byte after it
 *
 * The next callback of that kind, if it is blockable, is held, once. Replaces
 * what the file has armed. Errors: -EBUSY it holds one; -EINVAL.
 */
struct mmub_hold {
	__u32 point;
	__u32 timeout_ms;
	__aligned_u64 space_id;
	__aligned_u64 start;
	__aligned_u64 end;
};

/* poll: POLLIN while it holds a callback. */
#define MMUB_HOLD_ARM		_IOW(0xBE, 0, struct mmub_hold)

/*
 * Let the callback go, or arm none. Errors: -ETIMEDOUT it has gone by itself, at
 * its deadline; -ENOENT none has come.
 */
#define MMUB_HOLD_RELEASE	_IO(0xBE, 1)

/*
 * What is held: @start and @end are filled in with the range of the callback, the
 * rest as it was armed. Errors: -ENOENT nothing is held.
 */
#define MMUB_HOLD_LOOK		_IOR(0xBE, 2, struct mmub_hold)

#endif /* MMUB_HOLD_H */
