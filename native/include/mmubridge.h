/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libmmubridge: a thin C library over /dev/mmubridge.
 *
 * Unless said otherwise a function returns 0, a descriptor or a count on
 * success and a negative errno value on failure, leaves errno unspecified, and
 * may be called from any thread. The errors of each ioctl are listed with its
 * structure in mmubridge_uapi.h; what is said here comes in addition.
 */
#ifndef MMUBRIDGE_H
#define MMUBRIDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "mmubridge_uapi.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MMUB_DEVICE "/dev/mmubridge"

/** The library's version, "MAJOR.MINOR.PATCH". */
const char *mmub_version(void);

/* ------------------------------------------------------------------ device */

/**
 * mmub_open - open the device
 * @path: the device, NULL for MMUB_DEVICE
 *
 * The descriptor is close-on-exec. Return: a descriptor; -ENOENT, -ENODEV or
 * -ENXIO where the module is not loaded; -EACCES without permission on the device;
 * -EPROTO where the module speaks another version of the interface;
 * -ENOTTY where @path is something else.
 */
int mmub_open(const char *path);

/** mmub_info - MMUB_IOC_INFO; overwrites the whole of @info */
int mmub_info(int fd, struct mmub_info *info);

/** mmub_stats - MMUB_IOC_STATS; overwrites the whole of @stats */
int mmub_stats(int fd, struct mmub_stats *stats);

/**
 * mmub_synchronize - MMUB_IOC_SYNCHRONIZE
 * @timeout_ns: 0 for none
 */
int mmub_synchronize(int fd, uint64_t timeout_ns);

/* ------------------------------------------------------------ subscription */

/**
 * mmub_mem_open - the descriptor that ATTACH takes for another process
 * @pid: a process as the caller's /proc names it
 *
 * Opens /proc/@pid/mem for reading, close-on-exec: the kernel checks
 * PTRACE_MODE_ATTACH there, with Yama and the security modules. Return: a
 * descriptor; -ESRCH no such process (or hidden by hidepid, or exited, or a
 * kernel thread); -EACCES or -EPERM refused; mmub_refusal() says by which rule;
 * -ENOENT /proc is not mounted.
 */
int mmub_mem_open(pid_t pid);

/**
 * mmub_mem_open_pidfd - the same for a pidfd
 *
 * The pidfd is checked again after the open, so that the descriptor is that
 * process's even where its pid is used again. Return: as mmub_mem_open();
 * -EBADF where @pidfd is not a pidfd.
 */
int mmub_mem_open_pidfd(int pidfd);

/**
 * mmub_mem_open_writable - mmub_mem_open() for reading and writing
 *
 * For a subscription that is to write to the process's memory: the same checks,
 * and the mode of the file.
 */
int mmub_mem_open_writable(pid_t pid);

/** mmub_mem_open_pidfd_writable - the same for a pidfd */
int mmub_mem_open_pidfd_writable(int pidfd);

/**
 * enum mmub_refusal - the rule that refuses an attach to a process
 * @MMUB_REFUSAL_NONE: none was found: it should be allowed
 * @MMUB_REFUSAL_GONE: no such process, or /proc hides it (hidepid)
 * @MMUB_REFUSAL_KTHREAD: it is a kernel thread and has no mm
 * @MMUB_REFUSAL_UID: its real, effective and saved uid and gid are not all the
 *	caller's, and the caller has no CAP_SYS_PTRACE in its user namespace
 * @MMUB_REFUSAL_DUMPABLE: it is not dumpable (set-uid, or prctl), and the
 *	caller has no CAP_SYS_PTRACE in the user namespace of its mm
 * @MMUB_REFUSAL_YAMA: kernel.yama.ptrace_scope is 1 and it is no descendant
 *	of the caller (and has not named it by PR_SET_PTRACER), 2 and the caller
 *	has no CAP_SYS_PTRACE, or 3
 * @MMUB_REFUSAL_CAPS: it has capabilities that the caller lacks
 * @MMUB_REFUSAL_LSM: none of these: a security module, or seccomp
 */
