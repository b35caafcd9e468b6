// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ring: records on their way from the notifier callbacks to user space.
 *
 * The producer is whoever holds space->lock; the consumer is one thread in
 * user space. Head and tail only ever grow, modulo 2^32.
 *
 *   kernel (mmub_ring_push)               user space
 *
 *   LOAD ->tail, acquire      (A)         LOAD ->head, acquire     (C)
 *   STORE records                         LOAD records
 *   STORE ->head, release     (B)         STORE ->tail, release    (D)
 *
 * A pairs with D: no record is overwritten that is still being read. B pairs
 * with C: no record is read that is still being written.
 *
 * Whoever goes to sleep loads ->tail and then ->head in poll; the producer stores
 * ->head and then loads ->tail to decide whether to wake him. Both have a full
 * barrier between the two (E). So where poll does not see a record, the producer
 * sees a ->tail at least as new as poll did, takes the ring for as empty, and
 * wakes. Another thread may consume at the same time: that ->tail moves under
 * poll is why it is loaded first. The same holds of ->lost and ->lost_seen.
 *
 * The pages that the kernel writes are mapped read-only, and it never reads
 * them back: head, size and the count of losses are kept in struct mmub_ring.
 * Of the consumer page it believes nothing: a tail that cannot be makes the
 * ring look full.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "internal.h"
#include "trace.h"

/**
 * struct mmub_ring - a ring
 * @header: the first output page
 * @records: on the output pages that follow
 * @consumer: the consumer page
 * @size: in records, a power of two
 * @wakeup_events: wake the reader when so many are unread
 * @flags: enum mmub_ring_flag
 * @head: records written; space->lock, read locklessly by poll
 * @written: likewise, as the statistics want it
 * @lost: events that found the ring full; as @head
 * @lost_from: first event lost since the last record, 0 for none; space->lock
 * @lost_to: the last one
 * @lost_seq: its seq
 * @pages: output pages, then the consumer page
 */
struct mmub_ring {
	struct mmub_ring_header *header;
	struct mmub_record *records;
	struct mmub_ring_consumer *consumer;
	u32 size;
	u32 wakeup_events;
	u32 flags;
	u32 head;
	u64 written;
	u64 lost;
	u64 lost_from;
	u64 lost_to;
	u64 lost_seq;
	struct mmub_pages *pages;
};

static_assert(sizeof(struct mmub_record) == 128);
static_assert(sizeof(struct mmub_ring_header) <= PAGE_SIZE);
static_assert(sizeof(struct mmub_ring_consumer) <= PAGE_SIZE);

static unsigned int mmub_ring_output_pages(const struct mmub_ring *ring)
{
	return ring->pages->nr - 1;
}

/**
 * mmub_ring_size - bytes of the mapping of header and records
 * @ring: the ring
 */
size_t mmub_ring_size(const struct mmub_ring *ring)
{
	return (size_t)mmub_ring_output_pages(ring) << PAGE_SHIFT;
}

/**
 * mmub_ring_alloc - make a ring, charged to the caller
 * @records: its size, a power of two, checked by the caller
 * @wakeup_events: wake the reader when so many are unread
 * @flags: enum mmub_ring_flag, checked by the caller
 *
 * Return: the ring, -ENOBUFS, or -ENOMEM.
 */
struct mmub_ring *mmub_ring_alloc(u32 records, u32 wakeup_events, u32 flags)
{
	unsigned int nr_pages;
	struct mmub_ring *ring;
	int ret;

	ring = kzalloc(sizeof(*ring), GFP_KERNEL_ACCOUNT);
	if (!ring)
		return ERR_PTR(-ENOMEM);
	ring->size = records;
	ring->wakeup_events = wakeup_events;
	ring->flags = flags;

