/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the module share.
 *
 * Lock order, outermost first:
 *
 *   mmub_sub.lock (mutex) > mmap_lock of the mm attached to
 *	> mmub_spaces_lock, mmub_users_lock, mmub_stacks_lock, mmub_shadows.lock,
 *	  space->lock (leaves)
 *
 * The notifier callbacks come with mmap_lock, i_mmap, anon_vma and folio locks
 * held, or from reclaim. They take mmub_stacks_lock, then space->lock, under it
 * the locks of a wait queue that they wake, and nothing else; they allocate
 * nothing. ->mmap comes with the caller's mmap_lock held, so of ours it takes
 * mmub_shadows.lock alone. Who writes through a shadow marks the page dirty under
 * space->lock, as the kernel does under a page table's; what that takes (i_pages,
 * i_lock) is never held where the notifier is called.
 */
#ifndef MMUB_INTERNAL_H
#define MMUB_INTERNAL_H

#include <linux/file.h>
#include <linux/interval_tree.h>
#include <linux/list.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/pid_namespace.h>
#include <linux/poll.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/uidgid.h>
#include <linux/wait.h>

#include "mmubridge_uapi.h"

#define MMUB_VERSION		"0.1.0"
#define MMUB_SUBSYSTEMS		256
#define MMUB_FILTER_RANGES	16
#define MMUB_RING_RECORDS_MIN	8
#define MMUB_GUARDS_MAX		65536
#define MMUB_SHADOWS_MAX	256
#define MMUB_SHADOW_PAGES_MAX	16777216

#define MMUB_TYPES_ALL		(BIT_ULL(MMUB_TYPE_COUNT) - 1)

struct mmub_guards;
struct mmub_ring;
struct mmub_shadow;
struct mmub_shadows;
struct mmub_user;

/**
 * struct mmub_subsystem - a key: one struct mmu_notifier_ops, bound to a name
 * @ops: what mmu_notifier_get() is called with; constant
 * @name: unique among the bound subsystems of one user
 * @uid: that user
 * @refs: subscriptions attached or attaching, and spaces not yet freed; the
 *	slot is unbound, and may be bound anew, at 0
 *
 * @name, @uid and @refs are protected by mmub_spaces_lock. Spaces count, since
 * a slot bound anew while a space of its former subsystem waits for its free
 * would let mmu_notifier_get() find a notifier of the wrong subsystem.
 */
struct mmub_subsystem {
	struct mmu_notifier_ops ops;
	char name[MMUB_NAME_SIZE];
	kuid_t uid;
	unsigned int refs;
};

/**
 * struct mmub_space - what one subsystem keeps about one mm
 * @mn: the notifier; holds mm_count, never mm_users
 * @subsystem: whose; NULL until bound, see mmub_space_bind(). Set once
 * @id: never used again; set once, with @subsystem
 * @node: on mmub_live or mmub_dying; mmub_spaces_lock
 * @users: attached subscriptions; mmub_spaces_lock
 * @ticket: order in which spaces came to 0 @users; mmub_spaces_lock
 * @pins: on the memory of this structure: one until free_notifier, one of each
 *	shadow, which may be in use for longer
 * @idle: who waits for @active to be 0, or for the end of a shadow
 * @lock: protects all below, and what struct mmub_sub says
 * @subs: attached subscriptions
 * @want_stacks: rings with MMUB_RING_CAUSE and guards with MMUB_GUARD_CAUSE;
 *	read locklessly as well
 * @seq: callbacks so far
 * @completed_seq: @seq when @active was last 0
 * @active: starts without their end
 * @flight_start: of the union of what has started since @active was last 0
 * @flight_end: likewise
 * @invalidations: starts
 * @nonblockable: of these, not blockable
 * @released: release has run; nothing that comes after it counts
 * @guards: the ranges of all subscriptions' guards, see guard.c
 * @touched: of these, the odd ones
 * @nr_guards: in @guards
 * @shadows: the ranges of all subscriptions' shadows, see shadow.c
 * @shadow_pages: in @shadows
 */
struct mmub_space {
	struct mmu_notifier mn;
	struct mmub_subsystem *subsystem;
	u64 id;
	struct list_head node;
	unsigned int users;
	u64 ticket;
	refcount_t pins;
	wait_queue_head_t idle;

