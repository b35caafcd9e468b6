/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * mmubridge: a process's mmu notifier callbacks, delivered to user space.
 *
 * The interface of /dev/mmubridge, version 1. It is settled as a whole: what
 * is not built yet answers -EOPNOTSUPP and has its bit in
 * &struct mmub_info.features off.
 *
 * Every structure consists of naturally aligned __u32, __s32, __aligned_u64
 * and char arrays without holes, so that 32-bit and 64-bit user space agree.
 * Fields named "reserved" and bits of "flags" that have no name here must be
 * zero, else -EINVAL. A structure may grow at its end: its size travels in the
 * ioctl number; a longer one whose unknown tail is zero is accepted, a longer
 * one whose unknown tail is not zero is -E2BIG, and one shorter than version
 * 1's is -EINVAL.
 *
 * One open file is at most one subscription:
 *
 *	open -> RING_SETUP, FILTER_SET (optional) -> ATTACH -> DETACH -> close
 *
 * GUARD_SETUP comes before or after ATTACH, SHADOW_ADD after it.
 *
 * Errors that hold for every ioctl:
 *   -ENOTTY      no such ioctl number or magic
 *   -EINVAL      a size, flag, reserved field or argument breaks its rule
 *   -EFAULT      the argument or a buffer it names is not accessible; where it
 *                can be read but not written, the call has taken effect
 *   -EOPNOTSUPP  this part is not built (see &struct mmub_info.features)
 *   -ENOTCONN    needs a subscription, and ATTACH has not been called
 *   -ESHUTDOWN   needs a subscription, and DETACH has been called
 *   -EINTR       a fatal signal came; of ATTACH and SHADOW_ADD: any signal
 *   -EXDEV       the subscription is on the mm of the process that attached,
 *                and the caller has another mm (it forked, executed, or was
 *                passed the descriptor). Not of INFO and SYNCHRONIZE
 */
#ifndef MMUBRIDGE_UAPI_H
#define MMUBRIDGE_UAPI_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define MMUB_ABI_VERSION	1

/* Bytes of a subsystem's name, the terminating NUL included. */
#define MMUB_NAME_SIZE		32
#define MMUB_COMM_SIZE		16

/* The ioctl magic; enum mmub_nr holds the numbers. */
#define MMUB_IOC_MAGIC		0xBD

/**
 * enum mmub_nr - the ioctl numbers
 * @MMUB_NR_INFO: what this module can do
 * @MMUB_NR_ATTACH: take a reference on the subsystem's notifier on an mm
 * @MMUB_NR_DETACH: drop it
 * @MMUB_NR_RING_SETUP: make the ring of records
 * @MMUB_NR_FILTER_SET: choose which events match
 * @MMUB_NR_STACK: resolve the stack_id of a record
 * @MMUB_NR_GUARD_ADD: guard a range
 * @MMUB_NR_GUARD_REMOVE: give a guard's slot back
 * @MMUB_NR_SHADOW_ADD: shadow a range
 * @MMUB_NR_SHADOW_REMOVE: stop shadowing it
 * @MMUB_NR_READ: read memory through the shadow
 * @MMUB_NR_WRITE: write memory through the shadow
 * @MMUB_NR_WINDOW_CREATE: make a descriptor that maps another mm's pages
 * @MMUB_NR_STATS: counters of the module and of this subscription
 * @MMUB_NR_SYNCHRONIZE: wait until notifiers that were put have been freed
 * @MMUB_NR_GUARD_SETUP: make the table of guard slots
 * @MMUB_NR_GUARD_EVENT: what made a guard stale
 * @MMUB_NR_SHADOW_REFRESH: bring the entries of a shadow up to date
 * @MMUB_NR_COUNT: how many there are
 */
enum mmub_nr {
	MMUB_NR_INFO		= 0,
	MMUB_NR_ATTACH		= 1,
	MMUB_NR_DETACH		= 2,
	MMUB_NR_RING_SETUP	= 3,
	MMUB_NR_FILTER_SET	= 4,
	MMUB_NR_STACK		= 5,
	MMUB_NR_GUARD_ADD	= 6,
	MMUB_NR_GUARD_REMOVE	= 7,
	MMUB_NR_SHADOW_ADD	= 8,
	MMUB_NR_SHADOW_REMOVE	= 9,
	MMUB_NR_READ		= 10,
	MMUB_NR_WRITE		= 11,
	MMUB_NR_WINDOW_CREATE	= 12,
	MMUB_NR_STATS		= 13,
	MMUB_NR_SYNCHRONIZE	= 14,
	MMUB_NR_GUARD_SETUP	= 15,
	MMUB_NR_GUARD_EVENT	= 16,
	MMUB_NR_SHADOW_REFRESH	= 17,
	MMUB_NR_COUNT		= 18,
};

/**
 * enum mmub_map - mmap offsets, in bytes, of the mappings of a descriptor
 * @MMUB_MAP_SHIFT: log2 of the room that each mapping has
 * @MMUB_MAP_RING: ring header and records: read-only, MAP_SHARED, and of
 *	exactly &struct mmub_ring_setup.ring_size bytes
 * @MMUB_MAP_CONSUMER: &struct mmub_ring_consumer: read and write, MAP_SHARED,
 *	one page
 * @MMUB_MAP_GUARDS: guard slots, an array of &struct mmub_guard: read-only,
 *	MAP_SHARED, and of exactly &struct mmub_guard_setup.size bytes
 * @MMUB_MAP_SHADOW: shadow state words, behind a &struct mmub_shadow_header:
 *	read-only, MAP_SHARED, at the offset and of the size that SHADOW_ADD
 *	returns
 * @MMUB_MAP_PFNS: shadow PFNs, an array of __aligned_u64: likewise, and only
 *	where the opener has CAP_SYS_ADMIN in the initial user namespace, else
 *	-EPERM
 *
 * The offset of mapping M is (__u64)M << MMUB_MAP_SHIFT; those of shadow I are
 * (__u64)I << MMUB_SHADOW_SHIFT behind it. Mappings outlive
 * DETACH and the descriptor. They are not inherited by fork, cannot grow and
 * are left out of core dumps. Of a subscription on the caller's own mm only
 * that mm can make them once it is attached.
 */
enum mmub_map {
	MMUB_MAP_SHIFT		= 36,
	MMUB_MAP_RING		= 0,
	MMUB_MAP_CONSUMER	= 1,
	MMUB_MAP_GUARDS		= 2,
	MMUB_MAP_SHADOW		= 3,
	MMUB_MAP_PFNS		= 4,
};

/* log2 of the room that the mapping of each shadow has in MMUB_MAP_SHADOW. */
#define MMUB_SHADOW_SHIFT	28

