/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accesses that may fault: each returns 0, or the number of the signal that it
 * raised, SIGBUS or SIGSEGV.
 */
#ifndef SUBJECT_PROBE_H
#define SUBJECT_PROBE_H

int probe_read(unsigned long address);

/* Writes a byte without changing it. */
int probe_write(unsigned long address);

int probe_copy(unsigned long to, unsigned long from, unsigned long size);

/* Catch the two signals. */
int probe_init(void);

#endif /* SUBJECT_PROBE_H */