enum mmub_refusal {
	MMUB_REFUSAL_NONE	= 0,
	MMUB_REFUSAL_GONE	= 1,
	MMUB_REFUSAL_KTHREAD	= 2,
	MMUB_REFUSAL_UID	= 3,
	MMUB_REFUSAL_DUMPABLE	= 4,
	MMUB_REFUSAL_YAMA	= 5,
	MMUB_REFUSAL_CAPS	= 6,
	MMUB_REFUSAL_LSM	= 7,
};

/**
 * mmub_refusal - explain why mmub_mem_open() was refused
 * @pid: the process
 * @text: filled in with one sentence that names the rule and its values
 * @size: bytes at @text
 *
 * A diagnosis after the fact, from /proc: the kernel alone decides. Return: one
 * of enum mmub_refusal.
 */
int mmub_refusal(pid_t pid, char *text, size_t size);

/**
 * mmub_attach - MMUB_IOC_ATTACH
 * @fd: of mmub_open(), not attached
 * @subsystem: its name
 * @mem_fd: of mmub_mem_open(), or -1 for the caller's own mm; may be closed
 *	afterwards
 * @timeout_ns: how long to go on where signals interrupt the call; 0 for ever
 * @result: filled in, or NULL
 *
 * Return: 0; -ENAMETOOLONG; -EINTR when signals kept it from finishing within
 * @timeout_ns.
 */
int mmub_attach(int fd, const char *subsystem, int mem_fd, uint64_t timeout_ns,
		struct mmub_attach *result);

/** mmub_detach - MMUB_IOC_DETACH */
int mmub_detach(int fd);

/**
 * mmub_filter_set - MMUB_IOC_FILTER_SET
 * @types: bits 1 << enum mmub_type
 * @ranges: NULL for all
 * @nr_ranges: how many
 */
int mmub_filter_set(int fd, uint64_t types, const struct mmub_range *ranges,
		    uint32_t nr_ranges);

/* -------------------------------------------------------------------- ring */

/**
 * struct mmub_ring - a mapped ring
 * @header: written by the kernel, read-only
 * @consumer: written by the one reader
 * @records: of the ring
 * @mask: number of records, less one
 * @wakeup_events: as asked for
 * @ring_size: bytes mapped at @header
 * @consumer_size: bytes mapped at @consumer
 */
struct mmub_ring {
	const struct mmub_ring_header *header;
	struct mmub_ring_consumer *consumer;
	const struct mmub_record *records;
	uint32_t mask;
	uint32_t wakeup_events;
	size_t ring_size;
	size_t consumer_size;
};

/**
 * mmub_ring_open - MMUB_IOC_RING_SETUP, and map what it makes
 * @fd: of mmub_open(), not attached yet
 * @records: a power of two
 * @wakeup_events: 0 for 1
 * @flags: bits of enum mmub_ring_flag
 * @ring: filled in
 *
 * Where it fails after RING_SETUP, @fd is of no further use for a ring.
 */
int mmub_ring_open(int fd, uint32_t records, uint32_t wakeup_events,
		   uint32_t flags, struct mmub_ring *ring);

/**
 * mmub_ring_close - unmap the ring
 *
 * No thread may use @ring any more. DETACH first: the file is not released
 * before its last mapping.
 */
int mmub_ring_close(struct mmub_ring *ring);

/**
 * mmub_ring_peek - how many records can be read, and the first of them
 * @ring: the ring
 * @index: filled in with the index to give to mmub_ring_at()
 *
 * One reader at a time. Return: the number of unread records.
 */
static inline uint32_t mmub_ring_peek(const struct mmub_ring *ring,
				      uint32_t *index)
{
	uint32_t tail = __atomic_load_n(&ring->consumer->tail, __ATOMIC_RELAXED);
	/* Pairs with the kernel's smp_store_release(): records before head. */
	uint32_t head = __atomic_load_n(&ring->header->head, __ATOMIC_ACQUIRE);

	*index = tail;
	return head - tail;
}