/**
 * enum mmub_feature - bits of &struct mmub_info.features
 * @MMUB_FEATURE_WATCH: ATTACH, DETACH, RING_SETUP, FILTER_SET, STATS
 * @MMUB_FEATURE_SYNCHRONIZE: SYNCHRONIZE
 * @MMUB_FEATURE_FOREIGN: ATTACH to another process's mm;
 *	&struct mmub_info.foreign_reason says why where it is off
 * @MMUB_FEATURE_CAUSE: STACK, and stack_id in records
 * @MMUB_FEATURE_GUARD: GUARD_SETUP, GUARD_ADD, GUARD_REMOVE, GUARD_EVENT
 * @MMUB_FEATURE_SHADOW: SHADOW_ADD, SHADOW_REMOVE, SHADOW_REFRESH
 * @MMUB_FEATURE_ACCESS: READ, WRITE
 * @MMUB_FEATURE_WINDOW: WINDOW_CREATE
 */
enum mmub_feature {
	MMUB_FEATURE_WATCH		= 1 << 0,
	MMUB_FEATURE_SYNCHRONIZE	= 1 << 1,
	MMUB_FEATURE_FOREIGN		= 1 << 2,
	MMUB_FEATURE_CAUSE		= 1 << 3,
	MMUB_FEATURE_GUARD		= 1 << 4,
	MMUB_FEATURE_SHADOW		= 1 << 5,
	MMUB_FEATURE_ACCESS		= 1 << 6,
	MMUB_FEATURE_WINDOW		= 1 << 7,
};

/**
 * enum mmub_foreign - why other processes cannot be attached to
 * @MMUB_FOREIGN_OK: they can
 * @MMUB_FOREIGN_NO_PROC: /proc/self/mem could not be opened when the module
 *	was loaded; load it again where /proc is mounted
 * @MMUB_FOREIGN_UNKNOWN_PROC: this kernel's /proc/PID/mem does not hold the mm
 *	where the module looks for it
 */
enum mmub_foreign {
	MMUB_FOREIGN_OK			= 0,
	MMUB_FOREIGN_NO_PROC		= 1,
	MMUB_FOREIGN_UNKNOWN_PROC	= 2,
};

/**
 * struct mmub_info - argument of MMUB_IOC_INFO
 * @abi_version: out, MMUB_ABI_VERSION of the module
 * @flags: in, zero
 * @features: out, bits of enum mmub_feature
 * @foreign_reason: out, enum mmub_foreign
 * @record_size: out, bytes of a record
 * @page_size: out, bytes of a page
 * @subsystems: out, the module's pool of subsystem keys
 * @subsystems_per_uid: out, how many of them one user may have bound
 * @subscriptions_per_space: out, limit of one subsystem on one mm
 * @subscriptions_per_uid: out, limit of one user
 * @ring_records_min: out, smallest ring, in records
 * @ring_records_max: out, largest ring, in records
 * @filter_ranges: out, ranges that one filter may have
 * @guards_per_subscription: out, most slots that GUARD_SETUP makes, 0 without
 *	MMUB_FEATURE_GUARD
 * @shadow_pages_per_subscription: out, most pages that all shadows of a
 *	subscription have together, 0 without MMUB_FEATURE_SHADOW
 * @module_version: out, NUL-terminated
 * @shadows_per_subscription: out, most shadows that a subscription has, 0 without
 *	MMUB_FEATURE_SHADOW
 */
struct mmub_info {
	__u32 abi_version;
	__u32 flags;
	__aligned_u64 features;
	__u32 foreign_reason;
	__u32 record_size;
	__u32 page_size;
	__u32 subsystems;
	__u32 subsystems_per_uid;
	__u32 subscriptions_per_space;
	__u32 subscriptions_per_uid;
	__u32 ring_records_min;
	__u32 ring_records_max;
	__u32 filter_ranges;
	__u32 guards_per_subscription;
	__u32 shadow_pages_per_subscription;
	char module_version[28];
	__u32 shadows_per_subscription;
};

/**
 * struct mmub_attach - argument of MMUB_IOC_ATTACH
 * @flags: in, zero
 * @mem_fd: in, -1 for the caller's own mm, else a descriptor of
 *	/proc/PID/mem, open for reading: whoever could open it may attach
 * @subsystem: in, the subsystem's name: 1 to 31 of A-Z a-z 0-9 . _ - and then
 *	zeroes. Names are scoped by the user that opened the device.
 * @space_id: out, identifies the (subsystem, mm) pair; equal for subscriptions
 *	that share a notifier, never used again
 * @users: out, subscriptions of that notifier, this one included
 * @shared: out, 1 if the notifier existed, 0 if this call made it
 *
 * mmu_notifier_get_locked() under the mm's mmap_lock. Errors: -EISCONN
 * attached already; -EINVAL @mem_fd is less than -1; -EBADF it is no open
 * descriptor; -EINVAL it is not
 * one of /proc/PID/mem, or the name is malformed; -EACCES it is not open for
 * reading; -EOPNOTSUPP other processes cannot be attached to; -ESRCH it is of
 * a kernel thread or of a process that has exited; -EINTR a signal came first,
 * nothing was done, call again; -EUSERS the user's quota of subsystems or
 * subscriptions is spent; -ENOSPC the module's pool of subsystems is spent;
 * -EMLINK the space has all the subscriptions it may have; -ENOMEM.
 */
struct mmub_attach {
	__u32 flags;
	__s32 mem_fd;
	char subsystem[MMUB_NAME_SIZE];
	__aligned_u64 space_id;
	__u32 users;
	__u32 shared;
};

/**
 * struct mmub_detach - argument of MMUB_IOC_DETACH
 * @flags: in, zero
 * @reserved: in, zero
 *
 * mmu_notifier_put(), at once and once; a second call is -ESHUTDOWN. Every
 * guard is odd for good, and no shadow has an entry. The ring ends with a
 * DETACHED record and stays readable.
 */
struct mmub_detach {
	__u32 flags;
	__u32 reserved;
};

/**
 * enum mmub_ring_flag - bits of &struct mmub_ring_setup.flags
 * @MMUB_RING_CAUSE: save the kernel stack of each event, so that its stack_id
 *	can be given to STACK. Costs the watched process a walk of its stack;
 *	-EOPNOTSUPP without MMUB_FEATURE_CAUSE
 */
enum mmub_ring_flag {
	MMUB_RING_CAUSE		= 1 << 0,
};

/**
 * struct mmub_ring_setup - argument of MMUB_IOC_RING_SETUP
 * @flags: in, bits of enum mmub_ring_flag
 * @records: in, a power of two within the limits of &struct mmub_info
 * @wakeup_events: in, wake a sleeping reader when this many records are
 *	unread; 0 means 1; at most half of @records
 * @reserved: in, zero
 * @ring_size: out, bytes to map at MMUB_MAP_RING
 * @consumer_size: out, bytes to map at MMUB_MAP_CONSUMER
 *
 * Before ATTACH, so that no event can be missed between the two. Three records
 * of the ring are kept for LOST, RELEASE and DETACHED, so that these always
 * find room. Errors: -EISCONN after ATTACH; -EBUSY there is a ring; -ENOMEM;
 * -ENOBUFS RLIMIT_MEMLOCK of the user is spent.
 */
