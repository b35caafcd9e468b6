/* SPDX-License-Identifier: Apache-2.0 */
/* System calls made directly, so that no errno is written: -errno is returned. */
#ifndef SUBJECT_SYS_H
#define SUBJECT_SYS_H

#include <sys/syscall.h>

static inline long sys6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 asm("r10") = d;
	register long r8 asm("r8") = e;
	register long r9 asm("r9") = f;
	long ret;

	asm volatile("syscall"
		     : "=a"(ret)
		     : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
		     : "rcx", "r11", "memory");
	return ret;
}

#define SYS_ARG(x)			((long)(x))
#define SYS0(nr)			sys6(nr, 0, 0, 0, 0, 0, 0)
#define SYS1(nr, a)			sys6(nr, SYS_ARG(a), 0, 0, 0, 0, 0)
#define SYS2(nr, a, b)			sys6(nr, SYS_ARG(a), SYS_ARG(b), 0, 0, 0, 0)
#define SYS3(nr, a, b, c) \
	sys6(nr, SYS_ARG(a), SYS_ARG(b), SYS_ARG(c), 0, 0, 0)
#define SYS4(nr, a, b, c, d) \
	sys6(nr, SYS_ARG(a), SYS_ARG(b), SYS_ARG(c), SYS_ARG(d), 0, 0)
#define SYS5(nr, a, b, c, d, e) \
	sys6(nr, SYS_ARG(a), SYS_ARG(b), SYS_ARG(c), SYS_ARG(d), SYS_ARG(e), 0)
#define SYS6(nr, a, b, c, d, e, f) \
	sys6(nr, SYS_ARG(a), SYS_ARG(b), SYS_ARG(c), SYS_ARG(d), SYS_ARG(e), \
	     SYS_ARG(f))

#endif /* SUBJECT_SYS_H */
