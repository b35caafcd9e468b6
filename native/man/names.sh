#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# names.sh HEADER PAGE: says which functions of the header the manual page does
# not have in its synopsis, which it does not describe, and which constants it
# does not name; 1 if there are any.

set -eu

header=$1
page=$2

functions=$(grep -oE '\bmmub_[a-z0-9_]+\(' "$header" | tr -d '(' | sort -u)
constants=$(sed -nE 's/^(\t|#define )(MMUB_[A-Z0-9_]+)[[:space:]].*/\2/p' "$header" | sort -u)
if [ -z "$functions" ] || [ -z "$constants" ]; then
	echo "$header: neither functions nor constants found"
	exit 1
fi

status=0
for name in $functions; do
	if ! grep -qE "^\\.B .*\\b$name\\(" "$page"; then
		echo "$page: $name() is not in the synopsis"
		status=1
	fi
	if ! grep -qE "^\\.BR $name \\(\\)" "$page"; then
		echo "$page: $name() is not described"
		status=1
	fi
done
for name in $constants; do
	if ! grep -qE "^\\.BR? .*\\b$name\\b" "$page"; then
		echo "$page: $name is not named"
		status=1
	fi
done
exit $status