/** mmub_ring_at - record @index of the stream; valid until it is consumed */
static inline const struct mmub_record *mmub_ring_at(const struct mmub_ring *ring,
						     uint32_t index)
{
	return &ring->records[index & ring->mask];
}

/** mmub_ring_consume - give @count records back, after their last use */
static inline void mmub_ring_consume(struct mmub_ring *ring, uint32_t count)
{
	uint32_t tail = __atomic_load_n(&ring->consumer->tail, __ATOMIC_RELAXED);

	/* Pairs with the kernel's smp_load_acquire(): reads before reuse. */
	__atomic_store_n(&ring->consumer->tail, tail + count, __ATOMIC_RELEASE);
}

/**
 * mmub_ring_wait - wait for records, for the end, or for a deadline
 * @fd: the descriptor
 * @ring: its ring
 * @timeout_ns: 0 returns at once, a negative value waits for ever
 *
 * For one thread without an event loop; poll(@fd) does as well: POLLIN the ring
 * is not empty, POLLPRI events were lost that lost_seen does not count, POLLHUP
 * the mm was released or the subscription detached. Return: the number of
 * unread records; 0 on the deadline; -ENODATA when the ring is empty and
 * nothing but DETACHED can follow; -EINTR on a signal.
 */
int mmub_ring_wait(int fd, const struct mmub_ring *ring, int64_t timeout_ns);

/* ------------------------------------------------------------------- causes */

/**
 * mmub_cause - the cause of a record, MMUB_IOC_STACK
 * @fd: of mmub_open(); any will do
 * @stack_id: of a record; 0 for one without a stack
 *
 * The answer for a stack_id never changes, so keep it: events are many, stacks
 * few. Return: one of enum mmub_cause; -ENOENT no such stack.
 */
int mmub_cause(int fd, uint32_t stack_id);

/**
 * mmub_stack_text - the frames of a record's stack, MMUB_IOC_STACK
 * @stack_id: of a record
 * @text: filled in, one frame a line, the callback first; cut, and terminated,
 *	where @size is too small
 * @size: bytes at @text, at least 1
 *
 * Return: bytes of the whole text with its NUL; -EPERM where the opener had no
 * CAP_SYS_ADMIN in the initial user namespace; -ENOENT no such stack.
 */
int mmub_stack_text(int fd, uint32_t stack_id, char *text, size_t size);

/* ------------------------------------------------------------------- guards */

/**
 * struct mmub_guards - the mapped slots of a subscription's guards
 * @slots: written by the kernel, read-only
 * @nr_slots: how many there are
 * @reserved: zero
 * @size: bytes mapped at @slots
 */
struct mmub_guards {
	const struct mmub_guard *slots;
	uint32_t nr_slots;
	uint32_t reserved;
	size_t size;
};

/**
 * mmub_guards_open - MMUB_IOC_GUARD_SETUP, and map what it makes
 * @fd: of mmub_open(), attached or not yet
 * @slots: guards that there may be at a time
 * @guards: filled in
 *
 * A child of fork() finds pages in place of the mapping in which every word is
 * odd, so that it never takes its parent's guards for its own; where the
 * mapping is moved or cut by other calls than mmub_guards_close(), it does not.
 * Where it fails after GUARD_SETUP, @fd is of no further use for guards.
 */
int mmub_guards_open(int fd, uint32_t slots, struct mmub_guards *guards);

/**
 * mmub_guards_close - unmap the slots
 *
 * No thread may use @guards any more. DETACH first: the file is not released
 * before its last mapping. In a forked child it unmaps the pages in their place.
 */
int mmub_guards_close(struct mmub_guards *guards);

/**
 * mmub_guards_retire - put pages in which every word is odd in place of the slots
 * @guards: the slots
 *
 * For who cannot know that nobody checks any more: afterwards the file can be
 * released, and checks go on, and say that nothing is valid, until
 * mmub_guards_close(). A check at the same time sees the slots or the pages. Does
 * nothing the second time, and in a forked child.
 */