	spinlock_t lock; /* protects all below */
	struct list_head subs;
	unsigned int want_stacks;
	u64 seq;
	u64 completed_seq;
	u64 active;
	u64 flight_start;
	u64 flight_end;
	u64 invalidations;
	u64 nonblockable;
	bool released;
	struct rb_root_cached guards;
	struct list_head touched;
	unsigned int nr_guards;
	struct rb_root_cached shadows;
	unsigned int shadow_pages;
};

/**
 * struct mmub_filter_set - which events match
 * @types: bits 1 << enum mmub_type
 * @nr_ranges: 0 for all addresses
 * @ranges: of these
 */
struct mmub_filter_set {
	u64 types;
	u32 nr_ranges;
	struct mmub_range ranges[MMUB_FILTER_RANGES];
};

/**
 * enum mmub_sub_state - the life of a subscription
 * @MMUB_SUB_IDLE: opened
 * @MMUB_SUB_ATTACHED: holds one reference on its space
 * @MMUB_SUB_DETACHED: has dropped it
 */
enum mmub_sub_state {
	MMUB_SUB_IDLE,
	MMUB_SUB_ATTACHED,
	MMUB_SUB_DETACHED,
};

/**
 * struct mmub_sub - a subscription: one open file
 * @lock: serialises the ioctls that change the subscription
 * @state: protected by @lock
 * @space: while attached; protected by @lock
 * @user: the quota charged while attached; protected by @lock
 * @self_mm: of a subscription on the caller's own mm, by whatever name: that mm,
 *	pinned by mm_count until the file is released; set once, read locklessly
 * @may_write: to the mm: it is the caller's own, or the descriptor of ATTACH was
 *	open for writing; protected by @lock
 * @pid_ns: of the task that attached; set once, before @node is on a list
 * @ring: set once, before ATTACH; read locklessly
 * @guards: the table of guards; set once, read locklessly
 * @shadows: the slots of shadows; set once, read locklessly
 * @wait: readers of the ring
 * @node: on space->subs; space->lock
 * @filter: space->lock while attached, @lock before
 * @n: matching events; space->lock while attached
 * @shadowed: entries that the event being told of has dropped; space->lock
 * @end_state: bits of enum mmub_ring_state, written under space->lock after
 *	the records they follow, read locklessly by poll
 */
struct mmub_sub {
	struct mutex lock; /* serialises ioctls; see above */
	enum mmub_sub_state state;
	struct mmub_space *space;
	struct mmub_user *user;
	struct mm_struct *self_mm;
	bool may_write;
	struct pid_namespace *pid_ns;
	struct mmub_ring *ring;
	struct mmub_guards *guards;
	struct mmub_shadows *shadows;
	wait_queue_head_t wait;

	struct list_head node;
	struct mmub_filter_set filter;
	u64 n;
	u32 shadowed;
	u32 end_state;
};

/**
 * struct mmub_pages - pages shared with a user
 * @user: whose RLIMIT_MEMLOCK is charged
 * @charged: with so many pages
 * @nr: of @pages
 * @pages: single ones
 */
struct mmub_pages {
	struct user_struct *user;
	unsigned long charged;
	unsigned int nr;
	struct page *pages[];
};

/**
 * struct mmub_counters - events of the module, a copy on each CPU
 * @gets: successful mmu_notifier_get_locked()
 * @puts: mmu_notifier_put()
 * @allocations: alloc_notifier()
 * @frees: free_notifier()
 * @invalidations: invalidate_range_start
 * @nonblockable: of these, not blockable
 * @releases: release
 * @records: written to rings
 * @lost: events that found a ring full
 */
struct mmub_counters {
	u64 gets;
	u64 puts;
	u64 allocations;
	u64 frees;
	u64 invalidations;
	u64 nonblockable;
	u64 releases;
	u64 records;
	u64 lost;
};

DECLARE_PER_CPU(struct mmub_counters, mmub_counters);

#define mmub_count(counter) this_cpu_inc(mmub_counters.counter)

