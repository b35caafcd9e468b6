// SPDX-License-Identifier: Apache-2.0
/* Calling libmmubridge, which does next to nothing here. */
#include <errno.h>

#include "bench.h"

static void call_empty(unsigned long count)
{
	while (count--)
		asm volatile("" : : "r"(mmub_version()));
}

static void call_ioctl(unsigned long count)
{
	while (count--)
		ASSERT_EQ(mmub_detach(-1), -EBADF);
}

void bench_call(int samples)
{
	sample_batches("call-empty", samples, 1, call_empty);
	sample_batches("call-ioctl", samples, 1, call_ioctl);
}