struct mmub_ring_setup {
	__u32 flags;
	__u32 records;
	__u32 wakeup_events;
	__u32 reserved;
	__aligned_u64 ring_size;
	__aligned_u64 consumer_size;
};

/* Records of a ring that ordinary events may not take. */
#define MMUB_RING_RESERVED	3

/**
 * enum mmub_phase - what a record tells of
 * @MMUB_PHASE_START: an invalidate_range_start
 * @MMUB_PHASE_RELEASE: the mm's release: its process exited or executed
 * @MMUB_PHASE_EXEC: never written by the kernel: libraries use it to mark
 *	where a stream goes on with the mm of the next program
 * @MMUB_PHASE_LOST: events lost_from to lost_to found the ring full
 * @MMUB_PHASE_DETACHED: the last record: DETACH was called
 */
enum mmub_phase {
	MMUB_PHASE_START	= 0,
	MMUB_PHASE_RELEASE	= 1,
	MMUB_PHASE_EXEC		= 2,
	MMUB_PHASE_LOST		= 3,
	MMUB_PHASE_DETACHED	= 4,
};

/**
 * enum mmub_type - enum mmu_notifier_event, with numbers that do not move
 * @MMUB_TYPE_UNMAP: MMU_NOTIFY_UNMAP
 * @MMUB_TYPE_CLEAR: MMU_NOTIFY_CLEAR
 * @MMUB_TYPE_PROTECTION_VMA: MMU_NOTIFY_PROTECTION_VMA
 * @MMUB_TYPE_PROTECTION_PAGE: MMU_NOTIFY_PROTECTION_PAGE
 * @MMUB_TYPE_SOFT_DIRTY: MMU_NOTIFY_SOFT_DIRTY
 * @MMUB_TYPE_RELEASE: MMU_NOTIFY_RELEASE
 * @MMUB_TYPE_MIGRATE: MMU_NOTIFY_MIGRATE
 * @MMUB_TYPE_EXCLUSIVE: MMU_NOTIFY_EXCLUSIVE
 * @MMUB_TYPE_OTHER: none, or one that this module does not know
 * @MMUB_TYPE_COUNT: how many there are
 */
enum mmub_type {
	MMUB_TYPE_UNMAP			= 0,
	MMUB_TYPE_CLEAR			= 1,
	MMUB_TYPE_PROTECTION_VMA	= 2,
	MMUB_TYPE_PROTECTION_PAGE	= 3,
	MMUB_TYPE_SOFT_DIRTY		= 4,
	MMUB_TYPE_RELEASE		= 5,
	MMUB_TYPE_MIGRATE		= 6,
	MMUB_TYPE_EXCLUSIVE		= 7,
	MMUB_TYPE_OTHER			= 8,
	MMUB_TYPE_COUNT			= 9,
};

/**
 * enum mmub_entry - what the task that ran the callback was in
 * @MMUB_ENTRY_UNKNOWN: not known
 * @MMUB_ENTRY_SYSCALL: a system call, named by syscall and syscall_arch
 * @MMUB_ENTRY_EXCEPTION: a page fault, another exception, or an interrupt
 * @MMUB_ENTRY_KTHREAD: a kernel thread
 * @MMUB_ENTRY_USER_WORKER: a worker of io_uring, or from 6.4 on of vhost
 * @MMUB_ENTRY_EXIT: its own exit; no system call is named, since a killed
 *	task's registers still show its last one
 *
 * RELEASE is run by whoever drops the last reference to the mm: mostly the task
 * that exits or executes, but it may be one that looked at it, or a kworker.
 *
 * What was in progress, not the cause: work that runs on the way back to user
 * space (NUMA hinting) still shows the system call it follows.
 */
enum mmub_entry {
	MMUB_ENTRY_UNKNOWN	= 0,
	MMUB_ENTRY_SYSCALL	= 1,
	MMUB_ENTRY_EXCEPTION	= 2,
	MMUB_ENTRY_KTHREAD	= 3,
	MMUB_ENTRY_USER_WORKER	= 4,
	MMUB_ENTRY_EXIT		= 5,
};

/**
 * enum mmub_record_flag - bits of &struct mmub_record.flags
 * @MMUB_RECORD_BLOCKABLE: mmu_notifier_range_blockable()
 * @MMUB_RECORD_FOREIGN: the task is not visible in the pid namespace of the
 *	task that attached: pid and tid are 0, comm is empty
 */
enum mmub_record_flag {
	MMUB_RECORD_BLOCKABLE	= 1 << 0,
	MMUB_RECORD_FOREIGN	= 1 << 1,
};

/**
 * struct mmub_record - one record of the ring, 128 bytes
 * @seq: numbers the callbacks (start, release) of the space from 1; a gap in
 *	@seq alone is the filter's doing; of LOST: the last lost event's
 * @n: numbers the matching events of this subscription from 1, lost ones
 *	included; of LOST and DETACHED: the last event's
 * @start: first byte of the range; 0 for LOST, DETACHED
 * @end: first byte after it; of RELEASE: the largest __u64
 * @time_ns: CLOCK_MONOTONIC of the host, taken in the callback
 * @phase: enum mmub_phase
 * @type: enum mmub_type; of RELEASE: MMUB_TYPE_RELEASE; of LOST and DETACHED:
 *	MMUB_TYPE_OTHER
 * @flags: enum mmub_record_flag
 * @entry: enum mmub_entry
 * @pid: thread group of the task that ran the callback, in the pid namespace
 *	of the task that attached
 * @tid: that task, likewise
 * @syscall_nr: the system call in progress, -1 if none
 * @syscall_arch: its AUDIT_ARCH_*, 0 if none
 * @stack_id: the kernel stack of the callback, for STACK; 0 without
 *	MMUB_RING_CAUSE, and where the module's table of stacks was full
 * @shadowed: pages of the range of which this subscription's shadows had an
 *	entry, which the event has dropped; what really became of them is told
 *	by the next SHADOW_REFRESH
 * @lost_from: of LOST: the first lost event's @n, else 0
 * @lost_to: of LOST: the last lost event's @n, else 0
 * @comm: the task's name, NUL-terminated
 * @reserved: zero
 */
struct mmub_record {
	__aligned_u64 seq;
	__aligned_u64 n;
	__aligned_u64 start;
	__aligned_u64 end;
	__aligned_u64 time_ns;
	__u32 phase;
	__u32 type;
	__u32 flags;
	__u32 entry;
	__s32 pid;
	__s32 tid;
	__s32 syscall_nr;
	__u32 syscall_arch;
	__u32 stack_id;
	__u32 shadowed;
	__aligned_u64 lost_from;
	__aligned_u64 lost_to;
	char comm[MMUB_COMM_SIZE];
	__aligned_u64 reserved[2];
};

/**
 * enum mmub_ring_state - bits of &struct mmub_ring_header.state
 * @MMUB_RING_RELEASED: the mm's release has run; nothing but DETACHED follows,
 *	and active is 0 for good
 * @MMUB_RING_DETACHED: the subscription is gone; nothing follows
 */