int mmub_guards_retire(const struct mmub_guards *guards);

/**
 * mmub_guard_add - MMUB_IOC_GUARD_ADD
 * @fd: attached
 * @start: first byte of the range
 * @end: first byte after it
 * @ignore: bits 1 << enum mmub_type of events that leave the guard valid
 * @flags: bits of enum mmub_guard_flag
 *
 * Return: the slot, 0 or more.
 */
int mmub_guard_add(int fd, uint64_t start, uint64_t end, uint64_t ignore,
		   uint32_t flags);

/** mmub_guard_remove - MMUB_IOC_GUARD_REMOVE */
int mmub_guard_remove(int fd, uint32_t slot);

/**
 * mmub_guard_value - the word of a guard
 * @guards: the slots
 * @slot: of mmub_guard_add()
 *
 * One acquire load. Even: what is made of the range from now on may be kept for
 * as long as mmub_guard_valid() says so of this value; odd: see
 * mmub_guard_wait().
 */
static inline uint64_t mmub_guard_value(const struct mmub_guards *guards,
					uint32_t slot)
{
	/* Pairs with the kernel's smp_store_release(): no older memory. */
	return __atomic_load_n(&guards->slots[slot].word, __ATOMIC_ACQUIRE);
}

/** mmub_guard_is_even - whether a value is one to go by */
static inline bool mmub_guard_is_even(uint64_t value)
{
	return !(value & 1);
}

/**
 * mmub_guard_valid - whether the range is still what it was
 * @guards: the slots
 * @slot: of mmub_guard_add()
 * @value: of mmub_guard_value(), read before what is kept was made
 *
 * One acquire load. False for an odd @value.
 */
static inline bool mmub_guard_valid(const struct mmub_guards *guards,
				    uint32_t slot, uint64_t value)
{
	return mmub_guard_value(guards, slot) == value &&
	       mmub_guard_is_even(value);
}

/**
 * mmub_guard_wait - wait until a guard is even
 * @guards: the slots
 * @slot: of mmub_guard_add()
 * @timeout_ns: 0 looks once, a negative value waits for ever
 * @value: filled in with the word, also where that is odd
 *
 * The kernel wakes nobody for it: looks again and again, at growing distances of
 * at most a millisecond. A guard that is removed never becomes even. Return: 0;
 * -ESHUTDOWN it is odd for good: detached, or the mm released; -ETIMEDOUT.
 */
int mmub_guard_wait(const struct mmub_guards *guards, uint32_t slot,
		    int64_t timeout_ns, uint64_t *value);

/**
 * mmub_guard_event - what made a guard stale, MMUB_IOC_GUARD_EVENT
 * @fd: attached, or detached since
 * @slot: of mmub_guard_add()
 * @value: the even value that is stale
 * @record: filled in
 *
 * Return: 0 if @record ended @value; 1 if the guard has been even again and
 * @record is of a later event; -ENOENT, -ENODATA.
 */
int mmub_guard_event(int fd, uint32_t slot, uint64_t value,
		     struct mmub_record *record);

/* ------------------------------------------------------------------ shadows */

/**
 * mmub_shadow_add - MMUB_IOC_SHADOW_ADD
 * @fd: attached
 * @mode: enum mmub_shadow_mode
 * @start: page-aligned
 * @end: page-aligned
 * @timeout_ns: how long to go on where signals interrupt the call; 0 for ever
 * @result: filled in, for mmub_shadow_map()
 *
 * Return: the number of the shadow, 0 or more; -EINTR when signals kept it from
 * finishing within @timeout_ns.
 */
int mmub_shadow_add(int fd, uint32_t mode, uint64_t start, uint64_t end,
		    uint64_t timeout_ns, struct mmub_shadow_add *result);

/** mmub_shadow_remove - MMUB_IOC_SHADOW_REMOVE */
int mmub_shadow_remove(int fd, uint32_t shadow_id);

/**
 * mmub_shadow_refusal - explain an error of one of the functions for shadows
 * @error: the negative value that it returned
 *
 * Return: a sentence that names the rule; NULL where strerror() says it all.
 */