	nr_pages = 2 + DIV_ROUND_UP(records * sizeof(struct mmub_record), PAGE_SIZE);
	ring->pages = mmub_pages_alloc(nr_pages, 0);
	if (IS_ERR(ring->pages)) {
		ret = PTR_ERR(ring->pages);
		goto free_ring;
	}
	ring->header = vmap(ring->pages->pages, mmub_ring_output_pages(ring),
			    VM_MAP, PAGE_KERNEL);
	if (!ring->header) {
		ret = -ENOMEM;
		goto free_pages;
	}
	ring->records = (void *)ring->header + PAGE_SIZE;
	ring->consumer = page_address(ring->pages->pages[nr_pages - 1]);

	ring->header->abi_version = MMUB_ABI_VERSION;
	ring->header->record_size = sizeof(struct mmub_record);
	ring->header->records = records;
	ring->header->data_offset = PAGE_SIZE;
	return ring;

free_pages:
	mmub_pages_free(ring->pages);
free_ring:
	kfree(ring);
	return ERR_PTR(ret);
}

/**
 * mmub_ring_free - free a ring that nobody maps or writes any more
 * @ring: the ring, or NULL
 */
void mmub_ring_free(struct mmub_ring *ring)
{
	if (!ring)
		return;
	vunmap(ring->header);
	mmub_pages_free(ring->pages);
	kfree(ring);
}

/**
 * mmub_ring_wants_stacks - whether its records are to have their stack_id
 * @ring: the ring, or NULL
 */
bool mmub_ring_wants_stacks(const struct mmub_ring *ring)
{
	return ring && (ring->flags & MMUB_RING_CAUSE);
}

/**
 * mmub_ring_mmap - map the output pages or the consumer page
 * @ring: the ring
 * @map: MMUB_MAP_RING or MMUB_MAP_CONSUMER
 * @vma: the caller's, checked to be shared
 *
 * Return: as mmub_pages_mmap().
 */
int mmub_ring_mmap(struct mmub_ring *ring, enum mmub_map map,
		   struct vm_area_struct *vma)
{
	unsigned int output = mmub_ring_output_pages(ring);

	if (map == MMUB_MAP_CONSUMER)
		return mmub_pages_mmap(ring->pages, output, 1, true, vma);
	return mmub_pages_mmap(ring->pages, 0, output, false, vma);
}

/* A forged tail counts as a full ring. */
static u32 mmub_ring_unread(const struct mmub_ring *ring, u32 head)
{
	/* Barrier A. */
	u32 tail = smp_load_acquire(&ring->consumer->tail);

	return min(head - tail, ring->size);
}

static struct mmub_record *mmub_ring_slot(const struct mmub_ring *ring,
					  u32 index)
{
	return &ring->records[index & (ring->size - 1)];
}

static void mmub_ring_put_lost(struct mmub_ring *ring, u32 index, u64 time_ns)
{
	*mmub_ring_slot(ring, index) = (struct mmub_record) {
		.seq = ring->lost_seq,
		.n = ring->lost_to,
		.time_ns = time_ns,
		.phase = MMUB_PHASE_LOST,
		.type = MMUB_TYPE_OTHER,
		.syscall_nr = -1,
		.lost_from = ring->lost_from,
		.lost_to = ring->lost_to,
	};
	ring->lost_from = 0;
}

/*
 * Write a record, after one of what was lost since the last, and wake the
 * reader if that made enough of them. False if there is no room for both that
 * leaves `keep` records free.
 */
static bool mmub_ring_push(struct mmub_sub *sub, const struct mmub_record *rec,
			   u32 keep)
{
	struct mmub_ring *ring = sub->ring;
	u32 count = ring->lost_from ? 2 : 1;
	u32 head = ring->head;
	u32 unread;

	if (ring->size - mmub_ring_unread(ring, head) < count + keep)
		return false;

	if (ring->lost_from)
		mmub_ring_put_lost(ring, head++, rec->time_ns);
	*mmub_ring_slot(ring, head++) = *rec;

	WRITE_ONCE(ring->head, head);
	ring->written += count;
	this_cpu_add(mmub_counters.records, count);
	/* Barrier B. */
	smp_store_release(&ring->header->head, head);

	/* Barrier E, pairs with the one in mmub_ring_poll(). */
	smp_mb();
	unread = mmub_ring_unread(ring, head);
	if (unread >= ring->wakeup_events &&
	    unread < ring->wakeup_events + count)
		wake_up_poll(&sub->wait, EPOLLIN | EPOLLRDNORM);
	return true;
}