enum mmub_ring_state {
	MMUB_RING_RELEASED	= 1 << 0,
	MMUB_RING_DETACHED	= 1 << 1,
};

/**
 * struct mmub_ring_header - the first page of the ring mapping, read-only
 * @abi_version: MMUB_ABI_VERSION
 * @record_size: bytes of a record
 * @records: how many the ring has, a power of two
 * @data_offset: of record 0, in bytes from the start of the mapping
 * @reserved0: zero; keeps what is written on a cache line of its own
 * @head: records written so far, modulo 2^32: load it with acquire semantics;
 *	records tail to head - 1 may be read
 * @state: bits of enum mmub_ring_state: load it with acquire semantics, and
 *	@head after it, to see all records that came before
 * @n: matching events so far, lost ones included
 * @lost: of these, how many found the ring full
 * @seq: callbacks of the space so far
 * @completed_seq: every invalidation with a seq up to this one has ended
 * @active: invalidations of the space that have started and not ended
 * @reserved1: zero
 *
 * All but @head are a snapshot of the last record or callback that concerned
 * this subscription's ring; each is written whole by 64-bit user space's
 * measure, all together are not atomic. STATS has a consistent copy.
 *
 * Record I of the stream is at data_offset + (I & (records - 1)) * record_size.
 * The reader loads @head with acquire semantics, reads records, then stores
 * &struct mmub_ring_consumer.tail with release semantics. The kernel never
 * overwrites a record at or after the tail.
 */
struct mmub_ring_header {
	__u32 abi_version;
	__u32 record_size;
	__u32 records;
	__u32 data_offset;
	__u32 reserved0[12];
	__u32 head;
	__u32 state;
	__aligned_u64 n;
	__aligned_u64 lost;
	__aligned_u64 seq;
	__aligned_u64 completed_seq;
	__aligned_u64 active;
	__aligned_u64 reserved1[2];
};

/**
 * struct mmub_ring_consumer - the consumer page, written by user space
 * @tail: records read so far, modulo 2^32. The kernel believes nothing of it:
 *	one that is not within the ring's size behind head counts as full.
 * @reserved: zero
 * @lost_seen: the &struct mmub_ring_header.lost that the reader knows of;
 *	poll reports POLLPRI while the two differ
 */
struct mmub_ring_consumer {
	__u32 tail;
	__u32 reserved;
	__aligned_u64 lost_seen;
};

/**
 * struct mmub_range - an address range
 * @start: first byte
 * @end: first byte after it, greater than @start
 */
struct mmub_range {
	__aligned_u64 start;
	__aligned_u64 end;
};

/**
 * struct mmub_filter - argument of MMUB_IOC_FILTER_SET
 * @flags: in, zero
 * @nr_ranges: in, at most &struct mmub_info.filter_ranges
 * @types: in, bits 1 << enum mmub_type, at least one
 * @ranges: in, user address of @nr_ranges &struct mmub_range
 *
 * A start matches if its type is in @types and @nr_ranges is 0 or its range
 * overlaps one of @ranges. RELEASE, LOST and DETACHED always match. Takes
 * effect between two events, before or after ATTACH; without it all match.
 */
struct mmub_filter {
	__u32 flags;
	__u32 nr_ranges;
	__aligned_u64 types;
	__aligned_u64 ranges;
};

/**
 * enum mmub_cause - why an invalidation came about
 * @MMUB_CAUSE_UNKNOWN: the stack is none of those below
 * @MMUB_CAUSE_MUNMAP: munmap(2), or the kernel unmaps what it mapped for the
 *	process, such as a ring of io_setup(2)
 * @MMUB_CAUSE_MMAP: mmap(2) or shmat(2) over what was mapped, or a mapping that
 *	failed
 * @MMUB_CAUSE_BRK: brk(2) that shrinks the heap
 * @MMUB_CAUSE_MREMAP: mremap(2)
 * @MMUB_CAUSE_SHMDT: shmdt(2)
 * @MMUB_CAUSE_MPROTECT: mprotect(2), pkey_mprotect(2)
 * @MMUB_CAUSE_MADV_DONTNEED: MADV_DONTNEED, MADV_DONTNEED_LOCKED
 * @MMUB_CAUSE_MADV_FREE: MADV_FREE
 * @MMUB_CAUSE_MADV_PAGEOUT: MADV_PAGEOUT
 * @MMUB_CAUSE_MADV_COLLAPSE: MADV_COLLAPSE
 * @MMUB_CAUSE_MADV_REMOVE: MADV_REMOVE
 * @MMUB_CAUSE_MADV_GUARD: MADV_GUARD_INSTALL
 * @MMUB_CAUSE_FORK: the write-protection of what fork(2) shares
 * @MMUB_CAUSE_COW: a write to a page that is shared copy-on-write, by the
 *	process itself or through /proc/PID/mem, ptrace, process_vm_writev(2)
 * @MMUB_CAUSE_KHUGEPAGED: khugepaged has made a huge page
 * @MMUB_CAUSE_THP_SPLIT: a huge page, or its mapping, was split, for whatever
 *	the system call in progress wanted
 * @MMUB_CAUSE_KSM_MERGE: ksmd has merged equal pages
 * @MMUB_CAUSE_KSM_UNMERGE: merged pages were separated again
 * @MMUB_CAUSE_MOVE_PAGES: migration by move_pages(2)
 * @MMUB_CAUSE_MBIND: migration by mbind(2)
 * @MMUB_CAUSE_MIGRATE_PAGES: migration by migrate_pages(2)
 * @MMUB_CAUSE_CPUSET: migration since a cpuset was changed
 * @MMUB_CAUSE_HOTPLUG: migration off memory that goes offline
 * @MMUB_CAUSE_CONTIG: migration to make room for a large allocation (CMA,
 *	gigantic pages)
 * @MMUB_CAUSE_LONGTERM_PIN: migration before a long-term pin
 * @MMUB_CAUSE_DEMOTION: migration to slower memory, instead of reclaim
 * @MMUB_CAUSE_COMPACTION: migration by compaction, of whichever task
 * @MMUB_CAUSE_NUMA_HINTING: NUMA balancing took access away to see who comes
 * @MMUB_CAUSE_NUMA_MIGRATION: migration by NUMA balancing
 * @MMUB_CAUSE_RECLAIM: reclaim by kswapd
 * @MMUB_CAUSE_RECLAIM_DIRECT: reclaim by a task that allocates, or of a memory
 *	cgroup
 * @MMUB_CAUSE_TRUNCATE: a file was made shorter
 * @MMUB_CAUSE_HOLE_PUNCH: fallocate(2) punched a hole, or zeroed, collapsed or
 *	inserted a range
 * @MMUB_CAUSE_FILE_INVALIDATE: a file's cached pages were dropped (direct I/O,
 *	a network file system)
 * @MMUB_CAUSE_WRITEBACK: a shared file's pages were write-protected as they
 *	were written back
 * @MMUB_CAUSE_CLEAR_REFS: a write to /proc/PID/clear_refs
 * @MMUB_CAUSE_PAGEMAP_SCAN: the ioctl PAGEMAP_SCAN
 * @MMUB_CAUSE_USERFAULTFD: userfaultfd write-protected or moved pages
 * @MMUB_CAUSE_UPROBE: a uprobe was put into, or taken out of, the text
 * @MMUB_CAUSE_MEMORY_FAILURE: a page was taken out of use: an error of the
 *	hardware, or MADV_HWPOISON, MADV_SOFT_OFFLINE
 * @MMUB_CAUSE_DEVICE_MIGRATION: migration to or from a device's memory
 * @MMUB_CAUSE_DEVICE_EXCLUSIVE: a device asked for exclusive access
 * @MMUB_CAUSE_EXEC: the process executed another program
 * @MMUB_CAUSE_EXIT: the process exited
 * @MMUB_CAUSE_LAST_REFERENCE: the process had exited or executed before, and
 *	who still looked at its memory has let go
 * @MMUB_CAUSE_OOM_REAPER: the OOM reaper
 * @MMUB_CAUSE_PROCESS_MRELEASE: process_mrelease(2)
 * @MMUB_CAUSE_COUNT: how many there are
 *
 * Read off the kernel stack, by the functions on it; what no rule knows is
 * unknown, never guessed. Numbers do not move; later versions add some.
 */