const char *mmub_shadow_refusal(int error);

/**
 * enum mmub_shadow_map_flag - what mmub_shadow_map() maps beside state words
 * @MMUB_SHADOW_MAP_PFNS: PFNs; needs CAP_SYS_ADMIN in the initial user namespace
 *	at the time of mmub_open()
 */
enum mmub_shadow_map_flag {
	MMUB_SHADOW_MAP_PFNS	= 1 << 0,
};

/**
 * struct mmub_shadow - a mapped shadow
 * @header: written by the kernel, read-only; all zeroes in a forked child
 * @chunks: likewise
 * @states: likewise
 * @pfns: likewise, NULL without MMUB_SHADOW_MAP_PFNS
 * @start: first byte of the range
 * @end: first byte after it
 * @state_size: bytes mapped at @header
 * @pfn_size: bytes mapped at @pfns
 */
struct mmub_shadow {
	const struct mmub_shadow_header *header;
	const uint64_t *chunks;
	const uint64_t *states;
	const uint64_t *pfns;
	uint64_t start;
	uint64_t end;
	size_t state_size;
	size_t pfn_size;
};

/**
 * mmub_shadow_map - map a shadow
 * @fd: the descriptor
 * @added: of mmub_shadow_add()
 * @flags: bits of enum mmub_shadow_map_flag
 * @shadow: filled in
 *
 * A child of fork() finds zeroes in place of the mappings, that is no entries,
 * unless they are moved or cut by other calls than mmub_shadow_unmap(). Return: 0;
 * -EPERM PFNs, and the opener had not the capability; -ENXIO the shadow has been
 * removed.
 */
int mmub_shadow_map(int fd, const struct mmub_shadow_add *added, uint32_t flags,
		    struct mmub_shadow *shadow);

/**
 * mmub_shadow_unmap - unmap a shadow
 *
 * Before or after mmub_shadow_remove(), mmub_detach() and close(). No thread may
 * use @shadow any more. In a forked child it unmaps the pages in their place.
 */
int mmub_shadow_unmap(struct mmub_shadow *shadow);

/**
 * mmub_shadow_retire - put pages of zeroes in place of a shadow
 * @shadow: the shadow
 *
 * For who cannot know that nobody looks entries up any more: afterwards the file
 * can be released, and lookups go on, and find none, until mmub_shadow_unmap(). A
 * lookup at the same time sees the shadow or the pages. Does nothing the second
 * time, and in a forked child.
 */
int mmub_shadow_retire(const struct mmub_shadow *shadow);

/**
 * struct mmub_shadow_entry - what mmub_shadow_lookup() has found
 * @state: bits of enum mmub_shadow_state, the generation above them
 * @pfn: 0 where PFNs are not mapped
 */
struct mmub_shadow_entry {
	uint64_t state;
	uint64_t pfn;
};

/**
 * mmub_shadow_valid - whether an entry is still there
 * @shadow: the shadow
 * @addr: the address given to mmub_shadow_lookup()
 * @entry: what it has found
 *
 * After the last use of it: true if it was there all the time; false if it was none.
 */
static inline bool mmub_shadow_valid(const struct mmub_shadow *shadow,
				     uint64_t addr,
				     const struct mmub_shadow_entry *entry)
{
	const uint64_t noise = MMUB_SHADOW_ACCESSED | MMUB_SHADOW_DIRTY;
	uint64_t index = (addr - shadow->start) >> 12;
	uint64_t chunk = (addr >> MMUB_SHADOW_CHUNK_SHIFT) -
			 (shadow->start >> MMUB_SHADOW_CHUNK_SHIFT);
	uint64_t state, dropped;

	/* Pairs with the kernel's smp_wmb(): what was used before is older. */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	/*
	 * The chunk's word first: that of a page of zeroes, which
	 * mmub_shadow_retire() puts there, says that nothing was dropped, and the
	 * state word that comes after it, that there is nothing.
	 */
	dropped = __atomic_load_n(&shadow->chunks[chunk], __ATOMIC_ACQUIRE);
	state = __atomic_load_n(&shadow->states[index], __ATOMIC_RELAXED);
	return (state & MMUB_SHADOW_PRESENT) &&
	       !((state ^ entry->state) & ~noise) &&
	       state >> MMUB_SHADOW_GENERATION > dropped;
}