/**
 * mmub_ring_event - put a record into a subscription's ring, or count it lost
 * @sub: the subscription; its n counts the event
 * @rec: the record, complete
 *
 * A START leaves MMUB_RING_RESERVED records free. RELEASE takes at most two of
 * them, itself and a LOST; no START follows it, so nothing can be lost between
 * it and DETACHED, which takes the third. A reader that follows the rules thus
 * always gets both. Under space->lock.
 */
void mmub_ring_event(struct mmub_sub *sub, const struct mmub_record *rec)
{
	struct mmub_ring *ring = sub->ring;
	u32 keep = rec->phase == MMUB_PHASE_START ? MMUB_RING_RESERVED : 0;

	/* Who reads the record is to find it counted. */
	WRITE_ONCE(ring->header->n, rec->n);
	if (mmub_ring_push(sub, rec, keep) || rec->phase == MMUB_PHASE_DETACHED)
		return;

	WRITE_ONCE(ring->lost, ring->lost + 1);
	/* Who is woken for it is to find it there. */
	WRITE_ONCE(ring->header->lost, ring->lost);
	mmub_count(lost);
	ring->lost_to = rec->n;
	ring->lost_seq = rec->seq;
	if (!ring->lost_from) {
		ring->lost_from = rec->n;
		trace_mmubridge_lost(rec);
	}

	/*
	 * Barrier E again, for ->lost and ->lost_seen. A reader that knew of
	 * all but this one may sleep; one that is behind has POLLPRI already.
	 */
	smp_mb();
	if (READ_ONCE(ring->consumer->lost_seen) == ring->lost - 1)
		wake_up_poll(&sub->wait, EPOLLPRI);
}

/**
 * mmub_ring_publish - bring the header up to date
 * @sub: the subscription
 * @space: its space
 * @state: bits of enum mmub_ring_state
 *
 * Under space->lock, in every callback, matching or not. The state comes last:
 * who sees it, with acquire semantics, sees the records before it.
 */
void mmub_ring_publish(struct mmub_sub *sub, const struct mmub_space *space,
		       u32 state)
{
	struct mmub_ring_header *header = sub->ring->header;

	WRITE_ONCE(header->n, sub->n);
	WRITE_ONCE(header->lost, sub->ring->lost);
	WRITE_ONCE(header->seq, space->seq);
	WRITE_ONCE(header->completed_seq, space->completed_seq);
	WRITE_ONCE(header->active, space->active);
	/* Pairs with the reader's acquire of ->state. */
	smp_store_release(&header->state, state);
}

/**
 * mmub_ring_poll - what there is to read
 * @ring: the ring; the caller is on sub->wait
 *
 * Return: EPOLLIN while there are records, EPOLLPRI while the reader has not
 * said that it knows of all losses.
 */
__poll_t mmub_ring_poll(const struct mmub_ring *ring)
{
	u32 tail = READ_ONCE(ring->consumer->tail);
	u64 lost_seen = READ_ONCE(ring->consumer->lost_seen);
	__poll_t mask = 0;

	/* Barrier E, pairs with those in mmub_ring_push(), mmub_ring_event(). */
	smp_mb();
	if (READ_ONCE(ring->head) != tail)
		mask |= EPOLLIN | EPOLLRDNORM;
	if (READ_ONCE(ring->lost) != lost_seen)
		mask |= EPOLLPRI;
	return mask;
}

/**
 * mmub_ring_stats - a ring's counters
 * @ring: the ring
 * @stats: sub_records and sub_lost are filled in
 *
 * Under space->lock.
 */
void mmub_ring_stats(const struct mmub_ring *ring, struct mmub_stats *stats)
{
	stats->sub_records = ring->written;
	stats->sub_lost = ring->lost;
}