enum mmub_cause {
	MMUB_CAUSE_UNKNOWN		= 0,
	MMUB_CAUSE_MUNMAP		= 1,
	MMUB_CAUSE_MMAP			= 2,
	MMUB_CAUSE_BRK			= 3,
	MMUB_CAUSE_MREMAP		= 4,
	MMUB_CAUSE_SHMDT		= 5,
	MMUB_CAUSE_MPROTECT		= 6,
	MMUB_CAUSE_MADV_DONTNEED	= 7,
	MMUB_CAUSE_MADV_FREE		= 8,
	MMUB_CAUSE_MADV_PAGEOUT		= 9,
	MMUB_CAUSE_MADV_COLLAPSE	= 10,
	MMUB_CAUSE_MADV_REMOVE		= 11,
	MMUB_CAUSE_MADV_GUARD		= 12,
	MMUB_CAUSE_FORK			= 13,
	MMUB_CAUSE_COW			= 14,
	MMUB_CAUSE_KHUGEPAGED		= 15,
	MMUB_CAUSE_THP_SPLIT		= 16,
	MMUB_CAUSE_KSM_MERGE		= 17,
	MMUB_CAUSE_KSM_UNMERGE		= 18,
	MMUB_CAUSE_MOVE_PAGES		= 19,
	MMUB_CAUSE_MBIND		= 20,
	MMUB_CAUSE_MIGRATE_PAGES	= 21,
	MMUB_CAUSE_CPUSET		= 22,
	MMUB_CAUSE_HOTPLUG		= 23,
	MMUB_CAUSE_CONTIG		= 24,
	MMUB_CAUSE_LONGTERM_PIN		= 25,
	MMUB_CAUSE_DEMOTION		= 26,
	MMUB_CAUSE_COMPACTION		= 27,
	MMUB_CAUSE_NUMA_HINTING		= 28,
	MMUB_CAUSE_NUMA_MIGRATION	= 29,
	MMUB_CAUSE_RECLAIM		= 30,
	MMUB_CAUSE_RECLAIM_DIRECT	= 31,
	MMUB_CAUSE_TRUNCATE		= 32,
	MMUB_CAUSE_HOLE_PUNCH		= 33,
	MMUB_CAUSE_FILE_INVALIDATE	= 34,
	MMUB_CAUSE_WRITEBACK		= 35,
	MMUB_CAUSE_CLEAR_REFS		= 36,
	MMUB_CAUSE_PAGEMAP_SCAN		= 37,
	MMUB_CAUSE_USERFAULTFD		= 38,
	MMUB_CAUSE_UPROBE		= 39,
	MMUB_CAUSE_MEMORY_FAILURE	= 40,
	MMUB_CAUSE_DEVICE_MIGRATION	= 41,
	MMUB_CAUSE_DEVICE_EXCLUSIVE	= 42,
	MMUB_CAUSE_EXEC			= 43,
	MMUB_CAUSE_EXIT			= 44,
	MMUB_CAUSE_LAST_REFERENCE	= 45,
	MMUB_CAUSE_OOM_REAPER		= 46,
	MMUB_CAUSE_PROCESS_MRELEASE	= 47,
	MMUB_CAUSE_COUNT		= 48,
};

/**
 * struct mmub_stack - argument of MMUB_IOC_STACK
 * @flags: in, zero
 * @stack_id: in, of a record of whichever subscription
 * @cause: out, enum mmub_cause
 * @text_size: in, bytes at @text; out, bytes of the whole text with its NUL, 0
 *	without @text
 * @text: in, user address for the frames as text, one a line, the callback
 *	first; 0 for none. Cut where @text_size is too small, always terminated
 *
 * Works on any open descriptor. Ids stay valid until the module is unloaded.
 * Errors: -ENOENT no such stack; -EINVAL one of @text and @text_size is 0 and
 * the other is not; -EPERM @text, and the opener had no CAP_SYS_ADMIN in the
 * initial user namespace; -ENOMEM.
 */
struct mmub_stack {
	__u32 flags;
	__u32 stack_id;
	__u32 cause;
	__u32 text_size;
	__aligned_u64 text;
};

/**
 * struct mmub_guard - one slot of the guards mapping
 * @word: even: the range is what it was since the word became this; odd: it is
 *	not, or is being changed. Load it with acquire semantics, and whole: a
 *	64-bit load. It never decreases, also where the slot is used again, and
 *	is never 0
 * @event_seq: seq of the event that last made @word odd, 0 where that was none:
 *	in flight as the guard was added, removed, detached. Load it after @word
 *
 * A user reads an even @word, then makes what he wants to keep (a copy, a
 * registration), and before each use compares @word with what he read. If a call
 * that takes away or changes any page of the range has returned before the
 * comparison, the two differ; whichever thread, process or kernel thread has
 * made it.
 *
 *   GUARD_ADD, nothing in flight in the space    the next even
 *   GUARD_ADD, something in flight               odd; wait for even
 *   start of an invalidation that overlaps       odd, before the start returns
 *   another one, while odd                       stays; @event_seq stays
 *   nothing in flight in the space any more      the next even
 *   GUARD_REMOVE                                 odd; where the slot is used
 *                                                again, it goes on from there
 *   DETACH, the mm's release                     odd for good, with the bit
 *                                                MMUB_GUARD_ENDED
 *
 * Pages that come, and permissions that are given, are no events; so a range may
 * be guarded where nothing is mapped yet.
 */
struct mmub_guard {
	__aligned_u64 word;
	__aligned_u64 event_seq;
};

/* Of a &struct mmub_guard.word: it is odd, and no even one comes after it. */
#define MMUB_GUARD_ENDED	0x8000000000000000ULL