/**
 * mmub_shadow_lookup - the entry of a page, if there is one
 * @shadow: the shadow
 * @addr: any address of its range
 * @entry: filled in, also where there is none: then @state tells of what was
 *
 * Makes no system call. Return: whether there is one: what the CPU's page table
 * had, or an invalidation of it was in flight, at some time during the call.
 */
static inline bool mmub_shadow_lookup(const struct mmub_shadow *shadow,
				      uint64_t addr,
				      struct mmub_shadow_entry *entry)
{
	uint64_t index = (addr - shadow->start) >> 12;

	/* Pairs with the kernel's smp_store_release(): no older PFN. */
	entry->state = __atomic_load_n(&shadow->states[index], __ATOMIC_ACQUIRE);
	entry->pfn = shadow->pfns ?
		__atomic_load_n(&shadow->pfns[index], __ATOMIC_RELAXED) : 0;
	return mmub_shadow_valid(shadow, addr, entry);
}

/**
 * mmub_shadow_lookup_pages - the entries of pages in a row
 * @shadow: the shadow
 * @addr: any address of the first page
 * @pages: how many, all of them in the shadow's range
 * @entries: one for each page, filled in as mmub_shadow_lookup() does, but without
 *	MMUB_SHADOW_PRESENT where there is none
 *
 * As if each were looked up by itself, not all at one moment; a fraction of the
 * work. Makes no system call. Return: of how many pages there is an entry.
 */
size_t mmub_shadow_lookup_pages(const struct mmub_shadow *shadow, uint64_t addr,
				size_t pages, struct mmub_shadow_entry *entries);

/**
 * mmub_shadow_refresh - MMUB_IOC_SHADOW_REFRESH
 * @fd: attached
 * @shadow_id: of mmub_shadow_add()
 * @start: page-aligned
 * @end: page-aligned
 * @flags: bits of enum mmub_shadow_refresh_flag
 * @result: filled in, or NULL
 */
int mmub_shadow_refresh(int fd, uint32_t shadow_id, uint64_t start, uint64_t end,
			uint32_t flags, struct mmub_shadow_refresh *result);

/**
 * mmub_shadow_read - MMUB_IOC_READ
 * @fd: attached
 * @addr: in the shadowed memory
 * @buffer: filled in
 * @size: bytes at @buffer
 *
 * Return: bytes read, fewer than @size where the rest could not be had.
 */
int64_t mmub_shadow_read(int fd, uint64_t addr, void *buffer, size_t size);

/**
 * mmub_shadow_write - MMUB_IOC_WRITE
 * @fd: attached to the caller's own mm, or by mmub_mem_open_writable()
 * @addr: in the shadowed memory
 * @buffer: what to write
 * @size: bytes at @buffer
 *
 * Return: as mmub_shadow_read().
 */
int64_t mmub_shadow_write(int fd, uint64_t addr, const void *buffer, size_t size);

/* ---------------------------------------------------------------- commands */

struct mmub_follow;

/**
 * struct mmub_spawn - a command started under watch
 * @pid: its process
 * @pidfd: of it, close-on-exec
 * @mem_fd: of /proc/@pid/mem, opened after the exec, close-on-exec; else -1 or
 *	a negative errno value
 * @status: how it ended, as mmub_spawn_wait() returns it; -1 before that is
 *	known
 * @follow: the library's, while it is followed
 */
struct mmub_spawn {
	pid_t pid;
	int pidfd;
	int mem_fd;
	int status;
	struct mmub_follow *follow;
};

