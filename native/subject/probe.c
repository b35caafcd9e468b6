// SPDX-License-Identifier: Apache-2.0
/* Accesses that may fault: the handler lets them return the signal's number. */
#include <signal.h>
#include <stddef.h>
#include <ucontext.h>

#include "probe.h"

/* In access.S: where accesses may fault, and where they return from. */
extern const char probe_begin[], probe_fault[], probe_end[];

static void caught(int sig, siginfo_t *info, void *context)
{
	greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
	const char *at = (const char *)regs[REG_RIP];

	(void)info;
	if (at >= probe_begin && at < probe_end) {
		regs[REG_RAX] = sig;
		regs[REG_RIP] = (greg_t)probe_fault;
	} else {
		signal(sig, SIG_DFL);
	}
}

int probe_init(void)
{
	struct sigaction action = {
		.sa_sigaction = caught,
		.sa_flags = SA_SIGINFO | SA_NODEFER,
	};

	sigemptyset(&action.sa_mask);
	return sigaction(SIGSEGV, &action, NULL) ||
	       sigaction(SIGBUS, &action, NULL);
}