/**
 * struct mmub_guard_setup - argument of MMUB_IOC_GUARD_SETUP
 * @flags: in, zero
 * @slots: in, guards that the subscription may have at a time, from 1 to
 *	&struct mmub_info.guards_per_subscription
 * @size: out, bytes to map at MMUB_MAP_GUARDS
 *
 * Before or after ATTACH. All that guards need is allocated here: about 270
 * bytes each, charged to the memory cgroup and to RLIMIT_MEMLOCK. Errors: -EBUSY
 * there is a table; -ENOMEM; -ENOBUFS RLIMIT_MEMLOCK of the user is spent.
 */
struct mmub_guard_setup {
	__u32 flags;
	__u32 slots;
	__aligned_u64 size;
};

/**
 * enum mmub_guard_flag - bits of &struct mmub_guard_add.flags
 * @MMUB_GUARD_CAUSE: save the kernel stack of what makes the guard stale, so
 *	that the record of GUARD_EVENT has a stack_id for STACK; at the cost
 *	of MMUB_RING_CAUSE, which does it for the subscription's guards too
 */
enum mmub_guard_flag {
	MMUB_GUARD_CAUSE	= 1 << 0,
};

/**
 * struct mmub_guard_add - argument of MMUB_IOC_GUARD_ADD
 * @flags: in, bits of enum mmub_guard_flag
 * @slot: out, index into the guards mapping
 * @start: in, first byte of the range
 * @end: in, first byte after it
 * @ignore: in, bits 1 << enum mmub_type of events that leave the guard valid;
 *	not MMUB_TYPE_RELEASE
 *
 * A range of any alignment: all pages that it touches are guarded. Events of
 * an ignored type are no reason to become odd, nor named. Takes as long with
 * many guards as with few. Errors: -EINVAL also where @start is not less than
 * @end, or @end is beyond the address space of the mm; -ENXIO no GUARD_SETUP;
 * -EOPNOTSUPP MMUB_GUARD_CAUSE without MMUB_FEATURE_CAUSE; -ENOSPC every slot is
 * in use; -EMLINK the space has all the guards it may have (the module's
 * parameter guards_per_space); -ESRCH the mm's release has run.
 */
struct mmub_guard_add {
	__u32 flags;
	__u32 slot;
	__aligned_u64 start;
	__aligned_u64 end;
	__aligned_u64 ignore;
};

/**
 * struct mmub_guard_remove - argument of MMUB_IOC_GUARD_REMOVE
 * @flags: in, zero
 * @slot: in, of GUARD_ADD
 *
 * The word is odd when the call returns, and the slot free. Errors: -ENXIO no
 * GUARD_SETUP; -ENOENT no guard is in that slot.
 */
struct mmub_guard_remove {
	__u32 flags;
	__u32 slot;
};

/**
 * struct mmub_guard_event - argument of MMUB_IOC_GUARD_EVENT
 * @flags: in, zero
 * @slot: in, of GUARD_ADD
 * @word: out, the guard's word
 * @record: out, the event that last made it odd, with @n 0
 *
 * Kept by the module until another event takes its place or the guard is
 * removed, whether or not there is a ring, what its filter wants, and what it
 * has lost. If @word is at most 2 above the even word that the user had, the
 * event is the one that ended it, else a later one. Also after DETACH. Errors:
 * -ENXIO no GUARD_SETUP; -ENOENT no guard is in that slot; -ENODATA no event has
 * made it odd.
 */
struct mmub_guard_event {
	__u32 flags;
	__u32 slot;
	__aligned_u64 word;
	struct mmub_record record;
};

/**
 * enum mmub_shadow_mode - &struct mmub_shadow_add.mode
 * @MMUB_SHADOW_SNAPSHOT: what is present; faults nothing in
 * @MMUB_SHADOW_READ: faults pages in for reading
 * @MMUB_SHADOW_WRITE: faults pages in for writing
 *
 * Pages that cannot be faulted in so (nothing is mapped, or not for that, or there
 * is no memory for it) are taken as they are found, as with SNAPSHOT.
 */
enum mmub_shadow_mode {
	MMUB_SHADOW_SNAPSHOT	= 0,
	MMUB_SHADOW_READ	= 1,
	MMUB_SHADOW_WRITE	= 2,
};

/**
 * enum mmub_shadow_state - the bits of a shadow's state word
 * @MMUB_SHADOW_PRESENT: there is an entry, unless the word of its chunk says
 *	that it has been dropped: see below
 * @MMUB_SHADOW_WRITABLE: the CPU may write to the page without a fault
 * @MMUB_SHADOW_HUGE: the CPU maps it as part of 2 MiB or more
 * @MMUB_SHADOW_ACCESSED: it was read by READ, or written by WRITE
 * @MMUB_SHADOW_DIRTY: it was written by WRITE
 * @MMUB_SHADOW_DROPPED: there was an entry, of which the other bits tell, and
 *	no SHADOW_REFRESH, READ or WRITE has looked since
 * @MMUB_SHADOW_GENERATION: log2 of 1 generation: the bits from here on
 *
 * ACCESSED and DIRTY speak of accesses through the shadow alone: the bits that
 * the CPU sets in its own page tables are not visible to a module.
 *
 * There is a state word for each page, and a chunk word for each 2 MiB of
 * address space that the range touches. An entry is present if its state word
 * has PRESENT, and a generation greater than its chunk's word. So an event drops
 * a whole chunk by one store. Both kinds only ever grow but for the lower bits
 * of the state word; an entry that is dropped and comes back has a new
 * generation, whatever page it has. To look one up:
 *
 *	1. load the state word, acquire; not PRESENT: there is none
 *	2. load the PFN, if it is mapped
 *	3. an acquire fence
 *	4. load the chunk word, acquire, and then the state word; there is an entry
 *	   if the state word is that of 1 but for ACCESSED and DIRTY, and its
 *	   generation greater than the chunk word
 *
 * What has been found is what the CPU's page table had at some time between 1 and
 * 4, or an invalidation of it was in flight that had not reached the module. Do 3
 * and 4 again after the last use of the PFN to know that it was so all the time.
 */
enum mmub_shadow_state {
	MMUB_SHADOW_PRESENT	= 1 << 0,
	MMUB_SHADOW_WRITABLE	= 1 << 1,
	MMUB_SHADOW_HUGE	= 1 << 2,
	MMUB_SHADOW_ACCESSED	= 1 << 3,
	MMUB_SHADOW_DIRTY	= 1 << 4,
	MMUB_SHADOW_DROPPED	= 1 << 5,
	MMUB_SHADOW_GENERATION	= 8,
};

/* log2 of the bytes of a chunk; chunks are aligned to as much. */
#define MMUB_SHADOW_CHUNK_SHIFT	21

/**
 * enum mmub_shadow_end - bits of &struct mmub_shadow_header.end_state
 * @MMUB_SHADOW_RELEASED: the mm's release has run
 * @MMUB_SHADOW_REMOVED: SHADOW_REMOVE or DETACH was called
 */
enum mmub_shadow_end {
	MMUB_SHADOW_RELEASED	= 1 << 0,
	MMUB_SHADOW_REMOVED	= 1 << 1,
};

