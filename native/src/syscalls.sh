#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# syscalls.sh 64|x32|32: the system calls of one ABI as the system's own
# <asm/unistd_*.h> lists them, as designated initialisers sorted by number.
# x32 numbers come without their __X32_SYSCALL_BIT.
set -eu

abi=$1
list=$(printf '#include <asm/unistd_%s.h>\n' "$abi" | ${CC:-cc} -E -dM - |
	awk '/^#define __NR_/ {
		nr = $NF		# "0", or the "0)" of "(__X32_SYSCALL_BIT + 0)"
		sub(/\)$/, "", nr)
		if (nr !~ /^[0-9]+$/)
			exit 1
		print nr, substr($2, 6)
	}' | sort -n)
if [ -z "$list" ]; then
	echo "syscalls.sh: no system calls in <asm/unistd_$abi.h>" >&2
	exit 1
fi
echo "$list" | sed 's/^\([0-9]*\) \(.*\)$/[\1] = "\2",/'
