/* SPDX-License-Identifier: Apache-2.0 */
/* The accesses of probe.h; a fault goes on at probe_fault with %eax set. */
	.text

	.globl probe_begin
probe_begin:

	.globl probe_read
	.type probe_read, @function
probe_read:
	movb	(%rdi), %al
	xorl	%eax, %eax
	ret

	.globl probe_write
	.type probe_write, @function
probe_write:
	lock orb $0, (%rdi)
	xorl	%eax, %eax
	ret

	.globl probe_copy
	.type probe_copy, @function
probe_copy:
	movq	%rdx, %rcx
	rep movsb
	xorl	%eax, %eax
	.globl probe_fault
probe_fault:
	ret

	.globl probe_end
probe_end:

	.section .note.GNU-stack, "", @progbits