/**
 * struct mmub_shadow_header - the first page of the state mapping, read-only
 * @start: of SHADOW_ADD
 * @end: of SHADOW_ADD
 * @mode: of SHADOW_ADD
 * @end_state: bits of enum mmub_shadow_end; if any is set there is no entry any
 *	more, nor will there be
 * @chunks_offset: of the chunk words, in bytes from the start of the mapping:
 *	an array of __aligned_u64, the one of the chunk of @start first
 * @states_offset: of the state words: an array of __aligned_u64, the one of the
 *	page at @start first
 * @present: entries that there are
 * @event_seq: seq of the last event that dropped one
 * @dropped: entries dropped so far; what was found where they had been:
 * @same: of these, the same page with the same permission
 * @moved: another page
 * @reprotected: the same page, which is writable now and was not, or the
 *	reverse
 * @gone: none
 * @upgraded: entries not dropped whose page was found to have become writable,
 *	which is no event
 * @mismatched: entries not dropped, and yet something else was found: 0, or the
 *	kernel has not notified, or the module is wrong
 * @reserved: zero
 *
 * Counts since SHADOW_ADD; each is written whole, all together are not atomic.
 */
struct mmub_shadow_header {
	__aligned_u64 start;
	__aligned_u64 end;
	__u32 mode;
	__u32 end_state;
	__aligned_u64 chunks_offset;
	__aligned_u64 states_offset;
	__aligned_u64 present;
	__aligned_u64 event_seq;
	__aligned_u64 dropped;
	__aligned_u64 same;
	__aligned_u64 moved;
	__aligned_u64 reprotected;
	__aligned_u64 gone;
	__aligned_u64 upgraded;
	__aligned_u64 mismatched;
	__aligned_u64 reserved[2];
};

/**
 * struct mmub_shadow_add - argument of MMUB_IOC_SHADOW_ADD
 * @flags: in, zero
 * @mode: in, enum mmub_shadow_mode: how SHADOW_REFRESH, READ and WRITE come by
 *	pages
 * @start: in, page-aligned
 * @end: in, page-aligned, greater than @start
 * @shadow_id: out, the number of the shadow; used again once it is removed
 * @reserved: in, zero
 * @state_offset: out, mmap offset of header and state words
 * @pfn_offset: out, mmap offset of the PFNs
 * @state_size: out, bytes to map at @state_offset
 * @pfn_size: out, bytes to map at @pfn_offset
 *
 * There are no entries at first; nothing need be mapped in the range. All that
 * the shadow needs is allocated here: about 17 bytes a page, charged to the
 * memory cgroup and to RLIMIT_MEMLOCK until the shadow is removed and unmapped.
 * Errors: -EINVAL also where @end is beyond the address space of the mm;
 * -EACCES MMUB_SHADOW_WRITE, and &struct mmub_attach.mem_fd was not open for
 * writing; -EEXIST the subscription has a shadow that overlaps; -ENOSPC it has
 * all the shadows or all the pages it may have (the module's parameters
 * shadows_per_subscription, shadow_pages_per_subscription); -EMLINK the space
 * has (shadow_pages_per_space); -ESRCH the mm's release has run; -EINTR a signal
 * came first, nothing was done, call again; -ENOMEM; -ENOBUFS RLIMIT_MEMLOCK of
 * the user is spent.
 */
struct mmub_shadow_add {
	__u32 flags;
	__u32 mode;
	__aligned_u64 start;
	__aligned_u64 end;
	__u32 shadow_id;
	__u32 reserved;
	__aligned_u64 state_offset;
	__aligned_u64 pfn_offset;
	__aligned_u64 state_size;
	__aligned_u64 pfn_size;
};

/**
 * struct mmub_shadow_remove - argument of MMUB_IOC_SHADOW_REMOVE
 * @flags: in, zero
 * @shadow_id: in, of SHADOW_ADD
 *
 * There is no entry any more when the call returns; what is mapped stays
 * readable. Errors: -ENOENT no such shadow.
 */
struct mmub_shadow_remove {
	__u32 flags;
	__u32 shadow_id;
};

/**
 * enum mmub_shadow_refresh_flag - bits of &struct mmub_shadow_refresh.flags
 * @MMUB_SHADOW_NOWAIT: leave pages alone, as busy, where an invalidation is in
 *	flight, or it or another SHADOW_REFRESH comes in between, instead of
 *	waiting for its end and looking again
 */
enum mmub_shadow_refresh_flag {
	MMUB_SHADOW_NOWAIT	= 1 << 0,
};

/**
 * struct mmub_shadow_refresh - argument of MMUB_IOC_SHADOW_REFRESH
 * @flags: in, bits of enum mmub_shadow_refresh_flag
 * @shadow_id: in, of SHADOW_ADD
 * @start: in, page-aligned, within the shadow
 * @end: in, page-aligned, within the shadow, greater than @start
 * @present: out, pages that have an entry now
 * @writable: out, of these, writable ones
 * @huge: out, of these, mapped as 2 MiB or more
 * @added: out, of these, pages of which nothing was known
 * @same: out, of the entries dropped since they were last looked at: see &struct
 *	mmub_shadow_header
 * @moved: out, likewise
 * @reprotected: out, likewise
 * @gone: out, likewise
 * @upgraded: out, of the entries not dropped: see &struct mmub_shadow_header
 * @mismatched: out, likewise
 * @busy: out, with MMUB_SHADOW_NOWAIT: pages left alone
 *
 * Looks at the CPU's page tables by hmm_range_fault(), 2 MiB at a time, and has
 * entries for what it finds, unless an invalidation that overlaps has come in
 * between: then it looks again. Entries that are as they were stay untouched.
 * Memory that is no memory of the kernel's (VM_IO, VM_PFNMAP), and secret memory,
 * has none.
 *
 * An invalidation that is in flight is waited for; a fatal signal, SHADOW_REMOVE
 * and DETACH end that. Errors: -ENOENT no such shadow, or it is removed
 * meanwhile; -ESHUTDOWN DETACH has been called, also meanwhile; -ESRCH the mm's
 * release has run; -ENOMEM.
 */
struct mmub_shadow_refresh {
	__u32 flags;
	__u32 shadow_id;
	__aligned_u64 start;
	__aligned_u64 end;
	__aligned_u64 present;
	__aligned_u64 writable;
	__aligned_u64 huge;
	__aligned_u64 added;
	__aligned_u64 same;
	__aligned_u64 moved;
	__aligned_u64 reprotected;
	__aligned_u64 gone;
	__aligned_u64 upgraded;
	__aligned_u64 mismatched;
	__aligned_u64 busy;
};

