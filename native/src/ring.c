// SPDX-License-Identifier: Apache-2.0
/* The ring: making and mapping it, and waiting for it. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "internal.h"

void *map_shared(int fd, enum mmub_map which, int prot, size_t size)
{
	return mmap64(NULL, size, prot, MAP_SHARED, fd,
		      (off64_t)which << MMUB_MAP_SHIFT);
}

int mmub_ring_open(int fd, uint32_t records, uint32_t wakeup_events,
		   uint32_t flags, struct mmub_ring *ring)
{
	struct mmub_ring_setup setup = {
		.flags = flags,
		.records = records,
		.wakeup_events = wakeup_events,
	};
	const struct mmub_ring_header *header;
	void *map, *consumer;
	int ret;

	memset(ring, 0, sizeof(*ring));
	ret = ioctl_errno(fd, MMUB_IOC_RING_SETUP, &setup);
	if (ret)
		return ret;

	map = map_shared(fd, MMUB_MAP_RING, PROT_READ, setup.ring_size);
	if (map == MAP_FAILED)
		return -errno;
	header = map;
	ring->header = header;
	ring->ring_size = setup.ring_size;

	consumer = map_shared(fd, MMUB_MAP_CONSUMER, PROT_READ | PROT_WRITE,
			      setup.consumer_size);
	if (consumer == MAP_FAILED) {
		ret = -errno;
		goto fail;
	}
	ring->consumer = consumer;
	ring->consumer_size = setup.consumer_size;

	ret = -EPROTO;
	if (header->abi_version != MMUB_ABI_VERSION ||
	    header->record_size != sizeof(struct mmub_record) ||
	    header->records != records ||
	    header->data_offset % sizeof(uint64_t) ||
	    header->data_offset + (uint64_t)records * header->record_size >
		    setup.ring_size)
		goto fail;
	ring->records = map + header->data_offset;
	ring->mask = records - 1;
	ring->wakeup_events = wakeup_events ? wakeup_events : 1;
	return 0;
fail:
	mmub_ring_close(ring);
	return ret;
}

int mmub_ring_close(struct mmub_ring *ring)
{
	int ret = 0;

	if (ring->header && munmap((void *)ring->header, ring->ring_size))
		ret = -errno;
	if (ring->consumer && munmap(ring->consumer, ring->consumer_size))
		ret = -errno;
	memset(ring, 0, sizeof(*ring));
	return ret;
}

/* Unread records, or -ENODATA if there are none and nothing can follow. */
static int ring_unread(const struct mmub_ring *ring)
{
	/* Before head: the kernel sets a state after the record that tells it. */
	uint32_t state = __atomic_load_n(&ring->header->state, __ATOMIC_ACQUIRE);
	uint32_t index;
	uint32_t count = mmub_ring_peek(ring, &index);

	if (count)	/* More than the ring has: the tail was forged. */
		return count <= ring->mask ? count : ring->mask + 1;
	return state & (MMUB_RING_RELEASED | MMUB_RING_DETACHED) ? -ENODATA : 0;
}

int mmub_ring_wait(int fd, const struct mmub_ring *ring, int64_t timeout_ns)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	uint64_t begin = timeout_ns > 0 ? clock_ns() : 0;
	struct timespec left = { 0 };
	int count, ready;

	for (;;) {
		count = ring_unread(ring);
		if (count || !timeout_ns)
			return count;
		if (timeout_ns > 0) {
			uint64_t spent = clock_ns() - begin;

			if (spent >= (uint64_t)timeout_ns)
				return 0;
			spent = timeout_ns - spent;
			left.tv_sec = spent / 1000000000;
			left.tv_nsec = spent % 1000000000;
		}
		ready = ppoll(&poll_fd, 1, timeout_ns > 0 ? &left : NULL, NULL);
		if (ready < 0)
			return -errno;
		/*
		 * POLLHUP may come a moment before the record that tells why, so
		 * only ring_unread() says that this is the end.
		 */
		if (ready && !(poll_fd.revents & (POLLIN | POLLHUP)))
			return poll_fd.revents & POLLNVAL ? -EBADF : -EIO;
	}
}