/* Module parameters, main.c */
extern unsigned int mmub_subsystems_per_uid;
extern unsigned int mmub_subscriptions_per_uid;
extern unsigned int mmub_subscriptions_per_space;
extern unsigned int mmub_ring_records_max;
extern unsigned int mmub_guards_per_subscription;
extern unsigned int mmub_guards_per_space;
extern unsigned int mmub_shadows_per_subscription;
extern unsigned int mmub_shadow_pages_per_subscription;
extern unsigned int mmub_shadow_pages_per_space;
extern unsigned int mmub_stacks_max;

/* target.c: which mm */
void mmub_target_init(void);
enum mmub_foreign mmub_target_foreign(void);
struct mm_struct *mmub_target_grab(int mem_fd, bool *may_write);

/* who.c: the task that runs a callback */
void mmub_who(struct mmub_record *rec);
void mmub_who_in_ns(struct mmub_record *rec, struct pid_namespace *ns);

/* cause.c: the kernel stack of a callback, and what it tells */
int mmub_cause_init(void);
void mmub_cause_exit(void);
bool mmub_cause_enabled(void);
u32 mmub_cause_save(void);
int mmub_cause_stack(struct mmub_stack *arg, bool may_see_frames);

/* classify.c */
enum mmub_cause mmub_classify(const char *const *symbols, unsigned int nr);

/* quota.c: limits of a user */
struct mmub_user *mmub_user_charge(kuid_t uid);
void mmub_user_uncharge(struct mmub_user *user);
int mmub_memlock_charge(struct user_struct *user, unsigned long pages);
void mmub_memlock_uncharge(struct user_struct *user, unsigned long pages);

/* pages.c: memory shared with a user */
struct mmub_pages *mmub_pages_alloc(unsigned int nr, size_t kernel_bytes);
void mmub_pages_free(struct mmub_pages *pages);
int mmub_pages_mmap(const struct mmub_pages *pages, unsigned int first,
		    unsigned int nr, bool writable, struct vm_area_struct *vma);

/* ring.c: records on their way to user space */
struct mmub_ring *mmub_ring_alloc(u32 records, u32 wakeup_events, u32 flags);
bool mmub_ring_wants_stacks(const struct mmub_ring *ring);
void mmub_ring_free(struct mmub_ring *ring);
size_t mmub_ring_size(const struct mmub_ring *ring);
int mmub_ring_mmap(struct mmub_ring *ring, enum mmub_map map,
		   struct vm_area_struct *vma);
void mmub_ring_event(struct mmub_sub *sub, const struct mmub_record *rec);
void mmub_ring_publish(struct mmub_sub *sub, const struct mmub_space *space,
		       u32 state);
__poll_t mmub_ring_poll(const struct mmub_ring *ring);
void mmub_ring_stats(const struct mmub_ring *ring, struct mmub_stats *stats);

/* guard.c: whether ranges are still what they were */
struct mmub_guards *mmub_guards_alloc(struct mmub_sub *sub, u32 slots);
void mmub_guards_free(struct mmub_guards *guards);
u32 mmub_guards_max(void);
size_t mmub_guards_size(const struct mmub_guards *guards);
int mmub_guards_mmap(struct mmub_guards *guards, struct vm_area_struct *vma);
int mmub_guard_add(struct mmub_guards *guards, struct mmub_space *space,
		   struct mmub_guard_add *arg);
int mmub_guard_remove(struct mmub_guards *guards, struct mmub_space *space,
		      u32 slot);
int mmub_guard_event(struct mmub_guards *guards, struct mmub_space *space,
		     struct mmub_guard_event *arg);
void mmub_guards_start(struct mmub_space *space, const struct mmub_record *rec);
void mmub_guards_end(struct mmub_space *space);
void mmub_guards_release(struct mmub_space *space, const struct mmub_record *rec);
void mmub_guards_leave(struct mmub_guards *guards, struct mmub_space *space);

/* shadow.c: what the page tables have */
int mmub_shadow_init(void);
void mmub_shadow_exit(void);
u32 mmub_shadows_max(void);
u32 mmub_shadow_pages_max(void);
struct mmub_shadow *mmub_shadow_alloc(struct mmub_space *space,
				      struct mm_struct *mm,
				      const struct mmub_shadow_add *arg);