/**
 * enum mmub_spawn_flag - what a command does not get
 * @MMUB_SPAWN_STDIO: descriptors but 0, 1 and 2. Without this flag it gets those
 *	that are not close-on-exec, as ever. For who does not know of all that are
 *	open in his process, such as a program on a JVM, which opens files and
 *	sockets without that mark
 */
enum mmub_spawn_flag {
	MMUB_SPAWN_STDIO	= 1 << 0,
};

/**
 * mmub_spawn_stopped - start a command and stop it before its first instruction
 * @argv: the command and its arguments; looked up in PATH as execvp() does
 * @envp: its environment, NULL for the caller's
 * @flags: bits of enum mmub_spawn_flag
 * @spawn: filled in
 *
 * The child is stopped at its successful exec, in its new mm, before any
 * instruction of the program ran. mmub_spawn_resume(), mmub_spawn_follow() or
 * mmub_spawn_kill() must follow, by the same thread, which is its tracer until
 * then: should that thread end first, the child is killed. Signals that the
 * caller handles have their default action in the child, those that it ignores
 * stay ignored, and none is blocked. Being traced, a set-uid program gains
 * nothing.
 *
 * Return: 0; -EINVAL, no command or unknown flags; -ENOENT, -EACCES or another
 * error of execve(), or -ECHILD where it was killed before it was attached to, the
 * child being gone; -EPERM where ptrace is not allowed, or mmub_mem_open() refused,
 * for which there is mmub_spawn_running(); -EIO, MMUB_SPAWN_STDIO where neither
 * close_range() is allowed nor /proc tells what is open.
 */
int mmub_spawn_stopped(char *const argv[], char *const envp[], uint32_t flags,
		       struct mmub_spawn *spawn);

/**
 * mmub_spawn_running - start a command without tracing it
 * @argv: as of mmub_spawn_stopped()
 * @envp: likewise
 * @flags: likewise
 * @spawn: filled in
 *
 * For where ptrace is not allowed. It returns once the exec has succeeded, and
 * the program runs already: what it does before it is attached to is missed. It
 * cannot be followed; mmub_spawn_wait() or mmub_spawn_kill() must come. Whether
 * its memory may be opened is asked before the exec too, so that a command that
 * cannot be watched is not run in vain.
 *
 * Return: 0, also where it was too quick: then @mem_fd is -ESRCH; an error of
 * execve(), -ECHILD, or -EPERM where its memory may not be opened, the child
 * being gone; -EINVAL and -EIO as of mmub_spawn_stopped().
 */
int mmub_spawn_running(char *const argv[], char *const envp[], uint32_t flags,
		       struct mmub_spawn *spawn);

/**
 * mmub_spawn_resume - let the command run, untraced, and close @mem_fd
 *
 * Where it is followed, so are all whom that has reached: each is let go as
 * soon as it has come to a stop for it. Return: 0, also where it was killed
 * meanwhile, as mmub_spawn_wait() tells; -ESRCH in a thread that is not its
 * tracer.
 */
int mmub_spawn_resume(struct mmub_spawn *spawn);

/**
 * mmub_spawn_kill - kill a command, reap it, and close its descriptors
 *
 * Its children, where they are followed, are let go.
 */
int mmub_spawn_kill(struct mmub_spawn *spawn);

/**
 * mmub_spawn_wait - wait for the command's end, and close @pidfd
 *
 * Restarts on signals. Where it is followed, mmub_spawn_resume() comes first.
 * Return: its exit status, or 128 + N if signal N ended it; -ECHILD where the
 * caller ignores SIGCHLD and has not followed it to its end; -ESRCH in a thread
 * that is not the tracer of who is followed.
 */
int mmub_spawn_wait(struct mmub_spawn *spawn);

/**
 * enum mmub_follow_flag - whom to follow
 * @MMUB_FOLLOW_CHILDREN: the command, its children, and theirs
 */
enum mmub_follow_flag {
	MMUB_FOLLOW_CHILDREN	= 1 << 0,
};