/**
 * struct mmub_access - argument of MMUB_IOC_READ and MMUB_IOC_WRITE
 * @flags: in, zero
 * @reserved: in, zero
 * @addr: in, address in the shadowed mm
 * @size: in, bytes; out, bytes done
 * @buffer: in, user address of the caller's buffer
 *
 * As a device would do it: through the entry of each page, which is brought up
 * to date by the shadow's mode where there is none that will do. The page is not
 * pinned: what invalidates it waits for the copy of what is on that page, and
 * each page is done as a whole. Ends at the end of the shadow, and where a later
 * page cannot be had: then @size is less than asked for. Errors, with nothing
 * done: -ENXIO no shadow has @addr; -ENODATA there is no page, and the mode does
 * not fault one in, or cannot, be it for want of memory; -EACCES WRITE: likewise
 * where the page is not writable, or &struct mmub_attach.mem_fd was not open for
 * writing; -ESHUTDOWN, -ENOENT, -ESRCH, -ENOMEM as SHADOW_REFRESH.
 */
struct mmub_access {
	__u32 flags;
	__u32 reserved;
	__aligned_u64 addr;
	__aligned_u64 size;
	__aligned_u64 buffer;
};

/**
 * enum mmub_window_flag - bits of &struct mmub_window_create.flags
 * @MMUB_WINDOW_WRITE: the window may be mapped for writing; mem_fd must be
 *	open for writing
 */
enum mmub_window_flag {
	MMUB_WINDOW_WRITE	= 1 << 0,
};

/**
 * struct mmub_window_create - argument of MMUB_IOC_WINDOW_CREATE
 * @flags: in, bits of enum mmub_window_flag
 * @mem_fd: in, a descriptor of /proc/PID/mem, or -1 for the caller's own mm
 * @start: in, page-aligned address in that mm
 * @end: in, page-aligned
 * @fd: out, a descriptor that can be mapped once, at offset 0
 * @reserved: in, zero
 */
struct mmub_window_create {
	__u32 flags;
	__s32 mem_fd;
	__aligned_u64 start;
	__aligned_u64 end;
	__s32 fd;
	__u32 reserved;
};

/**
 * struct mmub_stats - argument of MMUB_IOC_STATS
 * @flags: in, zero
 * @attached: out, 1 if the space's and subscription's counters are filled in
 * @gets: out, module: successful mmu_notifier_get_locked()
 * @puts: out, module: mmu_notifier_put()
 * @allocations: out, module: alloc_notifier()
 * @frees: out, module: free_notifier()
 * @live_spaces: out, module: allocated and not yet freed
 * @invalidations: out, module: invalidate_range_start callbacks
 * @nonblockable: out, module: of these, not blockable
 * @releases: out, module: release callbacks
 * @records: out, module: records written to rings, LOST and DETACHED included
 * @lost: out, module: events that found a ring full
 * @space_id: out, of ATTACH
 * @space_users: out, subscriptions of the space
 * @space_invalidations: out, invalidate_range_start callbacks
 * @space_nonblockable: out, of these, not blockable
 * @space_seq: out, callbacks so far
 * @space_completed_seq: out, see &struct mmub_ring_header
 * @space_active: out, see &struct mmub_ring_header
 * @sub_n: out, matching events of this subscription, lost ones included
 * @sub_records: out, records written to its ring, LOST included
 * @sub_lost: out, events that found it full
 *
 * The counters of the module are summed over CPUs: exact when nothing runs.
 * Those of space and subscription are consistent with each other, but for
 * @space_users. Needs no subscription.
 */
struct mmub_stats {
	__u32 flags;
	__u32 attached;
	__aligned_u64 gets;
	__aligned_u64 puts;
	__aligned_u64 allocations;
	__aligned_u64 frees;
	__aligned_u64 live_spaces;
	__aligned_u64 invalidations;
	__aligned_u64 nonblockable;
	__aligned_u64 releases;
	__aligned_u64 records;
	__aligned_u64 lost;
	__aligned_u64 space_id;
	__aligned_u64 space_users;
	__aligned_u64 space_invalidations;
	__aligned_u64 space_nonblockable;
	__aligned_u64 space_seq;
	__aligned_u64 space_completed_seq;
	__aligned_u64 space_active;
	__aligned_u64 sub_n;
	__aligned_u64 sub_records;
	__aligned_u64 sub_lost;
};

/**
 * struct mmub_synchronize - argument of MMUB_IOC_SYNCHRONIZE
 * @flags: in, zero
 * @reserved: in, zero
 * @timeout_ns: in, 0 for none
 *
 * mmu_notifier_synchronize(), and then a wait until every space of the module
 * whose last put came before the call has been through free_notifier. Errors:
 * -ETIMEDOUT; -EINTR a fatal signal came. Neither ends the first part, which
 * waits for callbacks that are running. Works on any open descriptor.
 */
struct mmub_synchronize {
	__u32 flags;
	__u32 reserved;
	__aligned_u64 timeout_ns;
};

#define MMUB_IOW(nr, arg)	_IOW(MMUB_IOC_MAGIC, MMUB_NR_##nr, struct arg)
#define MMUB_IOWR(nr, arg)	_IOWR(MMUB_IOC_MAGIC, MMUB_NR_##nr, struct arg)

#define MMUB_IOC_INFO		MMUB_IOWR(INFO, mmub_info)
#define MMUB_IOC_ATTACH		MMUB_IOWR(ATTACH, mmub_attach)
#define MMUB_IOC_DETACH		MMUB_IOW(DETACH, mmub_detach)
#define MMUB_IOC_RING_SETUP	MMUB_IOWR(RING_SETUP, mmub_ring_setup)
#define MMUB_IOC_FILTER_SET	MMUB_IOW(FILTER_SET, mmub_filter)
#define MMUB_IOC_STACK		MMUB_IOWR(STACK, mmub_stack)
#define MMUB_IOC_GUARD_ADD	MMUB_IOWR(GUARD_ADD, mmub_guard_add)
#define MMUB_IOC_GUARD_REMOVE	MMUB_IOW(GUARD_REMOVE, mmub_guard_remove)
#define MMUB_IOC_SHADOW_ADD	MMUB_IOWR(SHADOW_ADD, mmub_shadow_add)
#define MMUB_IOC_SHADOW_REMOVE	MMUB_IOW(SHADOW_REMOVE, mmub_shadow_remove)
#define MMUB_IOC_READ		MMUB_IOWR(READ, mmub_access)
#define MMUB_IOC_WRITE		MMUB_IOWR(WRITE, mmub_access)
#define MMUB_IOC_WINDOW_CREATE	MMUB_IOWR(WINDOW_CREATE, mmub_window_create)
#define MMUB_IOC_STATS		MMUB_IOWR(STATS, mmub_stats)
#define MMUB_IOC_SYNCHRONIZE	MMUB_IOW(SYNCHRONIZE, mmub_synchronize)
#define MMUB_IOC_GUARD_SETUP	MMUB_IOWR(GUARD_SETUP, mmub_guard_setup)
#define MMUB_IOC_GUARD_EVENT	MMUB_IOWR(GUARD_EVENT, mmub_guard_event)
#define MMUB_IOC_SHADOW_REFRESH	MMUB_IOWR(SHADOW_REFRESH, mmub_shadow_refresh)

#endif /* MMUBRIDGE_UAPI_H */
