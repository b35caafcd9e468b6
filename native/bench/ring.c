// SPDX-License-Identifier: Apache-2.0
/* A ring in a memfd, written and read by one thread, without the module. */
#include "bench.h"

#define RECORDS		4096
#define DATA_OFFSET	4096
#define BURST		32

static struct mmub_ring ring;
static struct mmub_ring_header *header;
static struct mmub_record *records;
static uint32_t head;
static uint64_t written, sum;

static void ring_make(void)
{
	header = map_memfd(DATA_OFFSET + RECORDS * sizeof(*records));
	records = (void *)header + DATA_OFFSET;
	ring.header = header;
	ring.consumer = map_memfd(4096);
	ring.records = records;
	ring.mask = RECORDS - 1;
}

/* As mmub_ring_push() of the module does. */
static void ring_write(void)
{
	struct mmub_record *record = &records[head & ring.mask];

	written++;
	*record = (struct mmub_record) {
		.seq = written,
		.n = written,
		.start = written << 12,
		.end = (written + 1) << 12,
		.time_ns = written,
		.phase = MMUB_PHASE_START,
		.type = MMUB_TYPE_CLEAR,
		.flags = MMUB_RECORD_BLOCKABLE,
		.entry = MMUB_ENTRY_SYSCALL,
		.pid = 42,
		.tid = 43,
		.syscall_nr = 11,
		.comm = "bench",
	};
	__atomic_store_n(&header->head, ++head, __ATOMIC_RELEASE);
}

static void write_and_read(unsigned long count)
{
	int i;

	while (count--) {
		for (i = 0; i < BURST; i++)
			ring_write();
		ASSERT_EQ(drain(&ring, &sum), BURST);
	}
}

/* What was written lies there still: to move the head brings it back. */
static void read_all(unsigned long count)
{
	while (count--) {
		head += RECORDS;
		__atomic_store_n(&header->head, head, __ATOMIC_RELEASE);
		ASSERT_EQ(drain(&ring, &sum), RECORDS);
	}
}

/* As a caller does who keeps a record, and Java for its view. */
static void copy_all(unsigned long count)
{
	struct mmub_record copy;
	uint32_t index, i;

	while (count--) {
		head += RECORDS;
		__atomic_store_n(&header->head, head, __ATOMIC_RELEASE);
		ASSERT_EQ(mmub_ring_peek(&ring, &index), RECORDS);
		for (i = 0; i < RECORDS; i++) {
			copy = *mmub_ring_at(&ring, index + i);
			asm volatile("" : : "r"(&copy) : "memory");
			sum += copy.n + copy.start + copy.end;
		}
		mmub_ring_consume(&ring, RECORDS);
	}
}

/* Batches of bursts, told by the record. */
static void sample_records(const char *row, int samples, unsigned long count,
			   void (*batch)(unsigned long), int burst)
{
	uint64_t begin;
	int i;

	if (!wanted(row))
		return;
	batch(count);
	for (i = 0; i < samples; i++) {
		begin = now_ns();
		batch(count);
		sample(row, (double)(now_ns() - begin) / count / burst);
	}
}

void bench_ring(int samples)
{
	ring_make();
	sample_records("ring-pair", samples, 50000, write_and_read, BURST);
	write_and_read(RECORDS / BURST);
	sample_records("ring-read", samples, 2000, read_all, RECORDS);
	sample_records("ring-copy", samples, 2000, copy_all, RECORDS);
	ASSERT_NE(sum, 0);
}