/**
 * mmub_spawn_follow - stay the tracer of a command that is stopped at its exec
 * @spawn: of mmub_spawn_stopped()
 * @flags: bits of enum mmub_follow_flag
 *
 * From now on mmub_spawn_next() runs it, by this thread alone, until
 * mmub_spawn_resume(), mmub_spawn_kill() or mmub_spawn_wait(). Should the thread
 * end before, whoever is followed runs on untraced. Return: 0; -EINVAL, unknown
 * flags; -ENOMEM; -ESRCH in a thread that is not its tracer.
 */
int mmub_spawn_follow(struct mmub_spawn *spawn, uint32_t flags);

/**
 * enum mmub_spawn_what - what mmub_spawn_next() tells of
 * @MMUB_SPAWN_EXEC: a process is stopped at its exec, in its new mm
 * @MMUB_SPAWN_CHILD: a new process is stopped before its first instruction; it
 *	shares its parent's mm until its exec if vfork() or CLONE_VM made it,
 *	which &struct mmub_attach.space_id shows
 * @MMUB_SPAWN_EXIT: a process has ended
 */
enum mmub_spawn_what {
	MMUB_SPAWN_EXEC		= 0,
	MMUB_SPAWN_CHILD	= 1,
	MMUB_SPAWN_EXIT		= 2,
};

/**
 * struct mmub_spawn_event - what mmub_spawn_next() tells
 * @what: enum mmub_spawn_what
 * @pid: the process
 * @tid: of EXEC: the thread that executed, by the number that it had before;
 *	else @pid
 * @parent: of CHILD: its parent; else 0
 * @mem_fd: of EXEC and CHILD: of /proc/@pid/mem, close-on-exec, closed by the
 *	next call, or the negative errno value of mmub_mem_open(); of EXIT: -1
 * @status: of EXIT: as mmub_spawn_wait() has it; else 0
 * @time_ns: CLOCK_MONOTONIC
 * @comm: of EXEC and CHILD: the name of its one thread
 */
struct mmub_spawn_event {
	uint32_t what;
	pid_t pid;
	pid_t tid;
	pid_t parent;
	int32_t mem_fd;
	int32_t status;
	uint64_t time_ns;
	char comm[MMUB_COMM_SIZE];
};

/**
 * mmub_spawn_next - run on until there is something to tell
 * @spawn: followed
 * @event: filled in
 *
 * Whom the last call told of stays stopped until this one. Threads are traced,
 * since each of them may execute; signals, stops and continues have their
 * effect as if nobody traced. Other children of the caller are left alone, but
 * for those of this thread that were cloned with another signal than SIGCHLD;
 * and nobody may wait for any child (-1) with __WALL or __WCLONE meanwhile.
 *
 * Return: 0; -ECHILD when nobody is left to follow; -EINTR on a signal to this
 * thread; -ESRCH in a thread that is not the tracer; -EINVAL where nobody is
 * followed; -ENOMEM or -EMFILE, a new process or thread having been let go.
 */
int mmub_spawn_next(struct mmub_spawn *spawn, struct mmub_spawn_event *event);

/* ------------------------------------------------------------------- names */

/** mmub_phase_name - "start", "release", ...; NULL if there is no such phase */
const char *mmub_phase_name(uint32_t phase);

/** mmub_type_name - "UNMAP", ...; NULL if there is no such type */
const char *mmub_type_name(uint32_t type);

/** mmub_entry_name - "syscall", "kthread", ...; NULL if there is none */
const char *mmub_entry_name(uint32_t entry);

/** mmub_cause_name - "munmap", "khugepaged", ...; NULL if there is none */
const char *mmub_cause_name(uint32_t cause);

/**
 * mmub_syscall_name - the name of a system call
 * @arch: AUDIT_ARCH_X86_64 or AUDIT_ARCH_I386
 * @nr: its number; an x32 number keeps its __X32_SYSCALL_BIT
 *
 * Return: the name, or NULL if there is none.
 */
const char *mmub_syscall_name(uint32_t arch, int32_t nr);

#ifdef __cplusplus
}
#endif

#endif /* MMUBRIDGE_H */
