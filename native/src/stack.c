// SPDX-License-Identifier: Apache-2.0
/* Kernel stacks of records: the cause, and the frames. */
#include <errno.h>

#include "internal.h"

int mmub_cause(int fd, uint32_t stack_id)
{
	struct mmub_stack arg = { .stack_id = stack_id };
	int ret;

	if (!stack_id)
		return MMUB_CAUSE_UNKNOWN;
	ret = ioctl_errno(fd, MMUB_IOC_STACK, &arg);
	return ret ? ret : (int)arg.cause;
}

int mmub_stack_text(int fd, uint32_t stack_id, char *text, size_t size)
{
	struct mmub_stack arg = {
		.stack_id = stack_id,
		.text_size = size < UINT32_MAX ? size : UINT32_MAX,
		.text = (uintptr_t)text,
	};
	int ret = ioctl_errno(fd, MMUB_IOC_STACK, &arg);

	return ret ? ret : (int)arg.text_size;
}