void mmub_shadow_discard(struct mmub_shadow *shadow);
void mmub_shadow_put(struct mmub_shadow *shadow);
int mmub_shadow_refresh(struct mmub_shadow *shadow,
			struct mmub_shadow_refresh *arg);
int mmub_shadow_access(struct mmub_shadow *shadow, struct mmub_access *arg,
		       bool write);
struct mmub_shadows *mmub_shadows_alloc(void);
void mmub_shadows_free(struct mmub_shadows *shadows);
int mmub_shadows_join(struct mmub_shadows *shadows, struct mmub_sub *sub,
		      struct mmub_shadow *shadow, struct mmub_shadow_add *arg);
struct mmub_shadow *mmub_shadows_get(struct mmub_shadows *shadows, u32 id);
struct mmub_shadow *mmub_shadows_find(struct mmub_shadows *shadows, u64 addr);
int mmub_shadows_remove(struct mmub_shadows *shadows, u32 id);
int mmub_shadows_mmap(struct mmub_shadows *shadows, enum mmub_map map,
		      u64 offset, struct vm_area_struct *vma);
void mmub_shadows_start(struct mmub_space *space, const struct mmub_record *rec);
void mmub_shadows_leave(struct mmub_shadows *shadows, struct mmub_space *space);
void mmub_shadows_drop(struct mmub_shadows *shadows);

/* space.c: subsystems and spaces */
void mmub_space_init(void);
void mmub_space_exit(void);
struct mmub_subsystem *mmub_subsystem_get(const char *name, kuid_t uid);
void mmub_subsystem_put(struct mmub_subsystem *subsystem);
struct mmub_space *mmub_space_get(struct mmub_subsystem *subsystem,
				  struct mm_struct *mm,
				  struct mmub_attach *arg);
void mmub_space_put(struct mmub_space *space);
void mmub_space_pin(struct mmub_space *space);
void mmub_space_unpin(struct mmub_space *space);
void mmub_space_stats(struct mmub_space *space, struct mmub_stats *stats);
u64 mmub_space_live(void);
int mmub_space_wait(u64 timeout_ns);
int mmub_space_synchronize(u64 timeout_ns);

/* subscription.c: what an open file does */
struct mmub_sub *mmub_sub_alloc(void);
void mmub_sub_free(struct mmub_sub *sub);
int mmub_sub_check_mm(const struct mmub_sub *sub);
int mmub_sub_ring_setup(struct mmub_sub *sub, struct mmub_ring_setup *arg);
int mmub_sub_attach(struct mmub_sub *sub, struct mmub_attach *arg, kuid_t uid);
int mmub_sub_detach(struct mmub_sub *sub);
int mmub_sub_filter(struct mmub_sub *sub, const struct mmub_filter *arg);
int mmub_sub_guard_setup(struct mmub_sub *sub, struct mmub_guard_setup *arg);
int mmub_sub_guard_add(struct mmub_sub *sub, struct mmub_guard_add *arg);
int mmub_sub_guard_remove(struct mmub_sub *sub,
			  const struct mmub_guard_remove *arg);
int mmub_sub_guard_event(struct mmub_sub *sub, struct mmub_guard_event *arg);
int mmub_sub_shadow_add(struct mmub_sub *sub, struct mmub_shadow_add *arg);
int mmub_sub_shadow_remove(struct mmub_sub *sub,
			   const struct mmub_shadow_remove *arg);
int mmub_sub_shadow_refresh(struct mmub_sub *sub,
			    struct mmub_shadow_refresh *arg);
int mmub_sub_access(struct mmub_sub *sub, struct mmub_access *arg, bool write);
int mmub_sub_stats(struct mmub_sub *sub, struct mmub_stats *stats);
__poll_t mmub_sub_poll(struct mmub_sub *sub, struct file *file,
		       poll_table *wait);
void mmub_sub_start(struct mmub_sub *sub, struct mmub_space *space,
		    const struct mmub_record *rec);
void mmub_sub_end(struct mmub_sub *sub, struct mmub_space *space);
void mmub_sub_release(struct mmub_sub *sub, struct mmub_space *space,
		      const struct mmub_record *rec);

#endif /* MMUB_INTERNAL_H */
